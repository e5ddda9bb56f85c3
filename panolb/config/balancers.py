"""The part of the model that is about balancers: ``[balancer.NAME]`` and the tables below it."""

from __future__ import annotations

import re
from typing import Final, Literal

import attrs
from attrs import field, frozen

from panolb.config.addresses import explain_host, explain_server, explain_url, is_secure, plain_url, split_url
from panolb.config.rules import (
    DAY,
    NOT_EMPTY,
    TOKEN,
    VERIFIED,
    Auto,
    Between,
    Condition,
    Each,
    Explained,
    Seconds,
    StatusRange,
    Unverified,
    doc,
    explain_regex,
    explain_status_range,
    matching,
    seconds,
)
from panolb.language.expression import explain as explain_expression

# Cookies that a session lives in: a route cookie of that name would replace the session.
APPLICATIONS_OWN: Final = frozenset({"asp.net_sessionid", "jsessionid", "phpsessid", "session"})

_STICKY = matching(
    r"[!#$%&'*+.^_`~0-9A-Za-z-]+(\|[!#$%&'*+.^_`~0-9A-Za-z-]+)?",
    'a cookie name, or a cookie name and a URL parameter like "JSESSIONID|jsessionid"',
)
_SEPARATOR = matching(
    r"off|[!#$%&'()*+./:<=>?@^_`|~-]", 'one character like "." or "!", or "off" to use the whole value'
)
_ROUTE = matching(r"[A-Za-z0-9_.~-]{0,63}", "at most 63 letters, digits, '_', '-', '.' or '~'")
_STATUS = Between(200, 599)
_CONNECTIONS = Between(1, 65535)
_QUEUE = Between(0, 10**6)
_WEBSOCKETS = Between(1, 10**6)
_RATE = Between(0, 10**6)
_UNVERIFIED = Each(Condition(lambda name: name in VERIFIED, '"ca", "name" or "dates"'))
_CIPHERS = matching(r"[A-Za-z0-9_:+!@=.,-]+", "a list of ciphers as OpenSSL takes it")
_DEPTH = Between(0, 100)


def _none_if_empty(text: str | None) -> str | None:
    return text or None


def _explain_header_value(text: str) -> str | None:
    return None if text.isascii() and text == text.strip() else "must be ASCII without spaces at its ends"


def _explain_authority(text: str) -> str | None:
    host = re.sub(r":[0-9]{1,5}\Z", "", text) if not text.endswith("]") else text
    return explain_host(host)


@frozen(kw_only=True)
class Health:
    """How members are checked; without this table only live traffic tells."""

    check: str = field(
        default="http",
        validator=NOT_EMPTY,
        metadata=doc(
            'The kind of check: "http", "tcp", "websocket", "none", or a plugin\'s.', apache="hcmethod="
        ),
    )
    uri: str = field(
        default="/",
        validator=matching(r"/[!-~]*|\*", 'a path that starts with "/", in printable ASCII, or "*"'),
        metadata=doc(
            "Path, and query, to ask for; it replaces the path of the member's URL. With method OPTIONS, * asks the "
            "server as a whole.",
            apache="hcuri=",
        ),
    )
    method: str = field(
        default="GET", validator=TOKEN, metadata=doc("Method of the request.", apache="hcmethod=")
    )
    expect_status: list[StatusRange] = field(
        factory=lambda: ["200-399"],
        validator=Each(Explained(explain_status_range)),
        metadata=doc(
            "Statuses that pass, one by one or as ranges.", apache="hcexpr=", example='[200, "300-399"]'
        ),
    )
    expect: str | None = field(
        default=None,
        validator=Explained(explain_expression),
        metadata=doc(
            "Instead of expect_status and expect_body: a condition in the words of ap_expr, which alone decides.",
            apache="hcexpr=, ProxyHCExpr",
            example='"%{REQUEST_STATUS} =~ /^[23]/"',
        ),
    )
    expect_body: str | None = field(
        default=None,
        validator=Explained(explain_regex),
        metadata=doc(
            "Regular expression that the body must contain.", apache="hcexpr=", example='"OK|ready"'
        ),
    )
    http_version: Literal["1.0", "1.1"] = field(
        default="1.1",
        metadata=doc("Version of HTTP that the check speaks.", apache="hcmethod=GET, GET11"),
    )
    host: str | None = field(
        default=None,
        validator=Explained(_explain_authority),
        metadata=doc("Host header of the check. Not set: the member's.", example='"panopticon.example.org"'),
    )
    headers: dict[str, str] = field(
        factory=dict,
        validator=Each(Explained(_explain_header_value), name=TOKEN),
        metadata=doc("More headers of the check.", example='{ User-Agent = "panolb" }'),
    )
    interval: Seconds = field(
        default=5.0,
        validator=seconds(0.1, DAY),
        metadata=doc("Time from one check to the next.", apache="hcinterval="),
    )
    interval_changing: Seconds = field(
        default=1.0,
        validator=seconds(0.1, DAY),
        metadata=doc("The same while the last checks disagree with the member's state."),
    )
    timeout: Seconds = field(
        default=3.0,
        validator=seconds(0.001, DAY),
        metadata=doc("A check that takes longer has failed.", apache="ProxyHCTemplate hctimeout="),
    )
    passes: int = field(
        default=1,
        validator=Between(1, 1000),
        metadata=doc("Passed checks in a row that bring a member back.", apache="hcpasses="),
    )
    fails: int = field(
        default=2,
        validator=Between(1, 1000),
        metadata=doc("Failed checks in a row that take a member out.", apache="hcfails="),
    )
    start: Literal["up", "down"] = field(
        default="up",
        metadata=doc('"down": a member gets nothing before it has passed.'),
    )
    ping: bool = field(default=True, metadata=doc("websocket: also wait for the answer to a ping."))
    subprotocols: list[str] = field(
        factory=list,
        validator=Each(TOKEN),
        metadata=doc("websocket: subprotocols to offer.", example='["panopticon.v1"]'),
    )

    @property
    def statuses(self) -> list[tuple[int, int]]:
        """``expect_status`` as ranges, both ends included."""
        return [(int(text[:3]), int(text[-3:])) for text in self.expect_status]


@frozen(kw_only=True)
class Member:
    """One server of a balancer; the table is written once per member."""

    url: str = field(
        converter=plain_url,
        validator=Explained(explain_url),
        metadata=doc(
            "Where the member serves, over http:// or https://; the path takes the place of the location's path. ws:// and "
            "wss:// mean the same two: a member serves WebSockets at the same place.",
            apache="BalancerMember",
            example='"http://localhost:8080/panopticon"',
            stand_in="http://localhost",
        ),
    )
    route: str = field(
        default="",
        validator=_ROUTE,
        metadata=doc("The member's sticky id: Tomcat's jvmRoute.", apache="route=", example='"1"'),
    )
    loadfactor: float = field(
        default=1.0,
        validator=Between(1, 100),
        metadata=doc("Its share of the work, against the other members'.", apache="loadfactor="),
    )
    lbset: int = field(
        default=0,
        validator=Between(0, 99),
        metadata=doc("Members of a higher set are used only when no lower one can serve.", apache="lbset="),
    )
    status: Literal["active", "drain", "disabled", "stopped"] = field(
        default="active",
        metadata=doc(
            '"drain": keeps the users it has and gets no new ones. "disabled" and "stopped": gets nothing.',
            apache="status=N, D, S",
        ),
    )
    hot_standby: bool = field(
        default=False,
        metadata=doc("Used only when no other member or spare of its lbset is usable.", apache="status=H"),
    )
    hot_spare: bool = field(
        default=False,
        metadata=doc("Takes the place of an unusable member of its lbset.", apache="status=R"),
    )
    ignore_errors: bool = field(
        default=False,
        metadata=doc("Never taken out for failed connects or answers.", apache="status=I"),
    )
    retry: Seconds | None = field(
        default=None,
        validator=seconds(0, DAY),
        metadata=doc("Instead of the balancer's retry.", apache="retry=", example='"60s"'),
    )
    connect_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "Instead of the balancer's connect_timeout.", apache="connectiontimeout=", example='"5s"'
        ),
    )
    response_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.001, 7 * DAY),
        metadata=doc("Instead of the balancer's response_timeout.", apache="timeout=", example='"300s"'),
    )
    stall_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.001, 7 * DAY),
        metadata=doc("Instead of the balancer's stall_timeout.", apache="timeout=", example='"300s"'),
    )
    keepalive_idle: Seconds | None = field(
        default=None,
        validator=seconds(0, DAY),
        metadata=doc("Instead of the balancer's keepalive_idle.", apache="ttl=", example='"15s"'),
    )
    max_connections: int | None = field(
        default=None,
        validator=_CONNECTIONS,
        metadata=doc("Instead of the balancer's max_connections.", apache="max=", example="200"),
    )
    queue: int | None = field(
        default=None, validator=_QUEUE, metadata=doc("Instead of the balancer's queue.", example="1000")
    )
    queue_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc("Instead of the balancer's queue_timeout.", example='"5s"'),
    )
    acquire: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc("Instead of the balancer's acquire.", apache="acquire=", example='"500ms"'),
    )
    ping: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc("Instead of the balancer's ping.", apache="ping=", example='"1s"'),
    )
    reuse: bool | None = field(
        default=None,
        metadata=doc("Instead of the balancer's reuse.", apache="disablereuse=", example="false"),
    )
    max_websockets: int | None = field(
        default=None,
        validator=_WEBSOCKETS,
        metadata=doc("Instead of the balancer's max_websockets.", example="2000"),
    )
    websocket_rate: float | None = field(
        default=None,
        validator=_RATE,
        metadata=doc("Instead of the balancer's websocket_rate.", example="50"),
    )
    websocket_burst: int | None = field(
        default=None,
        validator=_WEBSOCKETS,
        metadata=doc("Instead of the balancer's websocket_burst.", example="200"),
    )
    tls_ca: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc("Instead of the balancer's tls_ca.", example='"/etc/panolb/members-ca.pem"'),
    )
    tls_name: str | None = field(
        default=None,
        validator=Explained(explain_server),
        metadata=doc("Instead of the balancer's tls_name.", example='"tomcat1.example.org"'),
    )
    tls_certificate: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc("Instead of the balancer's tls_certificate.", example='"/etc/panolb/client.pem"'),
    )
    tls_key: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc("Instead of the balancer's tls_key.", example='"/etc/panolb/client.key"'),
    )
    tls_insecure: Unverified | None = field(
        default=None,
        validator=_UNVERIFIED,
        metadata=doc("Instead of the balancer's tls_insecure.", example="true"),
    )
    tls_min_version: Literal["1.2", "1.3"] | None = field(
        default=None,
        metadata=doc("Instead of the balancer's tls_min_version.", example='"1.3"'),
    )
    tls_ciphers: str | None = field(
        default=None,
        validator=_CIPHERS,
        metadata=doc("Instead of the balancer's tls_ciphers.", example='"ECDHE+AESGCM"'),
    )
    tls_depth: int | None = field(
        default=None, validator=_DEPTH, metadata=doc("Instead of the balancer's tls_depth.", example="1")
    )
    redirect: str = field(
        default="",
        validator=_ROUTE,
        metadata=doc(
            "Route of the member that takes over this one's users while it cannot serve.",
            apache="redirect=",
            example='"2"',
        ),
    )
    health: Health | None = field(
        default=None, metadata=doc("How it is checked, instead of the balancer's health.")
    )

    @property
    def host(self) -> str:
        """The host name or address of the URL, an IPv6 address without its brackets."""
        return split_url(self.url)[0]

    @property
    def port(self) -> int:
        """The port of the URL; 80 or 443 when it has none."""
        return split_url(self.url)[1]

    @property
    def has_default_port(self) -> bool:
        """Whether the port is the one that the URL's scheme has anyway."""
        return self.port == (443 if self.is_secure else 80)

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return is_secure(self.url)

    @property
    def path(self) -> str:
        """The path of the URL as written; may be empty."""
        return split_url(self.url)[2]


@frozen(kw_only=True)
class Cookie:
    """The cookie that keeps a browser on its member; set only where the balancer has ``stickysession``."""

    enabled: Auto = field(
        default="auto",
        metadata=doc(
            "Whether panolb sets the cookie. false: the members' own cookies carry the route. "
            '"auto": not when stickysession has two names, or names a cookie that applications set themselves, '
            "such as JSESSIONID.",
            apache='Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED',
        ),
    )
    name: str | None = field(
        default=None,
        validator=TOKEN,
        metadata=doc("Its name. Not set: the first name of stickysession.", example='"ROUTEID"'),
    )
    path: str = field(
        default="/",
        validator=matching(r"/[!-:<-~]*", 'a path that starts with "/", in printable ASCII without ";"'),
        metadata=doc("Its Path."),
    )
    domain: str | None = field(
        default=None,
        validator=Explained(lambda text: explain_host(text.removeprefix("."))),
        metadata=doc(
            "Its Domain. Not set: the host that was asked for, and no other.", example='"example.org"'
        ),
    )
    max_age: Seconds | None = field(
        default=None,
        validator=seconds(1, 10 * 365 * DAY),
        metadata=doc("Its Max-Age. Not set: until the browser is closed.", example='"1d"'),
    )
    samesite: Literal["Lax", "Strict", "None", "off"] = field(
        default="Lax",
        metadata=doc(
            'Its SameSite; "off" leaves it away. "None" (for use inside other sites\' frames) needs secure.'
        ),
    )
    httponly: bool = field(default=True, metadata=doc("Hidden from scripts."))
    secure: Auto = field(
        default="auto",
        metadata=doc('Sent by browsers over TLS only. "auto": when the listener is secure.'),
    )


@frozen(kw_only=True)
class Balancer:
    """Members that serve the same application."""

    stickysession: str | None = field(
        default=None,
        validator=_STICKY,
        metadata=doc(
            'Cookie that holds the route, and URL parameter of the same name; "COOKIE|parameter" for two names. '
            "Not set: users do not stick.",
            apache="stickysession=",
            example='"ROUTEID"',
        ),
    )
    stickysessionsep: str = field(
        default=".",
        validator=_SEPARATOR,
        metadata=doc(
            'What stands before the route in the value; "off": the whole value is the route.',
            apache="stickysessionsep=",
        ),
    )
    scolonpathdelim: bool = field(
        default=False,
        metadata=doc("In a URL, ; ends the value too, as in mod_jk.", apache="scolonpathdelim="),
    )
    nofailover: bool = field(
        default=False,
        metadata=doc("Answer 503 rather than move a user whose member cannot serve.", apache="nofailover="),
    )
    lbmethod: str = field(
        default="byrequests",
        validator=NOT_EMPTY,
        metadata=doc("How new users are spread.", apache="lbmethod="),
    )
    maxattempts: int | None = field(
        default=None,
        validator=Between(0, 100),
        metadata=doc(
            "Further members to try after the first. Not set: all.", apache="maxattempts=", example="1"
        ),
    )
    retry_budget: float = field(
        default=0.2,
        validator=Between(0, 1),
        metadata=doc(
            "Share of the requests of the last ten seconds that may be tried once more, on another member or another "
            "connection, beside ten a second that always may; further ones get 502 or 503 at once, so that retries do "
            "not multiply the load of members that fail. 1: no limit."
        ),
    )
    panic_threshold: float = field(
        default=0.5,
        validator=Between(0, 1),
        metadata=doc(
            "Share of the members that live traffic may put in error, but one always; a failure that would take out "
            "more leaves its member in service, since what looks like so many dead members may be the network. "
            "0: none, 1: no limit."
        ),
    )
    slow_start: Seconds = field(
        default=0.0,
        validator=seconds(0, DAY),
        metadata=doc(
            "How long the share of new users that a member gets grows after it has come back; its own users it gets at "
            "once. 0: it gets its full share at once."
        ),
    )
    forcerecovery: bool = field(
        default=True,
        metadata=doc(
            "When all members are in error, try them at once, before retry is over.", apache="forcerecovery="
        ),
    )
    failonstatus: list[int] = field(
        factory=list,
        validator=Each(_STATUS),
        metadata=doc(
            "Statuses of an answer that put its member in error.",
            apache="failonstatus=",
            example="[500, 503]",
        ),
    )
    failontimeout: bool = field(
        default=False,
        metadata=doc("A response timeout puts the member in error.", apache="failontimeout="),
    )
    retry: Seconds = field(
        default=60.0,
        validator=seconds(0, DAY),
        metadata=doc("How long a member in error gets nothing, unless a check passes.", apache="retry="),
    )
    connect_timeout: Seconds = field(
        default=5.0,
        validator=seconds(0.001, DAY),
        metadata=doc("Time to connect to a member.", apache="connectiontimeout="),
    )
    response_timeout: Seconds = field(
        default=300.0,
        validator=seconds(0.001, 7 * DAY),
        metadata=doc("How long to wait for a member's answer; then 504.", apache="ProxyTimeout, timeout="),
    )
    stall_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.001, 7 * DAY),
        metadata=doc(
            "How long a member's answer may stand still once it has begun, events and downloads included; then it is "
            "broken off. Not set: response_timeout.",
            apache="ProxyTimeout, timeout=",
            example='"300s"',
        ),
    )
    keepalive_idle: Seconds = field(
        default=15.0,
        validator=seconds(0, DAY),
        metadata=doc(
            "How long an idle connection to a member is kept; below the member's own limit (Tomcat: 20 s).",
            apache="ttl=",
        ),
    )
    max_connections: int | None = field(
        default=None,
        validator=_CONNECTIONS,
        metadata=doc(
            "Most connections to each member, and so most requests and WebSockets in flight. Not set: no limit.",
            apache="max=",
            example="200",
        ),
    )
    queue: int = field(
        default=1000,
        validator=_QUEUE,
        metadata=doc(
            "Most requests that wait for one of a member's max_connections; those of its own users come first. When it "
            "is full, new users go to another member, and everybody else gets 503."
        ),
    )
    queue_timeout: Seconds = field(
        default=5.0,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "How long a request waits there; then new users go to another member, and everybody else gets 503."
        ),
    )
    acquire: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "Instead of queue_timeout, as in Apache: after so long another member is tried for everybody, also for "
            "users of this member.",
            apache="acquire=",
            example='"500ms"',
        ),
    )
    ping: Seconds | None = field(
        default=None,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "Ask a member with 100-continue whether it is there before a request's body is sent, and try another "
            "when it has not answered after so long. Not set: no.",
            apache="ping=",
            example='"1s"',
        ),
    )
    reuse: bool = field(
        default=True,
        metadata=doc("Whether connections to members serve more than one request.", apache="disablereuse="),
    )
    tls_ca: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "Who may vouch for https:// members: a file of certificates in PEM, or a directory of such files. Not set: "
            "whom this machine trusts.",
            apache="SSLProxyCACertificateFile, SSLProxyCACertificatePath",
            example='"/etc/panolb/members-ca.pem"',
        ),
    )
    tls_name: str | None = field(
        default=None,
        validator=Explained(explain_server),
        metadata=doc(
            "Whom their certificates must be for, and whom they are asked for (SNI). Not set: the host of the URL.",
            example='"tomcat.example.org"',
        ),
    )
    tls_certificate: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "What is shown to members that ask for a certificate: a PEM file with it, those between it and its "
            "authority, and maybe the key. Not set: nothing.",
            apache="SSLProxyMachineCertificateFile",
            example='"/etc/panolb/client.pem"',
        ),
    )
    tls_key: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "The key of tls_certificate, without a passphrase. Not set: it is in the same file.",
            apache="SSLProxyMachineCertificateFile",
            example='"/etc/panolb/client.key"',
        ),
    )
    tls_insecure: Unverified = field(
        factory=list,
        validator=_UNVERIFIED,
        metadata=doc(
            "What is not verified of their certificates, so that somebody else on the way can pass for a member: "
            '"ca", that an authority vouches for it; "name", that it is for the member; "dates", that it is valid now. '
            "true: nothing is. It is logged as a warning at every start and reload.",
            apache="SSLProxyVerify, SSLProxyCheckPeerName, SSLProxyCheckPeerExpire",
            example="true",
        ),
    )
    tls_min_version: Literal["1.2", "1.3"] = field(
        default="1.2",
        metadata=doc("The oldest version of TLS to speak to members.", apache="SSLProxyProtocol"),
    )
    tls_ciphers: str | None = field(
        default=None,
        validator=_CIPHERS,
        metadata=doc(
            "What to offer members in TLS 1.2, as OpenSSL writes it. Not set: what OpenSSL offers.",
            apache="SSLProxyCipherSuite",
            example='"ECDHE+AESGCM"',
        ),
    )
    tls_depth: int | None = field(
        default=None,
        validator=_DEPTH,
        metadata=doc(
            "How many certificates there may be above a member's own, that of the authority included. Not set: any "
            "number.",
            apache="SSLProxyVerifyDepth",
            example="1",
        ),
    )
    wait: Seconds = field(
        default=0.0,
        validator=seconds(0, 7200),
        metadata=doc(
            "How long a request waits for a member that can serve it; then 503.", apache="ProxySet timeout="
        ),
    )
    max_websockets: int | None = field(
        default=None,
        validator=_WEBSOCKETS,
        metadata=doc(
            "Most open WebSockets of each member; further handshakes get 503. Not set: no limit.",
            example="2000",
        ),
    )
    websocket_rate: float = field(
        default=200.0,
        validator=_RATE,
        metadata=doc(
            "New WebSockets that each member gets per second, when websocket_burst is used up; further handshakes get "
            "503 and are told when to try again. 0: no limit."
        ),
    )
    websocket_burst: int = field(
        default=1000,
        validator=_WEBSOCKETS,
        metadata=doc("New WebSockets that each member gets at once, before websocket_rate holds."),
    )
    observe: Literal["none", "websocket"] = field(
        default="none",
        metadata=doc(
            '"websocket": members that refuse handshakes, break off new WebSockets or leave pings unanswered are put '
            "in error, too."
        ),
    )
    observe_fails: int = field(
        default=5,
        validator=Between(1, 1000),
        metadata=doc("With observe: how many such WebSockets in a row put a member in error."),
    )
    close_on_failure: bool = field(
        default=False,
        metadata=doc(
            "When checks take a member out, close its WebSockets, so that their users come back elsewhere at once."
        ),
    )
    session_cookie: str | None = field(
        default="JSESSIONID",
        converter=_none_if_empty,
        validator=matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*", 'the name of a cookie, or "" for none'),
        metadata=doc(
            'Cookie whose value tells users\' sessions apart in the list of WebSockets; shown hashed only. "": none.'
        ),
    )
    resolver: str = field(
        default="route",
        validator=NOT_EMPTY,
        metadata=doc('How a request tells its member: "route", or a plugin\'s.'),
    )
    member: list[Member] = field(factory=list, metadata=doc("The members."))
    health: Health | None = field(default=None, metadata=doc("How they are checked."))
    cookie: Cookie = field(factory=Cookie, metadata=doc("The cookie that makes users stick."))

    def check_of(self, member: Member) -> Health | None:
        """How a member is checked, or None when it is not."""
        health = member.health or self.health
        return None if health is None or health.check == "none" else health

    @property
    def sets_cookie(self) -> bool:
        """Whether panolb gives clients a route cookie, with "auto" decided."""
        if self.stickysession is None or self.cookie.enabled != "auto":
            return self.stickysession is not None and bool(self.cookie.enabled)
        return "|" not in self.stickysession and self.stickysession.lower() not in APPLICATIONS_OWN

    @property
    def sticky_names(self) -> tuple[str, str] | None:
        """Cookie name and URL parameter of ``stickysession``, or None when users do not stick."""
        if self.stickysession is None:
            return None
        cookie, _, parameter = self.stickysession.partition("|")
        return cookie, parameter or cookie


BALANCER_TABLES: Final = (Balancer, Member, Health, Cookie)

for _table in BALANCER_TABLES:
    attrs.resolve_types(_table)
