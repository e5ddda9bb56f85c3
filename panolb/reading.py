"""Reads what an operator has, a TOML file or an ``httpd.conf``, for those who run it and those who only ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from .config import toml
from .config.httpd.imported import Imported
from .config.httpd.report import Report


@attrs.frozen(kw_only=True)
class HttpdOptions:
    """How to read an ``httpd.conf``.

    :ivar compat: do exactly as Apache, also where panolb does better.
    :ivar allowed: directives that may be left out although traffic would go elsewhere without them.
    :ivar defines: ``NAME`` or ``NAME=VALUE``, as after httpd's ``-D``.
    """

    compat: bool = False
    allowed: frozenset[str] = frozenset()
    defines: tuple[str, ...] = ()


def names(texts: Iterable[str]) -> frozenset[str]:
    """Take apart lists with commas."""
    return frozenset(name.strip() for text in texts for name in text.split(",") if name.strip())


def read(
    file: Path, known: toml.Known, httpd: HttpdOptions | None, instead: Mapping[str, bytes] | None = None
) -> Imported:
    """Read a file.

    :param httpd: how to read it as an ``httpd.conf``; ``None`` when it is TOML.
    :param instead: by name, what to take for what stands in a file, such as one that is yet to be written.
    :raises ConfigError: with every problem of the file.
    """
    if httpd is None:
        return Imported(toml.load(file, known, instead), Report(()), {})
    from .config.httpd.loading import load  # noqa: PLC0415  # takes its time: a tenth of a start from a TOML file

    return load(
        file, known, compat=httpd.compat, allowed=httpd.allowed, defines=httpd.defines, instead=instead
    )
