"""The differences between Apache and panolb that the comparison accepts: each with its id, and how to know it."""

from __future__ import annotations

from dataclasses import dataclass

from . import recognised_answers as to_clients
from . import recognised_requests as to_members
from .exchanges import Seen
from .recognising import Alike, Sent, requests


@dataclass(frozen=True)
class Accepted:
    """A difference on purpose.

    :ivar id: its name in the table of deliberate differences, or, in brackets, why it is none.
    :ivar compat: whether the strict mode differs too.
    """

    id: str
    alike: Alike
    compat: bool = True


DIFFERENCES: tuple[Accepted, ...] = (
    Accepted("forwarded-proto-port", requests(to_members.forwarded_proto)),
    Accepted("small-bodies-stay-chunked", requests(to_members.small_bodies)),
    Accepted("(framing of HTTP/1.1)", requests(to_members.kept_connections)),
    Accepted("cookie-joined", requests(to_members.cookies)),
    Accepted("fields-stay-apart", requests(to_members.separate)),
    Accepted("verbatim-path", requests(to_members.verbatim), compat=False),
    Accepted("forwarded-for-everybody", requests(to_members.forwarded), compat=False),
    Accepted("max-forwards", requests(to_members.hops)),
    Accepted("via-name", requests(to_members.via)),
    Accepted("via-name", to_clients.via_back),
    Accepted("forwarded-host-kept", requests(to_members.forwarded_host)),
    Accepted("url-value-without-route", to_clients.hidden_cookie),
    Accepted("failover-once-more", to_clients.once_more),
    Accepted("garbage-502", to_clients.garbage),
    Accepted("forced-recovery", to_clients.forced_recovery),
    Accepted("raw-bytes-in-target", to_clients.raw_bytes),
    Accepted("parameters-and-exclusions", to_clients.excluded),
    Accepted("case-of-paths", to_clients.steps_out),
    Accepted("case-of-paths", to_clients.dots, compat=False),
    Accepted("slashes-before-prefix", to_clients.slashes_first, compat=False),
    Accepted("headers-of-refused", to_clients.refused),
    Accepted("(framing of HTTP/1.1)", to_clients.framing),
    Accepted("(what is not proxied)", to_clients.not_proxied),
    Accepted("(words of our own pages)", to_clients.own_pages),
    Accepted("(who says Date and Server)", to_clients.server_and_date),
    Accepted("(framing of HTTP/1.1)", to_clients.persistence),
)


def as_panolb(sent: Sent, apache: Seen, panolb: Seen, *, compat: bool) -> Seen:
    """Apache's side of an exchange with all that is accepted taken out.

    :raises Parted: when there is nothing more to compare.
    """
    for difference in DIFFERENCES:
        if difference.compat or not compat:
            apache = difference.alike(sent, apache, panolb)
    return apache
