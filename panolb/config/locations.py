"""The part of the model that says what is served where: ``[[location]]``.

Rules that operators know from httpd.conf keep Apache's spelling: `panolb.language` reads them.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs
from attrs import field, frozen

from panolb.config.addresses import explain_path, explain_pattern
from panolb.config.rules import (
    DAY,
    KIB,
    MIB,
    NOT_EMPTY,
    TOKEN,
    Between,
    Compression,
    Condition,
    Each,
    Explained,
    Lane,
    Names,
    Or,
    Seconds,
    Size,
    StatusRange,
    doc,
    explain_close_reason,
    explain_status_range,
    matching,
    one_or_more,
    seconds,
    size,
)
from panolb.language import environment, headers, patterns

_ERROR = matching(r"[45][0-9]{2}", "a status from 400 to 599")
_TWO_WORDS = matching(r"[!-~]+ [!-~]+", "two words in printable ASCII with a space between them")
_SERVER_NAME = matching(
    r"[A-Za-z0-9._~-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?", "a host name, with or without a port"
)
_URL = matching(r"[!-~]+", "a URL in printable ASCII")
_CLOSE_CODE = Condition(  # those of RFC 6455 section 7.4 and IANA's registry that a server may choose to send
    lambda code: code in (1000, 1001, 1008, 1011, 1012, 1013, 1014) or 3000 <= code <= 4999,
    "1000, 1001, 1008, 1011 to 1014, or 3000 to 4999",
)


@frozen(kw_only=True)
class Location:
    """Requests that go to a balancer or a directory, or are answered at once; the table is written once per path."""

    path: str | None = field(
        default=None,
        validator=Explained(explain_path),
        metadata=doc("Path that requests start with.", apache="ProxyPass", example='"/panopticon"'),
    )
    match: str | None = field(
        default=None,
        validator=Explained(patterns.explain),
        metadata=doc(
            "Instead of path: a regular expression that the path, with its escapes resolved, must match.",
            apache="ProxyPassMatch, LocationMatch, RewriteRule [P]",
            example='"^/app/(.*)$"',
        ),
    )
    host: Names = field(
        factory=list,
        converter=one_or_more,
        validator=Each(Explained(explain_pattern)),
        metadata=doc(
            "Only for this host, or these; *.example.org is every host below it. "
            "Asked before locations without a host.",
            apache="ServerName, ServerAlias",
            example='"panopticon.example.org"',
        ),
    )
    listener: Names = field(
        factory=list,
        converter=one_or_more,
        metadata=doc("Only on these listeners. Empty: on all.", apache="<VirtualHost>", example='"public"'),
    )
    requests: Literal["all", "websocket", "other"] = field(
        default="all",
        metadata=doc(
            'The requests it takes: "websocket" handshakes only, or all "other" ones.',
            apache="RewriteCond %{HTTP:Upgrade}",
        ),
    )
    balancer: str | None = field(
        default=None,
        metadata=doc(
            "Name of the balancer that serves it.",
            apache="ProxyPass balancer://NAME",
            example='"panopticoncluster"',
        ),
    )
    files: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "Directory whose files are served, instead of a balancer.",
            apache="DocumentRoot, Alias",
            example='"/var/www/html"',
        ),
    )
    redirect: str | None = field(
        default=None,
        validator=_URL,
        metadata=doc(
            "Send the client there, instead of a balancer; status says how. What follows the path is appended; "
            "with match, $1 is its first group. %{HTTP_HOST} and %{REQUEST_URI} are the request's.",
            apache="Redirect, RedirectMatch, RewriteRule [R]",
            example='"https://panopticon.example.org/"',
        ),
    )
    status: int | None = field(
        default=None,
        validator=Between(300, 599),
        metadata=doc(
            "Answer with this status, instead of a balancer; with redirect, 302 when not set.",
            apache="ProxyPass PATH !, Redirect",
            example="404",
        ),
    )
    target: str | None = field(
        default=None,
        validator=matching(r"[/$][!-~]*", 'a path that starts with "/" or a group, in printable ASCII'),
        metadata=doc(
            "Path below the member's own that takes the place of the location's; with match, $1 is its first group.",
            apache="ProxyPass balancer://NAME/PATH",
            example='"/app"',
        ),
    )
    mapping: Literal["verbatim", "canonical", "servlet"] = field(
        default="verbatim",
        metadata=doc(
            '"verbatim": members get the path byte for byte. "canonical": with escapes, double slashes and dots '
            'resolved, as from Apache. "servlet": the same, and ;parameters do not count when it is matched.',
            apache="nocanon, mapping=servlet",
        ),
    )
    encoded_slashes: Literal["pass", "refuse", "decode"] = field(
        default="pass",
        metadata=doc(
            'What becomes of %2F in a path; "refuse" is a 404.',
            apache="AllowEncodedSlashes NoDecode, Off, On",
        ),
    )
    server_name: str | None = field(
        default=None,
        validator=_SERVER_NAME,
        metadata=doc(
            "Name it goes by in X-Forwarded-Server, and as Host for clients that name none. "
            "Not set: the machine's.",
            apache="ServerName",
            example='"panopticon.example.org"',
        ),
    )
    answer_expect: bool = field(
        default=False,
        metadata=doc(
            "Answer Expect: 100-continue at once, instead of asking the member.",
            apache="Proxy100Continue Off",
        ),
    )
    preserve_host: bool = field(
        default=True,
        metadata=doc(
            "Members see the Host that the client asked for; false: their own.", apache="ProxyPreserveHost"
        ),
    )
    forwarded: bool = field(
        default=True,
        metadata=doc("Send X-Forwarded-For, -Host, -Proto, -Port and -Server.", apache="ProxyAddHeaders"),
    )
    traceparent: Literal["pass", "create"] = field(
        default="pass",
        metadata=doc(
            "What becomes of traceparent and tracestate (W3C Trace Context): members get what the client sent; or, with "
            '"create", a new trace where that is missing or not valid.'
        ),
    )
    via: bool = field(default=False, metadata=doc("Send Via, to members and to clients.", apache="ProxyVia"))
    strip_request_headers: list[str] = field(
        factory=list,
        validator=Each(TOKEN),
        metadata=doc(
            "Headers that clients must not send, such as those that tell members who the user is.",
            apache="RequestHeader unset",
            example='["X-Remote-User"]',
        ),
    )
    environment: list[str] = field(
        factory=list,
        validator=Each(Explained(environment.explain)),
        metadata=doc(
            "Variables for the header rules and the access log, in Apache's words.",
            apache="SetEnv, SetEnvIf, SetEnvIfNoCase, SetEnvIfExpr, BrowserMatch",
            example='["SetEnvIf User-Agent curl is_curl"]',
        ),
    )
    request_headers: list[str] = field(
        factory=list,
        validator=Each(Explained(headers.explain_request_rule)),
        metadata=doc(
            "Changes to the request's header, in the words of mod_headers.",
            apache="RequestHeader",
            example='["set X-Forwarded-Proto https"]',
        ),
    )
    response_headers: list[str] = field(
        factory=list,
        validator=Each(Explained(headers.explain_response_rule)),
        metadata=doc(
            "Changes to the answer's header, in the words of mod_headers.",
            apache="Header",
            example="['always set X-Frame-Options SAMEORIGIN']",
        ),
    )
    headers_on_upgrade: bool = field(
        default=True,
        metadata=doc("Whether response_headers change the 101 of a WebSocket too; in Apache they do not."),
    )
    error_pages: dict[str, str] = field(
        factory=dict,
        validator=Each(NOT_EMPTY, name=_ERROR),
        metadata=doc(
            "Pages for answers of panolb's own, by status: a text, a URL to go to, or file: and a path.",
            apache="ErrorDocument",
            example='{ 503 = "file:/var/www/maintenance.html" }',
        ),
    )
    error_override: list[StatusRange] = field(
        factory=list,
        validator=Each(Explained(explain_status_range)),
        metadata=doc(
            "Statuses of members whose page is replaced by panolb's own.",
            apache="ProxyErrorOverride",
            example='["500-599"]',
        ),
    )
    timeout_status: Literal[502, 504] = field(
        default=504,
        metadata=doc("The status when a member does not answer in time; Apache's is 502."),
    )
    reverse: list[str] | None = field(
        default=None,
        validator=Each(_TWO_WORDS),
        metadata=doc(
            "Pairs PUBLIC INTERNAL for Location headers: a path and what it takes the place of, a URL, a path or "
            "balancer://NAME. Not set: worked out from path and members.",
            apache="ProxyPassReverse",
            example='["/panopticon http://intern:8080/panopticon"]',
        ),
    )
    reverse_cookie_path: list[str] = field(
        factory=list,
        validator=Each(_TWO_WORDS),
        metadata=doc(
            "Pairs INTERNAL PUBLIC for the Path of cookies.",
            apache="ProxyPassReverseCookiePath",
            example='["/inner /outer"]',
        ),
    )
    reverse_cookie_domain: list[str] = field(
        factory=list,
        validator=Each(_TWO_WORDS),
        metadata=doc(
            "Pairs INTERNAL PUBLIC for the Domain of cookies.",
            apache="ProxyPassReverseCookieDomain",
            example='["intern.example.org panopticon.example.org"]',
        ),
    )
    websocket: Lane = field(
        default=True,
        metadata=doc(
            'How WebSockets are let through. true or "splice": their frames pass as the bytes they are. "messages": '
            "every message is taken apart and checked. true becomes this where another key needs it. "
            "false: there are none.",
            apache="ProxyPass upgrade=websocket",
        ),
    )
    websocket_compression: Compression = field(
        default=True,
        metadata=doc(
            "Whether messages may be compressed (permessage-deflate). true: as client and member agree. "
            '"offload": between client and panolb only, which takes the work from the members; needs "messages".'
        ),
    )
    websocket_max_message: Size | None = field(
        default=None,
        validator=size(KIB, 2**31 - 1),
        metadata=doc(
            'Longest message; longer ones close with 1009. Needs "messages", where it is 16MiB when not set.',
            example='"4MiB"',
        ),
    )
    websocket_filter: Names = field(
        factory=list,
        converter=one_or_more,
        validator=Each(NOT_EMPTY),
        metadata=doc(
            'Plugins that see every message, in this order, and may change or drop it; needs "messages".',
            example='"audit"',
        ),
    )
    websocket_ping_interval: Seconds = field(
        default=30.0,
        validator=Or(0, "0 for never", seconds(0.1, DAY)),
        metadata=doc("A side that has sent nothing for so long is pinged. 0: never."),
    )
    websocket_ping_misses: int = field(
        default=2,
        validator=Between(1, 20),
        metadata=doc(
            "A side from which nothing comes for so many intervals after a ping is dropped, and the other one closed."
        ),
    )
    websocket_idle_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.1, 365 * DAY),
        metadata=doc(
            "Close with 1001 when nothing has come from either side for so long, but answers to panolb's pings. "
            "Not set: never.",
            apache="ProxyTimeout, timeout=",
            example='"1h"',
        ),
    )
    websocket_lifetime: Seconds | None = field(
        default=None,
        validator=seconds(0.1, 365 * DAY),
        metadata=doc("Close, as websocket_close_code says, after so long. Not set: never.", example='"12h"'),
    )
    websocket_close_code: int = field(
        default=1012,
        validator=_CLOSE_CODE,
        metadata=doc(
            "Close code when panolb ends a WebSocket on the operator's behalf: at a drain that closes them, at a "
            "shutdown, when its member is taken out. 1012 says come back, 1001 keeps some clients from "
            "it, 1000 tells them to stay away."
        ),
    )
    websocket_close_reason: str = field(
        default="The server restarts; please reconnect.",
        validator=Explained(explain_close_reason),
        metadata=doc("The reason that goes with websocket_close_code; at most 123 bytes in UTF-8."),
    )
    websocket_lost_code: Literal[1012, 1014] = field(
        default=1012,
        metadata=doc(
            "Close code for the client when its member breaks off: 1012 (service restart) or 1014 (bad gateway)."
        ),
    )
    websocket_backlog: Size = field(
        default=MIB,
        validator=size(16 * KIB, 1024 * MIB),
        metadata=doc("Bytes that may wait to be sent to one side before the other is no longer read."),
    )
    websocket_slow_timeout: Seconds = field(
        default=15.0,
        validator=seconds(0.1, DAY),
        metadata=doc(
            "A side that keeps the other one waiting for so long is closed with 1013; below the time after which the "
            "member gives up itself (Tomcat: 20 s)."
        ),
    )

    @property
    def keys_that_need_messages(self) -> list[str]:
        """The keys, as they are set, that only the lane of whole messages can honour."""
        needing = {
            "websocket_compression": self.websocket_compression == "offload",
            "websocket_max_message": self.websocket_max_message is not None,
            "websocket_filter": bool(self.websocket_filter),
        }
        return [key for key, needs in needing.items() if needs]

    @property
    def takes_messages(self) -> bool:
        """Whether WebSockets are passed on message by message, with true decided."""
        return self.websocket == "messages" or (self.websocket is True and bool(self.keys_that_need_messages))

    @property
    def longest_message(self) -> int:
        """Bytes of the longest message where messages are taken apart."""
        return 16 * MIB if self.websocket_max_message is None else self.websocket_max_message

    @property
    def name(self) -> str:
        """How messages and summaries call it: its path or its regular expression."""
        return self.path or self.match or ""


LOCATION_TABLES: Final = (Location,)

for _table in LOCATION_TABLES:
    attrs.resolve_types(_table)
