"""Every parameter of a member and of a balancer: what it means, what Apache's default is, and what panolb does with it.

The readers of `BalancerMember`, `ProxySet` and `ProxyPass` and the page "From Apache to panolb" use the same tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from attrs import frozen

from panolb.config.httpd.scalars import atof, atoi, flag, integer, lasting, text_of

_MANY: Final = 2**31


@frozen
class Parameter:
    """One ``key=value``.

    ``key`` is the model's key, as ``member.NAME`` or ``balancer.NAME``; ``reason`` says, of one without a key, why
    it makes no difference.
    """

    name: str
    default: str
    meaning: str
    read: Callable[[str], Any]
    key: str = ""
    reason: str = ""


def _loadfactor(text: str) -> float:
    hundredths = int(atof(text) * 100)
    if not 100 <= hundredths <= 10_000:
        raise ValueError("LoadFactor must be a number between 1..100")
    return hundredths / 100


def _max(text: str) -> int | None:
    number = integer(0, _MANY, "Max must be a positive number")(text)
    return min(number, 65535) or None


def _flags(text: str) -> frozenset[str]:
    """Letters that are set, each after ``+`` or nothing; ``-`` takes one back."""
    flags: set[str] = set()
    adding, letters = True, iter(text)
    for letter in letters:
        if letter in "+-":
            adding, letter = letter == "+", next(letters, "")
        if not letter or letter.upper() not in "INGUDSEHFCRO":
            raise ValueError("Unknown status parameter option")
        (flags.add if adding else flags.discard)(letter.upper())
    return frozenset(flags)


def _separator(text: str) -> str:
    if len(text) == 1 or text.lower() == "off":
        return text.lower() if len(text) > 1 else text
    raise ValueError("stickysessionsep must be a single character or Off")


def _statuses(text: str) -> list[int]:
    numbers = [atoi(word) for word in re.split("[, ]+", text) if word]
    if not all(100 <= number < 600 for number in numbers):
        raise ValueError("failonstatus must be one or more HTTP response codes")
    return list(dict.fromkeys(numbers))


def _method(text: str) -> str:
    if text == "heartbeat":
        raise ValueError(
            "lbmethod=heartbeat needs servers that send heartbeats, which no Tomcat does; "
            "write lbmethod=bybusyness, or byrequests with hcmethod=GET"
        )
    if text not in ("byrequests", "bytraffic", "bybusyness"):
        raise ValueError("unknown lbmethod; there are: byrequests, bytraffic, bybusyness")
    return text


def _lifetime(text: str) -> int | None:
    return None if text == "-1" else int(lasting("s", 0, "")(text))


def _check_method(text: str) -> str:
    name = text.upper()
    if name in ("CPING", "PROVIDER"):
        raise ValueError(f"Health check method {name} not (yet) implemented")
    if name not in ("NONE", "TCP", "OPTIONS", "HEAD", "GET", "OPTIONS11", "HEAD11", "GET11"):
        raise ValueError("Unknown method; there are: NONE, TCP, OPTIONS, HEAD, GET, OPTIONS11, HEAD11, GET11")
    return name


def _table(*parameters: Parameter) -> Mapping[str, Parameter]:
    return {one.name: one for one in parameters}


CHECK_PARAMETERS: Final = _table(
    Parameter("hcmethod", "NONE", "How the member is checked.", _check_method, "health.method"),
    Parameter("hcinterval", "30 s", "Time from one check to the next.",
              lasting("s", 0.1, "Interval must be a positive value greater than 100ms"), "health.interval"),
    Parameter("hcpasses", "1", "Passed checks that bring the member back.",
              integer(0, 1000, "Passes must be a positive value"), "health.passes"),
    Parameter("hcfails", "1", "Failed checks that take it out.",
              integer(0, 1000, "Fails must be a positive value"), "health.fails"),
    Parameter("hcuri", "none", "What is asked for, below the member's path.",
              text_of(0, 63, "Health check uri length must be < 64 characters"), "health.uri"),
    Parameter("hcexpr", "none", "Name of a ProxyHCExpr that alone decides.", str, "health.expect"),
    Parameter("hctemplate", "none", "Name of a ProxyHCTemplate with all of these.", str, "health"),
)  # fmt: skip
"""What mod_proxy_hcheck adds to a member."""

MEMBER_PARAMETERS: Final = _table(
    Parameter("route", "none", "The member's sticky id: Tomcat's jvmRoute.",
              text_of(0, 63, "Route length must be < 64 characters"), "member.route"),
    Parameter("loadfactor", "1", "Its share of the work, 1 to 100.", _loadfactor, "member.loadfactor"),
    Parameter("status", "none", "Flags to start with: D, S, N, I, H, R, C, E.", _flags, "member.status"),
    Parameter("lbset", "0", "Members of a higher set serve only when no lower one can.",
              integer(0, 99, "lbset must be between 0 and 99"), "member.lbset"),
    Parameter("redirect", "none", "Route of the member that takes over its users.",
              text_of(0, 63, "Redirect length must be < 64 characters"), "member.redirect"),
    Parameter("retry", "60 s", "How long a member in error gets nothing.",
              integer(0, 86400, "Retry must be a positive value"), "member.retry"),
    Parameter("timeout", "ProxyTimeout, else Timeout", "How long to wait for more of an answer.",
              integer(1, 604_800, "Timeout must be at least one second"), "member.response_timeout"),
    Parameter("connectiontimeout", "timeout", "Time to connect.",
              lasting("s", 0.001, "Connectiontimeout must be at least one millisecond."), "member.connect_timeout"),
    Parameter("ping", "off", "Before a body is sent, wait so long for a sign of life.",
              lasting("s", 0.001, "Ping/Pong timeout must be at least one millisecond"), "member.ping"),
    Parameter("upgrade", "none", "Protocols that a connection may be switched to.",
              text_of(0, 15, "upgrade protocol length must be < 16 characters"), "location.websocket"),
    Parameter("ttl", "none", "How long an idle connection may be used again.",
              integer(1, 86400, "TTL must be at least one second"), "member.keepalive_idle"),
    Parameter("disablereuse", "Off", "One request per connection.", flag("DisableReuse must be On|Off"), "member.reuse"),
    Parameter("enablereuse", "On", "The opposite of disablereuse.", flag("EnableReuse must be On|Off"), "member.reuse"),
    Parameter("max", "threads per child", "Most connections, of each child process; panolb is one process.",
              _max, "member.max_connections"),
    Parameter("acquire", "forever", "Wait for one of max, in milliseconds, before another member is tried.",
              lasting("ms", 0.001, "Acquire must be at least one millisecond"), "member.acquire"),
    *CHECK_PARAMETERS.values(),
    Parameter("min", "0", "Connections that are kept open.", integer(0, _MANY, "Min must be a positive number"),
              reason="panolb opens connections when they are needed and keeps those that were"),
    Parameter("smax", "max", "Connections above it end after ttl.", integer(0, _MANY, "Smax must be a positive number"),
              reason="ttl holds for every idle connection"),
    Parameter("keepalive", "Off", "TCP keep-alive probes.", flag("KeepAlive must be On|Off"),
              reason="panolb always has them sent"),
    Parameter("addressttl", "-1, forever", "How long an address of the member's name is remembered.", _lifetime,
              reason="panolb looks a name up for each new connection"),
    Parameter("responsefieldsize", "8192", "Longest header line of an answer.",
              integer(0, _MANY, "ResponseFieldSize must be greater than 0 bytes, or 0 for system default."),
              reason="panolb has one limit, for all header lines of an answer together"),
    Parameter("iobuffersize", "8192", "Size of a buffer.", integer(0, _MANY, "IOBufferSize must be >= 512 bytes"),
              reason="Apache uses it for AJP only"),
    Parameter("receivebuffersize", "the system's", "Size of a socket's buffer.",
              integer(0, _MANY, "ReceiveBufferSize must be >= 512 bytes, or 0 for system default."),
              reason="the system finds a better size by itself"),
    Parameter("flushpackets", "off", "When answers are passed on.", str, reason="panolb passes on at once what comes"),
    Parameter("flushwait", "10 ms", "The same, for flushpackets=auto.", str,
              reason="panolb passes on at once what comes"),
    Parameter("secret", "none", "Password of an AJP connector.", str, reason="there is no AJP here"),
    Parameter("flusher", "flush", "A provider of mod_proxy_fdpass.", str, reason="there is no fdpass here"),
)  # fmt: skip

BALANCER_PARAMETERS: Final = _table(
    Parameter("stickysession", "none", "Cookie, or COOKIE|parameter, that holds the route.",
              text_of(0, 63, "stickysession length must be < 64 characters"), "balancer.stickysession"),
    Parameter("stickysessionsep", ".", "What stands before the route.", _separator, "balancer.stickysessionsep"),
    Parameter("scolonpathdelim", "Off", "In a URL, ; ends the value too.",
              flag("scolonpathdelim must be On|Off"), "balancer.scolonpathdelim"),
    Parameter("nofailover", "Off", "503 rather than another member.",
              flag("failover must be On|Off"), "balancer.nofailover"),
    Parameter("lbmethod", "byrequests", "How new users are spread.", _method, "balancer.lbmethod"),
    Parameter("maxattempts", "one less than members", "Members that are tried after the first.",
              integer(0, _MANY, "maximum number of attempts must be a positive number"), "balancer.maxattempts"),
    Parameter("timeout", "0 s", "How long a request waits for a usable member; no limit for answers.",
              integer(1, _MANY, "timeout must be at least one second"), "balancer.wait"),
    Parameter("failonstatus", "none", "Statuses that put their member in error.", _statuses, "balancer.failonstatus"),
    Parameter("failontimeout", "Off", "A response timeout puts the member in error.",
              flag("failontimeout must be On|Off"), "balancer.failontimeout"),
    Parameter("forcerecovery", "On", "With all members in error, try them at once.",
              flag("forcerecovery must be On|Off"), "balancer.forcerecovery"),
    Parameter("growth", "0", "Members that can be added at run time.",
              integer(1, 100, "growth must be between 1 and 100"), reason="panolb needs no room to be set aside"),
    Parameter("nonce", "random", "What balancer-manager asks for before it changes anything.",
              text_of(0, 36, "Provided nonce is too large"), reason="there is no balancer-manager here"),
)  # fmt: skip


def read_pairs(
    table: Mapping[str, Parameter], kind: str, words: Iterable[str]
) -> tuple[dict[str, Any], list[str], list[Parameter]]:
    """Read ``key=value`` words.

    :param kind: ``Worker`` or ``Balancer``, for the message about an unknown key.
    :returns: the values by lower-case name; what Apache would not start with, a sentence each; what makes no difference.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    idle: list[Parameter] = []
    for word in words:
        key, equals, text = word.partition("=")
        parameter = table.get(key.lower())
        if not equals:
            wrong.append(f"{word}: parameters must be in the form 'key=value'")
        elif parameter is None:
            wrong.append(f"{key}: unknown {kind} parameter{_hint(key, kind, table)}")
        else:
            try:
                values[parameter.name] = parameter.read(text)
            except ValueError as error:
                wrong.append(f"{word}: {error}")
            else:
                idle += [] if parameter.key else [parameter]
    return values, wrong, idle


def _hint(key: str, kind: str, table: Mapping[str, Parameter]) -> str:
    """Say where a parameter belongs, or what it may have been meant to be."""
    other = "Worker" if kind == "Balancer" else "Balancer"
    elsewhere = MEMBER_PARAMETERS if other == "Worker" else BALANCER_PARAMETERS
    if key.lower() in elsewhere:
        place = "BalancerMember" if other == "Worker" else "ProxySet in <Proxy balancer://...>"
        return f"; it belongs to {place}"
    near = get_close_matches(key.lower()[:64], list(table), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""
