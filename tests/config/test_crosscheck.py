"""What several keys must agree on, and what deserves a warning."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from panolb.config import Balancer, Config, Cookie, Health, Listener, Location, Member, problems, warnings
from panolb.config.model import Admin

ONE = Member(url="http://one/", route="1")
TWO = Member(url="http://two/", route="2")
GOOD = Config(
    listener={"public": Listener(endpoint="tcp:1")},
    balancer={"app": Balancer(stickysession="ID", member=[ONE, TWO])},
    location=[Location(path="/", balancer="app")],
)


def with_balancer(**changes: Any) -> Config:
    """The good configuration with another balancer."""
    return attrs.evolve(GOOD, balancer={"app": attrs.evolve(GOOD.balancer["app"], **changes)})


def with_location(**changes: Any) -> Config:
    """The good configuration with another location."""
    return attrs.evolve(GOOD, location=[attrs.evolve(GOOD.location[0], **changes)])


def test_nothing_to_say() -> None:
    """A right configuration has neither problems nor warnings."""
    assert problems(GOOD) == warnings(GOOD) == []


@pytest.mark.parametrize(
    ("config", "place", "message"),
    [
        (attrs.evolve(GOOD, listener={}), "listener", "no listener: write [listener.public]"),
        (attrs.evolve(GOOD, location=[]), "location", "no location: write [[location]]"),
        (
            attrs.evolve(GOOD, admin=Admin(endpoint="tcp:1")),
            "admin.endpoint",
            "tcp:1 is already the endpoint of listener.public.endpoint",
        ),
        (
            attrs.evolve(GOOD, listener={"a": Listener(endpoint="tcp:1", max_head=2000, max_target=3000)}),
            "listener.a.max_target",
            "must not be more than max_head",
        ),
        (
            attrs.evolve(GOOD, listener={"a": Listener(endpoint="tcp:1", proxy_protocol=True)}),
            "listener.a.proxy_protocol",
            "nobody could connect: write trusted_proxies",
        ),
        (
            attrs.evolve(
                GOOD, location=[Location(path="/"), *GOOD.location[1:], Location(path="/b", balancer="app")]
            ),
            "location[0]",
            'needs balancer = "NAME", files',
        ),
        (
            attrs.evolve(GOOD, location=[Location(path="/", balancer="app", files="/srv")]),
            "location[0].files",
            "a location has a balancer or files, not both",
        ),
        (
            attrs.evolve(GOOD, location=[*GOOD.location, Location(path="/b", balancer="ap")]),
            "location[1].balancer",
            'no balancer is named "ap"; there are: "app"',
        ),
        (
            Config(listener=GOOD.listener, location=[Location(path="/b", balancer="ap")]),
            "location[0].balancer",
            'no balancer is named "ap"; there is none',
        ),
        (
            attrs.evolve(
                GOOD,
                location=[
                    Location(path="/a", host="H", balancer="app"),
                    Location(path="/a", balancer="app"),
                    Location(path="/a", host="h", files="/srv"),
                ],
            ),
            "location[2].path",
            "h/a is already the path of location[0]",
        ),
        (with_balancer(member=[]), "balancer.app.member", "no members: write [[balancer.app.member]]"),
        (with_balancer(member=[ONE, TWO, ONE]), "balancer.app.member[2].url", "this member is listed twice"),
        (
            with_balancer(member=[ONE, Member(url="http://x")]),
            "balancer.app.member[1].route",
            'needs a route, because stickysession is set: write route = "2"',
        ),
        (
            with_balancer(member=[Member(url="http://x"), ONE]),
            "balancer.app.member[0].route",
            'needs a route, because stickysession is set: write route = "2"',
        ),
        (
            with_balancer(cookie=Cookie(samesite="None")),
            "balancer.app.cookie.samesite",
            'browsers refuse samesite = "None" without Secure',
        ),
        (
            attrs.evolve(
                with_balancer(cookie=Cookie(samesite="None", secure=False)),
                listener={"a": Listener(endpoint="ssl:1")},
            ),
            "balancer.app.cookie.samesite",
            'browsers refuse samesite = "None" without Secure',
        ),
        (
            with_balancer(health=Health(method="HEAD", expect_body="OK")),
            "balancer.app.health.expect_body",
            "answers to HEAD have no body",
        ),
        (
            with_location(websocket="splice", websocket_max_message=1 << 20),
            "location[0].websocket",
            '"splice" looks at no messages, but websocket_max_message needs them; write "messages"',
        ),
        (
            with_location(websocket="splice", websocket_compression="offload"),
            "location[0].websocket",
            '"splice" looks at no messages, but websocket_compression = "offload" needs them',
        ),
        (
            with_location(websocket="splice", websocket_filter=["audit"]),
            "location[0].websocket",
            '"splice" looks at no messages, but websocket_filter needs them',
        ),
    ],
)
def test_problems(config: Config, place: str, message: str) -> None:
    """Each contradiction is one problem at the key to change."""
    (problem,) = problems(config)
    assert problem.place == place
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    ("config", "places"),
    [
        (
            attrs.evolve(GOOD, balancer=GOOD.balancer | {"spare": GOOD.balancer["app"]}),
            ["balancer.spare"],
        ),
        (
            with_balancer(member=[ONE, TWO, attrs.evolve(TWO, url="http://x")]),
            ["balancer.app.member[1].route", "balancer.app.member[2].route"],
        ),
        (with_balancer(health=Health(timeout=10, interval=5)), ["balancer.app.health.timeout"]),
        (with_balancer(stickysession=None, cookie=Cookie(name="X")), ["balancer.app.cookie.name"]),
        (
            attrs.evolve(
                with_balancer(cookie=Cookie(samesite="None")),
                listener={"a": Listener(endpoint="tcp:1"), "b": Listener(endpoint="ssl:2")},
            ),
            ["balancer.app.cookie.samesite"],
        ),
        (
            attrs.evolve(
                GOOD,
                location=[
                    *GOOD.location,
                    Location(path="/f", files="/srv", requests="other", response_headers=["set X-A b"]),
                ],
            ),
            ["location[1].response_headers", "location[1].requests"],
        ),
        (
            with_location(websocket=False, websocket_max_message=1 << 20),
            ["location[0].websocket_max_message"],
        ),
        (with_balancer(close_on_failure=True), ["balancer.app.close_on_failure"]),
        (with_location(websocket_close_code=1000), ["location[0].websocket_close_code"]),
    ],
)
def test_warnings(config: Config, places: list[str]) -> None:
    """What works but is probably not meant is no problem."""
    assert problems(config) == []
    assert [warning.place for warning in warnings(config)] == places


@pytest.mark.parametrize(
    "config",
    [
        with_balancer(nofailover=True),
        with_balancer(close_on_failure=True, health=Health()),
        with_location(websocket="splice", websocket_compression=False, websocket_idle_timeout=60.0),
        with_location(websocket="messages", websocket_compression="offload", websocket_max_message=1 << 20),
        with_location(websocket_filter=["audit"]),
        with_balancer(stickysession=None, member=[Member(url="http://x"), Member(url="http://y")]),
        with_balancer(cookie=Cookie(samesite="None", secure=True)),
        with_balancer(cookie=Cookie(samesite="None", enabled=False)),
        attrs.evolve(GOOD, location=[*GOOD.location, Location(path="/", host="h", balancer="app")]),
        attrs.evolve(GOOD, location=[*GOOD.location, Location(path="/f", files="/srv")]),
    ],
)
def test_fine(config: Config) -> None:
    """What looks unusual but is right stays without remarks."""
    assert problems(config) == warnings(config) == []


def test_secure_listeners() -> None:
    """TLS is known from the endpoint, and can be said for a proxy in front."""
    assert Listener(endpoint="ssl:443:privateKey=x").is_secure
    assert Listener(endpoint="TLS:443").is_secure
    assert not Listener(endpoint="tcp:80").is_secure
    assert Listener(endpoint="tcp:80", secure=True).is_secure
    assert not Listener(endpoint="ssl:443", secure=False).is_secure


@pytest.mark.parametrize(
    ("keys", "messages"),
    [
        ({}, False),
        ({"websocket": "splice"}, False),
        ({"websocket": "messages"}, True),
        ({"websocket_compression": False}, False),
        ({"websocket_compression": "offload"}, True),
        ({"websocket_max_message": 1 << 24}, True),
        ({"websocket_filter": ["audit"]}, True),
        ({"websocket": False, "websocket_max_message": 1 << 24}, False),
    ],
)
def test_when_messages_are_taken_apart(keys: dict[str, Any], messages: bool) -> None:
    """Only where it is written or a key needs it."""
    assert Location(path="/", **keys).takes_messages is messages


def test_parts_of_values() -> None:
    """Values of several parts are taken apart in one place."""
    member = Member(url="http://[::1]:8080/panopticon")
    assert (member.host, member.port, member.path) == ("::1", 8080, "/panopticon")
    plain = Member(url="http://h")
    assert (plain.host, plain.port, plain.path) == ("h", 80, "")
    assert Health(expect_status=["200", "300-399"]).statuses == [(200, 200), (300, 399)]
    assert Balancer(stickysession="A|b").sticky_names == ("A", "b")
    assert Balancer(stickysession="A").sticky_names == ("A", "A")
    assert Balancer().sticky_names is None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Member(url="ftp://x"), "url: must be a URL"),
        (lambda: Member(url="http://x", loadfactor=0), "loadfactor: must be from 1 to 100"),
        (lambda: Location(websocket_close_code=1005), "websocket_close_code: must be 1000, 1001, 1008"),
        (lambda: Location(websocket_close_reason="x" * 124), "websocket_close_reason: must be at most 123"),
        (lambda: Location(websocket_ping_interval=-1), "websocket_ping_interval: must be 0 for never, or"),
        (lambda: Balancer(failonstatus=[500, 1]), r"failonstatus\[1\]: must be from 200 to 599"),
        (
            lambda: Config(listener={"a b": Listener(endpoint="x")}),
            r"listener\['a b'\]: must be 1 to 63 letters",
        ),
    ],
)
def test_objects_built_in_code_are_checked(build: object, message: str) -> None:
    """The ranges hold for those who build a configuration in Python, too."""
    assert callable(build)
    with pytest.raises(ValueError, match=message):
        build()
