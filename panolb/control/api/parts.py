"""What the API shows and changes: the parts of a running panolb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from ..admin.websockets import Find
from ..changes import Changes
from ..explain import Explainer
from ..listening import Listening
from ..operations import Operations
from ..plant import Plant
from ..resources import Resources
from ..sessions import Sessions
from ..workers.sessions import CrewSessions
from .stream import Followers


@attrs.frozen(kw_only=True)
class Parts:
    """They, as far as the API needs them.

    :ivar operations: knows the members.
    :ivar changes: changes them and everything else.
    :ivar sessions: of users.
    :ivar resources: what is held.
    :ivar explainer: says where requests go.
    :ivar followers: those who read events.
    :ivar clock: reads a monotonic clock in seconds.
    :ivar started: what it read at the start.
    :ivar look: brings the numbers up to date that are told here.
    :ivar find: finds WebSockets.
    :ivar recall: says why a request went where it went; see `Explainer.recall`.
    """

    operations: Operations
    changes: Changes
    sessions: Sessions | CrewSessions
    plant: Plant
    listening: Listening
    resources: Resources
    explainer: Explainer
    followers: Followers
    clock: Callable[[], float]
    started: float
    look: Callable[[], Deferred[Any]]
    find: Find
    recall: Callable[[str], object]
