"""X-Panolb-Why: who may ask is told by every answer which member served him and why, and nobody else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.client import Answer, Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import Browser, RawMember

ASKS = "X-Panolb-Explain: 1"
CONFIG = """
[listener.public]
endpoint = "tcp:{port}:interface={address}"
trusted_proxies = ["127.0.0.0/8"]
explain_to = ["10.1.0.0/16"]

[balancer.app]
stickysession = "ROUTEID"
member = [{{ url = "{one}", route = "1" }}, {{ url = "{gone}", route = "2", retry = "1h" }}]

[balancer.lone]
stickysession = "ROUTEID"
nofailover = true
member = [{{ url = "{one}", route = "1" }}, {{ url = "{gone}", route = "2", status = "stopped" }}]

[balancer.live]
stickysession = "ROUTEID"
member = [{{ url = "{raw}", route = "1" }}]

[[location]]
path = "/app"
balancer = "app"
[[location]]
path = "/lone"
balancer = "lone"
[[location]]
path = "/live"
balancer = "live"
[[location]]
path = "/elsewhere"
redirect = "https://dash.example.org"

[access_log]
path = "access.log"
format = "%s %{{BALANCER_MEMBER}}e %{{BALANCER_ROUTE_REASON}}e %{{BALANCER_ROUTE_SOURCE}}e %{{BALANCER_TERM}}e"
"""


class Scene:
    """panolb, whose loopback is a trusted proxy; a member, one that is not there, and one for WebSockets."""

    def __init__(self, panolb: Panolb, member: Member, raw: RawMember) -> None:
        self.panolb = panolb
        self.port = panolb.ports[0]
        self.member = member
        self.raw = raw

    def ask(self, target: str, *fields: str) -> Answer:
        """A request on a connection of its own."""
        with Client(self.port) as client:
            return client.get(target, *fields)

    def why(self, target: str, *fields: str) -> dict[str, str]:
        """What an answer says to somebody who may know."""
        return parsed(self.ask(target, ASKS, "X-Forwarded-For: 10.1.2.3", *fields).one("X-Panolb-Why"))


def parsed(value: str | None) -> dict[str, str]:
    """The parts of the field, but for the id, which must be there."""
    assert value is not None
    pairs = dict(part.split("=") for part in value.split("; "))
    assert pairs.pop("id")
    return pairs


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All of it, running."""
    raw, port = RawMember(), free_port()
    with Member("one") as member:
        ports = {"one": member.port, "gone": free_port(), "raw": raw.port}
        urls = {name: f"http://{ADDRESS}:{number}" for name, number in ports.items()}
        config = CONFIG.format(port=port, address=ADDRESS, **urls)
        panolb = Panolb(tmp_path_factory.mktemp("why"), config, [port])
        try:
            panolb.start()
            yield Scene(panolb, member, raw)
            panolb.stop()
        finally:
            panolb.close()
            raw.close()


@pytest.fixture(autouse=True)
def afresh(scene: Scene) -> None:
    """The member remembers nothing of other tests."""
    scene.member.forget()


def test_a_member_served(scene: Scene) -> None:
    """The member, why it was chosen, where the route was found, and its state."""
    served = {"member": "app/1", "state": "up", "end": "-"}
    assert scene.why("/app/x", "Cookie: ROUTEID=.1") == {**served, "reason": "sticky", "source": "cookie"}
    assert scene.why("/app/x?ROUTEID=.1") == {**served, "reason": "sticky", "source": "query"}
    unknown = {**served, "member": "lone/1", "reason": "unknown-route", "source": "path"}
    assert scene.why("/lone/x;ROUTEID=.9") == unknown


def test_another_member_was_tried(scene: Scene) -> None:
    """One that was tried in vain shows in the reason; then it is in error, and that is the reason."""
    said = [scene.why("/app/x", "Cookie: ROUTEID=.2")["reason"] for _ in range(2)]
    assert said[1] == "member-unusable"
    assert said[0] in ("failover", "member-unusable")


def test_nobody_served(scene: Scene) -> None:
    """Pages of panolb's own say it too."""
    nobody = {"member": "-", "reason": "-", "source": "cookie", "state": "-", "end": "no-member"}
    assert scene.why("/lone/x", "Cookie: ROUTEID=.2") == nobody
    assert scene.why("/elsewhere") == {**nobody, "source": "-", "end": "local"}


def test_a_websocket(scene: Scene) -> None:
    """A 101 says it."""
    browser = Browser(scene.port)
    browser.upgrade("/live/x", ASKS, "X-Forwarded-For: 10.1.2.3", "Cookie: ROUTEID=.1")
    member = scene.raw.visit().switch()
    browser.switched()
    said = parsed(browser.all("X-Panolb-Why")[0])
    assert said == {"member": "live/1", "reason": "sticky", "source": "cookie", "state": "up", "end": "-"}
    browser.client.close()
    member.socket.close()


@pytest.mark.parametrize("client", ["10.2.0.1", "nonsense", ""])
def test_who_may_not_know(scene: Scene, client: str) -> None:
    """Others are told nothing, whatever they send; the address is that behind a trusted proxy."""
    fields = [f"X-Forwarded-For: {client}"] if client else []
    assert scene.ask("/app/x", ASKS, *fields).one("X-Panolb-Why") is None


def test_who_does_not_ask(scene: Scene) -> None:
    """Without the field, or with another value of it, there is no answer to it."""
    for field in ("X-Panolb-Explain: 0", "X-Panolb-Explain: yes", "X_Panolb_Explain: 1"):
        answer = scene.ask("/app/x", field, "X-Forwarded-For: 10.1.2.3")
        assert (answer.status, answer.one("X-Panolb-Why")) == (200, None)


def test_members_are_not_asked(scene: Scene) -> None:
    """The field ends here, whoever sends it."""
    scene.why("/app/x", "Cookie: ROUTEID=.1")
    scene.ask("/app/x", ASKS, "X_Panolb_Explain: 1", "Cookie: ROUTEID=.1")
    assert len(scene.member.requests) == 2
    for request in scene.member.requests:
        assert b"panolb-explain" not in request.head.lower()
        assert b"panolb_explain" not in request.head.lower()


def test_the_log_has_it_too(scene: Scene) -> None:
    """A format of one's own can have the same words."""
    scene.ask("/lone/x;ROUTEID=.9")
    scene.ask("/lone/x", "Cookie: ROUTEID=.2")
    scene.ask("/lone/x", "Cookie: ROUTEID=.2")
    log = scene.panolb.directory / "access.log"
    until(lambda: "503 - - - no-member" in log.read_text(), "the log to be written")
    assert "200 lone/1 unknown-route path -" in log.read_text()
