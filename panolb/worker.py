"""``python -m panolb.worker``: a worker process, which a panolb with ``workers`` starts; the composition root beside `tap`."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial
from typing import Any

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Factory
from twisted.logger import globalLogBeginner

import panolb.plugins

from .config import model
from .control.configuration import fixed
from .control.registry import Registry
from .control.service import Panolb
from .control.workers.alone import Alone
from .control.workers.duties import Duties
from .control.workers.process import CHANNEL
from .control.workers.worker import WorkerProcess
from .tap import take_descriptors, wall_time


def main() -> None:
    """Do what the supervisor says, until it says that it is over."""
    reactor: Any = global_reactor
    registry = Registry(panolb.plugins)

    def make(config: model.Config, duties: Duties, alone: Alone) -> Panolb:
        configuration = fixed(config, registry.known, time.time)
        return Panolb(reactor, configuration, registry, time.monotonic, wall_time, time.time, duties, alone)

    def end(in_peace: bool) -> None:
        if in_peace and reactor.running:
            reactor.stop()
        else:
            os._exit(1)

    worker = WorkerProcess(reactor, time.monotonic, make, end)
    reactor.adoptStreamConnection(CHANNEL, socket.AF_UNIX, Factory.forProtocol(lambda: worker.channel))
    os.close(CHANNEL)
    globalLogBeginner.beginLoggingTo([worker], redirectStandardIO=False)
    take_descriptors(reactor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's, which the supervisor has got too
    for name in ("SIGHUP", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # meant for the supervisor
    signal.signal(signal.SIGTERM, lambda number, frame: reactor.callFromThread(partial(worker.stop)))
    reactor.run(installSignalHandlers=False)


if __name__ == "__main__":
    main()
