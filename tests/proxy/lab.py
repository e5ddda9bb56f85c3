"""One panolb process with its members, as many tests share it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.harness.client import Answer, Client
from tests.harness.held import watch
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"
{listener}

[balancer.app]
stickysession = "ROUTEID"
{balancer}

{members}
[[location]]
path = "/app"
balancer = "app"
{location}

{more}

[admin]
endpoint = "tcp:{admin}:interface={address}"

[shutdown]
grace = "10s"
"""


class Lab:
    """The process, its port, and the members behind ``/app``, routes "1", "2" and so on."""

    def __init__(self, panolb: Panolb, members: Sequence[Member]) -> None:
        self.panolb = panolb
        self.port, self.admin = panolb.ports
        self.members = list(members)

    @property
    def member(self) -> Member:
        """The first, or only, member."""
        return self.members[0]

    def client(self, **options: Any) -> Client:
        return Client(self.port, **options)

    def get(self, target: str, *fields: str) -> Answer:
        """One GET on a connection of its own."""
        with self.client() as client:
            return client.get(target, *fields)

    def reset(self) -> None:
        """Before each test: members that answer, and nothing recorded."""
        for member in self.members:
            member.forget()

    def status(self) -> dict[str, Any]:
        """What panolb says of itself."""
        connection = http.client.HTTPConnection(ADDRESS, self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", "/status.json")
            status: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return status

    def states(self) -> dict[str, dict[str, Any]]:
        """What panolb says of its members, by route."""
        status = self.status()
        return {member["route"]: member for balancer in status["balancers"] for member in balancer["members"]}


@contextmanager
def running(
    directory: Path,
    *,
    members: int = 1,
    listener: str = "",
    balancer: str = "",
    location: str = "",
    more: str = "",
    member_path: str = "/app",
    healthy: bool = True,
) -> Iterator[Lab]:
    """A lab; each text goes into the table of its name, ``more`` behind them.

    :param healthy: insist at the end that panolb stops with 0 and has logged no traceback.
    """
    port, admin = free_port(), free_port()
    with ExitStack() as stack:
        made = [stack.enter_context(Member(f"member {number}")) for number in range(1, members + 1)]
        config = CONFIG.format(
            address=ADDRESS,
            port=port,
            admin=admin,
            listener=listener,
            balancer=balancer,
            location=location,
            more=more,
            members="".join(
                f'[[balancer.app.member]]\nurl = "http://{ADDRESS}:{member.port}{member_path}"\nroute = "{route}"\n\n'
                for route, member in enumerate(made, 1)
            ),
        )
        panolb = Panolb(directory, config, (port, admin))
        try:
            panolb.start()
            watch(panolb, admin)
            yield Lab(panolb, made)
            if healthy:
                panolb.stop()
        finally:
            panolb.close()


BODY = bytes(range(256)) * 4000
"""A body that does not fit into one segment."""


def ask(client: Client, kind: str, route: str) -> Answer:
    """One request of a user who is bound to ``route``.

    :param kind: a method, and how it frames `BODY`: ``GET``, ``POST length``, ``PUT chunked``.
    """
    method, _, framing = kind.partition(" ")
    if framing == "chunked":
        client.ask(method, "/app/x", f"Cookie: ROUTEID=.{route}", "Transfer-Encoding: chunked")
        for at in range(0, len(BODY), 100000):
            piece = BODY[at : at + 100000]
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        client.send("0\r\n\r\n")
    else:
        body = BODY if framing == "length" else b""
        client.ask(method, "/app/x", f"Cookie: ROUTEID=.{route}", body=body)
    return client.answer(method)
