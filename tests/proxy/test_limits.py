"""What one client may cost: sizes and times, and who is blamed when it takes more."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.harness.client import Cut
from tests.harness.scripts import Stall, answer, echo
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.proxy.lab import Lab, running

LIMITS = """\
max_head = "4KiB"
max_target = "1KiB"
max_body = "10kB"
header_timeout = "1s"
idle_timeout = "1s"
body_timeout = "1s"
body_rate = 10
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Little of everything."""
    with running(
        tmp_path_factory.mktemp("lab"), listener=LIMITS, balancer="failonstatus = [400, 408, 413]"
    ) as lab:
        yield lab


def not_blamed(lab: Lab) -> bool:
    """Whether the member serves on."""
    return bool(lab.states()["1"]["state"] == "up")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /app/ HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n",
        b"GET /app/ HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"GET /app/ HTTP/1.1\r\nHost: a\r\nX-Endless: " + b"x" * 5000,
    ],
    ids=["long field", "many fields", "no end"],
)
def test_head_over_the_limit(lab: Lab, head: bytes) -> None:
    """A head beyond max_head is a 431, as soon as it is too long."""
    with lab.client() as client:
        client.send(head)
        got = client.answer()
        assert got.status == 431
        assert got.closes
        assert client.ended()
    assert lab.member.requests == []


def test_head_at_the_limit(lab: Lab) -> None:
    """A head of exactly max_head is served, one byte more is not."""
    start, end = b"GET /app/ HTTP/1.1\r\nHost: a\r\nX-Long: ", b"\r\n\r\n"
    for size, status in ((4096, 200), (4097, 431)):
        with lab.client() as client:
            client.send(start + b"x" * (size - len(start) - len(end)) + end)
            assert client.answer().status == status


def test_the_limit_is_for_one_head(lab: Lab) -> None:
    """The heads and bodies of a connection do not add up."""
    with lab.client() as client:
        for _ in range(5):
            assert client.get("/app/", "X-Long: " + "x" * 3000).status == 200
            assert client.post("/app/", b"x" * 9000).status == 200


def test_target_over_the_limit(lab: Lab) -> None:
    """A target of exactly max_target is served, a longer one is a 414."""
    assert lab.get("/app/" + "x" * (1024 - 5)).status == 200
    got = lab.get("/app/" + "x" * (1025 - 5))
    assert got.status == 414
    assert got.closes
    assert len(lab.member.requests) == 1


def test_body_by_length_over_the_limit(lab: Lab) -> None:
    """A Content-Length beyond max_body is a 413 before anything is sent to a member."""
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 10001")
        got = client.answer("POST")
        assert got.status == 413
        assert got.closes
        assert client.ended()
    assert lab.member.requests == []
    with lab.client() as client:
        assert client.post("/app/", b"x" * 10000).status == 200


def test_body_in_chunks_over_the_limit(lab: Lab) -> None:
    """A chunked body is a 413 when it gets too long: the member never sees its end, and is not blamed."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask("POST", "/app/", "Transfer-Encoding: chunked")
        client.send(b"1388\r\n" + b"x" * 5000 + b"\r\n")
        until(lambda: lab.member.requests, "the request")
        client.send(b"1389\r\n" + b"x" * 5001 + b"\r\n" + b"1\r\nx\r\n" * 100)
        got = client.answer("POST")
        assert got.status == 413
        assert got.closes
        assert client.ended()
    assert not lab.member.one().whole
    assert not_blamed(lab)


@pytest.mark.parametrize(
    ("endless", "status"),
    [(b"0\r\n" + b"X-More: and more\r\n" * 20000, 431), (b"5;" + b"x" * 400000, 400)],
    ids=["trailers", "extension"],
)
def test_what_surrounds_a_body_has_a_limit(lab: Lab, endless: bytes, status: int) -> None:
    """Trailers and chunk extensions are no way around max_head: they would fill the memory of the process."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask("POST", "/app/", "Transfer-Encoding: chunked")
        client.send(b"1\r\nx\r\n" + endless)
        got = client.answer("POST")
        assert got.status == status
        assert got.closes
        assert client.ended()
    assert not_blamed(lab)


def test_slow_head(lab: Lab) -> None:
    """A head that is not complete within header_timeout is a 408, however steadily it trickles."""
    with lab.client() as client:
        client.send(b"GET /app/ HTTP/1.1\r\n")
        start = time.monotonic()
        client.socket.settimeout(0.1)
        while time.monotonic() < start + 20:
            try:
                client.send(b"A: b\r\n")
                client._rest += client.socket.recv(1000)
                break
            except TimeoutError:
                continue
        client.socket.settimeout(20)
        got = client.answer()
        assert got.status == 408
        assert got.closes
        assert client.ended()
    assert lab.member.requests == []


def test_slow_head_of_a_second_request(lab: Lab) -> None:
    """The limit is as strict on a kept connection."""
    with lab.client() as client:
        assert client.get("/app/").status == 200
        client.send(b"GET /app/ HTTP/1.1\r\n")
        assert client.answer().status == 408
        assert client.ended()


def test_a_connection_without_a_request(lab: Lab) -> None:
    """A browser's spare connection is closed in silence: there is no request that could be answered."""
    with lab.client() as client:
        assert client.ended()


def test_an_idle_connection(lab: Lab) -> None:
    """A kept connection is closed in silence after idle_timeout."""
    with lab.client() as client:
        assert client.get("/app/").status == 200
        assert client.ended()


@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_body_that_stands_still(lab: Lab, framing: str) -> None:
    """A body that stops is a 408; the member is cut off, and not blamed even if failonstatus names 408."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask("POST", "/app/", framing)
        client.send(b"5\r\nhello\r\n")
        got = client.answer("POST")
        assert got.status == 408
        assert got.closes
        assert client.ended()
    until(lambda: all(not talk.open for talk in lab.member.talks), "the member's connection to be cut")
    assert not lab.member.one().whole
    assert not_blamed(lab)


def test_a_slow_body(lab: Lab) -> None:
    """A body may take as long as it likes while it moves."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 40")
        for _ in range(4):
            time.sleep(0.4)  # together more than the limit
            client.send(b"0123456789")
        assert client.answer("POST").body == b"0123456789" * 4


def test_a_body_that_drips(lab: Lab) -> None:
    """A byte now and then is no progress: body_rate."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 100")
        client.socket.settimeout(0.2)
        sent = 0
        while sent < 100:
            client.send(b"x")
            sent += 1
            try:
                client._rest += client.socket.recv(1000)
                break
            except TimeoutError:
                continue
        client.socket.settimeout(20)
        assert client.answer("POST").status == 408
    assert sent < 100
    assert not_blamed(lab)


def test_a_slow_member_is_not_the_clients_fault(lab: Lab) -> None:
    """While the member thinks, no limit of the client's runs; also not the one of a body that is complete."""

    def think(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        time.sleep(1.6)
        echo(talk, request)

    lab.member.script = think
    with lab.client() as client:
        assert client.post("/app/", b"x" * 5000).body == b"x" * 5000


def test_an_expectation_that_waits(lab: Lab) -> None:
    """A client that waits for the member's 100 is not the one that is slow."""

    def think(talk: Talk, request: Request) -> None:
        time.sleep(1.6)
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        echo(talk, request)

    lab.member.script = think
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 4", "Expect: 100-continue")
        assert client.interim() == (100, [])
        client.send("body")
        assert client.answer("POST").body == b"body"


def test_a_client_that_closes_early(lab: Lab) -> None:
    """A connection that ends within a head or a body leaves nothing behind."""
    lab.member.script = echo
    with lab.client() as client:
        client.send(b"GET /ap")
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 9")
        client.send("ab")
        until(lambda: lab.member.requests, "the request")
    until(lambda: all(not talk.open for talk in lab.member.talks), "the member's connections to end")
    assert not any(request.whole for request in lab.member.requests)
    until(lambda: lab.states()["1"]["busy"] == 0, "the member to be idle")
    assert not_blamed(lab)


@pytest.mark.parametrize("requests", [1, 2, 20])
def test_a_client_that_leaves_before_its_answers(lab: Lab, requests: int) -> None:
    """However many requests it sent at once, its leaving is noticed, and the member's connection is cut."""
    stall = lab.member.script = Stall()
    with lab.client() as client:
        client.send(b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n" * requests)
        stall.wait()
    until(lambda: lab.states()["1"]["busy"] == 0, "the request to be ended")
    assert len(lab.member.requests) == 1


def test_a_pipeline_beyond_max_head(lab: Lab) -> None:
    """What comes before its turn is not held without bound, and nothing of it is lost."""
    stall = lab.member.script = Stall(then=echo)
    with lab.client() as client:
        for number in range(20):
            client.ask("POST", "/app/", f"X-Long: {'x' * 3000}", body=b"%d" % number)
        stall.release()
        assert [client.answer("POST").body for _ in range(20)] == [b"%d" % number for number in range(20)]


def test_a_cut_is_seen(lab: Lab) -> None:
    """A member that goes in the middle of an answer while the client sends: the client's connection is cut."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsome")
        talk.close()

    lab.member.script = script
    with lab.client() as client, pytest.raises(Cut):
        client.ask("POST", "/app/", "Content-Length: 1000")
        client.answer("POST")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A little time for whoever takes too little of an answer of 30 MB."""
    settings = 'body_timeout = "1s"\nbody_rate = "10kB"'
    with running(tmp_path_factory.mktemp("impatient"), listener=settings) as lab:
        lab.member.script = answer(b"x" * (30 << 20))
        yield lab


def test_a_client_that_takes_nothing_of_its_answer(impatient: Lab) -> None:
    """It is cut after body_timeout, so that it does not keep a member's connection; the member is not blamed."""
    impatient.member.script = answer(b"x" * (30 << 20))
    with impatient.client(receive_buffer=4096) as client:
        client.send(b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: impatient.states()["1"]["busy"] == 1, "the request to be under way")
        until(lambda: impatient.states()["1"]["busy"] == 0, "the client to be cut")
    assert impatient.states()["1"]["state"] == "up"


def test_on_a_connection_that_twisted_web_serves(impatient: Lab) -> None:
    """What came first does not matter: whoever takes nothing of an answer, or drips a body, is cut."""
    impatient.member.script = answer(b"x" * (30 << 20))
    with impatient.client(receive_buffer=4096) as client, impatient.client() as dripping:
        for one in (client, dripping):
            assert one.get("/nothing").status == 404
        client.send(b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: impatient.states()["1"]["busy"] == 1, "the request to be under way")
        until(lambda: impatient.states()["1"]["busy"] == 0, "the client to be cut")
        dripping.send(b"POST /app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        dripping.socket.settimeout(0.1)

        def cut() -> bool:
            try:
                dripping.send(b"x")
                return dripping.socket.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        until(cut, "the body to be given up")


def test_a_client_that_takes_its_answer_slowly(impatient: Lab) -> None:
    """Whoever takes body_rate stays, although a queue takes it longer than body_timeout to empty."""
    impatient.member.script = answer(b"x" * (30 << 20))
    with impatient.client(receive_buffer=4096) as client:
        client.send(b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n")
        taken, start = 0, time.monotonic()
        while time.monotonic() < start + 4:
            taken += len(client.socket.recv(4096))
            time.sleep(0.1)
        assert impatient.states()["1"]["busy"] == 1
        assert taken < 1 << 20  # of several megabytes in the kernel: no queue was emptied meanwhile


def test_a_client_that_drips_its_answer(impatient: Lab) -> None:
    """Whoever takes a few bytes now and then is cut all the same."""
    impatient.member.script = answer(b"x" * (30 << 20))
    with impatient.client(receive_buffer=4096) as client:
        client.send(b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: impatient.states()["1"]["busy"] == 1, "the request to be under way")

        def cut() -> bool:
            client.socket.recv(10)
            return bool(impatient.states()["1"]["busy"] == 0)

        until(cut, "the client to be cut", every=0.1)
