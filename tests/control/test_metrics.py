"""/metrics: right in form, and right in number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from panolb.control.metrics.blame import BLAME
from panolb.control.metrics.families import FAMILIES
from panolb.control.metrics.reference import LABELS, reference
from tests.harness.certificate import certify
from tests.harness.client import Client
from tests.harness.scripts import Stall, answer, close
from tests.harness.waiting import free_port, until
from tests.proxy.lab import Lab, running
from tests.websocket.peer import PING, PONG, TEXT

from .operating import running as operated

DOCS = Path(__file__).parents[2] / "docs"
PAGE, LOGS = DOCS / "metrics.rst", DOCS / "logs.rst"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members, the first of which answers with an error."""
    with running(tmp_path_factory.mktemp("metrics"), members=2) as made:
        made.reset()
        made.members[0].script = answer(b"broken", status="500 Broken")
        yield made


def scrape(port: int, accept: str = "text/plain") -> tuple[str | None, str]:
    """What Prometheus gets."""
    with Client(port) as client:
        got = client.get("/metrics", f"Accept: {accept}")
        assert got.status == 200
        return got.one("Content-Type"), got.body.decode()


def families(port: int) -> dict[str, Metric]:
    """By name."""
    return {family.name: family for family in parse(scrape(port)[1])}


def value(found: dict[str, Metric], family: str, **labels: str) -> float:
    """The sum of a family's samples with these labels."""
    return sum(
        sample.value
        for sample in found[family].samples
        if labels.items() <= sample.labels.items() and not sample.name.endswith("_created")
    )


def times(found: dict[str, Metric], family: str, **labels: str) -> float:
    """How many a histogram has counted."""
    return sum(
        sample.value
        for sample in found[family].samples
        if sample.name.endswith("_count") and labels.items() <= sample.labels.items()
    )


def counted(port: int, number: float, family: str, **labels: str) -> dict[str, Metric]:
    """What is there when so many have been counted."""

    def look() -> dict[str, Metric]:
        found = families(port)
        return found if value(found, family, **labels) == number else {}

    return until(look, f"{number} to be counted by {family}")


def test_what_happened(lab: Lab) -> None:
    """Every request is counted once, where it went and how it ended."""
    for _ in range(3):
        assert lab.get("/app/", "Cookie: ROUTEID=.1").status == 500
    for _ in range(2):
        assert lab.get("/app/", "Cookie: ROUTEID=.2").status == 200
    lab.get("/app/", "Cookie: ROUTEID=.9")
    assert lab.get("/elsewhere").status == 404
    with lab.client() as client:
        client.send(b"nonsense\r\n\r\n")
        assert client.answer().status == 400
    found = counted(lab.admin, 6, "panolb_requests", balancer="app")
    assert value(found, "panolb_requests", member="app/1", code_class="5xx", method="GET") >= 3
    assert value(found, "panolb_requests", member="app/2", code_class="2xx") >= 2
    assert value(found, "panolb_requests", balancer="", code_class="4xx") >= 1
    assert value(found, "panolb_pin_decisions", source="cookie") == 6
    assert value(found, "panolb_pin_broken", reason="unknown-route") == 1
    assert value(found, "panolb_requests_refused", status="400") == 1
    timed = [s.value for s in found["panolb_request_duration_seconds"].samples if s.name.endswith("_count")]
    assert timed == [6]
    assert value(found, "panolb_member_up") == 2
    assert value(found, "panolb_member_state", member="app/1", state="up") == 1
    assert value(found, "panolb_config_generation") == 1
    assert value(found, "panolb_config_last_reload_success") == 1


def test_websockets(tmp_path: Path) -> None:
    """Open ones, and those that have ended, by who ended them."""
    admin = "tcp:0:interface=127.0.0.1"
    with operated(tmp_path, more=f'[admin]\nendpoint = "{admin}"\n') as lab:
        port = int(re.findall(r"(?:RoutedSite|QuietSite|Site) starting on (\d+)", lab.panolb.log)[-1])
        pair = lab.open("1")
        found = families(port)
        assert value(found, "panolb_member_websockets", member="app/1") == 1
        assert value(found, "panolb_websocket_opened", member="app/1") == 1
        assert value(found, "panolb_websocket_messages") == 0
        for _ in range(3):
            pair.browser.send(TEXT, b"hello")
            assert pair.member.message() == b"hello"
        pair.member.send(TEXT, b"hello yourself")
        counted(port, 3, "panolb_websocket_messages", member="app/1", direction="in")
        counted(port, 1, "panolb_websocket_messages", member="app/1", direction="out")
        pair.browser.send(TEXT, b"one more")
        pair.browser.close_frame(1000)
        assert pair.member.message() == b"one more"
        assert pair.member.closed()[0] == 1000
        pair.member.close_frame(1000)
        found = counted(port, 1, "panolb_websocket_closed")
        assert value(found, "panolb_websocket_closed", member="app/1", initiator="client", code="1000") == 1
        assert value(found, "panolb_member_websockets", member="app/1") == 0
        assert value(found, "panolb_websocket_messages") == 5
        assert value(found, "panolb_websocket_backlog_bytes") == 0


def test_round_trips(tmp_path: Path) -> None:
    """Of every ping that is answered, by side."""
    more = '[[location]]\npath = "/asks"\nbalancer = "app"\nwebsocket_ping_interval = "200ms"\n'
    with operated(tmp_path, more=f'{more}[admin]\nendpoint = "tcp:0:interface=127.0.0.1"\n') as lab:
        port = int(re.findall(r"(?:RoutedSite|QuietSite|Site) starting on (\d+)", lab.panolb.log)[-1])
        browser = lab.ask_for("/asks", "Cookie: ROUTEID=.2")
        member = lab.members["2"].visit().switch()
        peer = browser.switched()
        ping = peer.frame()
        assert ping.opcode == PING
        peer.send(PONG, ping.payload)
        rtt = "panolb_websocket_rtt_seconds"
        until(lambda: times(families(port), rtt, member="app/2", side="client") == 1, "it to be counted")
        assert times(families(port), rtt, side="member") == 0
        member.socket.close()


def test_what_requests_waited_for(lab: Lab) -> None:
    """Connections, places and panolb itself are told apart."""
    before = families(lab.admin)
    lab.members[0].script = close
    assert lab.get("/app/", "Cookie: ROUTEID=.1").status == 200
    lab.members[0].script = answer(b"broken", status="500 Broken")
    found = counted(lab.admin, 1, "panolb_retries", reason="member-broke")
    assert value(found, "panolb_retries", member="app/2") == 0
    connects = "panolb_upstream_connect_seconds"
    assert times(found, connects, member="app/1") > times(before, connects, member="app/1")
    # The one that took two attempts is not in it.
    overhead = "panolb_proxy_overhead_seconds"
    assert times(found, overhead) == times(before, overhead)
    assert lab.get("/app/", "Cookie: ROUTEID=.2").status == 200
    until(lambda: times(families(lab.admin), overhead) == times(before, overhead) + 1, "it to be counted")


def test_queues(tmp_path: Path) -> None:
    """Who waits for a connection, and how long those did that have got one."""
    with running(tmp_path, balancer="max_connections = 1") as lab:
        stall = lab.member.script = Stall(answer(b"late"))
        first, second = lab.client(), lab.client()
        first.ask("GET", "/app/")
        stall.wait()
        second.ask("GET", "/app/")
        counted(lab.admin, 1, "panolb_queue_length", member="app/1")
        stall.release()
        assert (first.answer().body, second.answer().body) == (b"late", b"late")
        first.close()
        second.close()
        found = counted(lab.admin, 2, "panolb_requests", code_class="2xx")
        assert value(found, "panolb_queue_length") == 0
        assert times(found, "panolb_queue_seconds", member="app/1") == 1
        (waited,) = (s.value for s in found["panolb_queue_seconds"].samples if s.name.endswith("_sum"))
        assert waited > 0


def test_members_that_are_not_there(tmp_path: Path) -> None:
    """A retry names the member that was given up."""
    with running(tmp_path, members=2) as lab:
        lab.members[0].refuse()
        assert lab.get("/app/", "Cookie: ROUTEID=.1").status == 200
        found = counted(lab.admin, 1, "panolb_retries")
        assert value(found, "panolb_retries", member="app/1", reason="connect-failed") == 1
        assert times(found, "panolb_upstream_connect_seconds", member="app/1") == 0
        assert times(found, "panolb_upstream_connect_seconds", member="app/2") == 1


def test_certificates(tmp_path: Path) -> None:
    """When they expire."""
    key, certificate = certify(tmp_path)
    endpoint = f"ssl:{free_port()}:interface=127.0.0.1:privateKey={key}:certKey={certificate}"
    with running(tmp_path, more=f'[listener.secure]\nendpoint = "{endpoint}"\n') as lab:
        found = families(lab.admin)["panolb_tls_cert_not_after_timestamp_seconds"].samples
    (sample,) = found
    assert sample.labels == {"listener": "secure", "name": "panolb.test"}
    until_when = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    assert sample.value == until_when.timestamp()


def test_backlog(tmp_path: Path) -> None:
    """What a viewer does not take waits, and is no more when he has left."""
    with operated(tmp_path, more='[admin]\nendpoint = "tcp:0:interface=127.0.0.1"\n') as lab:
        port = int(re.findall(r"(?:RoutedSite|QuietSite|Site) starting on (\d+)", lab.panolb.log)[-1])
        pair = lab.open("2")
        pair.member.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                pair.member.send(TEXT, bytes(1 << 16))
        backlog = "panolb_websocket_backlog_bytes"
        until(lambda: value(families(port), backlog, member="app/2", direction="out"), "it to be counted")
        assert value(families(port), backlog, direction="in") == 0
        pair.browser.reset()
        counted(port, 0, backlog)


def test_their_form(lab: Lab) -> None:
    """Prefix, base units, help; OpenMetrics for who asks for it; and no name of a user's in it."""
    lab.get("/app/secret?token=1", "Cookie: ROUTEID=.2; JSESSIONID=precious")
    kind, text = scrape(lab.admin)
    assert kind is not None and kind.startswith("text/plain")
    for family in parse(text):
        assert family.documentation, family.name
        assert re.fullmatch(r"(panolb|process)_[a-z0-9_]+", family.name), family.name
        assert not family.name.endswith(("_ms", "_milliseconds", "_kb", "_minutes")), family.name
    assert not any(word in text for word in ("precious", "secret", "token="))
    kind, text = scrape(lab.admin, "application/openmetrics-text; version=1.0.0")
    assert kind is not None and kind.startswith("application/openmetrics-text")
    assert list(parse_openmetrics(text))


def test_every_end_is_somebodys() -> None:
    """Each word that the access log has for an end, as its page lists them."""
    ends = LOGS.read_text().split("How it ended:\n")[1].split("As JSON\n")[0]
    words = set(re.findall(r"(?:^|; )``([a-z-]+)``", ends, re.MULTILINE)) - {"opened"}
    assert words == set(BLAME)


def test_the_page_has_them_all(lab: Lab) -> None:
    """By name, as a scrape has them; and no others."""
    exported = {(family.name, family.type) for family in families(lab.admin).values()}
    assert {(family.name, family.kind.value) for family in FAMILIES.values()} == exported


def test_the_documentation_is_what_the_table_says() -> None:
    """If not: python -m panolb.control.metrics.reference > docs/metrics.rst."""
    assert PAGE.read_text(encoding="utf-8") == reference()
    used = {label for family in FAMILIES.values() for label in family.labels}
    assert used - {"python", "twisted"} == set(LABELS)
