"""Members that do as they are told: every connection is a thread with a plain socket, every answer a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from types import TracebackType

from .scripts import Script, Stall, answer, close, echo, raw, reset, when_kept
from .talk import Request, Talk
from .waiting import ADDRESS, free_port, until

__all__ = [
    "Member",
    "Request",
    "Script",
    "Stall",
    "Talk",
    "answer",
    "close",
    "echo",
    "raw",
    "reset",
    "when_kept",
    "whole",
]


class Member:
    """A member on a port of its own.

    :param port: a free one without it.
    :ivar script: what it does with each request; may be replaced at any time.
    :ivar requests: every request whose head came, in order.
    :ivar accepted: how many connections it took.
    :ivar failures: what went wrong in a script, for the end of the test.
    """

    def __init__(self, name: str, port: int | None = None) -> None:
        self.name = name
        self.port = port or free_port()
        self.script: Script = answer(name.encode())
        self.requests: list[Request] = []
        self.accepted = 0
        self.failures: list[BaseException] = []
        self.talks: list[Talk] = []
        self._listening: socket.socket | None = None
        self._blockers: list[socket.socket] = []
        self.listen()

    def __enter__(self) -> Member:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    # -- its port ---------------------------------------------------------------------------------------------------

    def _bind(self, backlog: int) -> socket.socket:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, self.port))
        listening.listen(backlog)
        return listening

    def listen(self) -> None:
        """Take connections."""
        self.refuse()
        self._listening = self._bind(1000)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def refuse(self) -> None:
        """Close the port and every connection: as if the server had ended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            try:
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
            except OSError:
                pass
            listening.close()
        blockers, self._blockers = self._blockers, []
        for blocker in blockers:
            blocker.close()
        self.hang_up()

    def black_hole(self) -> None:
        """Answer no attempt to connect: the backlog is full and nobody takes from it."""
        self.refuse()
        self._listening = self._bind(0)
        for _ in range(3):
            blocker = socket.socket()
            blocker.setblocking(False)
            blocker.connect_ex((ADDRESS, self.port))
            self._blockers.append(blocker)

    def hang_up(self) -> None:
        """End every connection as soon as its script is over, and wait until the other side has noticed."""
        until(self._no_talks, f"the connections of {self.name} to end")

    def _no_talks(self) -> bool:
        self.talks = [talk for talk in self.talks if talk.open]
        for talk in self.talks:
            if talk.idle:
                try:
                    self._end(talk)
                except OSError:
                    continue  # it has just ended
        return not self.talks

    def _end(self, talk: Talk) -> None:
        """Say on an idle connection that there is nothing more to come."""
        talk.socket.shutdown(socket.SHUT_WR)

    def forget(self) -> None:
        """Begin anew: nothing recorded, no idle connection, the ordinary answer, an open port."""
        if self._listening is None or self._blockers:
            self.listen()
        self.script = answer(self.name.encode())
        self.hang_up()
        self.requests.clear()
        self.failures.clear()
        self.accepted = 0

    # -- its connections --------------------------------------------------------------------------------------------

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            talk = Talk(connection, self.accepted)
            self.talks.append(talk)
            threading.Thread(target=self._serve, args=(talk,), daemon=True).start()

    def _serve(self, talk: Talk) -> None:
        kept = False
        try:
            while talk.open:
                talk.idle = True
                request = talk.read_head(kept)
                if request is None:
                    break
                talk.idle = False
                self.requests.append(request)
                self.script(talk, request)
                if not request.whole:
                    break
                kept = True
        except OSError:
            pass  # the other side left, or a test ended
        except BaseException as error:  # noqa: BLE001  # the test that looks at the member must hear of it
            self.failures.append(error)
        finally:
            talk.close()

    @property
    def lines(self) -> list[str]:
        """The request lines that came."""
        return [request.line for request in self.requests]

    def one(self) -> Request:
        """The only request that came."""
        assert not self.failures, self.failures
        assert len(self.requests) == 1, self.requests
        return self.requests[0]


def whole(members: Iterable[Member]) -> list[Request]:
    """All requests that some member has received to their end."""
    return [request for member in members for request in member.requests if request.whole]
