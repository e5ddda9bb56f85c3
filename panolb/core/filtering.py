"""Message filters: plugins that see the whole messages of a WebSocket, and may change or drop them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .request import Request


class MessageFilter(Protocol):
    """Sees the messages of one WebSocket."""

    def message(self, sender: str, payload: bytes, binary: bool) -> bytes | None:
        """What is passed on of a message; ``None`` for nothing of it.

        :param sender: ``client`` or ``member``.
        :param payload: of a text valid UTF-8.
        """


class FilterMaker(Protocol):
    """Makes a filter for each WebSocket (`panolb.interfaces.IMessageFilter`)."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""

    def filter(self, request: Request) -> MessageFilter:
        """A filter for the WebSocket that this handshake opens."""


class FilterFailed(Exception):
    """A filter raised, or returned what cannot be sent; the cause says which and how.

    :ivar name: what the configuration calls it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Filters:
    """The filters of one WebSocket, one after the other.

    :raises FilterFailed: when one cannot be made.
    """

    __slots__ = ("_filters",)

    def __init__(self, makers: Sequence[FilterMaker], request: Request) -> None:
        self._filters: list[tuple[str, MessageFilter]] = []
        for maker in makers:
            try:
                self._filters.append((maker.name, maker.filter(request)))
            except Exception as error:  # it may be anybody's plugin
                raise FilterFailed(maker.name) from error

    def passed(self, sender: str, payload: bytes, binary: bool) -> bytes | None:
        """What all filters together leave of a message; ``None`` for nothing.

        :raises FilterFailed: when one of them does.
        """
        for name, message_filter in self._filters:
            try:
                result = _sendable(message_filter.message(sender, payload, binary), payload, binary)
            except Exception as error:
                raise FilterFailed(name) from error
            if result is None:
                return None
            payload = result
        return payload


def _sendable(result: bytes | None, payload: bytes, binary: bool) -> bytes | None:
    """What a filter returned for ``payload``.

    :raises TypeError: when it is not bytes.
    :raises UnicodeDecodeError: when it should be a text and is none.
    """
    if result is None or result is payload:
        return result
    if not isinstance(result, bytes):
        raise TypeError(f"a filter returns bytes or None, not {type(result).__name__}")
    if not binary:
        result.decode()
    return result
