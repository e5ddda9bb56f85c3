"""Header fields on their way: what ends here, what is added, what is translated back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.scripts import answer
from tests.proxy.lab import Lab, running

HOPS = (
    "Connection: X-Private, x-also ,keep-alive",
    "X-Private: 1",
    "X-Also: 2",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: X-Sum",
)
FORWARDED = (
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The member's path is not the location's; trusted clients; own Host; Via; identity headers stripped."""
    with running(
        tmp_path_factory.mktemp("elsewhere"),
        listener='trusted_proxies = ["127.0.0.0/8"]',
        location='preserve_host = false\nvia = true\nstrip_request_headers = ["X-Remote-User", "x-role"]',
        member_path="/inner/place",
    ) as lab:
        yield lab


def test_end_to_end_fields(lab: Lab) -> None:
    """Everything that is not between us and our neighbours arrives as it was sent, in order."""
    fields = [
        "User-Agent: test/1.0 (like a browser)",
        "Accept: text/html",
        "accept: application/json;q=0.1",
        "X-CaSe: Stays",
        "X-Empty:",
        "Cookie: a=b; c=d",
        "Authorization: Basic YTpi",
        "X-Latin: caf\xe9",
        'If-None-Match: "x", W/"y"',
        "Range: bytes=0-5",
        "Upgrade-Insecure-Requests: 1",
    ]
    lab.get("/app/", *fields)
    came = lab.member.one()
    sent = [(name, value.strip()) for name, _, value in (line.partition(":") for line in fields)]
    names = {name.lower() for name, _ in sent}
    got = [(name, value) for name, value in came.headers if name.lower() in names]
    assert sorted(got) == sorted(sent)
    assert [pair for pair in got if pair[0] != "Cookie"] == [pair for pair in sent if pair[0] != "Cookie"]


def test_several_cookie_fields(lab: Lab) -> None:
    """Cookie may come in several fields; servers know one (RFC 9113 section 8.2.3)."""
    lab.get("/app/", "Cookie: a=b", "X: y", "Cookie: c=d")
    assert lab.member.one().one("Cookie") == "a=b; c=d"


def test_hop_by_hop_of_a_request(lab: Lab) -> None:
    """Hop-by-hop fields end here, also those that Connection names."""
    lab.get("/app/", *HOPS, "X-Public: 3")
    came = lab.member.one()
    for line in HOPS:
        assert came.all(line.partition(":")[0]) == []
    assert came.one("X-Public") == "3"


@pytest.mark.parametrize("name", ["Host", "Content-Length", "X-Forwarded-For"])
def test_connection_cannot_name_everything(lab: Lab, name: str) -> None:
    """What makes the request, or what we say ourselves, cannot be taken away by a client's Connection field."""
    with lab.client() as client:
        assert client.post("/app/", b"body", f"Connection: {name}").status == 200
    came = lab.member.one()
    assert (came.one("Host"), came.body) == ("panolb.test", b"body")
    assert came.one("X-Forwarded-For") == "127.0.0.1"


def test_hop_by_hop_of_an_answer(lab: Lab) -> None:
    """The same on the way back; Set-Cookie and the like come through as often as they were sent."""
    lab.member.script = answer(
        b"",
        *HOPS,
        "Upgrade: h2c",
        "Proxy-Authenticate: Basic",
        "X-Public: 3",
        "Set-Cookie: a=b; Path=/",
        "set-cookie: c=d; Path=/",
        "Server: Apache-Coyote/1.1",
        "Date: Sun, 22 Nov 2026 20:00:00 GMT",
        "WWW-Authenticate: Basic",
    )
    got = lab.get("/app/")
    for line in (*HOPS, "Upgrade: h2c", "Proxy-Authenticate: Basic"):
        assert got.all(line.partition(":")[0]) == []
    assert got.one("X-Public") == "3"
    assert [value for value in got.all("Set-Cookie") if "ROUTEID" not in value] == [
        "a=b; Path=/",
        "c=d; Path=/",
    ]
    assert got.one("Server") == "Apache-Coyote/1.1"
    assert got.one("Date") == "Sun, 22 Nov 2026 20:00:00 GMT"
    assert got.one("WWW-Authenticate") == "Basic"


def test_forwarded_of_an_untrusted_client(lab: Lab) -> None:
    """What a client says about the way it came is replaced by what we know, and nothing of it gets through."""
    lies = [
        *(f"{name}: lie" for name in FORWARDED),
        "Forwarded: for=lie",
        "X-Real-IP: lie",
        "x-forwarded-for: lie2",
        "X-Forwarded-Prefix: /lie",
        "X-Forwarded-Ssl: on",
        "Via: 1.1 before",
    ]
    lab.get("/app/", *lies, "Host: dash.test:8443")
    came = lab.member.one()
    assert came.one("X-Forwarded-For") == "127.0.0.1"
    assert came.one("X-Forwarded-Host") == "dash.test:8443"
    assert came.one("X-Forwarded-Proto") == "http"
    assert came.one("X-Forwarded-Port") == "8443"
    assert came.one("X-Forwarded-Server")
    assert b"lie" not in came.raw
    assert came.one("Via") == "1.1 before"


def test_host_is_preserved(lab: Lab) -> None:
    """The member sees the Host that the client asked for."""
    lab.get("/app/", "Host: Dash.Test")
    assert lab.member.one().one("Host") == "Dash.Test"
    assert lab.member.one().one("X-Forwarded-Port") == "80"


def test_no_via_by_default(lab: Lab) -> None:
    """Neither way."""
    assert lab.get("/app/").one("Via") is None
    assert lab.member.one().one("Via") is None


# -- the other lab --------------------------------------------------------------------------------------------------


def test_forwarded_of_a_trusted_proxy(elsewhere: Lab) -> None:
    """A proxy before us is believed: its list grows, what it says of the first hop stays."""
    elsewhere.reset()
    elsewhere.get(
        "/app/",
        "X-Forwarded-For: 192.0.2.1, 10.0.0.1",
        "X-Forwarded-Host: public.test",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Server: first",
    )
    came = elsewhere.member.one()
    assert came.one("X-Forwarded-For") == "192.0.2.1, 10.0.0.1, 127.0.0.1"
    assert came.one("X-Forwarded-Host") == "public.test"
    assert came.one("X-Forwarded-Proto") == "https"
    assert came.one("X-Forwarded-Port") == "443"
    assert (came.one("X-Forwarded-Server") or "").startswith("first, ")


@pytest.mark.parametrize(("said", "passed"), [("wss", "https"), ("ws", "http"), ("HTTPS", "https")])
def test_the_scheme_is_never_ws(elsewhere: Lab, said: str, passed: str) -> None:
    """Spring refuses a WebSocket handshake whose X-Forwarded-Proto is ws or wss."""
    elsewhere.reset()
    elsewhere.get("/app/", f"X-Forwarded-Proto: {said}")
    assert elsewhere.member.one().one("X-Forwarded-Proto") == passed


def test_host_of_the_member(elsewhere: Lab) -> None:
    """With preserve_host = false the member sees its own name, and the client's as X-Forwarded-Host."""
    elsewhere.reset()
    elsewhere.get("/app/", "Host: dash.test")
    came = elsewhere.member.one()
    assert came.one("Host") == f"127.0.0.1:{elsewhere.member.port}"
    assert came.one("X-Forwarded-Host") == "dash.test"


def test_via(elsewhere: Lab) -> None:
    """Both ways, behind what is there already."""
    elsewhere.reset()
    elsewhere.member.script = answer(b"", "Via: 1.0 inner")
    got = elsewhere.get("/app/", "Via: 1.1 outer")
    assert (elsewhere.member.one().one("Via") or "").startswith("1.1 outer, 1.1 ")
    assert (got.one("Via") or "").startswith("1.0 inner, 1.1 ")


def test_identity_headers_are_stripped(elsewhere: Lab) -> None:
    """Fields that tell members who the user is are not the user's to send."""
    elsewhere.reset()
    users = ("X-Remote-User: root", "x-remote-user: root", "X_Remote_User: root", "x-remote_user: root")
    elsewhere.get("/app/", *users, "X-Role: admin", "X-Rolex: 1")
    came = elsewhere.member.one()
    assert b"root" not in came.raw
    assert b"admin" not in came.raw
    assert came.one("X-Rolex") == "1"


LOCATIONS = {
    "/inner/place/a?b": "/app/a?b",
    "/inner/place": "/app",
    "/inner/place/": "/app/",
    "/inner/placebo": "/inner/placebo",
    "/other": "/other",
    "http://127.0.0.1:{port}/inner/place/a?b#c": "https://public.test/app/a?b#c",
    "HTTP://127.0.0.1:{port}/inner/place": "https://public.test/app",
    "http://127.0.0.1:{port}/inner/placebo": "http://127.0.0.1:{port}/inner/placebo",
    "http://127.0.0.1:1/inner/place/": "http://127.0.0.1:1/inner/place/",
    "https://elsewhere.test/inner/place/": "https://elsewhere.test/inner/place/",
    "//elsewhere.test/inner/place/": "//elsewhere.test/inner/place/",
    "relative": "relative",
}


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
@pytest.mark.parametrize(("said", "seen"), LOCATIONS.items(), ids=LOCATIONS)
def test_locations_are_mapped_back(elsewhere: Lab, field: str, said: str, seen: str) -> None:
    """Where the member sends a client, the client must be able to go."""
    elsewhere.reset()
    port = elsewhere.member.port
    elsewhere.member.script = answer(b"", f"{field}: {said.format(port=port)}", status="302 Found")
    got = elsewhere.get("/app/", "Host: public.test", "X-Forwarded-Proto: https")
    assert got.one(field) == seen.format(port=port)


COOKIES = {
    "a=b; Path=/inner/place; HttpOnly": "a=b; Path=/app; HttpOnly",
    "a=b; path=/inner/place/sub": "a=b; Path=/app/sub",
    "a=b; Path=/inner/placebo": "a=b; Path=/inner/placebo",
    "a=b; Path=/": "a=b; Path=/",
    "a=b; Domain=127.0.0.1; Secure": "a=b; Secure",
    "a=b; Domain=elsewhere.test": "a=b; Domain=elsewhere.test",
    "Path=/inner/place; HttpOnly": "Path=/inner/place; HttpOnly",
    "a=b": "a=b",
}


@pytest.mark.parametrize(("said", "seen"), COOKIES.items(), ids=COOKIES)
def test_cookies_are_mapped_back(elsewhere: Lab, said: str, seen: str) -> None:
    """A cookie of the member fits the path and the host that the client sees."""
    elsewhere.reset()
    elsewhere.member.script = answer(b"", f"Set-Cookie: {said}")
    got = elsewhere.get("/app/", "Cookie: ROUTEID=.1")
    assert got.all("Set-Cookie") == [seen]


def test_locations_with_the_same_path(lab: Lab) -> None:
    """Where the paths are the same, only scheme and host are translated."""
    for said, seen in (
        (f"http://127.0.0.1:{lab.member.port}/app/x", "http://public.test/app/x"),
        ("/app/x", "/app/x"),
        ("http://public.test/app/x", "http://public.test/app/x"),
    ):
        lab.member.script = answer(b"", f"Location: {said}", status="302 Found")
        assert lab.get("/app/", "Host: public.test").one("Location") == seen
