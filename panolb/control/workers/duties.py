"""What a process does of all that there is to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ...core.balancer import Balancer, Watcher
from ..build import watch
from ..contents import FileContents, on_disk
from ..surroundings import make_endpoint
from .sockets import make_shared_endpoint


@attrs.frozen(kw_only=True)
class Duties:
    """All of it, unless it is said otherwise.

    :ivar accepts: whether clients are accepted; else the listeners are only held open, for others.
    :ivar checks: whether members are checked; else somebody says how they are.
    :ivar reads: whether files are read and looked after; else somebody says what is in them.
    :ivar contents: what is in those that the configuration names.
    :ivar watch: makes what is told when the state of a balancer's member changes.
    :ivar make_endpoint: see `panolb.control.surroundings.make_endpoint`.
    :ivar worker: what the process is called in the metrics.
    """

    accepts: bool = True
    checks: bool = True
    reads: bool = True
    contents: Callable[[], FileContents] = on_disk
    watch: Callable[[Balancer], Watcher] = watch
    make_endpoint: Callable[..., Any] = make_endpoint
    worker: str = "main"


ALL = Duties()
SUPERVISOR = Duties(accepts=False, make_endpoint=make_shared_endpoint)
