"""The pages of a demo member that take their time or move many bytes: what a balancer must carry well."""

# mypy: allow-untyped-calls
# (most of twisted.web's and autobahn's methods have no annotations)

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from twisted.internet.interfaces import IPullProducer
from twisted.internet.task import Cooperator, LoopingCall
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from panolb.demo.pages import Page, argument, as_json, body_of

LONGEST_WAIT = 60.0
"""Seconds that the slow page waits at most."""

LARGEST_DOWNLOAD = 1024**3
"""Bytes that a download has at most."""

BLOCK = bytes(range(256)) * 256
"""64 KiB of every download; byte number i of a download is i modulo 256."""


class Slow(Page):
    """``/panopticon/slow?seconds=N``: answers after N seconds, at most 60."""

    def render_GET(self, request: Request) -> bytes | int:
        """Wait, unless the client leaves first."""
        try:
            seconds = min(argument(request, b"seconds", 1.0), LONGEST_WAIT)
        except ValueError:
            return as_json(request, {"error": "seconds is a number from 0 to 60"}, 400)

        def answer() -> None:
            request.write(as_json(request, {"member": self.application.name, "seconds": seconds}))
            request.finish()

        waiting = self.application.reactor.callLater(seconds, answer)

        def gone(_reason: Failure) -> None:
            waiting.cancel()

        request.notifyFinish().addErrback(gone)
        return NOT_DONE_YET


class Upload(Page):
    """``/panopticon/upload``: counts and hashes what it gets; twisted.web keeps larger bodies in a file."""

    def render_POST(self, request: Request) -> int:
        """Read the body block by block, so that other requests are served in between."""
        digest = sha256()
        length = 0
        left: list[Failure] = []
        body = body_of(request)
        request.notifyFinish().addErrback(left.append)

        def blocks() -> Iterator[None]:
            nonlocal length
            while not left and (block := body.read(4 * len(BLOCK))):
                digest.update(block)
                length += len(block)
                yield None

        def answer(_blocks: object) -> None:
            if not left:
                result = {"member": self.application.name, "length": length, "sha256": digest.hexdigest()}
                request.write(as_json(request, result))
                request.finish()

        reactor = self.application.reactor
        cooperator = Cooperator(scheduler=lambda step: reactor.callLater(0.0, step))
        cooperator.coiterate(blocks()).addCallback(answer)
        return NOT_DONE_YET


@implementer(IPullProducer)
class Blocks:
    """Writes ``length`` bytes to a request, a block at a time, whenever the client can take more."""

    def __init__(self, request: Request, length: int) -> None:
        self._request = request
        self._left = length

    def resumeProducing(self) -> None:
        """Write the next block; after the last one the answer is complete."""
        block = BLOCK[: self._left]
        self._left -= len(block)
        self._request.write(block)
        if not self._left:
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:
        """The client left; nothing is held."""


class Download(Page):
    """``/panopticon/download?bytes=N``: N bytes, at most 1 GiB, never held in memory."""

    def render_GET(self, request: Request) -> bytes | int:
        """Start the stream."""
        try:
            length = int(min(argument(request, b"bytes", 1_000_000), LARGEST_DOWNLOAD))
        except ValueError:
            return as_json(request, {"error": "bytes is a number from 0 to 1073741824"}, 400)
        request.setHeader(b"Content-Type", b"application/octet-stream")
        request.setHeader(b"Content-Length", b"%d" % length)
        if not length:
            return b""
        if request.method == b"HEAD":
            request.write(b"")
            request.finish()
            return NOT_DONE_YET
        producer: Any = Blocks(request, length)
        request.registerProducer(producer, False)
        return NOT_DONE_YET


class Events(Page):
    """``/panopticon/events``: server-sent events, one a second (WHATWG HTML section 9.2)."""

    def render_GET(self, request: Request) -> int:
        """Send events until the client leaves."""
        request.setHeader(b"Content-Type", b"text/event-stream")
        request.setHeader(b"Cache-Control", b"no-store")
        count = 0

        def send() -> None:
            nonlocal count
            count += 1
            data = json.dumps({"member": self.application.name, "count": count})
            request.write(f"event: tick\nid: {count}\ndata: {data}\n\n".encode())

        if request.method == b"HEAD":
            request.write(b"")
            request.finish()
            return NOT_DONE_YET
        ticking = LoopingCall(send)
        ticking.clock = self.application.reactor

        def gone(_reason: Failure) -> None:
            ticking.stop()

        request.notifyFinish().addErrback(gone)
        ticking.start(1.0)
        return NOT_DONE_YET
