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

What two servers understand differently is how one client's bytes become another one's request. Here is what panolb makes
of all that is known of that kind, and of what looks like it, beside {peers}, each with
a minimal configuration that keeps its connections to the member. panolb's column is tested with every change, the others'
where the same versions are installed.

A server that passes on what panolb refuses is not at fault for that alone: the standards leave room, and many clean
up what they pass on. It goes wrong where the member understands something else than the balancer did, and which
member that is nobody knows beforehand. panolb refuses, so that it does not matter.

Requests
--------

Each row is sent in one piece, and right behind it, on the same connection, goes an ordinary ``GET``. The member behind the
balancer reads as strictly as h11 does, and records what it understands. Then another client asks for something else,
over the connections to the member that are open by then. A cell says

* the status of the first answer: *400* is a refusal. *No status* is an answer without one, and *no answer* is none
  within {quiet:g} s;
* or, if a 200 came of it, what the member understood: *POST 3 B* is one request with a body of three bytes. Where there
  is a *+* there were several;
* what it *passes on* although that should end at a proxy, or is unclear. *What h11 refuses* is no request to it;
* with *or*, that it does the one at one time and the other at another.
"""
ANSWERING = """\
Answers of members
------------------

Each row is a member's answer to a ``GET``, in one piece. Then the member is well again, and another client asks. A cell says
what the first client gets: *502* from the balancer, the member's own answer, or *cut* if the connection ends before
an answer is complete. *Used again* means that the next request came on the same connection to the member, although
the two may not agree any more on where an answer ends.
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
