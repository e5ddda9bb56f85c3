"""Members and clients made of the ``websockets`` package."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection, serve

from tests.harness.waiting import ADDRESS, PATIENCE, free_port

Conversation = Callable[[ServerConnection], None]


def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    for message in connection:
        connection.send(message)


class LibraryMember:
    """A WebSocket server in a thread.

    :ivar conversation: what it does with each connection; may be replaced at any time.
    :ivar connections: every connection it had.
    """

    def __init__(self, compression: str | None, **options: Any) -> None:
        self.port = free_port()
        self.conversation: Conversation = echo
        self.connections: list[ServerConnection] = []
        self._server: Server = serve(
            self._converse,
            ADDRESS,
            self.port,
            compression=compression,
            max_size=None,
            ping_interval=None,
            close_timeout=PATIENCE,
            **options,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _converse(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.conversation(connection)

    @property
    def extensions(self) -> list[str]:
        """What was negotiated with it last."""
        return [extension.name for extension in self.connections[-1].protocol.extensions]

    def forget(self) -> None:
        """Begin anew."""
        self.conversation = echo
        self.connections.clear()

    def close(self) -> None:
        self._server.shutdown()


def dial(port: int, path: str, **options: Any) -> Any:
    """A client's WebSocket, as a context manager; compression as the package likes it."""
    options.setdefault("max_size", None)
    options.setdefault("ping_interval", None)
    options.setdefault("close_timeout", PATIENCE)
    options.setdefault("open_timeout", PATIENCE)
    return connect(f"ws://{ADDRESS}:{port}{path}", proxy=None, **options)


def extensions(connection: ClientConnection) -> list[str]:
    """What a client has negotiated."""
    return [extension.name for extension in connection.protocol.extensions]
