"""Why a text cannot be read, for those who only check it."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import LanguageError


def explained(read: Callable[[str], object], text: str) -> str | None:
    """Say why ``read`` refuses a text, or return None."""
    try:
        read(text)
    except LanguageError as error:
        return str(error)
    return None
