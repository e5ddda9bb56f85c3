"""WebSockets on other reactors than Linux's own, and on systems that have no epoll."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from tests.harness import process
from tests.websocket.lab import running
from tests.websocket.peer import BINARY, CLOSE, TEXT

BIG = 3 << 20  # bytes; more than the sockets on the way hold

WITHOUT_EPOLL = "import select; del select.epoll; "
"""What Python is told on macOS by the system."""


@pytest.mark.parametrize(
    ("reactor", "before", "name"),
    [("asyncio", "", "AsyncioSelectorReactor"), ("default", WITHOUT_EPOLL, "PollReactor")],
)
def test_other_reactor(
    reactor: str, before: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lanes pass messages and back-pressure, and end properly."""
    run = f"{before}from twisted.scripts.twistd import run; run()"
    twistd = [sys.executable, "-c", run, "--pidfile=", f"--reactor={reactor}", "-n", "panolb"]
    monkeypatch.setattr(process, "TWISTD", twistd)
    with running(tmp_path, more='websocket_backlog = "64KiB"') as lab:
        assert lab.panolb.lines(f"{name}.")
        for lane in ("splice", "messages"):
            lab.lane = lane
            pair = lab.open()
            for sender, receiver in (pair.direction("client"), pair.direction("member")):
                sender.send(TEXT, b"hello")
                assert receiver.message() == b"hello"
                sending = threading.Thread(target=sender.send, args=(BINARY, bytes(BIG)))
                sending.start()
                assert receiver.message() == bytes(BIG)
                sending.join()
            pair.member.close_frame(1000, "done")
            assert pair.browser.closed() == (1000, "done")
            pair.browser.close_frame(1000, "done")
            assert pair.member.closed() == (1000, "done")
            pair.member.socket.close()
            assert pair.browser.ended()
            pair = lab.open()
            pair.browser.reset()
            assert pair.member.frame().opcode == CLOSE
        lab.settle()
        assert not lab.panolb.lines("Traceback")
