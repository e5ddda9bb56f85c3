"""Which socket a worker has for an endpoint."""

from __future__ import annotations

import os
import socket
from contextlib import closing

import pytest
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock

from panolb.config import model
from panolb.control.listeners import NotPassedYet
from panolb.control.workers.sockets import Sockets

NAME = "tcp:80"


def listening() -> socket.socket:
    """Somewhere."""
    made = socket.create_server(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def port_of(sockets: Sockets) -> int:
    """Where the socket listens that listeners get."""
    descriptor = sockets._descriptors[NAME]
    with socket.socket(fileno=os.dup(descriptor)) as one:
        return int(one.getsockname()[1])


def test_the_same_socket_comes_again() -> None:
    """As at every reload: the worker keeps the one that it has, and no copy of it."""
    sockets = Sockets()
    with closing(listening()) as one:
        first, again = os.dup(one.fileno()), os.dup(one.fileno())
        sockets.take([NAME], [first])
        assert sockets.take([NAME], [again]) == []
        assert sockets._descriptors == {NAME: first}
        assert not os.path.exists(f"/proc/self/fd/{again}")
        sockets.keep(())


def test_the_endpoint_was_opened_anew() -> None:
    """As for a listener that begins to speak TLS: who would wait at the former socket, would wait in vain."""
    sockets = Sockets()
    with closing(listening()) as former, closing(listening()) as present:
        sockets.take([NAME], [os.dup(former.fileno())])
        assert sockets.take([NAME], [os.dup(present.fileno())]) == [NAME]
        assert port_of(sockets) == present.getsockname()[1]
        assert sockets.inherited(Clock(), NAME) is not None
        sockets.keep(())


def test_the_supervisor_cannot_open_one() -> None:
    """A worker that begins meanwhile listens everywhere else, and there as soon as there is a socket."""
    sockets, config = Sockets(), model.Config()
    endpoint = sockets.make_endpoint(Clock(), config, NAME, ("listener", "public", "endpoint"))
    with pytest.raises(NotPassedYet):
        endpoint.listen(Factory())
