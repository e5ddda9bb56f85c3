"""The same requests to Apache and to panolb, run from the same ``httpd.conf``, in front of the same members.

Compared are the member that was chosen, the request that reached it, the order of its headers aside, and the status,
headers and body that the client got. What differs on purpose stands in `accepted`; anything else fails.

Usually a fixed set of examples runs. ``PANOLB_DIFFERENTIAL=5000`` runs so many others, new ones each time.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from . import peers
from .accepted import as_panolb
from .exchanges import Seen, exchange
from .generated import CONFIGURATIONS, Move, plays
from .recognising import Parted, Sent
from .scene import Bystander
from .text import PREAMBLE, virtual_host, with_addresses

EXAMPLES = int(os.environ.get("PANOLB_DIFFERENTIAL", "0"))
FRESH = 60
"""Virtual hosts of each configuration: every example has one that nobody has used."""


class Three:
    """Apache, panolb and panolb's strict mode in front of the same members."""

    def __init__(self, directory: Path) -> None:
        self.members = {number: Bystander(number) for number in "123"}
        self.ports = {number: member.port for number, member in self.members.items()}
        self._directory = directory
        self._starts = itertools.count()
        self.peers: list[peers.Peer] = []
        self.restart()

    def restart(self) -> None:
        """New processes, to which all virtual hosts are new."""
        self.close()
        self._unused = {name: iter(range(FRESH)) for name in CONFIGURATIONS}
        texts = [PREAMBLE]
        for name, text in CONFIGURATIONS.items():
            addressed = with_addresses(text, self.ports)
            texts += [virtual_host(f"{name}{number}.test", addressed) for number in range(FRESH)]
        directory = self._directory / str(next(self._starts))
        self.peers = [peers.peer(name, directory / name, "\n".join(texts)) for name in peers.NAMES]
        for peer in self.peers:
            peer.launch()
        for peer in self.peers:
            peer.wait_ready()

    def host(self, configuration: str) -> str:
        """A virtual host that nobody has used."""
        number = next(self._unused[configuration], None)
        if number is None:
            self.restart()
            return self.host(configuration)
        return f"{configuration}{number}.test"

    def close(self) -> None:
        """End the processes."""
        for peer in self.peers:
            peer.close()
        self.peers = []


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    """The processes of this module."""
    three = Three(tmp_path_factory.mktemp("differential"))
    yield three
    three.close()
    for member in three.members.values():
        member.refuse()


def set_up(three: Three, move: Move) -> None:
    """The members as the move wants them."""
    for number, member in three.members.items():
        member.script = move.reply.script(number, three.ports)
        if number in move.down:
            member.refuse()
        elif not member.listens:
            member.listen()


@dataclass(frozen=True)
class Compared:
    """Both sides of a difference, for the message."""

    peer: str
    sent: Sent
    apache: Seen
    panolb: Seen


@pytest.mark.real
@settings(
    max_examples=EXAMPLES or 300,
    derandomize=not EXAMPLES,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(play=plays())
def test_same(three: Three, play: tuple[str, list[Move]]) -> None:
    """Both do the same, or differ as they should."""
    configuration, moves = play
    host = three.host(configuration)
    for member in three.members.values():
        member.hang_up()
    failed = False
    compared = {peer.name for peer in three.peers} - {"apache"}
    for move in moves:
        set_up(three, move)
        failed = failed or bool(move.down)
        sent = Sent(move.ask, move.reply, failed)
        seen = {
            peer.name: exchange(peer.port, host, move.ask, three.members)
            for peer in three.peers
            if peer.name in {"apache", *compared}
        }
        apache = seen.pop("apache")
        for name, panolb in seen.items():
            try:
                expected = as_panolb(sent, apache, panolb, compat=name == "compat")
            except Parted:  # from here on this one is in another state; the other is still compared
                compared.remove(name)
                continue
            assert panolb == expected, Compared(name, sent, expected, panolb)
        if not compared:
            return
