"""Every parameter of members and balancers: what it becomes in the model, and what Apache would not start with.

The errors, and the values that are no errors although they look like it, are those of Apache 2.4.71.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.parameters import BALANCER_PARAMETERS, MEMBER_PARAMETERS, read_pairs
from panolb.config.httpd.scalars import atof, atoi, duration
from panolb.config.model import Balancer, Member

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


def _balancer(translate: Translate, member: str = "", balancer: str = "") -> Balancer:
    text = f"<Proxy balancer://c {balancer}>\nBalancerMember http://10.0.0.1:8080/app upgrade=websocket {member}\n</Proxy>\n"
    return translate(text + "ProxyPass /app balancer://c\n").config.balancer["c"]


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("route=node1", "route", "node1"),
        ("redirect=node2", "redirect", "node2"),
        ("loadfactor=3", "loadfactor", 3.0),
        ("loadfactor=2.567", "loadfactor", 2.56),
        ("LoadFactor=2", "loadfactor", 2.0),
        ("lbset=2", "lbset", 2),
        ("lbset=abc", "lbset", 0),
        ("status=D", "status", "disabled"),
        ("status=+N", "status", "drain"),
        ("status=+S+D", "status", "stopped"),
        ("status=DE-D", "status", "active"),
        ("status=+E", "status", "active"),
        ("status=+D+N", "status", "disabled"),
        ("status=h", "hot_standby", True),
        ("status=+R", "hot_spare", True),
        ("status=+I", "ignore_errors", True),
        ("status=+I+D", "status", "disabled"),
        ("status=+R+H", "hot_standby", False),
        ("status=", "status", "active"),
    ],
)
def test_a_parameter_of_a_member(translate: Translate, word: str, key: str, value: Any) -> None:
    """Names count in any case, numbers are read as far as they go."""
    assert getattr(_balancer(translate, word).member[0], key) == value


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("", "retry", 60.0),
        ("retry=0", "retry", 0.0),
        ("retry=10", "retry", 10.0),
        ("retry=500ms", "retry", 500.0),  # no units there: it is a number
        ("", "response_timeout", 60.0),
        ("timeout=300", "response_timeout", 300.0),
        ("timeout=300", "connect_timeout", 5.0),
        ("timeout=2", "connect_timeout", 2.0),
        ("connectiontimeout=500ms timeout=2", "connect_timeout", 0.5),
        ("connectiontimeout=30", "connect_timeout", 30.0),
        ("ping=1", "ping", 1.0),
        ("ping=200ms", "ping", 0.2),
        ("max=20", "max_connections", 20),
        ("max=0", "max_connections", None),
        ("max=20 acquire=500", "acquire", 0.5),
        ("acquire=5s", "acquire", 5.0),
        ("", "keepalive_idle", 15.0),
        ("ttl=5", "keepalive_idle", 5.0),
        ("disablereuse=On", "reuse", False),
        ("enablereuse=off", "reuse", False),
        ("disablereuse=off", "reuse", True),
    ],
)
def test_what_all_members_have_is_said_by_the_balancer(
    translate: Translate, word: str, key: str, value: Any
) -> None:
    """A table of a member then has only what is its own."""
    balancer = _balancer(translate, word)
    assert getattr(balancer, key) == value
    assert getattr(balancer.member[0], key) is None


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("stickysession=JSESSIONID|jsessionid", "stickysession", "JSESSIONID|jsessionid"),
        ("stickysession=", "stickysession", None),
        ("stickysessionsep=!", "stickysessionsep", "!"),
        ("stickysessionsep=Off", "stickysessionsep", "off"),
        ("scolonpathdelim=On", "scolonpathdelim", True),
        ("nofailover=On", "nofailover", True),
        ("lbmethod=bytraffic", "lbmethod", "bytraffic"),
        ("lbmethod=bybusyness", "lbmethod", "bybusyness"),
        ("maxattempts=3", "maxattempts", 3),
        ("maxattempts=abc", "maxattempts", 0),
        ("timeout=600", "wait", 600.0),
        ("timeout=9999", "wait", 7200.0),
        ("failonstatus=503,504", "failonstatus", [503, 504]),
        ("failonstatus=100,500", "failonstatus", [500]),
        ("failontimeout=On", "failontimeout", True),
        ("forcerecovery=Off", "forcerecovery", False),
    ],
)
def test_a_parameter_of_a_balancer(translate: Translate, word: str, key: str, value: Any) -> None:
    """In the section's own line as in ProxySet and ProxyPass."""
    assert getattr(_balancer(translate, balancer=word), key) == value


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("loadfactor=0.9", "LoadFactor must be a number between 1..100"),
        ("loadfactor=101", "LoadFactor must be a number between 1..100"),
        ("loadfactor=abc", "LoadFactor must be a number between 1..100"),
        ("route=" + "r" * 64, "Route length must be < 64 characters"),
        ("redirect=" + "r" * 64, "Redirect length must be < 64 characters"),
        ("lbset=100", "lbset must be between 0 and 99"),
        ("lbset=-1", "lbset must be between 0 and 99"),
        ("retry=-1", "Retry must be a positive value"),
        ("ttl=0", "TTL must be at least one second"),
        ("timeout=0", "Timeout must be at least one second"),
        ("timeout=abc", "Timeout must be at least one second"),
        ("connectiontimeout=0", "Connectiontimeout must be at least one millisecond."),
        ("connectiontimeout=1.5", "has wrong format"),
        ("ping=0", "Ping/Pong timeout must be at least one millisecond"),
        ("acquire=0", "Acquire must be at least one millisecond"),
        ("max=-1", "Max must be a positive number"),
        ("min=-1", "Min must be a positive number"),
        ("status=+Z", "Unknown status parameter option"),
        ("status=+", "Unknown status parameter option"),
        ("upgrade=" + "w" * 16, "upgrade protocol length must be < 16 characters"),
        ("keepalive=yes", "KeepAlive must be On|Off"),
        ("responsefieldsize=-1", "ResponseFieldSize must be greater than 0 bytes"),
        ("hcinterval=50ms", "Interval must be a positive value greater than 100ms"),
        ("hcmethod=CPING", "Health check method CPING not (yet) implemented"),
        ("hcmethod=PROVIDER", "Health check method PROVIDER not (yet) implemented"),
        ("hcmethod=POST", "Unknown method"),
        ("hcpasses=-1", "Passes must be a positive value"),
        ("hcexpr=nope", "Unknown health check condition expr: nope"),
        ("hctemplate=nope", "Unknown ProxyHCTemplate name: nope"),
        ("rout=1", "did you mean route?"),
        ("stickysession=X", "it belongs to ProxySet"),
        ("route", "parameters must be in the form 'key=value'"),
    ],
)
def test_what_apache_refuses_of_a_member(problems: Problems, word: str, words: str) -> None:
    """C1: the start stops, with the line."""
    text = f"<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080/app {word}\n</Proxy>\nProxyPass /app balancer://c\n"
    found = problems(text)
    assert any(one.startswith("4: BalancerMember: ") and words in one for one in found), found


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("stickysessionsep=ab", "stickysessionsep must be a single character or Off"),
        ("growth=0", "growth must be between 1 and 100"),
        ("growth=101", "growth must be between 1 and 100"),
        ("failonstatus=99", "failonstatus must be one or more HTTP response codes"),
        ("failonstatus=600", "failonstatus must be one or more HTTP response codes"),
        ("failonstatus=500,abc", "failonstatus must be one or more HTTP response codes"),
        ("lbmethod=nosuch", "unknown lbmethod"),
        ("lbmethod=heartbeat", "needs servers that send heartbeats"),
        ("nofailover=yes", "failover must be On|Off"),
        ("forcerecovery=x", "forcerecovery must be On|Off"),
        ("timeout=0", "timeout must be at least one second"),
        ("timeout=5ms", None),
        ("maxattempts=-1", "maximum number of attempts must be a positive number"),
        ("retry=0", "it belongs to BalancerMember"),
        ("stickysesion=X", "did you mean stickysession?"),
    ],
)
def test_what_apache_refuses_of_a_balancer(problems: Problems, word: str, words: str | None) -> None:
    """C1 and C2."""
    text = f"<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080/app route=1\nProxySet {word}\n</Proxy>\nProxyPass /app balancer://c\n"
    found = problems(text)
    assert (words is None and not found) or any(
        one.startswith("5: ProxySet: ") and str(words) in one for one in found
    ), found


def test_the_trap_of_timeout_in_proxypass(translate: Translate, problems: Problems) -> None:
    """C2: on a balancer's line it is the wait for a usable member, which the report says; retry= is refused there."""
    members = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080/app route=1\n</Proxy>\n"
    imported = translate(members + "ProxyPass /app balancer://c timeout=600\n")
    assert imported.config.balancer["c"].wait == 600.0
    assert imported.config.balancer["c"].response_timeout == 60.0
    assert any("waits for a usable member" in entry.words for entry in imported.report.entries)
    assert problems(members + "ProxyPass /app balancer://c retry=0\n") == [
        "6: ProxyPass: retry: unknown Balancer parameter; it belongs to BalancerMember"
    ]


def test_members_that_differ(translate: Translate) -> None:
    """What most have is the balancer's; who has something else says so itself."""
    text = (
        "<Proxy balancer://c>\n"
        "BalancerMember http://10.0.0.1:8080 route=1 timeout=10 max=5\n"
        "BalancerMember http://10.0.0.2:8080 route=2 timeout=10\n"
        "BalancerMember http://10.0.0.3:8080 route=3 timeout=99\n"
        "</Proxy>\nProxyPass /app balancer://c\n"
    )
    balancer = translate(text).config.balancer["c"]
    assert balancer.response_timeout == 10.0
    assert [member.response_timeout for member in balancer.member] == [None, None, 99.0]
    assert balancer.max_connections is None
    assert [member.max_connections for member in balancer.member] == [5, None, None]


def test_a_failed_check_to_start_with(translate: Translate) -> None:
    """status=C waits for a check; where there is none it never ends."""
    checked = _balancer(translate, "status=+C hcmethod=TCP")
    assert checked.member[0].status == "active"
    assert checked.health is not None
    assert checked.health.start == "down"
    assert _balancer(translate, "status=+C").member[0].status == "stopped"


def test_what_makes_no_difference_is_named(translate: Translate) -> None:
    """With the reason, on the line that has it."""
    text = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080 min=1 smax=2 iobuffersize=8192\n</Proxy>\nProxyPass /a balancer://c\n"
    entry = next(one for one in translate(text).report.entries if one.place.line == 4)
    assert "min=: panolb opens connections when they are needed" in entry.words
    assert "smax=" in entry.words
    assert "iobuffersize=" in entry.words


@pytest.mark.parametrize("table", [MEMBER_PARAMETERS, BALANCER_PARAMETERS])
def test_each_parameter_is_run_or_has_a_reason(table: Any) -> None:
    """Never both, never neither; the documentation is made of this."""
    for one in table.values():
        assert bool(one.key) != bool(one.reason), one.name
        assert one.meaning.endswith(".")
        assert one.name == one.name.lower()


def test_apache_connects_for_as_long_as_it_waits(translate: Translate) -> None:
    """With --apache-compat, as without a word about it."""
    text = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080 timeout=120\n</Proxy>\nProxyPass /a balancer://c\n"
    assert translate(text).config.balancer["c"].connect_timeout == 5.0
    assert translate(text, compat=True).config.balancer["c"].connect_timeout == 120.0


@pytest.mark.parametrize(
    ("text", "unit", "seconds"),
    [("5", "s", 5.0), ("5", "ms", 0.005), ("5ms", "s", 0.005), ("2mi", "s", 120.0), ("1h", "s", 3600.0), ("60seconds", "ms", 60.0)],
)  # fmt: skip
def test_durations(text: str, unit: str, seconds: float) -> None:
    """Only the beginning of a unit counts."""
    assert duration(text, unit) == seconds


@pytest.mark.parametrize("text", ["", "abc", "-5", "5x", "1.5", "5m", "5 s"])
def test_no_durations(text: str) -> None:
    """A bare m is neither minutes nor months."""
    with pytest.raises(ValueError, match="wrong format"):
        duration(text, "s")


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "abc", " 5", "ms", ".5", "-"]))
def test_atoi_reads_as_far_as_it_can(number: int, rest: str) -> None:
    """What follows the digits does not count."""
    assert atoi(f"{number}{rest}") == number


@given(st.text(max_size=30))
def test_numbers_of_any_text(text: str) -> None:
    """C never fails."""
    assert isinstance(atoi(text), int)
    assert atof(text) == atof(text)


@given(st.lists(st.text(max_size=20), max_size=5), st.sampled_from([MEMBER_PARAMETERS, BALANCER_PARAMETERS]))
def test_any_words(words: list[str], table: Any) -> None:
    """Every word is a value, a complaint, or makes no difference."""
    values, wrong, idle = read_pairs(table, "Worker", words)
    assert len(values) + len(wrong) <= len(words)
    assert all(one.reason for one in idle)


def test_a_status_of_run(translate: Translate) -> None:
    """A member whose parameters are all run is reported as the table says."""
    text = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080 route=1 upgrade=websocket\n</Proxy>\nProxyPass /a balancer://c\n"
    entry = next(one for one in translate(text).report.entries if one.place.line == 4)
    assert entry.verdict is Verdict.RUN


def test_a_member_of_the_model(translate: Translate) -> None:
    """The model's object as a whole."""
    member = _balancer(translate, "route=1 loadfactor=2 status=+H lbset=1 redirect=2").member[0]
    assert member == Member(
        url="http://10.0.0.1:8080/app", route="1", loadfactor=2.0, hot_standby=True, lbset=1, redirect="2"
    )
