"""What a server, a ``<Proxy>`` or a ``<Location>`` says about requests, whoever serves them.

Settings add up from the outside to the inside as in Apache: rules are appended, switches replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from attrs import evolve, field, frozen

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import atoi
from panolb.language import environment, headers
from panolb.language.words import join_words


@frozen
class Pair:
    """A ``ProxyPassReverse``: what members write, and what clients see in its place."""

    node: Directive
    public: str
    internal: str


@frozen
class Settings:
    """The settings that hold somewhere.

    :ivar expect: members are asked before a body is sent, when the client asks; if not, panolb says yes itself.
    :ivar pages: own error pages by status; an empty text takes one back.
    :ivar reverse: in the order in which they are tried.
    """

    preserve_host: bool = False
    forwarded: bool = True
    expect: bool = True
    override: tuple[str, ...] = ()
    pages: dict[str, tuple[Directive, str]] = field(factory=dict)
    environment: tuple[str, ...] = ()
    request_headers: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    reverse: tuple[Pair, ...] = ()
    cookie_paths: tuple[str, ...] = ()
    cookie_domains: tuple[str, ...] = ()

    def under(self, directives: Iterable[Directive], path: str | None, remarks: Remarks) -> Settings:
        """Return these settings with further directives applied.

        :param path: of the ``<Location>`` that they stand in.
        """
        now = self
        for node in directives:
            apply = _APPLY.get(node.name.lower())
            if apply is not None:
                now = apply(now, node, path, remarks)
        return now


def changes(directive: Directive) -> bool:
    """Whether a directive changes `Settings`."""
    return directive.name.lower() in _APPLY


_Apply = Callable[[Settings, Directive, "str | None", Remarks], Settings]


def _preserve_host(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    return evolve(now, preserve_host=node.args[0].lower() == "on")


def _forwarded(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    return evolve(now, forwarded=node.args[0].lower() == "on")


def _expect(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    if node.args[0].lower() == "off":
        remarks.say(node, Verdict.RUN, "panolb answers Expect: 100-continue itself.")
    return evolve(now, expect=node.args[0].lower() == "on")


def _override(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    switch, *codes = node.args
    if switch.lower() == "off":
        return evolve(now, override=())
    wrong = [code for code in codes if not 400 <= atoi(code) < 600]
    if switch.lower() != "on" or wrong:
        remarks.problem(node, "status codes to intercept must follow On, and be from 400 to 599")
        return now
    return evolve(now, override=tuple(str(atoi(code)) for code in codes) or ("400-599",))


def _page(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    status = atoi(node.args[0])
    if not 400 <= status < 600:
        remarks.lost(node, "Only pages for the statuses 400 to 599 can be replaced.")
        return now
    return evolve(now, pages={**now.pages, str(status): (node, node.args[1])})


_PROXY_VARIABLES: Final = {
    "no-proxy": "Requests with this variable are proxied all the same.",
    "proxy-nokeepalive": "Connections to members are used again; write disablereuse=On in BalancerMember.",
    "force-proxy-request-1.0": "Members are spoken to in HTTP/1.1.",
}
_NEEDLESS: Final = re.compile(
    r"proxy-(initial-not-pooled|sendcl|sendchunked|sendchunks|interim-response|scgi-.*|fcgi-.*)|(?:no)?keepalive|nokeepalive"
    r"|downgrade-1\.0|force-response-1\.0|redirect-carefully|no-gzip|gzip-only-text/html|dont-vary|ssl-unclean-shutdown"
)


def _variable(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    names = [word.partition("=")[0].lower() for word in node.args]
    for name in names:
        if name == "no-proxy" and node.name.lower() != "unsetenv":
            remarks.stops(node, _PROXY_VARIABLES[name])
            return now
        if name in _PROXY_VARIABLES:
            remarks.lost(node, _PROXY_VARIABLES[name])
            return now
    rule = join_words([node.name, *node.args])
    wrong = environment.explain(rule)
    if wrong is not None:
        remarks.problem(node, wrong)
        return now
    if any(_NEEDLESS.fullmatch(name) for name in names):
        remarks.say(
            node, Verdict.HARMLESS, "It helps with clients and members that panolb needs no such help with."
        )
        return now
    return evolve(now, environment=(*now.environment, rule))


_FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields that say where a message ends or what becomes of the connection."""


def _request_header(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    rule = _rule(node, remarks)
    if not _understood(node, headers.explain_request_rule(rule), remarks):
        return now
    return evolve(now, request_headers=(*now.request_headers, rule))


def _response_header(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    rule = _rule(node, remarks)
    if not _understood(node, headers.explain_response_rule(rule), remarks):
        return now
    return evolve(now, response_headers=(*now.response_headers, rule))


def _rule(node: Directive, remarks: Remarks) -> str:
    """Return a rule in the words of the model: there is no early time here, since no path is looked up on the disk."""
    args = node.args
    if args[-1].lower() == "early" and len(args) > 2:
        remarks.say(node, Verdict.RUN, "Applied when the location is known, as without early.")
        args = args[:-1]
    return join_words(args)


def _understood(node: Directive, wrong: str | None, remarks: Remarks) -> bool:
    """Say what becomes of a rule that cannot be read."""
    if wrong is None:
        return True
    words = [word.lower() for word in node.args if word.lower() not in ("always", "onsuccess")]
    if len(words) > 1 and words[1].rstrip(":") in _FRAMING:
        remarks.say(node, Verdict.HARMLESS, "panolb writes this field itself, for WebSockets as well.")
    elif words[:1] == ["unset"] and node.name.lower() == "requestheader":
        remarks.stops(node, f"Clients may send this field to the members: {wrong}.")
    else:
        remarks.lost(node, f"It has no effect: {wrong}.")
    return False


def _reverse(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    words = [word for word in node.args if word.lower() != "interpolate"]
    expected = 1 if path is not None else 2
    if len(words) != expected:
        needed = "one URL only in a <Location>" if path is not None else "a path and a URL"
        remarks.problem(node, f"needs {needed}")
        return now
    public = (path or "/") if path is not None else words[0]
    return evolve(now, reverse=(*now.reverse, Pair(node, public, words[-1])))


def _two_words(node: Directive, remarks: Remarks) -> str | None:
    first, second = node.args[:2]
    if any(character.isspace() for character in first + second) or not first or not second:
        remarks.problem(node, "needs two words without spaces")
        return None
    return f"{first} {second}"


def _cookie_path(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    pair = _two_words(node, remarks)
    return evolve(now, cookie_paths=(*now.cookie_paths, *([pair] if pair else [])))


def _cookie_domain(now: Settings, node: Directive, path: str | None, remarks: Remarks) -> Settings:
    pair = _two_words(node, remarks)
    return evolve(now, cookie_domains=(*now.cookie_domains, *([pair] if pair else [])))


_APPLY: Final[dict[str, _Apply]] = {
    "proxypreservehost": _preserve_host,
    "proxyaddheaders": _forwarded,
    "proxy100continue": _expect,
    "proxyerroroverride": _override,
    "errordocument": _page,
    "setenv": _variable,
    "unsetenv": _variable,
    "setenvif": _variable,
    "setenvifnocase": _variable,
    "setenvifexpr": _variable,
    "browsermatch": _variable,
    "browsermatchnocase": _variable,
    "requestheader": _request_header,
    "header": _response_header,
    "proxypassreverse": _reverse,
    "proxypassreversecookiepath": _cookie_path,
    "proxypassreversecookiedomain": _cookie_domain,
}
