"""``python -m tests.reload``: exit status 0 when nothing was lost, 1 when something was."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.reload import report
from tests.reload.run import WAYS, Load, running
from tests.websocket.crowd import room_for


def main() -> int:
    """Run, and tell."""
    # So that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = argparse.ArgumentParser(prog="python -m tests.reload", description=__doc__)
    parser.add_argument("--reloads", type=int, default=50, help="configurations; default: 50")
    parser.add_argument("--every", type=float, default=1.2, help="seconds from one to the next; default: 1.2")
    parser.add_argument("--rate", type=float, default=2000, help="requests a second to aim at; default: 2000")
    parser.add_argument("--websockets", type=int, default=500, help="default: 500")
    parser.add_argument(
        "--by", nargs="+", choices=WAYS, default=WAYS, help="how reloads are ordered; default: by turns"
    )
    parser.add_argument("--seed", type=int, default=7, help="another one draws other configurations")
    parser.add_argument("--httpd-conf", action="store_true", help="run from an httpd.conf")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that share the listener; default: 1"
    )
    parser.add_argument("--directory", type=Path, help="where logs go; default: a new temporary one")
    options = parser.parse_args()
    directory = (options.directory or Path(mkdtemp(prefix="panolb-reload-"))).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{options.reloads} reloads under load; the logs are in {directory}", flush=True)
    with (
        room_for(options.websockets + 500),
        running(directory, httpd=options.httpd_conf, workers=options.workers) as run,
    ):
        load = Load(
            options.rate, options.websockets, options.reloads, options.every, tuple(options.by), options.seed
        )
        result = run.run(load)
    print(report.text(result))
    (directory / "report.txt").write_text(report.text(result) + "\n")
    return 1 if report.verdicts(result) else 0


if __name__ == "__main__":
    sys.exit(main())
