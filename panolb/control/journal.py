"""The process log for systemd's journal, with fields that it can be searched by: ``journalctl PANOLB_MEMBER=app/1``.

An entry is one datagram (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): panolb needs no library for that, and never waits.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from twisted.logger import ILogObserver, LogEvent, eventAsText
from zope.interface import implementer

from ..events import EVENTS
from .events import fields

SOCKET: Final = "/run/systemd/journal/socket"
MOST_MESSAGE: Final = 64 << 10  # bytes; also with its traceback
MOST_IF_TOO_LARGE: Final = 2 << 10
BUFFER: Final = 8 << 20  # bytes that may wait for the journal, as far as the system allows that

_PRIORITIES: Final = {"debug": 7, "info": 6, "warn": 4, "error": 3, "critical": 2}  # syslog(3)
_NOT_OF_NAMES: Final = re.compile(r"[^A-Z0-9_]")
_LOST: Final = EVENTS["journal.lost"]


def is_stdout(environ: Mapping[str, str]) -> bool:
    """Whether systemd has connected the standard output with the journal (systemd.exec(5), JOURNAL_STREAM)."""
    try:
        found = os.fstat(1)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def is_there(path: str = SOCKET) -> bool:
    """Whether the journal can be written to."""
    try:
        with _socket() as probe:
            probe.connect(path)
    except OSError:
        return False
    return True


def observer() -> Journal:
    """What ``twistd --logger panolb.control.journal.observer`` asks for."""
    return Journal()


@implementer(ILogObserver)
class Journal:
    """Writes each line of the log as an entry.

    What the journal does not take at once is lost, and the next line that it takes says how much that was.

    :param path: the journal's socket.

    :ivar lost: lines that nobody knows of yet.
    """

    def __init__(self, path: str = SOCKET) -> None:
        self.lost = 0
        self._path = path
        self._socket = _socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)

    def __call__(self, event: LogEvent) -> None:
        if self.lost and self._send(_entry_of_losses(self.lost)):
            self.lost = 0
        if not self._send(_entry(event, MOST_MESSAGE)):
            self.lost += 1

    def _send(self, entry: dict[str, bytes]) -> bool:
        try:
            self._socket.sendto(b"".join(_lines(entry)), self._path)
        except OSError as error:
            if error.errno != errno.EMSGSIZE or len(entry["MESSAGE"]) <= MOST_IF_TOO_LARGE:
                return False
            needed = ("MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER", "PANOLB_EVENT", "PANOLB_CODE")
            small = {name: entry[name] for name in needed if name in entry}
            return self._send({"MESSAGE": entry["MESSAGE"][:MOST_IF_TOO_LARGE], **small})
        return True


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def _entry(event: LogEvent, most: int) -> dict[str, bytes]:
    """The fields of an entry; what the message is about gets names in the manner of the journal."""
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    happening = EVENTS.get(event.get("event", ""))
    entry = {
        "MESSAGE": text if happening is None else f"{happening.code} {text}",
        "PRIORITY": str(_PRIORITIES.get(getattr(event.get("log_level"), "name", ""), 6)),
        "SYSLOG_IDENTIFIER": "panolb",
        "PANOLB_LOGGER": str(event.get("log_namespace", "-")),
    }
    if happening is not None:
        entry["MESSAGE_ID"] = happening.message_id
        entry["PANOLB_EVENT"], entry["PANOLB_CODE"] = happening.name, happening.code
        for name, value in fields(event).items():
            key = f"PANOLB_{_NOT_OF_NAMES.sub('_', name.upper())}"[:64]
            entry.setdefault(key, value if isinstance(value, str) else json.dumps(value))
    return {name: value.encode("utf-8", "replace")[:most] for name, value in entry.items()}


def _entry_of_losses(number: int) -> dict[str, bytes]:
    return {
        "MESSAGE": f"{_LOST.code} the journal did not take {number} lines of the log before this one".encode(),
        "PRIORITY": b"%d" % _PRIORITIES[_LOST.level],
        "SYSLOG_IDENTIFIER": b"panolb",
        "MESSAGE_ID": _LOST.message_id.encode(),
        "PANOLB_EVENT": _LOST.name.encode(),
        "PANOLB_CODE": _LOST.code.encode(),
        "PANOLB_LINES": b"%d" % number,
    }


def _lines(entry: dict[str, bytes]) -> Iterator[bytes]:
    for name, value in entry.items():
        if b"\n" in value:
            yield b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(value)), value)
        else:
            yield b"%b=%b\n" % (name.encode(), value)
