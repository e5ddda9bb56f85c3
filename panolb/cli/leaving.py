"""What a command waits for: a member that nobody uses any more, or one that serves."""

from __future__ import annotations

from typing import Any, Protocol

from .ending import Failed
from .showing import count, requests, users, websockets

Member = dict[str, Any]


class Goal(Protocol):
    """A state of a member that is waited for."""

    def done(self, member: Member | None) -> bool:
        """Whether it is reached.

        :param member: what panolb says of it; ``None`` when there is no such member any more.
        :raises Failed: when it can no longer be.
        """

    def remaining(self, member: Member) -> dict[str, int]:
        """What is left, by what it is called; empty where that cannot be counted."""

    def words(self, member: Member) -> str:
        """What is left, for people."""

    def reached(self, member: Member) -> str:
        """What is said at the end."""

    def hints(self, member: Member) -> list[str]:
        """What can be done when the deadline has passed."""


class Emptied:
    """No WebSockets, and nothing under way.

    :param state: what the operator has set: ``drain``, ``disabled``, ``stopped`` or ``removed``.
    """

    def __init__(self, state: str) -> None:
        self._state = state
        self._left: Member | None = None

    def done(self, member: Member | None) -> bool:
        if member is None:
            if self._state == "removed" or (self._left is not None and self._left["leaving"]):
                return True
            raise Failed(
                "the member was removed meanwhile, by somebody else; its WebSockets are being closed"
            )
        if self._state == "removed" and not member["leaving"]:
            raise Failed(f"{member['name']} was added again meanwhile, by somebody else: it gets users again")
        if member["admin"] == "active" and not member["leaving"]:
            raise Failed(
                f"{member['name']} was enabled meanwhile, by somebody else: it gets users again, and has "
                f"{self.words(member)}",
                f"If it is to be emptied all the same: panolb drain {member['name']} --wait",
            )
        self._left = member
        return bool(member["busy"] == 0 and member["websockets"] == 0)

    def remaining(self, member: Member) -> dict[str, int]:
        return {
            "users": member.get("sessions", 0),
            "WebSockets": member["websockets"],
            "requests": requests(member),
        }

    def words(self, member: Member) -> str:
        parts = [websockets(member["websockets"])]
        if "sessions" in member:
            parts[0] += f" of {users(member['sessions'])}"
        parts.append(count(requests(member), "request"))
        return " and ".join(parts)

    def reached(self, member: Member) -> str:
        name = member["name"]
        if self._state == "removed":
            return f"{name} is gone: no WebSockets, nothing under way."
        return f"{name} is empty: no WebSockets, nothing under way. It can be restarted; then: panolb enable {name}"

    def hints(self, member: Member) -> list[str]:
        name = member["name"]
        if self._state == "drain" and not member.get("moving"):
            return [
                f"It still drains. Move them now: panolb drain {name} --move --wait",
                f"Who they are: panolb sessions list --member {name}    Back again: panolb enable {name}",
            ]
        return [f"What they are doing: panolb sessions list --member {name}"]


class Served:
    """Up, and with users."""

    def done(self, member: Member | None) -> bool:
        if member is None:
            raise Failed("the member was removed meanwhile, by somebody else")
        if member["admin"] != "active":
            raise Failed(f"{member['name']} was set to {member['admin']} meanwhile, by somebody else")
        return bool(member["state"] == "up")

    def remaining(self, member: Member) -> dict[str, int]:
        return {}

    def words(self, member: Member) -> str:
        return f"{member['state']}{': ' if member['reason'] else ''}{member['reason']}"

    def reached(self, member: Member) -> str:
        return f"{member['name']} is up."

    def hints(self, member: Member) -> list[str]:
        return [
            f"What is wrong with it: panolb members; panolb events    Out again: panolb drain {member['name']}"
        ]
