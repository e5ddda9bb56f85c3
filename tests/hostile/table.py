"""All rows about requests."""

from __future__ import annotations

from .bodies import CODINGS, LENGTHS, SIZES, TRAILERS
from .heads import FIELDS, HOSTS, LINES, TARGETS
from .meanings import CONNECTION, EXPECTATIONS, ORDER, UPGRADES
from .rows import Group, Row

GROUPS: tuple[Group, ...] = (
    LENGTHS,
    CODINGS,
    SIZES,
    TRAILERS,
    LINES,
    TARGETS,
    HOSTS,
    FIELDS,
    UPGRADES,
    EXPECTATIONS,
    CONNECTION,
    ORDER,
)

ROWS: dict[str, Row] = {f"{group.title}: {row.name}": row for group in GROUPS for row in group.rows}
"""Every row by a name that no other has."""
