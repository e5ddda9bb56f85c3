"""``python -m tests.soak``: exit status 0 when all is well, 1 when something is not."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.soak import report
from tests.soak.run import soaking


def main() -> int:
    """Run, and tell."""
    # So that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long users come; default: 600")
    parser.add_argument("--directory", type=Path, help="where logs go; default: a new temporary one")
    options = parser.parse_args()
    directory = (options.directory or Path(mkdtemp(prefix="panolb-soak-"))).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{options.seconds:g} s of mixed traffic; the logs are in {directory}", flush=True)
    with soaking(directory) as soak:
        result = soak.run(options.seconds)
    print(report.text(result))
    (directory / "report.txt").write_text(report.text(result) + "\n")
    return 1 if report.verdicts(result) else 0


if __name__ == "__main__":
    sys.exit(main())
