"""The page of all events, made of the table: ``python -m panolb.events.reference > docs/events.rst``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from .table import EVENTS, GROUPS, Happening

PREAMBLE = """\
..
   Made from panolb/events/table.py by: python -m panolb.events.reference > docs/events.rst

Events
======

What happens to members, listeners, limits and panolb itself has a name for programs, and a code to look up here. Neither
will ever mean anything else. The code stands in the line of the process log, behind the level:

.. code-block:: none

   2026-11-23T08:15:03+0000 [panolb.control.build#warn PLB-1102] member app/1: up -> down: ...

``panolb events`` and ``/api/v1/events`` have it too (:doc:`operate`), and so has the journal (:doc:`logs`). No event has
cookies, tokens, query strings or anything else that a client has sent, but its address.

Of events marked with \\* clients can cause any number. So that they push nothing else out of the last 1000, the control API
has no more than 50 of each name at once, and then one in ten seconds; the log has all.
"""


def reference() -> str:
    """The whole page."""
    sections = [_section(number, title) for number, title in GROUPS.items()]
    return "\n".join([PREAMBLE, *("\n".join(section) for section in sections)])


def _section(group: int, title: str) -> Iterator[str]:
    yield from (title, "-" * len(title), "")
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 10 20 8 31 31", "")
    rows = [("Code", "Event", "Level", "Cause", "What to do")]
    rows += [_row(one) for one in EVENTS.values() if one.number // 100 == group]
    for row in rows:
        yield from (f"   {'*' if index == 0 else ' '} - {cell}" for index, cell in enumerate(row))
    yield ""


def _row(one: Happening) -> tuple[str, str, str, str, str]:
    mark = r" \*" if one.by_clients else ""
    return one.code, f"``{one.name}``{mark}", one.level, _escaped(one.cause), _escaped(one.cure)


def _escaped(text: str) -> str:
    """Keep reStructuredText from reading the underscore at a word's end as markup."""
    return text.replace("_", r"\_")


if __name__ == "__main__":
    sys.stdout.write(reference())
