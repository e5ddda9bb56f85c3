"""Run demo members until a signal comes: ``run_members.py OUTAGE NAME ROUTE [NAME ROUTE ...]``.

Prints the port of each, one a line.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.logger import globalLogBeginner, textFileLogObserver

from panolb.demo import DemoMember


def main(outage: float, names: list[str]) -> None:
    """Start the members, say where they are, run."""
    running: object = reactor
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    for name, route in zip(names[::2], names[1::2], strict=True):
        member = DemoMember(running, name, route, outage=outage)
        reactor.addSystemEventTrigger("before", "shutdown", member.stopService)
        member.startService()
        print(member.port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
