"""One panolb process with balancers as a test describes them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

from tests.harness.client import Answer, Client
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until


def member(port: int, **options: str) -> str:
    """The TOML of a member at ``port``; each option's value as it stands in TOML."""
    lines = [f'url = "http://{ADDRESS}:{port}"', *(f"{name} = {value}" for name, value in options.items())]
    return "\n".join(lines)


def balancer(members: Sequence[str], health: str = "", more: str = "") -> str:
    """The TOML of a balancer without its name, which `running` fills in for ``@``."""
    tables = [f"[balancer.@]\n{more}", *(f"[[balancer.@.member]]\n{text}" for text in members)]
    if health:
        tables.append(f"[balancer.@.health]\n{health}")
    return "\n".join(tables)


class Lab:
    """The process; each balancer is behind the path of its name."""

    def __init__(self, directory: Path, balancers: Mapping[str, str], more: str) -> None:
        self.port, self.admin = free_port(), free_port()
        parts = [f'[listener.public]\nendpoint = "tcp:{self.port}:interface={ADDRESS}"']
        parts += [text.replace("balancer.@", f"balancer.{name}") for name, text in balancers.items()]
        parts += [f'[[location]]\npath = "/{name}"\nbalancer = "{name}"' for name in balancers]
        parts += [f'[admin]\nendpoint = "tcp:{self.admin}:interface={ADDRESS}"', more]
        self.panolb = Panolb(directory, "\n\n".join(parts) + "\n", (self.port, self.admin))

    def get(self, target: str, *fields: str) -> Answer:
        """One GET on a connection of its own."""
        with Client(self.port) as client:
            return client.get(target, *fields)

    def ask_admin(self, method: str, target: str) -> tuple[int, Message, bytes]:
        """Status, headers and body of the status page's answer."""
        connection = http.client.HTTPConnection(ADDRESS, self.admin, timeout=PATIENCE)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def status(self) -> dict[str, dict[str, Any]]:
        """What panolb says of its members, by name."""
        body = self.ask_admin("GET", "/status.json")[2]
        return {m["name"]: m for one in json.loads(body)["balancers"] for m in one["members"]}

    def state(self, name: str) -> str:
        return str(self.status()[name]["state"])

    def wait_for(self, name: str, state: str) -> None:
        """Until a member is in that state."""
        until(lambda: self.state(name) == state, f"{name} to be {state}")

    def flips(self, name: str) -> list[str]:
        """The log's lines about a member's changes of state, from the words behind the member's name on."""
        start = f"member {name}: "
        return [line.partition(start)[2] for line in self.panolb.lines(start) if " -> " in line]


@contextmanager
def running(
    directory: Path, balancers: Mapping[str, str], more: str = "", *, healthy: bool = True
) -> Iterator[Lab]:
    """A lab, started; ``healthy`` insists that it stops with 0 and has logged no traceback."""
    lab = Lab(directory, balancers, more)
    try:
        lab.panolb.start()
        yield lab
        if healthy:
            lab.panolb.stop()
    finally:
        lab.panolb.close()
