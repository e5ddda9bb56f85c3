"""What is explained of a request is what then happens to it, in a real process; and what is remembered is what happened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.harness.client import Answer, Client
from tests.harness.control import Control
from tests.harness.member import Member
from tests.harness.process import TWISTD, Panolb
from tests.harness.scripts import answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import accept_for

from . import operating

REQUESTS = 150
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

CONFIG = """
[listener.public]
endpoint = "tcp:{ports[0]}:interface={address}"
trusted_proxies = ["127.0.0.0/8"]
explain_to = ["0.0.0.0/0"]
max_target = "256B"

[listener.second]
endpoint = "tcp:{ports[1]}:interface={address}"
explain_to = ["127.0.0.1"]
request_rate = 0.02
request_burst = 2

[balancer.app]
stickysession = "ROUTEID"
member = [
    {{ url = "{members[0]}", route = "1" }},
    {{ url = "{members[1]}/inner", route = "2", loadfactor = 3, max_websockets = 1000 }},
    {{ url = "{members[2]}", route = "3", lbset = 1 }},
]

[balancer.shop]
stickysession = "JSESSIONID|jsessionid"
nofailover = true
lbmethod = "bybusyness"
member = [
    {{ url = "{members[0]}", route = "n1" }},
    {{ url = "{members[1]}", route = "n2", hot_spare = true }},
    {{ url = "{members[2]}", route = "n3", redirect = "n1" }},
]

[balancer.plain]
member = [{{ url = "{members[0]}" }}, {{ url = "{members[1]}" }}]

[[location]]
path = "/app"
balancer = "app"
[[location]]
host = "shop.example"
path = "/"
balancer = "shop"
response_headers = ['always set X-Route "%{{BALANCER_WORKER_ROUTE}}e"']
[[location]]
path = "/shop"
balancer = "shop"
websocket = false
[[location]]
match = "^/re/([0-9]+)$"
balancer = "plain"
target = "/number/$1"
[[location]]
path = "/gone"
redirect = "https://shop.example/new"
[[location]]
path = "/files"
files = "{directory}"

[control]
socket = "{socket}"
"""

CONF = """\
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule headers_module modules/mod_headers.so
LoadModule alias_module modules/mod_alias.so
Listen {address}:{ports[0]}
ServerName dash.example
Header add Set-Cookie "ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/" env=BALANCER_ROUTE_CHANGED
<Proxy balancer://app>
    BalancerMember {members[0]} route=1
    BalancerMember {members[1]}/inner route=2 loadfactor=3
    BalancerMember {members[2]} route=3 status=+H
    ProxySet stickysession=ROUTEID
</Proxy>
<Proxy balancer://shop>
    BalancerMember {members[0]} route=n1
    BalancerMember {members[2]} route=n3 redirect=n1
    ProxySet stickysession=JSESSIONID|jsessionid nofailover=On
</Proxy>
ProxyPass /app balancer://app
ProxyPass /shop balancer://shop
Redirect 302 /gone https://shop.example/new
"""

TARGETS = (
    "/app/x",
    "/app",
    "/app/x?ROUTEID=.2",
    "/app/x;ROUTEID=.3",
    "/app//y",
    "/app/..%2fz",
    "/app/%zz",
    "/appendix",
    "/shop/cart?a=b",
    "/shop/cart;jsessionid=abc.n3",
    "/re/77",
    "/re/none",
    "/gone/x?y",
    "/files/none",
    "/nowhere",
    "/" + "long" * 80,
)
COOKIES = (
    "",
    "",
    "ROUTEID=.1",
    "ROUTEID=.2",
    "ROUTEID=.3",
    "ROUTEID=.9",
    "ROUTEID=1",
    "JSESSIONID=abc.n1",
    "JSESSIONID=abc.n2; ROUTEID=.1",
    "JSESSIONID=abc.n3",
    "JSESSIONID=abc",
)
HOSTS = ("dash.example", "dash.example", "shop.example", "SHOP.example:8080", "a b")


class Scene:
    """A running panolb and its members.

    :ivar members: by their ports.
    """

    def __init__(self, panolb: Panolb, control: Control, members: list[Member]) -> None:
        self.panolb = panolb
        self.ports = panolb.ports
        self.control = control
        self.members = members

    def explain(self, **asked: Any) -> dict[str, Any]:
        """What would become of a request; the question must be understood."""
        status, said = self.control.post("/api/v1/explain", asked)
        assert status == 200, said
        return said

    def recall(self, request_id: str) -> dict[str, Any]:
        return self.control.get(f"/api/v1/explain/{request_id}")

    def set(self, member: str, **wish: Any) -> None:
        assert self.control.post(f"/api/v1/members/{member}", wish)[0] == 200

    def try_out(self, method: str, target: str, headers: dict[str, str], websocket: bool = False) -> str:
        """Have a request explained, and send it; both must agree.  Returns the outcome."""
        said = self.explain(
            url=target, method=method, headers=headers, listener="public", websocket=websocket
        )
        again = self.explain(
            url=target, method=method, headers=headers, listener="public", websocket=websocket
        )
        assert {**again, "time": 0, "members": 0} == {**said, "time": 0, "members": 0}, (
            "explaining changes nothing"
        )
        for member in self.members:
            member.forget()
        fields = [f"{name}: {value}" for name, value in headers.items()]
        if websocket:
            fields += ["Connection: Upgrade", "Upgrade: websocket"]
            fields += [f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
        with Client(self.ports[0]) as client:
            client.ask(method, target, *fields)
            happened = upgraded(client) if websocket else client.answer(method)
        self.compare(said, happened)
        return str(said["outcome"])

    def compare(self, said: dict[str, Any], happened: Answer) -> None:
        """The explanation told it all."""
        if said["outcome"] == "files":
            assert happened.status == 404
            return
        assert happened.all("Set-Cookie") == said["set_cookie"], said
        why = happened.one("X-Panolb-Why")
        if why is not None:
            told = dict(part.split("=") for part in why.split("; "))
            assert told["member"] == (said["member"] or "-"), said
            assert told["reason"] == (said["reason"] or "-"), said
            assert told["source"] == (said["route_source"] or "-"), said
            assert told["end"] == (said["term"] or "-"), said
            self.compare_memory(said, happened, self.recall(told["id"]))
        if said["outcome"] != "member":
            assert happened.status == said["status"], said
            assert not any(member.requests for member in self.members)
            return
        assert happened.status in (200, 101)
        (request,) = [request for member in self.members for request in member.requests]
        assert request.target == said["target"]
        assert request.one("Host") == said["member_host"]
        (chosen,) = [one for one in said["members"] if one["verdict"] == "chosen"]
        assert chosen["name"] == said["member"]

    def compare_memory(self, said: dict[str, Any], happened: Answer, then: dict[str, Any]) -> None:
        """What is remembered is what happened, and that was what had been said."""
        assert then.keys() == said.keys()
        same = ("member", "reason", "route_source", "route_name", "changed", "location", "balancer", "method")
        assert {key: then[key] for key in same} == {key: said[key] for key in same}
        assert then["status"] == happened.status
        assert (then["when"], then["outcome"]) == ("then", said["outcome"])
        assert [one["name"] for one in then["members"]] == [one["name"] for one in said["members"]]
        told = {one["name"]: one["verdict"] for one in then["members"]}
        assert told == {one["name"]: one["verdict"] for one in said["members"]}


def upgraded(client: Client) -> Answer:
    """The answer to a handshake, without its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.socket.recv(1 << 16)
        assert more, data
        data += more
    first, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Answer(int(first.split()[1]), "", headers)


def serve(talk: Talk, request: Request) -> None:
    """Answer a request, or begin a WebSocket and end it."""
    key = request.one("Sec-WebSocket-Key")
    if key is None:
        answer(b"served")(talk, request)
        return
    lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Accept: {accept_for(key)}", "\r\n"]
    talk.send("\r\n".join(lines).encode())
    talk.close()


class Httpd(Panolb):
    """One that reads an httpd.conf."""

    socket = ""

    @property
    def command(self) -> list[str]:
        return [*TWISTD, "--httpd-conf", str(self.file), "--control", self.socket]


@contextmanager
def running(directory: Path, config: str, kind: type[Panolb] = Panolb) -> Iterator[Scene]:
    """A scene."""
    with TemporaryDirectory(prefix="panolb-") as short:
        members = [Member(str(number)) for number in range(3)]
        ports = [free_port(), free_port()]
        text = config.format(
            address=ADDRESS,
            ports=ports,
            members=[f"http://{ADDRESS}:{member.port}" for member in members],
            directory=directory,
            socket=f"{short}/control",
        )
        panolb = kind(directory, text, ports if kind is Panolb else ports[:1])
        if isinstance(panolb, Httpd):
            panolb.socket = f"{short}/control"
        try:
            panolb.start()
            control = Control(f"{short}/control")
            until(lambda: control.get("/api/v1/members"), "the control API")
            yield Scene(panolb, control, members)
            panolb.stop()
        finally:
            panolb.close()
            for member in members:
                member.refuse()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One with a TOML file."""
    with running(tmp_path_factory.mktemp("explain"), CONFIG) as scene:
        for member in scene.members:
            member.script = serve
        yield scene


def headers_of(chance: random.Random) -> dict[str, str]:
    """Some header fields of a request."""
    headers = {"Host": chance.choice(HOSTS), "X-Panolb-Explain": "1"}
    cookie = chance.choice(COOKIES)
    if cookie:
        headers["Cookie"] = cookie
    if chance.random() < 0.3:
        headers["X-Forwarded-For"] = "192.0.2.7"
        headers["X-Forwarded-Proto"] = chance.choice(["http", "https"])
    return headers


def change_something(scene: Scene, chance: random.Random, members: list[str]) -> None:
    """An operator does something to a member."""
    state = chance.choice(["active", "active", "drain", "disabled", "stopped"])
    more = {"close_websockets": True} if state == "drain" and chance.random() < 0.5 else {}
    scene.set(chance.choice(members), state=state, **more)


@pytest.mark.parametrize("seed", range(2))
def test_what_is_said_is_what_happens(scene: Scene, seed: int) -> None:
    """Any request, whatever operators have done to the members: the same member for the same reason, the same cookies, and
    the member is asked what was said.
    """
    chance = random.Random(seed)
    names = [one["name"] for one in scene.control.get("/api/v1/members")["members"]]
    seen: set[str] = set()
    for _ in range(REQUESTS):
        if chance.random() < 0.2:
            change_something(scene, chance, names)
        for member in scene.members:
            member.script = serve
        method = chance.choice(["GET", "GET", "GET", "HEAD", "POST", "OPTIONS"])
        websocket = method == "GET" and chance.random() < 0.2
        target = chance.choice(TARGETS)
        if target.startswith("/files") or target == "/nowhere":
            websocket = False
        seen.add(scene.try_out(method, target, headers_of(chance), websocket))
    for name in names:
        scene.set(name, state="active")
    assert seen >= {"member", "local", "nowhere", "refused", "unavailable"}


def test_of_an_httpd_conf(tmp_path: Path) -> None:
    """The same with Apache's own cookie rule, translated."""
    chance = random.Random(7)
    with running(tmp_path, CONF, Httpd) as scene:
        targets = [target for target in TARGETS if not target.startswith(("/re", "/files", "/long"))]
        names = [one["name"] for one in scene.control.get("/api/v1/members")["members"]]
        seen: set[str] = set()
        scene_listener = scene.explain(url="/app")["listener"]
        for _ in range(REQUESTS // 2):
            if chance.random() < 0.2:
                change_something(scene, chance, names)
            headers = {**headers_of(chance), "Host": "dash.example"}
            said = scene.explain(url=(target := chance.choice(targets)), headers=headers)
            assert said["listener"] == scene_listener
            for member in scene.members:
                member.forget()
            with Client(scene.ports[0]) as client:
                happened = client.get(target, *(f"{name}: {value}" for name, value in headers.items()))
            scene.compare(said, happened)
            seen.add(said["outcome"])
        assert seen >= {"member", "local", "nowhere", "refused", "unavailable"}


def test_a_listener_by_its_port(scene: Scene) -> None:
    """Without a name it is the one that the URL leads to; its request rate counts, and explaining takes nothing of it."""
    first, second = scene.ports
    assert scene.explain(url=f"http://dash.example:{first}/app")["listener"] == "public"
    for _ in range(3):
        said = scene.explain(url=f"http://dash.example:{second}/app")
        assert (said["listener"], said["outcome"]) == ("second", "member")
    with Client(second) as client:
        assert client.get("/app").status == 200
        said = scene.explain(url=f"http://dash.example:{second}/app")
        assert (said["outcome"], said["status"]) == ("refused", 429)
        refused = client.get("/app")
        assert refused.status == 429
        assert said["retry_after"] >= int(refused.one("Retry-After") or 0) - 1
    other = scene.explain(url=f"http://dash.example:{second}/app", client="192.0.2.9")
    assert other["outcome"] == "member"


def test_who_is_behind_a_proxy(scene: Scene) -> None:
    """A client's word is believed when it is a trusted proxy, and not otherwise."""
    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    said = scene.explain(url="/app", headers=forwarded, listener="public")
    assert said["client"] == "192.0.2.7"
    assert said["set_cookie"][0].endswith("; Secure")
    said = scene.explain(url="/app", headers=forwarded, listener="public", client="192.0.2.1")
    assert said["client"] == "192.0.2.1"
    assert "Secure" not in said["set_cookie"][0]


def test_a_member_that_fails(scene: Scene) -> None:
    """Who was tried first is remembered of a request that another member served."""
    scene.members[0].refuse()
    try:
        with Client(scene.ports[0]) as client:
            served = client.get("/app/x", "Cookie: ROUTEID=.1", "X-Panolb-Explain: 1")
        told = dict(part.split("=") for part in (served.one("X-Panolb-Why") or "").split("; "))
        then = scene.recall(told["id"])
        assert (then["member"], then["reason"], then["route"]) == ("app/2", "failover", "1")
        assert {one["name"]: one["verdict"] for one in then["members"]}["app/1"] == "tried"
        said = scene.explain(url="/app/x", cookies={"ROUTEID": ".1"}, listener="public")
        assert (said["member"], said["reason"]) == ("app/2", "member-unusable")
        assert {one["name"]: one["verdict"] for one in said["members"]}["app/1"] == "error"
    finally:
        scene.members[0].listen()
        scene.set("app/1", state="stopped")
        scene.set("app/1", state="active")


def test_nothing_secret_is_remembered(scene: Scene) -> None:
    """No query, no path parameter, and of a long route that no member has only the beginning."""
    with Client(scene.ports[0]) as client:
        served = client.get(
            "/app/x;jsessionid=geheim?token=geheim",
            "Cookie: ROUTEID=.abcdefgh" + "geheim" * 5,
            "X-Panolb-Explain: 1",
        )
    told = dict(part.split("=") for part in (served.one("X-Panolb-Why") or "").split("; "))
    then = scene.recall(told["id"])
    assert "geheim" not in str(then)
    assert (then["path"], then["route"]) == ("/app/x", "abcdefgh...")


@pytest.mark.parametrize("name", ["nonsense", "abc-1", "", "-"])
def test_what_is_not_remembered(scene: Scene, name: str) -> None:
    """A 404 that says why."""
    status, _, body = scene.control.ask("GET", f"/api/v1/explain/{name}")
    assert status == 404
    assert b"error" in body


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"url": ""},
        {"url": "app"},
        {"url": "ftp://dash.example/"},
        {"url": "http:///app"},
        {"url": "http://dash.example:x/"},
        {"url": "http://[::1/"},
        {"url": "/app\n/x"},
        {"url": "/app", "method": "GET /x"},
        {"url": "/app", "headers": {"A b": "c"}},
        {"url": "/app", "headers": {"A": "b\r\nC: d"}},
        {"url": "/app", "headers": {"A": 1}},
        {"url": "/app", "cookies": {"A": "b\nc"}},
        {"url": "/app", "client": "dash.example"},
        {"url": "/app", "listener": "third"},
        {"url": "/app", "websocket": "yes"},
        {"url": "/app", "colour": "red"},
    ],
    ids=str,
)
def test_questions_that_make_no_sense(scene: Scene, asked: dict[str, Any]) -> None:
    """They are refused with the reason."""
    status, said = scene.control.post("/api/v1/explain", asked)
    assert status in (400, 422), said
    assert said["error"]


def test_a_session_that_was_moved(tmp_path: Path) -> None:
    """Where an operator's order leads is explained like everything else, and asking does not use it up."""
    with operating.running(tmp_path) as lab:
        pair = lab.open("1")
        (session,) = lab.control.get("/api/v1/sessions")["sessions"]
        status, _ = lab.control.post(f"/api/v1/sessions/{session['session']}/move", {"member": "app/2"})
        assert status == 200
        asked = {"url": "/live", "cookies": {"ROUTEID": ".1"}, "websocket": True}
        cookie = "ROUTEID=.2; Path=/; HttpOnly; SameSite=Lax"
        for _ in range(2):
            said = lab.control.post("/api/v1/explain", asked)[1]
            assert (said["member"], said["reason"], said["changed"]) == ("app/2", "moved", True)
            assert said["set_cookie"] == [cookie]
        pair.closed()
        pair.answer()
        again = lab.ask("1")
        member = lab.members["2"].visit().switch()
        again.switched()
        assert again.all("Set-Cookie") == [cookie]
        then = lab.control.get(
            f"/api/v1/explain/{lab.control.get('/api/v1/websockets')['websockets'][0]['id']}"
        )
        assert (then["member"], then["reason"], then["term"]) == ("app/2", "moved", "opened")
        again.client.close()
        member.socket.close()
