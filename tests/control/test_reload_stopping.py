"""A reload that comes when panolb is already stopping."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import Stall, answer
from tests.harness.waiting import ADDRESS, free_port, until

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
[[balancer.app.member]]
url = "http://{address}:{member}"

[[location]]
path = "/"
balancer = "app"
"""


def test_no_listener_comes_back(tmp_path: Path) -> None:
    """Its port belongs to the next panolb; what is under way is answered, and the process ends in peace."""
    with Member("1") as member:
        port = free_port()
        config = CONFIG.format(address=ADDRESS, port=port, member=member.port)
        panolb = Panolb(tmp_path, config, (port,))
        try:
            panolb.start()
            stall = member.script = Stall(answer(b"late"))
            with Client(port) as client:
                client.ask("GET", "/")
                stall.wait()
                panolb.terminate()
                until(lambda: panolb.lines("stopping: "), "panolb to stop")
                panolb.file.write_text(config.replace("[balancer.app]\n", '[balancer.app]\nretry = "5s"\n'))
                panolb.process.send_signal(signal.SIGHUP)
                until(lambda: panolb.lines("panolb is stopping"), "the reload to be refused")
                assert len(panolb.lines("listening on")) == 1
                stall.release()
                assert client.answer().body == b"late"
            assert panolb.wait() == 0
            assert "Traceback" not in panolb.log
        finally:
            panolb.close()
