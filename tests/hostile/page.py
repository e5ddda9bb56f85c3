"""The page "Hostile clients and members": the tables with what panolb and its peers make of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from . import answering, observing
from .answers import ANSWERS
from .peers import TITLES
from .seen import Column, load
from .table import GROUPS

PREAMBLE = """\
Hostile clients and members
===========================

.. This page is made from tests/hostile: python -m tests.hostile > docs/hostile.rst

What two servers could understand differently is how one client's bytes become another one's request. Here is what panolb
makes of all that is known of that kind, and of what comes close to it, beside {peers}, each with a minimal
configuration that keeps its connections to the member. panolb's columns are tested with every change, and so are the others where
the same versions are installed. ``python -m tests.hostile measure`` asks those that are installed anew.

The standards leave room, and the others serve more kinds of clients than browsers and programs of one's own: that a server passes on what panolb
refuses is not a fault by itself. It is one where the member understands something else, and that depends on the member. panolb refuses,
so that it does not.

Requests
--------

Each row is sent to the balancer in one piece, and behind it, on the same connection, an ordinary ``GET``. The member behind the balancer reads
by the rules of h11, a strict parser, and writes down what it has understood. Then another client asks for something else, over
the connections to the member that are open now. Cells say

* the status of the first answer, and what reached the member of the row, if anything did: ``400`` is a refusal, ``200: POST with 3 B`` a
  request with a body of 3 bytes, and with a ``+`` there were several requests. ``no status`` is an answer without one,
  ``no answer`` that there was none within {quiet:g} s;
* *passes on*: what reached the member though it should end at a proxy, or is unclear. *What h11 refuses* is no
  request by its rules.

``x`` without a section of its own is in the one that stands in the title.
"""
ANSWERING = """\
Answers of members
------------------

Each row is the answer of a member to a ``GET``, in one piece. Cells say what the client gets: ``502`` from the balancer, ``cut`` if the connection ends within
an answer, or the member's own answer. Then the member is well again, and another client asks. *Used again* means
that its request came on the same connection, although the balancer and the member may not agree any more on where an
answer ends.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines(load()))


def _lines(columns: dict[str, Column]) -> Iterator[str]:
    shown = [f"{title} {columns[name]['version']}" for name, title in TITLES.items()]
    yield PREAMBLE.format(peers=f"{', '.join(shown[:-1])} and {shown[-1]}", quiet=observing.QUIET)
    for group in GROUPS:
        rows = (
            (
                row.name,
                row.source or group.section,
                observing.expected(row).cell(),
                *(
                    columns[name]["requests"].get(f"{group.title}: {row.name}", "not tried")
                    for name in TITLES
                ),
            )
            for row in group.rows
        )
        yield from _table(f"{group.title} ({group.section})", rows)
    yield ANSWERING
    for title, answers in ANSWERS.items():
        rows = (
            (
                row.name,
                row.source,
                answering.expected(row).cell(),
                *(columns[name]["answers"].get(f"{title}: {row.name}", "not tried") for name in TITLES),
            )
            for row in answers
        )
        yield from _table(title, rows)


def _table(title: str, rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield from (title, "~" * len(title), "")
    yield from (".. list-table::", "   :header-rows: 1", "   :widths: 26 16 14 14 14 16", "")
    for row in (("What is sent", "Where from", "panolb", *TITLES.values()), *rows):
        yield from (f"   {'*' if index == 0 else ' '} - {_escaped(cell)}" for index, cell in enumerate(row))
    yield ""


def _escaped(text: str) -> str:
    """Keep reStructuredText from reading marks as markup, but for strong emphasis."""
    return re.sub(r"([\\`|_]|(?<!\*)\*(?!\*))", r"\\\1", text)
