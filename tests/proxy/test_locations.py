"""Locations that do more than pass a path on: hosts, listeners, patterns, fixed answers, rules, pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.client import Client
from tests.harness.scripts import answer
from tests.harness.waiting import ADDRESS, free_port
from tests.proxy.lab import Lab, running

SECOND = free_port()

MORE = """
[listener.second]
endpoint = "tcp:%d:interface=%s"
max_requests = 2
max_fields = 20

[[location]]
path = "/only"
listener = "second"
balancer = "app"

[[location]]
path = "/hosts"
host = ["a.example", "*.b.example"]
balancer = "app"

[[location]]
match = "^/old/(.*)$"
target = "/new/$1"
balancer = "app"

[[location]]
match = '^/go/(\\w+)$'
redirect = "https://%{HTTP_HOST}/gone/$1"
status = 301

[[location]]
match = '^/[[:upper:]]+(?<rest>.*)$'
status = 410

[[location]]
path = "/moved"
redirect = "https://elsewhere.example/here"

[[location]]
path = "/app/private"
status = 403
response_headers = ["always set X-Why closed"]

[[location]]
path = "/canonical"
balancer = "app"
mapping = "canonical"
encoded_slashes = "refuse"

[[location]]
path = "/rules"
balancer = "app"
environment = ["SetEnvIf User-Agent ^curl curl=yes"]
request_headers = ["set X-Forwarded-Proto https", "unset Accept", "set X-Curl %{curl}e env=curl"]
response_headers = [
  'add Set-Cookie "ROUTE=%{BALANCER_WORKER_ROUTE}e" env=BALANCER_ROUTE_CHANGED',
  "always set X-Always 1",
  "unset Server",
  "set X-Status ok",
]

[[location]]
path = "/pages"
balancer = "app"
error_override = [404, "500-502"]
error_pages = { 404 = "<h1>Not here</h1>", 500 = "file:500.html", 502 = "https://status.example/" }
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One process with all of them."""
    directory = tmp_path_factory.mktemp("places")
    (directory / "500.html").write_text("<h1>Our page</h1>")
    with running(
        directory, more=MORE.replace("%d", str(SECOND)).replace("%s", ADDRESS), member_path="/app"
    ) as lab:
        yield lab


@pytest.fixture(autouse=True)
def clean(places: Lab) -> None:
    """Nothing recorded before."""
    places.reset()


def test_a_location_of_one_listener(places: Lab) -> None:
    """The other listener knows nothing of it."""
    assert places.get("/only/x").status == 404
    with Client(SECOND) as client:
        assert client.get("/only/x").status == 200


def test_a_connection_ends_after_so_many_requests(places: Lab) -> None:
    """max_requests: the last answer says so."""
    with Client(SECOND) as client:
        assert not client.get("/app/x").closes
        assert client.get("/app/x").closes


def test_too_many_fields(places: Lab) -> None:
    """max_fields counts them all."""
    with Client(SECOND) as client:
        assert client.get("/app/x", *(f"X-{n}: 1" for n in range(18))).status == 200
    with Client(SECOND) as client:
        assert client.get("/app/x", *(f"X-{n}: 1" for n in range(20))).status == 431


@pytest.mark.parametrize(
    ("host", "status"), [("a.example", 200), ("x.b.example:80", 200), ("b.example", 404)]
)
def test_hosts(places: Lab, host: str, status: int) -> None:
    """Several, and all below a name."""
    with places.client() as client:
        assert client.get("/hosts/x", f"Host: {host}").status == status


def test_a_pattern(places: Lab) -> None:
    """The group's text is what the member gets, escaped anew."""
    assert places.get("/old/a%20b?q=%20").status == 200
    assert places.member.one().target == "/app/new/a%20b?q=%20"


@pytest.mark.parametrize(
    ("target", "status", "url"),
    [
        ("/go/there?q", 301, "https://dash.example/gone/there?q"),
        ("/UPPER/x%0Ay", 410, None),
        ("/moved/x/y?q=1", 302, "https://elsewhere.example/here/x/y?q=1"),
    ],
)
def test_answers_without_a_member(places: Lab, target: str, status: int, url: str | None) -> None:
    """They cost no connection, and the client may keep its own."""
    with places.client() as client:
        for _ in range(2):
            got = client.get(target, "Host: dash.example")
            assert (got.status, got.one("Location")) == (status, url)
            assert got.reason == {301: "Moved Permanently", 302: "Found", 410: "Gone"}[status]
    assert places.member.requests == []


def test_a_refused_place(places: Lab) -> None:
    """A status of its own, also for bodies, WebSockets and other spellings; the rest of the location is served."""
    with places.client() as client:
        for target in ("/app/private", "/app/private/x", "/app/%70rivate", "/app/./private;x"):
            got = client.get(target)
            assert (got.status, got.one("X-Why")) == (403, "closed")
        client.ask("POST", "/app/private", body=b"x" * 100)
        assert client.answer("POST").status == 403
    assert places.get("/app/privates").status == 200
    assert len(places.member.requests) == 1


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/canonical", "/app/"),
        ("/canonical?q", "/app/?q"),
        ("//canonical/./a//b/../c%41?%41", "/app/a/cA?%41"),
        ("/canonical/a%2fb", None),
    ],
)
def test_canonical(places: Lab, target: str, sent: str | None) -> None:
    """As Apache passes paths on."""
    assert places.get(target).status == (404 if sent is None else 200)
    if sent is not None:
        assert places.member.one().target == sent


def test_rules_for_requests(places: Lab) -> None:
    """What a rule sets takes the place of ours."""
    places.get("/rules/x", "User-Agent: curl/8", "Accept: */*", "X-Forwarded-Proto: gopher")
    came = places.member.one()
    assert came.all("X-Forwarded-Proto") == ["https"]
    assert came.all("Accept") == []
    assert came.all("X-Curl") == ["yes"]
    assert came.all("X-Forwarded-For") == [ADDRESS]


def test_rules_for_answers(places: Lab) -> None:
    """Those for members' answers, and those for all."""
    places.member.script = answer(b"abc", "Server: secret")
    got = places.get("/rules/x")
    assert got.body == b"abc"
    assert got.all("Server") == []
    assert got.all("X-Status") == ["ok"]
    assert got.all("X-Always") == ["1"]
    assert "ROUTE=1" in got.all("Set-Cookie")
    assert "ROUTE=1" not in places.get("/rules/x", "Cookie: ROUTEID=.1").all("Set-Cookie")


def test_override(places: Lab) -> None:
    """ProxyErrorOverride and ErrorDocument: a text, a file, another place."""
    with places.client() as client:
        for status, body in [(404, b"<h1>Not here</h1>"), (500, b"<h1>Our page</h1>")]:
            places.member.script = answer(b"stack trace", "X-Secret: 1", status=f"{status} No")
            got = client.get("/pages/x")
            assert (got.status, got.body, got.all("X-Secret")) == (status, body, [])
        places.member.script = answer(b"stack trace", status="502 No")
        got = client.get("/pages/x")
        assert (got.status, got.one("Location")) == (302, "https://status.example/")
        places.member.script = answer(b"as it is", status="503 No")
        assert client.get("/pages/x").body == b"as it is"
    places.reset()
    assert places.get("/pages/x").status == 200
