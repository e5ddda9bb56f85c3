"""Balancers and their members, wherever in the file they are written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from tests.harness.httpdconf import MEMBERS, PASS

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]

ONE = "BalancerMember balancer://c http://10.0.0.1:8080/app route=1 upgrade=websocket\n"


def _said(imported: Imported, line: int) -> str:
    return next(entry.words for entry in imported.report.entries if entry.place.line == line and entry.name)


def test_the_section_and_its_members(translate: Translate) -> None:
    """In the order of the file."""
    balancer = translate(MEMBERS + PASS).config.balancer["c"]
    assert [(one.url, one.route) for one in balancer.member] == [
        ("http://10.0.0.1:8080/app", "1"),
        ("http://10.0.0.2:8080/app", "2"),
    ]
    assert balancer.stickysession == "ROUTEID"
    assert balancer.cookie.enabled is False
    assert not balancer.sets_cookie


def test_members_and_parameters_outside_of_a_section(translate: Translate) -> None:
    """They name the balancer; that ProxyPass comes first does not matter."""
    text = PASS + ONE + "ProxySet balancer://c stickysession=S lbmethod=bybusyness\n"
    balancer = translate(text).config.balancer["c"]
    assert balancer.stickysession == "S"
    assert balancer.lbmethod == "bybusyness"
    assert len(balancer.member) == 1


def test_names_are_the_same_in_any_case(translate: Translate) -> None:
    """Apache writes them in lower case, and so does the model."""
    text = "<Proxy balancer://MyCluster>\nBalancerMember http://10.0.0.1:8080\n</Proxy>\nProxyPass /app BALANCER://mycluster\n"
    assert list(translate(text).config.balancer) == ["mycluster"]


def test_a_name_that_the_model_cannot_have(translate: Translate) -> None:
    """What stands in for it is still to be recognised."""
    text = "<Proxy balancer://my+cluster>\nBalancerMember http://10.0.0.1:8080\n</Proxy>\nProxyPass /app balancer://my+cluster\n"
    config = translate(text).config
    assert list(config.balancer) == ["my-cluster"]
    assert config.location[0].balancer == "my-cluster"


def test_later_parameters_count(translate: Translate) -> None:
    """In the order of the file: section, ProxySet, ProxyPass."""
    text = "<Proxy balancer://c maxattempts=1>\nProxySet maxattempts=2\nBalancerMember http://10.0.0.1:8080\n</Proxy>\n"
    assert translate(text + "ProxyPass /a balancer://c\n").config.balancer["c"].maxattempts == 2
    assert translate(text + "ProxyPass /a balancer://c maxattempts=3\n").config.balancer["c"].maxattempts == 3


def test_a_member_whose_url_begins_with_another_ones(translate: Translate) -> None:
    """C3: Apache makes one member of both; panolb does what the file says, and says so."""
    text = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080/app\nBalancerMember http://10.0.0.1:8080/app2\n</Proxy>\nProxyPass /a balancer://c\n"
    imported = translate(text)
    assert [one.path for one in imported.config.balancer["c"].member] == ["/app", "/app2"]
    entry = next(one for one in imported.report.entries if one.place.line == 5)
    assert entry.verdict is Verdict.IMPROVED
    assert "Apache takes it for http://10.0.0.1:8080/app" in entry.words


def test_a_member_that_is_written_twice(translate: Translate) -> None:
    """It is one member, and the second line's parameters are ignored, as in Apache."""
    text = "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080/app route=1\nBalancerMember http://10.0.0.1:8080/app route=2\n</Proxy>\nProxyPass /a balancer://c\n"
    imported = translate(text)
    assert [one.route for one in imported.config.balancer["c"].member] == ["1"]
    assert "line 4" in _said(imported, 5)


@pytest.mark.parametrize("scheme", ["ws", "WS", "http", "HTTP"])
def test_members_that_panolb_speaks_to(translate: Translate, scheme: str) -> None:
    """ws:// is the same server, and WebSockets pass without anybody asking for it."""
    text = f"<Proxy balancer://c>\nBalancerMember {scheme}://10.0.0.1:8080/app\n</Proxy>\nProxyPass /a balancer://c\n"
    config = translate(text).config
    assert config.balancer["c"].member[0].url == "http://10.0.0.1:8080/app"
    assert config.location[0].websocket


@pytest.mark.parametrize("url", ["ajp://h:8009", "fcgi://h:9000", "h2c://h:1"])
def test_members_that_panolb_does_not_speak_to(problems: Problems, url: str) -> None:
    """The start stops: requests would not reach them."""
    text = f"<Proxy balancer://c>\nBalancerMember {url}\nBalancerMember http://10.0.0.1:1/\n</Proxy>\nProxyPass /a balancer://c\n"
    scheme = url.partition(":")[0]
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith("4: BalancerMember: is not supported. panolb speaks to no " + scheme)
    assert problems(text, allowed={"balancermember"}) == []


def test_websockets_by_upgrade(translate: Translate) -> None:
    """Any protocol lets them pass, NONE forbids it, and nothing at all lets them pass with a word in the report."""
    text = (
        "<Proxy balancer://c>\nBalancerMember http://10.0.0.1:8080 {}\n</Proxy>\nProxyPass /a balancer://c\n"
    )
    for word, passes in (("upgrade=websocket", True), ("upgrade=ANY", True), ("upgrade=NONE", False)):
        imported = translate(text.format(word))
        assert imported.config.location[0].websocket is passes, word
        assert not imported.report.of(Verdict.IMPROVED), word
    silent = translate(text.format(""))
    assert silent.config.location[0].websocket
    assert "WebSockets work" in silent.report.of(Verdict.IMPROVED)[0].words


def test_a_balancer_without_members(problems: Problems) -> None:
    """It would answer 503 for ever."""
    assert problems("ProxyPass /app balancer://c growth=3\n") == [
        "3: ProxyPass: balancer://c has no BalancerMember"
    ]


def test_a_balancer_that_nothing_leads_to(translate: Translate) -> None:
    """It is left out, with a word."""
    imported = translate(MEMBERS + "ProxyPass /x http://10.0.0.9:80/\n")
    assert list(imported.config.balancer) == ["10.0.0.9-80"]
    assert "No ProxyPass leads to this balancer" in _said(imported, 3)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("BalancerMember http://10.0.0.1:8080", "must define balancer name when outside"),
        ("BalancerMember balancer://c", "must define remote proxy server"),
        ("BalancerMember balancer://c 10.0.0.1:8080", "is no URL"),
        ("BalancerMember balancer://c http://10.0.0.1:99999", "is not a URL"),
        ("BalancerMember balancer://c http://10.0.0.1/ route", "in the form 'key=value'"),
        ("ProxySet balancer://d lbmethod=byrequests", "can not find 'balancer://d' Balancer."),
    ],
)
def test_members_written_wrongly(problems: Problems, line: str, words: str) -> None:
    """Each with its line."""
    found = problems(MEMBERS + PASS + line + "\n")
    assert [one for one in found if one.startswith("10: ")] == found
    assert words in found[0]


def test_one_server_is_a_balancer_of_one(translate: Translate) -> None:
    """Named after host and port, and the same one for every path of that server."""
    text = (
        "ProxyPass /a http://intern:8090/x\nProxyPass /b http://intern:8090/y\n"
        "ProxyPass /c http://intern:8090/z timeout=5\nProxyPass /d http://other\n"
    )
    config = translate(text).config
    assert list(config.balancer) == ["intern-8090", "intern-8090-2", "other-80"]
    assert [(one.balancer, one.target) for one in config.location] == [
        ("intern-8090", "/x"),
        ("intern-8090", "/y"),
        ("intern-8090-2", "/z"),
        ("other-80", None),
    ]
    assert config.balancer["intern-8090-2"].response_timeout == 5.0


def test_a_section_for_one_server(translate: Translate) -> None:
    """Its parameters are those of every ProxyPass to URLs that begin with its own."""
    text = "<Proxy http://intern:8090/>\nProxySet timeout=7 retry=0\n</Proxy>\nProxyPass /a http://intern:8090/x\n"
    balancer = translate(text).config.balancer["intern-8090"]
    assert balancer.response_timeout == 7.0
    assert balancer.retry == 0.0


def test_each_virtual_host_has_its_own_balancers(translate: Translate) -> None:
    """The same name twice is two balancers."""
    host = "<VirtualHost *:10080>\nServerName {0}.example.org\nBalancerMember balancer://c http://{0}:80\nProxyPass /a balancer://c\n</VirtualHost>\n"
    config = translate(host.format("one") + host.format("two")).config
    assert sorted(config.balancer) == ["c", "c-2"]
    by_host = {tuple(one.host): one.balancer for one in config.location if one.balancer}
    urls = {name: balancer.member[0].url for name, balancer in config.balancer.items()}
    assert urls[by_host[()] or ""] == "http://one:80"
    assert urls[by_host[("two.example.org",)] or ""] == "http://two:80"


def test_a_balancer_of_the_main_server(translate: Translate) -> None:
    """Virtual hosts share it; one that says more about it has its own, with the same members."""
    host = (
        "<VirtualHost *:10080>\nServerName {0}.example.org\nProxyPass /a balancer://c {1}\n</VirtualHost>\n"
    )
    shared = translate(ONE + host.format("one", "") + host.format("two", "")).config
    assert list(shared.balancer) == ["c"]
    own = translate(ONE + host.format("one", "") + host.format("two", "nofailover=On")).config
    assert {name: one.nofailover for name, one in own.balancer.items()} == {"c": False, "c-2": True}
    assert own.balancer["c"].member == own.balancer["c-2"].member


def test_where_things_come_from(translate: Translate) -> None:
    """Whoever finds a problem later can name the line."""
    imported = translate(MEMBERS + PASS)
    where = imported.config.where
    assert where(("balancer", "c", "member", 1, "route")).endswith("httpd.conf:5")
    assert where(("balancer", "c", "retry")).endswith("httpd.conf:3")
    assert where(("location", 0, "path")).endswith("httpd.conf:8")
    assert where(("listener", "http-10080", "endpoint")).endswith("httpd.conf:1")
    assert [place.line for place in imported.sources["balancer", "c", "member", 0]] == [4]
