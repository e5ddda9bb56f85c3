"""``python -m tests.soak.member PORT NAME JOURNAL``: a member in a process of its own, to be killed and frozen.

It writes the number of each upload that it has got to its end into the journal, which all members share and which
outlives them: so one that was sent twice is found.
"""

from __future__ import annotations

import os
import signal
import sys
from urllib.parse import parse_qs, urlsplit

from tests.harness.member import Member
from tests.harness.talk import Request, Talk
from tests.soak.contents import content, digest
from tests.websocket.peer import CLOSE, PING, PONG, Peer, accept_for

SWITCH = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Member: {name}\r\n"
    "Sec-WebSocket-Accept: {accept}\r\n\r\n"
)


class Application:
    """What runs on the member: ``/small``, ``/download``, ``/upload`` and ``/live``.

    :param name: is told in ``X-Member``.
    :param journal: a file descriptor that appends.
    """

    def __init__(self, member: Member, name: str, journal: int) -> None:
        self._member = member
        self._name = name
        self._journal = journal

    def __call__(self, talk: Talk, request: Request) -> None:
        self._member.requests.clear()  # they would be kept for a test that looks at them
        target = urlsplit(request.target)
        asked = {key: int(values[0]) for key, values in parse_qs(target.query).items()}
        what, number = target.path.rpartition("/")[2], asked.get("n", 0)
        if what == "live":
            self._live(talk, request)
            return
        body = talk.read_body(request)
        if what == "upload":
            os.write(self._journal, b"%d\n" % number)
            answer = digest(number, body)
        elif what == "download":
            answer = content(number, asked["size"])
        else:
            answer = b"%d" % number
        head = f"HTTP/1.1 200 OK\r\nX-Member: {self._name}\r\nContent-Length: {len(answer)}\r\n\r\n"
        talk.send(head.encode() + answer)

    def _live(self, talk: Talk, request: Request) -> None:
        """Echo a WebSocket's messages until it closes."""
        talk.read_body(request)
        key = request.one("Sec-WebSocket-Key") or ""
        talk.send(SWITCH.format(name=self._name, accept=accept_for(key)).encode())
        peer = Peer(talk.socket, client=False, rest=talk.rest())
        while True:
            frame = peer.frame()
            if frame.opcode == PING:
                peer.send(PONG, frame.payload)
            elif frame.opcode == CLOSE:
                peer.send(CLOSE, frame.payload)
                talk.close()
                return
            elif frame.opcode != PONG:
                peer.send(frame.opcode, frame.payload)


def main(port: str, name: str, journal: str) -> None:
    """Serve until killed."""
    member = Member(name, int(port))
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    member.script = Application(member, name, file)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
