"""The events for ``journalctl --catalog``: ``python -m panolb.events.catalog > ops/systemd/panolb.catalog``."""

from __future__ import annotations

import sys
import textwrap

from .table import EVENTS, Happening

PREAMBLE = """\
# Made from panolb/events/table.py by: python -m panolb.events.catalog > ops/systemd/panolb.catalog
"""


def catalog() -> str:
    """All of it, as https://systemd.io/CATALOG says."""
    return "\n".join([PREAMBLE, *map(_entry, EVENTS.values())])


def _entry(one: Happening) -> str:
    return f"-- {one.message_id}\nSubject: {one.name} ({one.code})\nDefined-By: panolb\n\n{_filled(one.cause)}\n\n{_filled(one.cure)}\n"


def _filled(text: str) -> str:
    return textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.stdout.write(catalog())
