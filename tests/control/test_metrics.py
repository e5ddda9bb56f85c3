"""/metrics: right in form, and right in number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.harness.client import Client
from tests.harness.scripts import answer
from tests.harness.waiting import until
from tests.proxy.lab import Lab, running

from .operating import running as operated

PAGE = Path(__file__).parents[2] / "docs" / "metrics.rst"


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
        pair.browser.close_frame(1000)
        assert pair.member.closed()[0] == 1000
        pair.member.close_frame(1000)
        found = counted(port, 1, "panolb_websocket_closed")
        assert value(found, "panolb_websocket_closed", member="app/1", initiator="client", code="1000") == 1
        assert value(found, "panolb_member_websockets", member="app/1") == 0


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


def test_the_page_has_them_all(lab: Lab) -> None:
    """By name, as a scrape has them; and no others."""
    exported = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families(lab.admin).values()
        if family.name.startswith("panolb_")
    }
    assert set(re.findall(r"^``(panolb_\w+)``", PAGE.read_text(), re.MULTILINE)) == exported
