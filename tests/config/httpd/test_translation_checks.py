"""mod_proxy_hcheck: what a member says of its check becomes a Health of the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.model import Health
from tests.harness.httpdconf import changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


def _health(
    translate: Translate, words: str, *, before: str = "", url: str = "http://10.0.0.1:8080/app"
) -> Health | None:
    text = (
        f"{before}<Proxy balancer://c>\nBalancerMember {url} {words}\n</Proxy>\nProxyPass /app balancer://c\n"
    )
    return translate(text).config.balancer["c"].health


def test_no_check_by_default(translate: Translate) -> None:
    """Other parameters change nothing about it."""
    assert _health(translate, "") is None
    assert _health(translate, "hcmethod=NONE") is None
    assert _health(translate, "hcinterval=5 hcuri=/x") is None


def test_apaches_defaults(translate: Translate) -> None:
    """30 seconds, one check to take a member out, one to bring it back, HTTP/1.0."""
    assert _health(translate, "hcmethod=GET") == Health(
        uri="/app", http_version="1.0", interval=30.0, interval_changing=30.0, timeout=30.0, passes=1, fails=1
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("GET", {"method": "GET", "http_version": "1.0", "uri": "/app"}),
        ("get11", {"method": "GET", "http_version": "1.1", "uri": "/app"}),
        ("HEAD", {"method": "HEAD", "http_version": "1.0", "uri": "/app"}),
        ("HEAD11", {"method": "HEAD", "http_version": "1.1", "uri": "/app"}),
        ("OPTIONS", {"method": "OPTIONS", "http_version": "1.0", "uri": "*"}),
        ("OPTIONS11", {"method": "OPTIONS", "http_version": "1.1", "uri": "*"}),
        ("TCP", {"check": "tcp"}),
    ],
)
def test_methods(translate: Translate, method: str, expected: dict[str, Any]) -> None:
    """H2: ...11 speaks HTTP/1.1, and OPTIONS asks for * whatever hcuri says."""
    found = _health(translate, f"hcmethod={method}")
    assert found is not None
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("url", "words", "uri"),
    [
        ("http://h:1/app", "hcuri=/hc", "/app//hc"),
        ("http://h:1/app", "hcuri=hc", "/app/hc"),
        ("http://h:1/app", "", "/app"),
        ("http://h:1", "hcuri=/hc", "/hc"),
        ("http://h:1", "", "/"),
    ],
)
def test_what_is_asked_for(translate: Translate, url: str, words: str, uri: str) -> None:
    """H1: the member's path, a slash, and hcuri."""
    found = _health(translate, f"hcmethod=GET {words}", url=url)
    assert found is not None
    assert found.uri == uri


def test_numbers(translate: Translate) -> None:
    """H4; a check cannot take longer than until the next one, nor than an answer may."""
    found = _health(translate, "hcmethod=TCP hcinterval=300ms hcpasses=2 hcfails=3 timeout=9")
    assert changed(found) == {
        "check": "tcp", "interval": 0.3, "interval_changing": 0.3, "timeout": 0.3, "passes": 2, "fails": 3
    }  # fmt: skip
    slow = _health(translate, "hcmethod=TCP hcinterval=1mi timeout=9")
    assert slow is not None
    assert slow.timeout == 9.0
    none = _health(translate, "hcmethod=TCP hcpasses=0 hcfails=0")
    assert none is not None
    assert (none.passes, none.fails) == (1, 1)


def test_a_condition(translate: Translate) -> None:
    """H10: it alone decides, in the words of ap_expr."""
    before = "ProxyHCExpr fine {%{REQUEST_STATUS} =~ /^[234]/ && hc('body') !~ /down for/}\n"
    found = _health(translate, "hcmethod=GET hcexpr=fine", before=before)
    assert found is not None
    assert found.expect == "%{REQUEST_STATUS} =~ /^[234]/ && hc('body') !~ /down for/"


def test_a_template(translate: Translate) -> None:
    """Own parameters count more; a template without a method connects only, as mod_proxy_hcheck has it."""
    before = "ProxyHCTemplate slow hcmethod=HEAD hcinterval=10 hcfails=5\nProxyHCTemplate bare hcinterval=3\n"
    found = _health(translate, "hctemplate=slow hcfails=2", before=before)
    assert found is not None
    assert (found.method, found.interval, found.fails) == ("HEAD", 10.0, 2)
    bare = _health(translate, "hctemplate=bare", before=before)
    assert bare is not None
    assert (bare.check, bare.interval) == ("tcp", 3.0)


def test_members_that_are_checked_in_different_ways(translate: Translate) -> None:
    """What most do is the balancer's; where one is not checked at all, each says it for itself."""
    text = "<Proxy balancer://c>\n{}</Proxy>\nProxyPass /app balancer://c\n"
    member = "BalancerMember http://10.0.0.{0}:8080 {1}\n"
    three = [
        member.format(1, "hcmethod=TCP"),
        member.format(2, "hcmethod=GET"),
        member.format(3, "hcmethod=TCP"),
    ]
    balancer = translate(text.format("".join(three))).config.balancer["c"]
    assert balancer.health is not None
    assert balancer.health.check == "tcp"
    assert [one.health is None for one in balancer.member] == [True, False, True]
    some = translate(text.format("".join([*three[:2], member.format(3, "")]))).config.balancer["c"]
    assert some.health is None
    assert [one.health is None for one in some.member] == [False, False, True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("ProxyHCExpr " + "n" * 16 + " {true}", "Expression name limited to 15 characters"),
        ("ProxyHCTemplate t hcinterval=50ms", "Interval must be a positive value greater than 100ms"),
        ("ProxyHCTemplate t route=1", "unknown Worker parameter"),
        ("ProxyHCTemplate t hcexpr=late", "Unknown health check condition expr: late"),
    ],
)
def test_templates_written_wrongly(problems: Problems, lines: str, words: str) -> None:
    """Apache reads from top to bottom."""
    found = problems(lines + "\nProxyPass /a http://10.0.0.1:80/\n")
    assert len(found) == 1
    assert found[0].startswith("3: ")
    assert words in found[0]


def test_a_condition_that_cannot_be_read(problems: Problems) -> None:
    """It is told where it is used."""
    text = "ProxyHCExpr odd {%{REQUEST_STATUS} -zz 3}\n<Proxy balancer://c>\nBalancerMember http://10.0.0.1:80 hcmethod=GET hcexpr=odd\n</Proxy>\nProxyPass /a balancer://c\n"
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith("5: BalancerMember: expect: ")
