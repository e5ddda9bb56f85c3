"""What a worker is told when it begins, and whenever the configuration changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from ...config import model
from ...config.overrides import Identity
from ...core.health import Standing
from ..contents import FileContents
from .scoreboard import Slots


@attrs.frozen
class Setup:
    """All that a worker needs to do its part.

    :ivar config: its part of the configuration.
    :ivar moving: the members whose users are to go to others, if they are drained.
    :ivar slots: the members' places on the scoreboard.
    :ivar standings: how the members are.
    :ivar contents: what was in the files that it names, and is in effect whatever is in them now.
    :ivar sockets: the endpoints of the listeners; a descriptor comes along for each.
    """

    config: model.Config
    moving: Collection[Identity]
    slots: Slots
    standings: Mapping[Identity, Standing]
    contents: FileContents
    sockets: tuple[str, ...]


@attrs.frozen
class Beginning:
    """What it is told only once.

    :ivar index: which one it is, from 0.
    :ivar session_key: for the ids of sessions, which are the same in all workers.
    """

    index: int
    session_key: bytes
