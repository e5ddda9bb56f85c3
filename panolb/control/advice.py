"""What is probably wrong when a user is not where he should be, and what to do: hints beside an explanation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..config import model
from ..core.balancer import MOVED, NEW, UNKNOWN, UNUSABLE, Balancer
from ..core.location import Location
from ..core.request import Request
from ..core.sticky import RouteResolver
from ..proxy.frontend import Frontend
from .explanation import Explanation
from .question import Question

# https://fetch.spec.whatwg.org/#port-blocking, as far as somebody may serve HTTP there.
REFUSED_BY_BROWSERS = frozenset(
    (1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080)
)


def advice(
    question: Question,
    request: Request,
    frontend: Frontend,
    location: Location,
    config: model.Balancer | None,
    said: Explanation,
) -> list[str]:
    """Hints about a request that could come.

    :param config: the configuration of its balancer.
    """
    hints = list(_about_the_way(question, request, frontend))
    if location.balancer is not None and config is not None:
        hints += _about_the_balancer(location.balancer, config, said)
        hints += _about_the_route(request, config, said)
        hints += _about_the_cookie(question, location, config, said)
    return hints


def advice_then(config: model.Balancer | None, location: Location, said: Explanation) -> list[str]:
    """Hints about a request that was served."""
    if location.balancer is None or config is None:
        return []
    return list(_about_the_balancer(location.balancer, config, said))


def _about_the_way(question: Question, request: Request, frontend: Frontend) -> Iterator[str]:
    port = frontend.local[1]
    if question.port in REFUSED_BY_BROWSERS:
        yield (
            f"browsers refuse to connect to port {question.port} (ERR_UNSAFE_PORT); other clients do not: "
            "put the listener on another port"
        )
    elif question.port and port and question.port != port and not question.listener:
        yield f"no listener has port {question.port}; this holds for the one with port {port}"
    said = b"" if request.forwarded is None else request.forwarded.get(b"x-forwarded-proto", b"")
    if question.scheme in ("https", "wss") and not frontend.secure and not said:
        yield (
            "the listener does not speak TLS: if a proxy before it does, that has to be among trusted_proxies and to say "
            "X-Forwarded-Proto: https, else cookies are not Secure"
        )


def _about_the_balancer(balancer: Balancer, config: model.Balancer, said: Explanation) -> Iterator[str]:
    if config.stickysession is None:
        yield f"balancer {balancer.name} has no stickysession: every request may go to another member"
        return
    routes = sorted({member.spec.route.decode("ascii") for member in balancer.members} - {""})
    if said.reason == UNKNOWN or (said.route is not None and said.route not in routes):
        yield (
            f"no member has the route {said.route!r}; there are {', '.join(routes) or 'none'}. With Tomcat the jvmRoute in "
            "server.xml and the member's route must be the same"
        )
    chosen = next((one for one in said.members if one["verdict"] == "chosen"), None)
    if chosen is not None and not chosen["route"]:
        yield f"member {chosen['name']} has no route: nobody can be kept on it"
    if said.outcome in ("unavailable", "waits") and config.nofailover and said.route in routes:
        yield (
            "nofailover = true keeps users on their member even if that means a 503: bring it back, or take nofailover away"
        )
    if said.reason == UNUSABLE:
        yield "unless the members share their sessions, the user has to log in again there"
    if said.reason == MOVED:
        yield "the session was moved by an operator; panolb sessions shows where to"


def _about_the_route(request: Request, config: model.Balancer, said: Explanation) -> Iterator[str]:
    if config.stickysession is None or config.resolver != "route":
        return
    cookie, _, parameter = config.stickysession.partition("|")
    values = _values(request.cookie or b"", cookie)
    if len(values) > 1:
        yield (
            f"the request has {len(values)} cookies called {cookie}, and the first one counts: another application, or "
            "another path, sets one too"
        )
    if said.route_source in ("path", "query") and values:
        alone = request.again(b"GET", b"/")  # without its URL
        resolver = RouteResolver(config.stickysession, config.stickysessionsep, config.scolonpathdelim)
        other = resolver.resolve(alone)
        if other is not None and other.value.decode("utf-8", "replace") != said.route:
            yield f"the URL's route {said.route!r} counts, and not that of the cookie {cookie}"
    if said.reason != NEW:
        return
    separator = config.stickysessionsep
    if values and separator != "off":
        yield (
            f"the cookie {cookie} has no route in it: nothing stands behind a {separator!r}. With Tomcat, set jvmRoute in "
            "each server.xml to the member's route"
        )
    elif not values:
        yield (
            f"the request has no cookie {cookie}, and no URL parameter {parameter or cookie}: the first visit, or the browser "
            "did not send it (other host, other Path, Secure without TLS, SameSite in a frame or a POST of another site)"
        )


def _about_the_cookie(
    question: Question, location: Location, config: model.Balancer, said: Explanation
) -> Iterator[str]:
    if said.outcome != "member" or not said.changed or config.stickysession is None:
        return
    if not said.set_cookie:
        name = config.stickysession.partition("|")[0]
        yield f"panolb does not set the cookie {name} (cookie.enabled): the member's own answer has to carry its route"
        return
    cookie = config.cookie
    path = location.path.decode("latin-1") or "/"
    if not (path + "/").startswith(cookie.path.rstrip("/") + "/"):
        yield f"the cookie's Path {cookie.path} does not cover {path}: browsers do not send it back there"
    host = said.host.partition(":")[0].lower()
    domain = (cookie.domain or "").lstrip(".").lower()
    if domain and host != domain and not host.endswith("." + domain):
        yield f"the cookie's Domain {cookie.domain} is not that of {host}: browsers do not accept it"
    secure = any("secure" in re.split(r";\s*", one.lower()) for one in said.set_cookie)
    if cookie.samesite == "None" and not secure:
        yield "the cookie has SameSite=None without Secure: browsers do not accept it"
    if secure and question.scheme in ("http", "ws"):
        yield "the cookie is Secure, and the URL is not https: browsers do not accept it (but for localhost)"


def _values(cookies: bytes, name: str) -> list[bytes]:
    pattern = rb"(?:^|[;,\s])" + re.escape(name.encode("ascii")) + rb"\s*=([^;,]*)"
    return re.findall(pattern, cookies)
