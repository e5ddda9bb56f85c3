"""Hundreds of viewers that read nothing: what they cost is what the setting says, and one more is served."""

from __future__ import annotations

from pathlib import Path

from tests.harness.waiting import until
from tests.websocket.crowd import Crowd, room_for
from tests.websocket.lab import LANES
from tests.websocket.peer import TEXT, Frame
from tests.websocket.single import single

WANTED = 400
BACKLOG = 128 << 10
SETTINGS = f"""\
websocket = "{{lane}}"
websocket_ping_interval = 0
websocket_backlog = "{BACKLOG >> 10}KiB"
websocket_slow_timeout = "1h"
"""
MESSAGE = 20_000  # bytes; a dashboard's update
OFFERED = 8 << 20  # bytes that the member has for each viewer, many times what may wait
GENEROUS = 120.0

READ = 64 << 10
"""Bytes: what waits is looked at when something is read from the other side, which may be so much more."""
HELD = MESSAGE
"""Bytes: the beginning of a message that is not there as a whole, since the pause came in its midst."""
OBJECTS = 24 << 10
"""Bytes: all that an idle WebSocket takes, in either lane."""
ALLOCATOR = 9 / 8
"""What is lost between pieces of memory that come and go."""
BOUND = (BACKLOG + READ + HELD + OBJECTS) * ALLOCATOR
"""Bytes of panolb's memory for each viewer; of these only `BACKLOG` is a setting, and it alone can be made large."""


@LANES
def test_slow_viewers(tmp_path: Path, lane: str) -> None:
    """The member sends all it can to viewers that read nothing; the process grows by no more than `BOUND` for each."""
    with room_for(WANTED) as number:
        crowd = Crowd("/raw/slow", buffer=1 << 14)
        with single(tmp_path, SETTINGS.format(lane=lane), member=crowd.port) as one:
            try:
                before = one.panolb.rss()
                crowd.open(one.port, number, GENEROUS)
                crowd.deafen()
                crowd.flood(MESSAGE, OFFERED, 2.0, GENEROUS, look=one.websockets)
                each = (one.panolb.rss() - before) / number
                print(
                    f"{number} viewers ({lane}): the member could send {crowd.sent / number / 1024:.0f} of {OFFERED >> 10} KiB to each, "
                    f"and panolb has grown by {each / 1024:.0f} KiB for each (bound: {BOUND / 1024:.0f})"
                )
                assert crowd.sent / number < OFFERED / 2, "everything was swallowed"
                assert each < BOUND
                waiting = [
                    entry["backlog_out_bytes"]
                    for entry in one.ask("GET", "/websockets?limit=1000")["websockets"]
                ]
                assert len(waiting) == min(number, 1000)
                assert max(waiting) <= BACKLOG + READ + HELD
                assert sum(waiting) > len(waiting) * BACKLOG / 10, (
                    "hardly anything waited: this has shown nothing"
                )
                browser = one.browse()
                browser.upgrade("/raw/quick")
                crowd.run(
                    lambda: len(crowd.members) == number + 1 and crowd.members[-1].open, "one more", GENEROUS
                )
                viewer = browser.switched()
                crowd.members[-1].send(TEXT, b"served")
                assert viewer.frame() == Frame(TEXT, b"served")
                viewer.socket.close()
            finally:
                crowd.close()
            until(lambda: one.websockets() == 0, "panolb to have forgotten them")
            one.panolb.stop()
            assert not one.panolb.lines("#error"), one.panolb.tail()
