"""The demo's dashboard in a real Chromium, in front of a balancer whose members are drained."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.demo import chromium
from tests.demo.chromium import Page
from tests.harness.control import Control
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.demo]
stickysession = "ROUTEID"
[[balancer.demo.member]]
url = "http://{address}:{members[0]}/panopticon"
route = "1"
[[balancer.demo.member]]
url = "http://{address}:{members[1]}/panopticon"
route = "2"

[[location]]
path = "/panopticon"
balancer = "demo"

[control]
socket = "{socket}"
"""

LANDED = 2.0
"""Seconds within which a user is to see the other member's numbers."""


@pytest.fixture
def page(members: list[int], tmp_path: Path) -> Iterator[tuple[Page, Control]]:
    """The dashboard behind a balancer, and the balancer's control socket."""
    if chromium.installed() is None:
        if os.environ.get("PANOLB_REQUIRE_REAL"):
            pytest.fail("PANOLB_REQUIRE_REAL is set, but there is no Chromium", pytrace=False)
        pytest.skip("there is no Chromium")
    port = free_port()
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        socket = f"{short}/control"
        config = CONFIG.format(port=port, address=ADDRESS, members=members, socket=socket)
        panolb = Panolb(tmp_path, config, (port,))
        try:
            panolb.start()
            with chromium.browsing(f"http://{ADDRESS}:{port}/panopticon/", tmp_path) as page:
                yield page, Control(socket)
            panolb.stop()
        finally:
            panolb.close()


@pytest.mark.real
def test_a_drain_moves_the_dashboard(page: tuple[Page, Control]) -> None:
    """It reconnects by itself after the 1012 and shows the other member's numbers within 2 s, as the page's clock has it.

    To and fro, and the best of them counts: what a busy machine adds is not the balancer's.
    """
    tab, control = page
    tab.wait("points.length > 3 && points.at(-1).member")
    took: list[float] = []
    for _ in range(3):
        here, before = tab.evaluate("routes[current]"), tab.evaluate("current")
        there = "2" if here == "1" else "1"
        # From the close event to the first numbers, by the page's own eyes.
        tab.evaluate("""
            window.seen = {};
            socket.addEventListener("close", (event) => {
              seen.code = event.code; seen.reason = event.reason; seen.clean = event.wasClean; seen.at = performance.now();
            });
            (function watch() {
              if (seen.at && current !== null && points.at(-1).member === current) seen.took = performance.now() - seen.at;
              else setTimeout(watch, 5);
            })();
        """)
        status, drained = control.post(
            f"/api/v1/members/demo/{here}", {"state": "drain", "close_websockets": True}
        )
        assert (status, drained["state"], drained["closing"]) == (200, "drain", 1)
        took.append(tab.wait("seen.took") / 1000)
        assert tab.evaluate("[seen.code, seen.reason, seen.clean]") == [
            1012,
            "The server restarts; please reconnect.",
            True,
        ]
        assert tab.evaluate("routes[current]") == there
        assert f": moved from {before} to {tab.evaluate('current')}." in tab.evaluate(
            "element('log').innerText"
        )
        # The rest of the page follows: its requests go to the new member as well.
        tab.wait(f"answering.route === {json.dumps(there)}")
        assert control.post(f"/api/v1/members/demo/{here}", {"state": "active"})[0] == 200
    assert min(took) < LANDED, f"the page took {took} s"
