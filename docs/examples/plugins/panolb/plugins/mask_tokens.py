"""A message filter of one's own: ``websocket_filter = ["mask-tokens"]``.

Values of ``token`` in the JSON that a member sends do not leave the house.
"""

from __future__ import annotations

import re

from twisted.plugin import IPlugin
from zope.interface import implementer

from panolb.core.filtering import MessageFilter
from panolb.core.request import Request
from panolb.interfaces import IMessageFilter

TOKEN = re.compile(rb'("token"\s*:\s*)"[^"]*"')


class MaskTokens:
    """The filter: panolb makes one for each WebSocket."""

    def message(self, sender: str, payload: bytes, binary: bool) -> bytes | None:
        """Texts from the member with their tokens masked; everything else as it is."""
        if binary or sender == "client":
            return payload
        return TOKEN.sub(rb'\1"***"', payload)


@implementer(IPlugin, IMessageFilter)
class MaskTokensFilter:
    """What panolb finds: a name, and a way to make filters."""

    name = "mask-tokens"

    def filter(self, request: Request) -> MessageFilter:
        """A filter for one WebSocket."""
        return MaskTokens()


mask_tokens = MaskTokensFilter()
