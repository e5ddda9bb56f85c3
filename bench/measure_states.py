"""How soon all workers know that a member is not to be used: ``python -m bench.measure_states``.

Kept connections, some with each worker, ask on and on, while an operator disables a member and brings it back.  What is
measured is the time from the order to the begin of the last request that the member still got.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.harness.control import Control
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until

CONFIG = """\
workers = {workers}

[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
[[balancer.app.member]]
url = "http://{address}:{members[0]}"
route = "1"
[[balancer.app.member]]
url = "http://{address}:{members[1]}"
route = "2"

[[location]]
path = "/"
balancer = "app"

[control]
socket = "{socket}"
"""
CONNECTIONS = 16
PAUSE = 0.2  # seconds for which a member is disabled, or active


def main() -> None:
    """Measure, and print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure_states", description=__doc__)
    parser.add_argument("--workers", type=int, default=2, help="default 2")
    parser.add_argument("--changes", type=int, default=100, help="default 100")
    options = parser.parse_args()
    with _running(options.workers) as (port, control):
        begun = time.monotonic()
        times, requests = _measure(port, control, options.changes)
        rate = requests / (time.monotonic() - begun)
    print(
        f"{options.workers} workers, {len(times)} changes: the last request came "
        f"{median(times) * 1e3:.1f} ms after the order (median), {max(times) * 1e3:.1f} ms at worst; "
        f"{rate:.0f} requests a second were asked"
    )


def _measure(port: int, control: Control, changes: int) -> tuple[list[float], int]:
    """The times in seconds, and how many requests there were."""
    times: list[float] = []
    asked: list[tuple[float, str]] = []
    over = threading.Event()
    asking = threading.Thread(target=_ask, args=(port, asked, over))
    asking.start()
    try:
        for _ in range(changes):
            before = len(asked)
            ordered = time.monotonic()
            control.post("/api/v1/members/app/1", {"state": "disabled"})
            time.sleep(PAUSE)
            late = [begun for begun, route in asked[before:] if route == "1" and begun > ordered]
            times.append(max(late, default=ordered) - ordered)
            control.post("/api/v1/members/app/1", {"state": "active"})
            time.sleep(PAUSE)
    finally:
        over.set()
        asking.join()
    return times, len(asked)


def _ask(port: int, asked: list[tuple[float, str]], over: threading.Event) -> None:
    """Ask on all connections in turn, and note when, and which member has answered."""
    connections = [HTTPConnection(ADDRESS, port) for _ in range(CONNECTIONS)]
    while not over.is_set():
        for connection in connections:
            begun = time.monotonic()
            connection.request("GET", "/")
            asked.append((begun, connection.getresponse().read().decode()))


@contextmanager
def _running(workers: int) -> Iterator[tuple[int, Control]]:
    """Two members, and panolb before them."""
    with ExitStack() as stack, TemporaryDirectory(prefix="panolb-") as directory:
        port, socket = free_port(), f"{directory}/control"
        members = [stack.enter_context(_member(route)) for route in ("1", "2")]
        config = CONFIG.format(workers=workers, port=port, address=ADDRESS, members=members, socket=socket)
        panolb = Panolb(Path(directory), config, ())
        stack.callback(panolb.close)
        panolb.launch()
        until(lambda: panolb.lines("accepts clients" if workers > 1 else "listens on"), "panolb to listen")
        until(lambda: workers == 1 or len(panolb.lines("accepts clients")) == workers, "all workers")
        yield port, Control(socket)


@contextmanager
def _member(route: str) -> Iterator[int]:
    """Answers every request with its route; yields its port."""

    class Asked(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(route)))
            self.end_headers()
            self.wfile.write(route.encode())

        def log_message(self, format: str, *args: object) -> None:  # its name there
            """Nobody reads it."""

    with ThreadingHTTPServer((ADDRESS, 0), Asked) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


if __name__ == "__main__":
    main()
