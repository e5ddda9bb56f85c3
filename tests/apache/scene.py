"""A case, and the scene it is played in: a peer, a virtual host of its own in it, members of its own behind it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.client import Client
from tests.harness.member import Member, Request, Stall, answer
from tests.harness.waiting import until
from tests.websocket.peer import Peer as WebSocket

from .echo import echoes, either
from .peers import Peer, peer
from .text import PREAMBLE, numbers, virtual_host, with_addresses

Step = Callable[["Scene"], None]


def is_check(request: Request) -> bool:
    """Whether it is a health check, as the cases write them."""
    return request.target == "*" or request.target.endswith("/hc")


class Bystander(Member):
    """A member that can be made to forget without the other side's help: Apache looks at idle connections late.

    It answers with its number, and accepts every WebSocket, on which it echoes.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.script = either(answer(name.encode()), echoes)

    @property
    def listens(self) -> bool:
        """Whether its port is open."""
        return self._listening is not None

    def hang_up(self) -> None:
        """End every connection now."""
        for talk in self.talks:
            try:
                talk.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended
        until(lambda: not any(talk.open for talk in self.talks), f"the connections of {self.name} to end")
        self.talks = []


@dataclass(frozen=True)
class Case:
    """One row of a table.

    :ivar id: as in the catalogue; several rows of one id have a letter behind it.
    :ivar site: the text of its virtual host, of the server when ``alone``.
    :ivar steps: what is sent, and what must come of it, with Apache.
    :ivar panolb: the same with panolb, where it differs on purpose.
    :ivar differs: the ids of those differences.
    :ivar compat: whether panolb's strict mode does as Apache does.
    :ivar alone: a process of its own, since it is about what a virtual host cannot have.
    """

    id: str
    site: str
    steps: Sequence[Step]
    panolb: Sequence[Step] | None = None
    differs: Sequence[str] = ()
    compat: bool = False
    alone: bool = False

    @property
    def host(self) -> str:
        """The name of its virtual host."""
        return f"{self.id.lower()}.test"

    def with_peer(self, name: str) -> Sequence[Step]:
        """The steps with that peer."""
        if self.panolb is None or name == "apache" or (name == "compat" and self.compat):
            return self.steps
        return self.panolb


@dataclass
class Scene:
    """What a case's steps work with.

    :ivar clients: connections that several steps use, by name.
    :ivar tunnels: open WebSockets, by name.
    :ivar stall: what holds answers back.
    """

    peer: Peer
    host: str
    members: dict[str, Member]
    clients: dict[str, Client] = field(default_factory=dict)
    tunnels: dict[str, WebSocket] = field(default_factory=dict)
    stall: Stall = field(default_factory=Stall)

    def text(self, text: str) -> str:
        """``http://b1`` becomes the first member's address, ``HOST`` the virtual host's name."""
        ports = {number: member.port for number, member in self.members.items()}
        return with_addresses(re.sub(r"\bHOST\b", self.host, text), ports)

    def client(self, name: str | None = None) -> Client:
        """A connection of that name, or a new one."""
        if name is None:
            return Client(self.peer.port)
        if name not in self.clients:
            self.clients[name] = Client(self.peer.port)
        return self.clients[name]

    def requests(self) -> dict[str, list[Request]]:
        """What came to the members since the last `forget`, but for health checks; only those to whom anything came."""
        came = {
            number: [request for request in member.requests if not is_check(request)]
            for number, member in self.members.items()
        }
        return {number: requests for number, requests in came.items() if requests}

    def reached(self) -> str:
        """The members that a request came to."""
        return " ".join(sorted(self.requests()))

    def forget(self) -> None:
        """What came so far is settled."""
        for member in self.members.values():
            assert not member.failures, member.failures
            member.requests.clear()

    def end(self) -> None:
        """Close the connections."""
        self.stall.release()
        for tunnel in self.tunnels.values():
            tunnel.socket.close()
        for client in self.clients.values():
            client.close()


class Stage:
    """A running peer with a virtual host for each of some cases.

    All cases share the process, and none shares a balancer or a member with another.
    """

    def __init__(self, name: str, directory: Path, cases: Sequence[Case]) -> None:
        self.members = {case.id: {n: Bystander(n) for n in numbers(case.site)} for case in cases}
        texts = [PREAMBLE]
        for case in cases:
            ports = {number: member.port for number, member in self.members[case.id].items()}
            text = with_addresses(case.site, ports)
            texts.append(text if case.alone else virtual_host(case.host, text))
        self.peer = peer(name, directory, "\n".join(texts) + "\n")
        try:
            self.peer.start()
        except BaseException:
            self.close()
            raise

    def play(self, case: Case) -> None:
        """All steps of a case, with the peer that runs here."""
        members: dict[str, Member] = dict(self.members[case.id])
        scene = Scene(self.peer, case.host, members)
        try:
            for step in case.with_peer(self.peer.name):
                step(scene)
            scene.forget()
        finally:
            scene.end()
            for member in members.values():
                member.refuse()

    def close(self) -> None:
        """End the peer and the members."""
        try:
            self.peer.close()
        finally:
            for members in self.members.values():
                for member in members.values():
                    member.refuse()
