"""What holds for the WebSockets of a location, and the codes that they end with."""

from __future__ import annotations

from dataclasses import dataclass

from .filtering import FilterMaker

# RFC 6455 section 7.4.1, and 1012 and 1013 from IANA's registry.
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_CODE = 1005  # stands in logs for a close frame without a code
ABNORMAL = 1006  # stands in logs for a connection that ended without a close frame
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
BAD_GATEWAY = 1014

MAX_BACKLOG = 1 << 20
MAX_MESSAGE = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for the WebSockets of a location.  Times are seconds, sizes bytes.

    :ivar messages: whether whole messages are looked at, by autobahn, instead of frames passed on as they are.
    :ivar compression: ``pass``: as both ends agree; ``refuse``: never; ``offload``: panolb for the client only.
    :ivar max_message: the longest message in the lane that looks at messages.
    :ivar ping_interval: how long a side may be quiet before it is pinged; 0 for never.
    :ivar ping_misses: how many times that long a ping may stay unanswered before the side counts as dead.
    :ivar idle_timeout: how long both sides may send nothing but answers to our pings; ``None`` for ever.
    :ivar lifetime: how long it may last; ``None`` for ever.
    :ivar close_code: what both sides are told when panolb ends it on the operator's behalf; ``close_reason`` likewise.
    :ivar lost_code: what the client is told when the member's connection breaks.
    :ivar close_timeout: for the answer to a close frame, and the end of both connections.
    :ivar backlog: how much may wait to be sent to a side before the other side is paused.
    :ivar slow_timeout: how long a side may keep the other one paused.
    :ivar filters: who may change or drop messages, in this order; only in the lane that looks at messages.
    """

    messages: bool = False
    compression: str = "pass"
    max_message: int = MAX_MESSAGE
    ping_interval: float = 30.0
    ping_misses: int = 2
    idle_timeout: float | None = None
    lifetime: float | None = None
    close_code: int = SERVICE_RESTART
    close_reason: str = "The server restarts; please reconnect."
    lost_code: int = SERVICE_RESTART
    close_timeout: float = 5.0
    backlog: int = MAX_BACKLOG
    slow_timeout: float = 15.0
    filters: tuple[FilterMaker, ...] = ()
