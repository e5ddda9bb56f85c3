"""What programs are told of a member, by the status page and by the control API."""

from __future__ import annotations

from typing import Any

from ...core.member import Member
from ..ledger import Tally


def as_json(member: Member, tally: Tally, reason: str) -> dict[str, Any]:
    """The fields that both have.

    :param tally: its WebSockets.
    :param reason: why it does not serve as others do.
    """
    return {
        "name": member.spec.name,
        "url": member.spec.url,
        "route": member.spec.route.decode("ascii"),
        "state": member.state,
        "reason": reason,
        "busy": member.busy + member.elsewhere,
        "elected": member.elected,
        "websockets": tally.websockets,
        "sessions": tally.sessions,
    }
