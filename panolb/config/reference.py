"""Writes docs/configuration.rst out of the model: ``python -m panolb.config.reference > docs/configuration.rst``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Literal, get_args, get_origin

import attrs

from panolb.config.model import TABLES, Config
from panolb.config.rules import (
    Auto,
    Compression,
    Lane,
    Names,
    Rule,
    Seconds,
    Size,
    StatusRange,
    Unverified,
    Workers,
)
from panolb.config.tables import Field, default, header, keys, optional
from panolb.config.values import quoted

EXAMPLE: Final = """\
[listener.public]
endpoint = "tcp:10080:interface=127.0.0.1"      # any Twisted server endpoint

[balancer.panopticoncluster]
stickysession = "ROUTEID"                        # cookie name, also its URL parameter
lbmethod = "byrequests"

[[balancer.panopticoncluster.member]]
url = "http://localhost:8080/panopticon"
route = "1"

[[balancer.panopticoncluster.member]]
url = "http://localhost:8081/panopticon"
route = "2"

[balancer.panopticoncluster.health]
check = "http"
uri = "/panopticon/"
interval = "5s"

[[location]]
path = "/panopticon"
balancer = "panopticoncluster"

[admin]
endpoint = "tcp:10088:interface=127.0.0.1"
"""

PREAMBLE: Final = """\
..
   Made from panolb/config/model.py by: python -m panolb.config.reference > docs/configuration.rst
   Change the model (or the preamble in panolb/config/reference.py), not this file.

Configuration
=============

panolb reads one TOML file::

   twistd -n panolb --config panolb.toml

This much is enough for two Tomcats that serve the same application, with users that stick to their Tomcat:

.. code-block:: toml

{example}

Ask before you start it: ``panolb check panolb.toml`` prints what the file will do. When something is wrong it prints
*every* mistake, each with its line and with what would be right, and changes nothing. An unknown key is a mistake.

``workers = 4`` or ``workers = "auto"``, written above all tables, has several processes share the listeners: see :doc:`workers`.

*Listeners* are addresses that clients connect to. *Locations* say which requests go where; all listeners serve all
locations that name no listener. Of several locations that match a request, one for its host comes before one for any
host, one with a regular expression before one with a path, and then the longest path wins; with
``location_order = "first"``, written above all tables, the first one of the file does, as among Apache's ProxyPass
lines. A *balancer* spreads requests over its *members*.

How values are written
----------------------

========================  =========================================================================================
duration                  a number and its unit: ``"500ms"``, ``"30s"``, ``"5m"``, ``"1h"``, ``"2d"``; a number
                          alone is seconds
size                      a whole number and its unit: ``"16KiB"`` (1024 bytes each), ``"8kB"`` (1000 bytes each),
                          likewise ``MiB``, ``MB``, ``GiB``, ``GB``; a number alone is bytes
address or network        ``"192.0.2.7"``, ``"10.0.0.0/8"``, ``"2001:db8::/32"``
text                      in quotes; control characters but tabs are refused
names                     one text, or a list of them in [ ]
========================  =========================================================================================

Where Apache httpd has a setting for the same thing, its name is given as *Apache*.
"""

_WORDS: Final[list[tuple[Any, str]]] = [
    (Auto, '``"auto"``, true or false'),
    (Lane, '``"splice"``, ``"messages"``, true or false'),
    (Compression, '``"offload"``, true or false'),
    (Seconds, "duration"),
    (Size, "size"),
    (Workers, '``"auto"`` or a whole number'),
    (StatusRange, "status or range of them"),
    (Names, "names"),
    (Unverified, "true, false or names"),
    (IPv4Network | IPv6Network, "address or network"),
    (str, "text"),
    (bool, "true or false"),
    (int, "whole number"),
    (float, "number"),
]


def reference() -> str:
    """Return the whole page."""
    example = "\n".join(f"   {line}".rstrip() for line in EXAMPLE.splitlines())
    sections = ["\n".join(_section(kind)) for kind in TABLES if kind is not Config]
    return "\n".join([PREAMBLE.format(example=example), *sections])


def _section(kind: type) -> Iterator[str]:
    title = f"``{header(kind)}``"
    yield from (title, "-" * len(title), "")
    about = (kind.__doc__ or "").partition("\n\n")[0]
    yield from (about, "")
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 20 22 14 44", "")
    for row in (("Key", "Value", "Default", "Meaning"), *map(_row, keys(kind).values())):
        yield from (f"   {'*' if index == 0 else ' '} - {cell}" for index, cell in enumerate(row))
    yield ""


def _row(one: Field) -> tuple[str, str, str, str]:
    meaning = _escaped(one.metadata["doc"])
    if one.metadata["apache"]:
        meaning += f" Apache: ``{one.metadata['apache']}``."
    return f"``{one.name}``", _value(one), _default(one), meaning


def _value(one: Field) -> str:
    """Say what may be written, and its limits where they are a range."""
    kind = optional(one.type)
    if attrs.has(kind) or any(attrs.has(part) for part in get_args(kind)):
        return "table" if attrs.has(kind) else "tables"
    allowed = one.validator.allowed() if isinstance(one.validator, Rule) else ""
    return words(kind) + (f": {_escaped(allowed)}" if allowed else "")


def words(kind: Any) -> str:
    """Say a key's type in words."""
    for candidate, said in _WORDS:
        if kind == candidate:
            return said
    if get_origin(kind) is Literal:
        return f"one of ``{quoted(get_args(kind))}``"
    element = words(get_args(kind)[-1])
    return f"list: {element}" if get_origin(kind) is list else f"table of names: {element}"


def _default(one: Field) -> str:
    if one.default is attrs.NOTHING:
        return "must be written"
    kind = optional(one.type)
    if attrs.has(kind) or any(attrs.has(part) for part in get_args(kind)):
        return "none" if one.default is None or get_args(kind) else "all defaults"
    return f"``{default(one)}``" if default(one) else "not set"


def _escaped(text: str) -> str:
    """Keep reStructuredText from reading marks in a sentence as markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


if __name__ == "__main__":
    sys.stdout.write(reference())
