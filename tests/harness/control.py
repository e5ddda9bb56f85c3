"""The control API's client: HTTP over a UNIX socket."""

from __future__ import annotations

import http.client
import json
import socket
from email.message import Message
from typing import Any

from .waiting import PATIENCE


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("panolb", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


class Control:
    """A control socket.

    :param path: where it is.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def ask(
        self, method: str, target: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, Message, bytes]:
        """Status, headers and body of an answer; the names of headers are written with underscores."""
        connection = _Connection(self.path)
        try:
            connection.request(
                method, target, body, {name.replace("_", "-"): text for name, text in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, target: str) -> dict[str, Any]:
        """What a GET shows; it must succeed."""
        status, headers, body = self.ask("GET", target)
        assert (status, headers["Content-Type"]) == (200, "application/json"), (status, body)
        shown: dict[str, Any] = json.loads(body)
        return shown

    def post(self, target: str, wish: object) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer to an order."""
        status, headers, body = self.ask("POST", target, json.dumps(wish).encode())
        assert headers["Content-Type"] == "application/json"
        return status, json.loads(body)
