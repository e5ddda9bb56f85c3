"""Nine thousand idle WebSockets in one process: opened, kept alive, closed, and not one of them lost."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from tests.harness.waiting import until
from tests.websocket.crowd import Crowd, room_for
from tests.websocket.single import Single, single

WANTED = 9000
PING_INTERVAL = 8.0
"""Seconds: quick enough for a test, and slow enough for a machine that has other things to do."""
CLOSE_RATE = 2500  # per second
SETTINGS = f"""\
websocket_ping_interval = "{PING_INTERVAL:g}s"
websocket_ping_misses = 10
"""
TABLES = f"""\
[websockets]
close_rate = {CLOSE_RATE}
close_timeout = "30s"

[shutdown]
grace = "60s"
"""
GENEROUS = 120.0  # seconds that a busy machine may take for what a quiet one does in ten
PER_WEBSOCKET = 8 << 10
"""Bytes of panolb's memory for an idle one, both of its connections included; measured: 7.4 KiB."""


def crowded(one: Single, crowd: Crowd, number: int) -> None:
    """Open so many, and have all of both sides pinged once."""
    before, began = one.panolb.rss(), time.monotonic()
    crowd.open(one.port, number, GENEROUS)
    assert one.websockets() == number
    each = (one.panolb.rss() - before) / number
    opened = time.monotonic()
    sides = crowd.clients + crowd.members
    crowd.run(lambda: all(side.pings for side in sides), "a ping on each side of each", GENEROUS)
    print(
        f"{number} WebSockets: opened in {opened - began:.1f} s, {each / 1024:.1f} KiB of memory each; "
        f"all pinged {time.monotonic() - opened:.1f} s later"
    )
    assert crowd.codes() == (Counter({0: number}), Counter({0: number})), "one of them did not live"
    assert each < PER_WEBSOCKET


def parted(crowd: Crowd, number: int) -> None:
    """Wait until all have ended; each side of each was told 1012."""
    began = time.monotonic()
    crowd.run(lambda: all(side.ended for side in crowd.clients + crowd.members), "all to end", GENEROUS)
    print(f"closed in {time.monotonic() - began:.1f} s")
    assert crowd.codes() == (Counter({1012: number}), Counter({1012: number}))


def test_idle_many(tmp_path: Path) -> None:
    """As many as the limit on open files allows, 9,000 at most: opened, pinged, closed by a drain, without an error."""
    with room_for(WANTED) as number:
        crowd = Crowd("/raw/crowd")
        with single(tmp_path, SETTINGS, TABLES, crowd.port) as one:
            try:
                crowded(one, crowd, number)
                one.ask("POST", "/members/raw/r", {"state": "drain", "close_websockets": True})
                parted(crowd, number)
            finally:
                crowd.close()
            until(lambda: one.websockets() == 0, "panolb to have forgotten them")
            until(lambda: len(one.logged("/raw/crowd")) == 2 * number, "two lines of the log for each")
            assert len(one.logged(" drained:1012 ")) == number
            one.panolb.stop()
            assert not one.panolb.lines("#error"), one.panolb.tail()
