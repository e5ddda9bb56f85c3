"""Where panolb deliberately differs from Apache, running the same ``httpd.conf``: the one table of it.

The page "From Apache to panolb", ``panolb check`` and the test that runs both servers side by side use it: a difference
that is not here is a mistake.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Difference:
    """One of them.

    :ivar what: where it shows.
    :ivar apache: what Apache does.
    :ivar panolb: what panolb does.
    :ivar why: why that is better.
    :ivar compat: whether ``--apache-compat`` does as Apache.
    """

    id: str
    what: str
    apache: str
    panolb: str
    why: str
    compat: bool = False


def _table(*differences: Difference) -> dict[str, Difference]:
    return {one.id: one for one in differences}


# fmt: off
DIFFERENCES: Final = _table(
    # --- what --apache-compat takes back ---
    Difference("verbatim-path", "The path that members get", "escapes, double slashes and dots are resolved",
               "byte for byte as the client sent it, but for the prefix",
               "applications that tell %2B from + get what was meant", compat=True),
    Difference("context-root", "/panopticon, without a slash", "members get /panopticon/", "members get /panopticon",
               "Tomcat can send its redirect to the directory, and relative links work", compat=True),
    Difference("slashes-that-do-not-fit", "ProxyPass /app http://host/ and the like",
               "path and target are joined as they are: /app/x becomes //x", "there is exactly one slash",
               "the mistake is made often, and nobody means it", compat=True),
    Difference("headers-on-upgrade", "The 101 of a WebSocket", "Header rules do not apply, so there is no route cookie",
               "they apply", "a browser whose first request is a WebSocket sticks, too", compat=True),
    Difference("timeout-504", "A member that does not answer in time", "502", "504", "it says what happened", compat=True),
    Difference("forwarded-for-everybody", "X-Forwarded-For that clients send", "is appended to, whoever sent it",
               "is replaced, unless the peer is a trusted proxy", "clients cannot say who they are", compat=True),
    Difference("connect-timeout", "Time to connect, where nothing is written", "Timeout: a minute", "5 seconds",
               "a server that is off costs users seconds", compat=True),
    Difference("websocket-idle", "A WebSocket on which nothing moves", "is cut after the timeout: a minute",
               "stays open, unless websocket_idle_timeout says otherwise", "dashboards are quiet at night", compat=True),
    Difference("websocket-ping", "A WebSocket whose client or member has been silent for 30 seconds", "hears nothing",
               "is pinged; a side that is gone ends it", "a viewer whose network is gone is noticed", compat=True),
    Difference("websocket-rush", "Very many new WebSockets at once", "all go to the members",
               "of more than 1000, 200 per second for each member; others are told when to try again",
               "when one member dies, its users do not bring down the next", compat=True),
    Difference("panic", "Members that users find dead, more than half of all", "are all in error",
               "stay in service beyond the half, and are tried", "it may be the network between", compat=True),
    Difference("retry-budget", "Requests whose member cannot be connected to", "are all tried elsewhere",
               "a fifth of the last seconds' requests, and 10 per second; others get 503",
               "retries come when there are the fewest to take them", compat=True),
    Difference("keepalive-defaults", "Client connections, where nothing is written",
               "KeepAliveTimeout 5 s, 100 requests", "75 s, and any number",
               "a dashboard polls; a new connection each time costs more than an idle one", compat=True),
    Difference("tls-chain-length", "Members' certificates, SSLProxyVerify require, and no SSLProxyVerifyDepth",
               "are refused when there is one more between them and their authority", "are not",
               "authorities work that way", compat=True),
    Difference("path-parameters", "/app;jsessionid=1, without mapping=servlet", "404", "is for /app",
               "Tomcat itself writes such paths", compat=True),
    # --- stickiness ---
    Difference("url-parameter-boundary", "?XROUTEID=.2", "counts as ROUTEID", "does not", "it is another parameter"),
    Difference("url-value-without-route", "A value in the URL that names no route", "hides the cookie",
               "the cookie is asked", "the user has a member"),
    Difference("sticky-retry-0", "retry=0 and a member that is down", "its users get 503 every time",
               "they move to another member", "there is one that can serve them"),
    Difference("ignored-errors-fail-over", "status=+I and a member that is down", "its users get 503 every time",
               "each request is tried elsewhere", "there is one that can serve them"),
    # --- members ---
    Difference("member-prefix", "Two members, the URL of one beginning with the other's", "are one member", "are two",
               "the file says two"),
    Difference("shared-balancer", "A balancer of the main server in several virtual hosts",
               "each has a state of its own", "one state", "a member that is down is down for all"),
    Difference("recipe-one-balancer", "The ws:// balancer of the WebSocket recipe", "has a state of its own",
               "is the same balancer as the http:// one", "who drains a member drains it for both"),
    Difference("websocket-without-upgrade", "WebSockets to members without upgrade=",
               "the member sees a plain request", "they work", "nobody writes such a file to keep WebSockets away"),
    Difference("pool-of-one-process", "max=", "counts for each child process", "counts for all", "it is one process"),
    Difference("pool-reuse-time", "Idle connections to members without ttl=", "are kept for any time", "15 seconds",
               "Tomcat closes them after 20, and a request could meet that"),
    Difference("forced-recovery", "All members in error, but some of them drained, disabled or failing checks",
               "503 until retry is over", "those in error are tried at once", "it is the best chance there is"),
    Difference("blameless-requests", "A request that no member can take: TE, Expect", "puts members in error",
               "blames nobody", "one client could take all members out"),
    Difference("stale-connection", "A kept connection that the member closes as a request comes",
               "502, or the client's connection just ends", "idempotent requests are repeated on a new connection",
               "nothing was wrong"),
    Difference("failover-once-more", "A member that breaks off before it answers", "502",
               "idempotent requests are repeated once, on another member", "nothing was lost yet"),
    Difference("no-silent-close", "A kept client connection, and a member that breaks off",
               "the connection is closed without an answer", "502", "browsers show what happened"),
    Difference("acquire-without-blame", "All connections of a member in use for longer than acquire=",
               "the member is in error", "another member is tried, without blame", "it is busy, not broken"),
    Difference("name-failover", "A member whose name is not known", "500, and no failover", "another member is tried",
               "it is down, like any other"),
    Difference("client-gone", "A client that leaves while a member works", "is noticed when the answer comes",
               "is noticed at once", "the member need not finish, and counts as free"),
    Difference("garbage-502", "An answer that is no HTTP", "200 with the bytes as the body", "502",
               "nobody means HTTP/0.9"),
    Difference("health-in-a-row", "hcpasses and hcfails", "count altogether", "count in a row",
               "three lost checks in a month are no failure"),
    Difference("wait-under-nofailover", "A balancer's timeout=, nofailover=On, and a member that cannot serve",
               "its users get 503 at once", "they wait, too", "the member may be back"),
    Difference("wait-own-member", "Users who wait for a member", "get any", "get their own, when it is back",
               "their session lives there"),
    Difference("max-wait", "All connections of max= in use, and no acquire=", "requests wait for ever",
               "503 after 5 s", "nobody waits so long"),
    Difference("ping-kept", "ping=, and a kept connection that ends while it is asked", "503, or another member",
               "a new connection to the same member", "nothing was wrong with the member"),
    Difference("ping-expect", "ping=, and a client that sends Expect itself", "the answer is waited for as long as ping=",
               "as long as for any answer", "the client asked, not panolb"),
    Difference("check-headers", "Health checks", "send Host only", "send User-Agent and Connection: close, too",
               "members' logs tell them from users"),
    Difference("no-members", "A balancer without BalancerMember", "starts, and answers 503", "does not start",
               "nothing could add members while it runs"),
    Difference("tunnel-bytes-count", "lbmethod=bytraffic", "does not count bytes in WebSockets", "counts them",
               "for a dashboard they are most of the traffic"),
    Difference("health-timeout", "A check that is not answered", "never ends", "has failed after hcinterval",
               "hanging is the commonest way to fail"),
    # --- WebSockets and mapping ---
    Difference("upgrade-websocket-only", "upgrade= with another protocol, or ANY", "any of these is tunnelled",
               "only WebSockets are", "no application needs another"),
    Difference("websocket-needs-connection", "Upgrade: websocket without Connection: upgrade", "is tunnelled",
               "is a plain request", "RFC 9110 section 7.8 says so"),
    Difference("websocket-half-close", "A client that ends its side of a WebSocket without a close frame",
               "still gets what the member sends", "is gone: both sides end", "no browser does so and listens on"),
    Difference("websocket-farewell", "A WebSocket whose other side breaks off, and all of them when the server stops",
               "just end", "get a close frame first: 1012 for clients, 1001 for members", "pages come back at once"),
    Difference("websocket-frames", "Bytes in a WebSocket that break the protocol", "are passed on", "close it with 1002",
               "neither side has to deal with them"),
    Difference("websocket-slow", "A viewer that takes nothing for 15 seconds, with more than 1 MiB waiting for it",
               "is waited for until the timeout", "is closed with 1013",
               "Tomcat gives its writers up after 20 seconds"),
    Difference("websocket-fallback", "ProxyWebsocketFallbackToProxyHttp Off, and a plain request", "426", "is served",
               "ws:// members are HTTP servers"),
    Difference("member-path-slash", "A member's URL that ends with a slash", "the slash is part of every path",
               "it is not", "//x is not what anybody wants"),
    Difference("servlet-on-the-name", "mapping=servlet to a balancer's name without a path", "500", "works",
               "it is what the line says"),
    # --- what goes over the wire ---
    Difference("forwarded-proto-port", "X-Forwarded-Proto and -Port", "are not sent", "are sent",
               "members write right redirects behind TLS"),
    Difference("cookie-joined", "Several Cookie lines", "become one, joined by a comma", "joined by '; '",
               "RFC 6265 knows no comma"),
    Difference("fields-stay-apart", "Several lines of the same name", "become one, joined by a comma", "stay as they are",
               "what was sent is passed on"),
    Difference("reverse-boundary", "ProxyPassReverse and a longer path", "/apple is taken for /app", "it is not",
               "it is another path"),
    Difference("trailing-slash-prefix", "ProxyPass /app/", "is not for /app", "is for it, too",
               "it leads to the same place, and there was 404"),
    Difference("case-of-paths", "A path that steps out of its prefix by ..", "is resolved, and may be another prefix's",
               "400 or 404", "members may resolve it in another way"),
    Difference("small-bodies-stay-chunked", "A chunked request body of up to 16 KiB", "gets a Content-Length",
               "stays chunked", "nothing waits for its end"),
    Difference("forwarded-host-kept", "X-Forwarded-Host and -Server that trusted proxies send", "are appended to",
               "X-Forwarded-Host is kept", "members want the host that the user sees"),
    Difference("range-by-members", "Range, and a member that ignores it", "206, cut out of the 200", "200",
               "members know what they can serve in parts"),
    Difference("dates-untouched", "Dates in an obsolete form", "are rewritten", "are passed on", "browsers read them"),
    Difference("ambiguous-answer", "An answer with Transfer-Encoding and Content-Length", "Content-Length is dropped", "502",
               "RFC 9112 section 6.1: it may be an attempt to smuggle"),
    Difference("response-field-size", "A header line of an answer longer than 8192 bytes", "502", "is passed on",
               "one limit holds for the whole header"),
    Difference("interim-limit", "Ten or more 1xx answers before the answer", "502", "are passed on", "they cost nothing"),
    Difference("setenvif-decoded-path", "SetEnvIf Request_URI", "sees the path as it was escaped, outside of <Location>",
               "sees it with its escapes resolved", "a rule cannot be dodged by escaping a letter"),
    Difference("route-in-request-headers", "RequestHeader with %{BALANCER_WORKER_ROUTE}e", "(null)", "the route",
               "the member is known when the request goes out"),
    Difference("req-vary", "Header with an expression that asks for a request's field", "adds Vary", "does not",
               "the members say what their answers depend on"),
    Difference("header-newline", "A Header value that has a line break", "500", "a blank takes its place",
               "one odd value need not cost the page"),
    Difference("edit-empty-match", "Header edit* by an expression that matches nothing", "the process ends",
               "edits once", "nobody wants that"),
    Difference("log-port", "%p in logs", "the port of ServerName", "the port that the client connected to",
               "it is what happened"),
    Difference("log-bytes", "%I, %O and %S in logs", "count everything", "count bodies",
               "what goes through TLS is not counted anyway"),
    Difference("own-pages", "Answers of panolb's own", "Apache's HTML", "panolb's HTML", "they are not Apache's"),
    Difference("big-head-431", "A head that is too big", "400", "431", "it says what happened"),
    Difference("trace-405", "TRACE", "is passed to members", "405", "it is of use to attackers only"),
    Difference("absolute-form", "GET http://host/ in a request", "is answered", "400", "panolb is no forward proxy"),
    Difference("max-forwards", "Max-Forwards in ordinary requests", "is counted down", "is passed on",
               "RFC 9110 has it for TRACE and OPTIONS"),
    Difference("via-name", "ProxyVia On", "Via names the server", "Via says panolb", "it tells nobody names from inside"),
    Difference("raw-bytes-in-target", "Bytes beyond ASCII in a request target, not escaped", "are escaped",
               "400", "RFC 3986 does not have them, and servers read them differently"),
    Difference("slashes-before-prefix", "//shop/x, where /shop goes to another path at the member", "is /shop/x", "404",
               "the prefix cannot be exchanged byte for byte", compat=True),
    Difference("body-at-once", "A small request body that comes slowly", "is waited for before a member is asked",
               "a member is asked at once", "nothing waits in the balancer's memory"),
    Difference("headers-of-refused", "Header always, on a 400 for what is no request", "applies", "does not",
               "what cannot be read is for no location"),
    Difference("parameters-and-exclusions", "ProxyPass /app/x !, and /app/;a/x", "is passed to members", "404",
               "Tomcat reads it as /app/x"),
    Difference("listen-ipv4", "Listen PORT", "IPv4 and IPv6", "IPv4; [::]:PORT is both", "addresses in logs are as expected"),
    Difference("tls-without-engine", "https:// members without SSLProxyEngine On", "500", "are reached",
               "the URL says what is meant"),
    Difference("tls-member-name", "ProxyPreserveHost On, and https:// members",
               "must have a certificate for the host that the client asks for", "for the host of their URL",
               "the member is who is spoken to, and one connection serves all hosts"),
    Difference("tls-common-name", "A member's certificate that has its name as CN only, and no subjectAltName",
               "is for that name", "is for nobody: SSLProxyCheckPeerName Off, or a new certificate", "RFC 9525"),
    Difference("tls-address", "A member's certificate that is for its IP address, by which the URL calls it", "is for another name",
               "is for it", "RFC 9525"),
    Difference("tls-system-authorities", "SSLProxyVerify require, without a file or a directory of authorities",
               "trusts nobody", "trusts whom the system trusts", "it is how the rest of the machine does it"),
    Difference("tls-member-later", "A member that fails its TLS handshake", "502", "another member is tried",
               "it has got nothing of the request"),
    Difference("tls-versions", "SSLProtocol with versions before 1.2", "are offered", "are not", "they are not safe"),
    Difference("logs-missing-directory", "A log whose directory is missing", "no start", "no log, and the report says so",
               "a copy of the file can be tried anywhere"),
)
# fmt: on
