"""``Define``, ``UnDefine`` and ``${NAME}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")

LONGEST: Final = 64 * 1024
"""Characters that a line may grow to; definitions of definitions could make it as long as they like."""


class TooLong(Exception):
    """A line with its variables filled in is too long."""


class Variables:
    """What is defined so far.

    :param defines: ``NAME`` or ``NAME=VALUE``, as given on the command line.
    :param environment: asked for what is not defined.
    """

    def __init__(self, defines: Iterable[str], environment: Mapping[str, str]) -> None:
        self.defined: dict[str, str | None] = {}
        """Values; None for what only ``<IfDefine>`` can ask for."""
        for one in defines:
            name, equals, value = one.partition("=")
            self.defined[name] = value if equals else None
        self._environment = environment

    def fill_in(self, text: str) -> tuple[str, list[str]]:
        """Return a line with its variables filled in, and the names that stay because nothing defines them.

        :raises TooLong: the line has become too long.
        """
        if "${" not in text:
            return text, []
        missing: list[str] = []
        pieces: list[str] = []
        length = at = 0
        # Beyond the last bracket nothing can match, and looking for it from every "${" would take its time.
        for match in _VARIABLE.finditer(text, 0, text.rfind("}") + 1):
            value = self._value(match[1])
            if value is None:
                value = match[0]
                if ":" not in match[1]:  # ${map:key} is for mod_rewrite
                    missing.append(match[1])
            pieces += [text[at : match.start()], value]
            at = match.end()
            length += len(value)
            if length > LONGEST:
                raise TooLong
        return "".join([*pieces, text[at:]]), missing

    def _value(self, name: str) -> str | None:
        value = self.defined.get(name)
        return self._environment.get(name) if value is None else value
