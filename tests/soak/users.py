"""Users: each a thread with a connection of its own, who checks every byte that he gets."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from random import Random
from typing import NoReturn

import h11

from tests.harness.client import Answer, Client, Cut
from tests.soak.contents import content, digest
from tests.soak.explaining import (
    CONTENT,
    CUT,
    DOWNLOAD,
    LEAVE,
    MOVED,
    SILENCE,
    SMALL,
    UPLOAD,
    WEBSOCKET,
    Failure,
)
from tests.websocket.peer import BINARY, CLOSE, PING, PONG, Browser, Frame, Peer

WEIGHTS = {SMALL: 12, DOWNLOAD: 4, UPLOAD: 5, LEAVE: 1}
"""How often a user does what."""
NEW_USER = 0.02  # chance that after a request somebody else takes his place
PIECE = 50_000  # bytes of a chunk of an upload
THINKING = 0.05  # seconds between two requests, at most
LIVES = (2.0, 12.0)  # seconds that a WebSocket is open
LONGEST = 4.7  # the logarithm of a message's length, at most: no frame is passed on in part up to 64 KiB


class Failed(Exception):
    """Something was not as it must be; the text says how, in the words of `explaining.Failure`."""


class Traffic:
    """What all users together do.

    :ivar done: requests by kind, those that failed included.
    :ivar messages: that came back through WebSockets.
    """

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.done: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.messages = 0
        self.over = threading.Event()
        self._users: list[User] = []

    def begin(self, port: int, visitors: int, viewers: int) -> None:
        """Let users come."""
        self._users = [
            *(Visitor(self, port, seed) for seed in range(visitors)),
            *(Viewer(self, port, visitors + seed) for seed in range(viewers)),
        ]
        for user in self._users:
            user.start()

    def end(self) -> None:
        """Let all of them go.

        :raises AssertionError: when one does not, or when a user's own code has failed.
        """
        self.over.set()
        for user in self._users:
            user.join(60)
            assert not user.is_alive(), f"{user} hangs"
        broken = [user.broken for user in self._users if user.broken is not None]
        if broken:
            raise AssertionError(f"{len(broken)} users broke") from broken[0]


class User(threading.Thread):
    """Somebody with a cookie.

    :ivar route: the member that he is bound to; empty for none.
    :ivar broken: what went wrong in the user's own code.
    """

    def __init__(self, traffic: Traffic, port: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.traffic = traffic
        self.port = port
        self.chance = Random(seed)
        self.route = ""
        self.broken: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.traffic.over.is_set():
                self.visit()
        except BaseException as error:  # noqa: BLE001  # raised again at the end, by `Traffic.end`
            self.broken = error

    def visit(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    def cookie(self) -> list[str]:
        return [f"Cookie: ROUTEID=.{self.route}"] if self.route else []

    def fail(self, number: int, kind: str, how: str, began: float) -> None:
        """Note what did not go well."""
        self.traffic.failures.append(Failure(number, kind, how, self.route, began, time.monotonic()))

    def served(self, by: str | None, number: int, kind: str, began: float) -> None:
        """Note who has answered, which must be the user's own member."""
        if self.route and by != self.route:
            self.fail(number, kind, MOVED, began)
        self.route = by or ""


class Visitor(User):
    """Sends one request after the other."""

    def __init__(self, traffic: Traffic, port: int, seed: int) -> None:
        super().__init__(traffic, port, seed)
        self._client = Client(port)

    def run(self) -> None:
        super().run()
        self._client.close()

    def visit(self) -> None:
        (kind,) = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        number, began = next(self.traffic.numbers), time.monotonic()
        try:
            answer = self._do(kind, number)
            self.served(answer.one("X-Member"), number, kind, began)
            if answer.closes:
                self._client.reconnect()
        except (Failed, Cut, ConnectionError, TimeoutError, h11.RemoteProtocolError) as error:
            if kind != LEAVE:
                self.fail(number, kind, _how(error), began)
            self._client.reconnect()
        self.traffic.done[kind] += 1
        if self.chance.random() < NEW_USER:
            self.route = ""
            self._client.reconnect()
        time.sleep(self.chance.random() * THINKING)

    def _do(self, kind: str, number: int) -> Answer:
        if kind == SMALL:
            self._client.ask("GET", f"/app/small?n={number}", *self.cookie())
            return self._expect(b"%d" % number)
        if kind == DOWNLOAD:
            return self._download(number)
        if kind == UPLOAD:
            return self._upload(number)
        return self._leave(number)

    def _download(self, number: int) -> Answer:
        size = int(10 ** self.chance.uniform(3, 6.6))
        self._client.ask("GET", f"/app/download?n={number}&size={size}", *self.cookie())
        return self._expect(content(number, size), slowly=self.chance.random() < 0.2)

    def _upload(self, number: int) -> Answer:
        body = content(number, int(10 ** self.chance.uniform(1, 6.3)))
        target = f"/app/upload?n={number}"
        try:
            if self.chance.random() < 0.5:
                self._client.ask("POST", target, *self.cookie(), body=body)
            else:
                self._client.ask("POST", target, *self.cookie(), "Transfer-Encoding: chunked")
                for at in range(0, len(body), PIECE):
                    piece = body[at : at + PIECE]
                    self._client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                self._client.send("0\r\n\r\n")
        except ConnectionError:
            pass  # it may have been answered early
        return self._expect(digest(number, body), "POST")

    def _leave(self, number: int) -> NoReturn:
        if self.chance.random() < 0.5:
            self._client.ask("POST", f"/app/upload?n={number}", *self.cookie(), "Content-Length: 100000")
            self._client.send(b"x" * 50_000)
        else:
            self._client.ask("GET", f"/app/download?n={number}&size=4000000", *self.cookie())
            self._client.head()
        self._client.reset()
        raise Failed(CUT)

    def _expect(self, body: bytes, method: str = "GET", *, slowly: bool = False) -> Answer:
        answer = self._client.head(method)
        if answer.status != 200:
            raise Failed(str(answer.status))
        pieces = []
        while (piece := self._client.piece()) is not None:
            pieces.append(piece)
            if slowly:
                time.sleep(0.01)
        if b"".join(pieces) != body:
            raise Failed(CONTENT)
        return answer


class Viewer(User):
    """Opens one WebSocket after the other, and has messages echoed."""

    def visit(self) -> None:
        number, began = next(self.traffic.numbers), time.monotonic()
        browser = Browser(self.port)
        self.traffic.done[WEBSOCKET] += 1
        try:
            peer = self._open(browser, number, began)
            self._talk(peer, number)
            self._close(peer)
        except (Failed, Cut, ConnectionError, TimeoutError) as error:
            self.fail(number, WEBSOCKET, _how(error, lost="1006"), began)
        finally:
            browser.client.close()

    def _open(self, browser: Browser, number: int, began: float) -> Peer:
        location = self.chance.choice(("/app", "/messages"))  # a lane each
        browser.upgrade(f"{location}/live?n={number}", *self.cookie())
        status = browser.client.socket.recv(12, socket.MSG_PEEK).removeprefix(b"HTTP/1.1 ").decode()
        if status != "101":
            raise Failed(status or CUT)
        peer = browser.switched()
        self.served(browser.all("X-Member")[0], number, WEBSOCKET, began)
        return peer

    def _talk(self, peer: Peer, number: int) -> None:
        until = time.monotonic() + self.chance.uniform(*LIVES)
        while time.monotonic() < until and not self.traffic.over.is_set():
            message = content(number, int(10 ** self.chance.uniform(0, LONGEST)))
            try:
                peer.send(BINARY, message)
            except ConnectionError:
                pass  # a close frame stands before the end
            if _next(peer) != Frame(BINARY, message):
                raise Failed(CONTENT)
            self.traffic.messages += 1
            number += 1
            time.sleep(self.chance.random() * 0.3)

    @staticmethod
    def _close(peer: Peer) -> None:
        peer.close_frame(1000)
        while peer.frame().opcode != CLOSE:
            pass


def _next(peer: Peer) -> Frame:
    """The next message; pings are answered."""
    while (frame := peer.frame()).opcode in (PING, PONG):
        if frame.opcode == PING:
            peer.send(PONG, frame.payload)
    if frame.opcode == CLOSE:
        peer.send(CLOSE, frame.payload)
        raise Failed(str(int.from_bytes(frame.payload[:2], "big")))
    return frame


def _how(error: Exception, lost: str = CUT) -> str:
    if isinstance(error, Failed):
        return str(error)
    if isinstance(error, TimeoutError):
        return SILENCE
    return CONTENT if isinstance(error, h11.RemoteProtocolError) else lost
