"""Several sections may hold for one request: which of them can, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from panolb.config.httpd.scopes import Area, below
from panolb.config.httpd.ways import literal

MOST: Final = 32
"""Combinations for one way; each of them is a location."""

Combination = tuple[Area, ...]


def combinations(areas: Sequence[Area]) -> list[Combination] | None:
    """Return the sets of areas that a request can lie in all at once, and in no other of them.

    Asked in this order, the first set whose areas all match a request is the set of all that match it: larger sets come
    first.  The last one is empty.

    :param areas: in the order in which Apache applies them.
    :return: None when there are more than `MOST`.
    """
    found: list[Combination] = [()]
    for area in areas:
        found += [(*one, area) for one in found if not any(_apart(area, other) for other in one)]
        if len(found) > MOST * MOST:
            return None
    possible = [one for one in found if _is_whole(one, areas)]
    if len(possible) > MOST:
        return None
    position = {id(area): index for index, area in enumerate(areas)}
    # Of sets of the same size any order would do; the section that counts most comes first.
    return sorted(possible, key=lambda one: (-len(one), [-position[id(area)] for area in reversed(one)]))


def _is_whole(some: Combination, areas: Sequence[Area]) -> bool:
    """Whether everything is there that matches wherever one of them does."""
    return all(
        any(area is one for one in some) for area in areas if any(_is_within(one, area) for one in some)
    )


def _is_within(area: Area, around: Area) -> bool:
    """Whether every path of an area is certainly in another."""
    if around.path is None:
        return area.pattern is not None and area.pattern == around.pattern
    if area.path is not None:
        return below(area.path, around.path)
    return literal(area.pattern or "").startswith(around.path + "/")


def _apart(area: Area, other: Area) -> bool:
    """Whether certainly no path is in both."""
    if area.path is not None and other.path is not None:
        return not below(area.path, other.path) and not below(other.path, area.path)
    if area.path is None and other.path is None:
        mine, its = literal(area.pattern or ""), literal(other.pattern or "")
        return not mine.startswith(its) and not its.startswith(mine)
    path = area.path if area.path is not None else other.path
    start = literal((area.pattern if area.path is None else other.pattern) or "")
    assert path is not None
    return not path.startswith(start) and not below(start, path)
