"""What becomes of a location's reverse mapping: worked out, written, or both."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

import panolb.plugins
from panolb.config import model
from panolb.control.build import Builder, watch
from panolb.control.locations import Locations
from panolb.control.plant import Plant
from panolb.control.registry import Registry
from panolb.core.headers import understand_answer
from panolb.proxy.deadlines import Deadlines
from panolb.proxy.turn import Turn

PUBLIC = b"https://dash.example"


def translated(location: model.Location, *fields: bytes) -> list[bytes]:
    """What a client sees of a member's fields."""
    one = model.Member(url="http://localhost:8081/inner", route="1")
    config = model.Config(balancer={"app": model.Balancer(member=[one])}, location=[location])
    clock, locations = Clock(), Locations(lambda: 0.0, lambda: 0.0, None)
    builder = Builder(
        clock, Deadlines(clock.seconds), Turn(clock), Registry(panolb.plugins), locations, True, watch
    )
    (made,) = builder.draft(config, Plant()).locations
    answer = understand_answer(fields, True)
    made.reverse.translate(answer, PUBLIC, b"localhost")
    return answer.lines


@pytest.mark.parametrize("cookies", [[], ["/inner /outer"]], ids=["worked-out", "cookies-written"])
@pytest.mark.parametrize(("path", "seen"), [("/outer", b"/outer/x"), ("/", b"/x")])
def test_locations_are_worked_out(cookies: list[str], path: str, seen: bytes) -> None:
    """ProxyPassReverseCookiePath beside it changes nothing about Location."""
    location = model.Location(path=path, balancer="app", reverse_cookie_path=cookies)
    assert translated(location, b"Location: http://localhost:8081/inner/x") == [b"Location: " + PUBLIC + seen]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        (["/other http://intern:80/deep"], b"http://localhost:8081/inner/x"),
        (["/other balancer://app"], PUBLIC + b"/other/x"),
        (["/other balancer://app/x"], PUBLIC + b"/other"),
        (["/other /inner"], PUBLIC + b"/other/x"),
        (["http://elsewhere.example/o balancer://app"], b"http://elsewhere.example/o/x"),
        ([], b"http://localhost:8081/inner/x"),
    ],
)
def test_locations_as_written(written: list[str], seen: bytes) -> None:
    """ProxyPassReverse with a URL, a balancer, a path; and none at all."""
    location = model.Location(path="/outer", balancer="app", reverse=written)
    assert translated(location, b"Location: http://localhost:8081/inner/x") == [b"Location: " + seen]


def test_cookies_as_written() -> None:
    """Path and Domain of cookies; the rest of a cookie is nobody's business."""
    location = model.Location(
        path="/outer",
        balancer="app",
        reverse_cookie_path=["/inner /outer"],
        reverse_cookie_domain=["back.test dash.example"],
    )
    assert translated(location, b"Set-Cookie: path=/inner; Path=/inner/x; Domain=BACK.test; Secure") == [
        b"Set-Cookie: path=/inner; Path=/outer; Domain=dash.example; Secure"
    ]
