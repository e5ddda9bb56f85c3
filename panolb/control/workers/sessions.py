"""Users' sessions that are spread over workers: a browser opens each WebSocket on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import inlineCallbacks, returnValue

from ..sessions import UnknownSession, Unmovable, say_closed, say_moved
from .channel import Refusal

if TYPE_CHECKING:
    from .crew import Crew


class CrewSessions:
    """What `panolb.control.sessions.Sessions` does, for all workers together; each answer comes later.

    :param users: how many have a WebSocket.
    """

    def __init__(self, crew: Crew, users: Callable[[], int]) -> None:
        self._crew = crew
        self._users = users

    def __len__(self) -> int:
        """How many there are, as far as they have WebSockets."""
        return self._users()

    @inlineCallbacks
    def list(self, member: str | None = None, offset: int = 0, limit: int | None = None) -> Any:
        """Those that there are; see `Sessions.list`."""
        most = None if limit is None else offset + limit
        found = yield self._answers("sessions", member, 0, most)
        parts: dict[str, list[dict[str, Any]]] = {}
        for one in found:
            for session in one["sessions"]:
                parts.setdefault(session["session"], []).append(session)
        sessions = sorted(
            map(_together, parts.values()), key=lambda one: (one["websockets"] > 0, one["since"])
        )
        # A worker leaves out those beyond the limit; they are counted as if no other worker had them.
        hidden = sum(one["total"] - len(one["sessions"]) for one in found)
        shown = sessions[offset : None if limit is None else offset + limit]
        returnValue({"total": len(sessions) + hidden, "sessions": shown})

    @inlineCallbacks
    def show(self, session: str) -> Any:
        """One of them; see `Sessions.show`."""
        parts = yield self._answers("session", session, unknown=session)
        records = [record for one in parts for record in one["websocket_records"]]
        returnValue({**_together(parts), "websocket_records": records})

    @inlineCallbacks
    def move(self, session: str, member: str) -> Any:
        """Have one go to another member; see `Sessions.move`."""
        clients = yield self._answers("check_move", session, member, unknown=session)
        closed = yield self._answers("settle", session, member, clients[0])
        say_moved(session, member, clients[0], sum(closed))
        returnValue({"session": session, "member": member, "websockets": sum(closed)})

    @inlineCallbacks
    def moves(self) -> Any:
        """Those that hold, the oldest first: any worker knows all that were moved since it began, or before."""
        found = yield self._answers("moves")
        returnValue(sorted({move for moves in found for move in moves}, key=lambda move: move.since))

    @inlineCallbacks
    def close(self, session: str) -> Any:
        """Close the WebSockets of one; see `Sessions.close`."""
        closed = yield self._answers("end_session", session, unknown=session)
        say_closed(session, sum(closed))
        returnValue({"session": session, "websockets": sum(closed)})

    @inlineCallbacks
    def _answers(self, order: str, *words: object, unknown: str | None = None) -> Any:
        """What the workers say.

        :param unknown: the session that is asked for, which not all of them have to know.
        :raises UnknownSession: when none of them does.
        :raises Unmovable: when one of them says that it cannot be.
        """
        answers = yield self._crew.gather(lambda worker: (order, *words))
        found = [one for one in answers.values() if one is not None and not isinstance(one, Refusal)]
        refused = [one for one in answers.values() if isinstance(one, Refusal)]
        if refused:
            raise Unmovable(refused[0].args[0])
        if unknown is not None and not found:
            raise UnknownSession(
                f"there is no session {unknown}: it has never had a WebSocket here, or has none any more"
            )
        returnValue(found)


def _together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One session, of which several workers have WebSockets."""
    idle = [one["idle_seconds"] for one in parts if one["idle_seconds"] is not None]
    return {
        **parts[0],
        "members": sorted({member for one in parts for member in one["members"]}),
        "websockets": sum(one["websockets"] for one in parts),
        "since": min(one["since"] for one in parts),
        "idle_seconds": min(idle, default=None),
        "moving_to": next((one["moving_to"] for one in parts if one["moving_to"] is not None), None),
    }
