"""Regular expressions as automata whose states are the characters in them (Glushkov's construction).

What ``re`` itself parsed is the source, so nothing is understood in another way than it will run.  Where the tree says
more than an automaton can, it is taken for more ambiguous than it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .characters import ALL, characters, parser

_STATES = 20_000
_EDGES = 300_000
_COPIES = 4  # so many repeats are written out; more count as any number
_COPIES_OF_ONE = 64  # the same for one character

Ways = dict[int, list[int]]
"""For each state, for each way to or from it: the characters (`characters`) that it excludes."""


class TooLarge(Exception):
    """An expression with too many states to think about."""


class Part:
    """A part of an expression.

    :ivar first: where it can begin.
    :ivar last: where it can end.
    :ivar empty: in how many ways it can match nothing, up to 2.
    :ivar free: whether it can match nothing anywhere.
    :ivar pinned: whether it can match nothing at the beginning of the text only.
    :ivar sure: of the states of last, those after which nothing of it can fail.
    """

    __slots__ = ("empty", "first", "free", "last", "pinned", "sure")

    def __init__(
        self, first: Ways, last: Ways, empty: int, free: bool, sure: frozenset[int], pinned: bool = False
    ) -> None:
        self.first = first
        self.last = last
        self.empty = min(empty, 2)
        self.free = free
        self.sure = sure
        self.pinned = pinned


def _nothing(*, free: bool = True, pinned: bool = False) -> Part:
    return Part({}, {}, 1, free, frozenset(), pinned)


class Automaton:
    """The states of one expression, or of one within a look ahead.

    :ivar taken: for each state, the characters that lead into it.
    :ivar within: the expressions that are looked ahead for.
    :ivar asks_late: whether one of those stands behind the beginning.
    """

    def __init__(self, tree: Any, flags: int, *, searched: bool) -> None:
        self.taken: list[int] = []
        self.within: list[tuple[Any, int]] = []
        self.asks_late = False
        self._follow: list[Ways] = []
        self._count = 0
        items = list(tree)
        if _takes_the_rest(items):
            items.pop()
        start = self._state(ALL)
        if searched and not _is_anchored(items, flags):
            self._connect({start: [0]}, {start: [0]}, 1)
        whole = self._sequence(items, flags)
        self._connect({start: [0]}, {state: [0] for state in whole.first}, 1)
        self._sure = whole.sure
        ahead = items[1 : 1 + len(self.within)] if _is_anchored(items, flags) else items
        self.asks_late = bool(self.within) and not all(str(op) in ("ASSERT", "ASSERT_NOT") for op, _ in ahead)

    def states(self) -> range:
        """All of them; the first is the text before a match."""
        return range(len(self.taken))

    def edges(self, state: int) -> Iterator[tuple[int, int]]:
        """What can follow a state, and the characters that lead there; two ways are two edges."""
        for then, ways in self._follow[state].items():
            if then not in self._sure:
                for excluded in ways:
                    label = self.taken[then] & ~excluded
                    if label:
                        yield then, label

    # -- building ---------------------------------------------------------------------------------------------------

    def _state(self, taken: int) -> int:
        if len(self.taken) >= _STATES:
            raise TooLarge
        self.taken.append(taken)
        self._follow.append({})
        return len(self.taken) - 1

    def _character(self, taken: int) -> Part:
        state = self._state(taken)
        return Part({state: [0]}, {state: [0]}, 0, False, frozenset((state,)))

    def _connect(self, last: Ways, first: Ways, times: int) -> None:
        self._count += len(last) * len(first)
        if self._count > _EDGES:
            raise TooLarge
        for state, excluded_after in last.items():
            follow = self._follow[state]
            for then, excluded_before in first.items():
                ways = [after | before for after in excluded_after for before in excluded_before] * times
                follow[then] = _two(follow.get(then, []) + ways)

    def _sequence(self, items: list[Any], flags: int) -> Part:
        made = _nothing()
        for op, argument in items:
            made = self._joined(made, self._part(str(op), argument, flags))
        return made

    def _part(self, op: str, argument: Any, flags: int) -> Part:
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._character(characters(op, argument, flags))
        if op == "SUBPATTERN":
            _, added, removed, items = argument
            return self._sequence(list(items), (flags | added) & ~removed)
        if op == "BRANCH":
            return self._alternatives(argument[1], flags)
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            return self._repeat(op, argument, flags)
        if op == "ATOMIC_GROUP":
            return self._atomic(list(argument), flags)
        if op in ("ASSERT", "ASSERT_NOT"):
            if argument[0] > 0:  # what is looked for behind has a fixed length
                self.within.append((argument[1], flags))
            return _nothing(free=False)
        if op == "GROUPREF_EXISTS":
            return self._alternatives([argument[1], argument[2] or []], flags)
        if op == "GROUPREF":  # what it takes is known then; so it is like one character that may be missing
            return _optional(self._character(ALL), free=False)
        pinned = op == "AT" and _is_beginning(argument, flags)
        return _nothing(free=op not in ("AT", "FAILURE"), pinned=pinned)

    def _alternatives(self, all_items: Any, flags: int) -> Part:
        parts = [self._sequence(list(items), flags) for items in all_items]
        return Part(
            {state: ways for part in parts for state, ways in part.first.items()},
            {state: ways for part in parts for state, ways in part.last.items()},
            sum(part.empty for part in parts),
            any(part.free for part in parts),
            frozenset(state for part in parts for state in part.sure),
            all(part.pinned or not part.empty for part in parts),
        )

    def _repeat(self, op: str, argument: Any, flags: int) -> Part:
        items = list(argument[2])
        alone = _class_of(items, flags)
        written_out = _COPIES if alone is None else _COPIES_OF_ONE
        low, high = int(argument[0]), int(argument[1])
        made = _nothing()
        copies = min(low, written_out)
        if high <= max(_COPIES, copies):
            optional = high - copies
            loop = False
        else:
            optional, loop = 0, high > copies
        for _ in range(copies):
            made = self._joined(made, self._sequence(items, flags))
        rest = _nothing()
        for _ in range(optional):  # the last one first: (a(a)?)?
            rest = _optional(self._joined(self._sequence(items, flags), rest))
        if loop:
            body = self._sequence(items, flags)
            rest = self._loop(body)
            if body.empty and low > copies:  # any of those that must be may be nothing, as in (a?){30}
                self._connect(body.last, body.first, 1)
        made = self._joined(made, rest)
        if op == "POSSESSIVE_REPEAT" and alone is not None and high >= parser.MAXREPEAT:
            made.last = {state: [ways | alone for ways in excluded] for state, excluded in made.last.items()}
        return made

    def _atomic(self, items: list[Any], flags: int) -> Part:
        if len(items) == 1 and str(items[0][0]) == "MAX_REPEAT":
            return self._repeat("POSSESSIVE_REPEAT", items[0][1], flags)
        return self._sequence(items, flags)

    def _joined(self, one: Part, other: Part) -> Part:
        self._connect(one.last, other.first, 1)
        first = _never(other.first) if one.pinned else other.first
        return Part(
            one.first | _times(first, one.empty),
            other.last | _times(one.last, 0 if other.pinned else other.empty),
            one.empty * other.empty,
            one.free and other.free,
            other.sure | (one.sure if other.free else frozenset()),
            one.pinned or other.pinned,
        )

    def _loop(self, part: Part) -> Part:
        """``re`` goes round without a character once, and then ends the loop."""
        self._connect(part.last, part.first, 1)
        return Part(part.first, _times(part.last, 1 + part.empty), 1 + part.empty, True, part.sure)


def automata(pattern: bytes, flags: int) -> list[Automaton]:
    """The one of a pattern that is searched for, and those of the expressions that it looks ahead for."""
    tree = parser.parse(pattern, flags)
    made = [Automaton(tree, tree.state.flags, searched=True)]
    for one in made:  # it grows
        made += (Automaton(inner, of_it, searched=False) for inner, of_it in one.within)
    return made


def _optional(part: Part, *, free: bool = True) -> Part:
    return Part(part.first, part.last, part.empty + 1, free, part.sure if free else frozenset())


def _never(ways: Ways) -> Ways:
    return {state: [ALL] for state in ways}


def _times(ways: Ways, times: int) -> Ways:
    if times == 1:
        return ways
    return {state: _two(excluded * times) for state, excluded in ways.items()} if times else {}


def _two(ways: list[int]) -> list[int]:
    """Two ways say as much as many; they exclude what all exclude."""
    if len(ways) <= 2:
        return ways
    common = ALL
    for excluded in ways:
        common &= excluded
    return [common, common]


def _class_of(items: list[Any], flags: int) -> int | None:
    """The characters of a part that is one character."""
    if len(items) == 1:
        op = str(items[0][0])
        if op in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return characters(op, items[0][1], flags)
        if op == "SUBPATTERN":
            _, added, removed, inner = items[0][1]
            return _class_of(list(inner), (flags | added) & ~removed)
    return None


def _takes_the_rest(items: list[Any]) -> bool:
    r"""Whether ``.*\Z`` ends it, which cannot fail."""
    if len(items) < 2 or str(items[-1][0]) != "AT" or str(items[-1][1]) != "AT_END_STRING":
        return False
    op, argument = items[-2]
    while str(op) == "SUBPATTERN" and len(argument[3]):
        op, argument = argument[3][-1]
    return (
        str(op) == "MAX_REPEAT"
        and int(argument[1]) >= parser.MAXREPEAT
        and _class_of(list(argument[2]), int(re.DOTALL)) == ALL
    )


def _is_anchored(items: list[Any], flags: int) -> bool:
    """Whether it can match at the beginning of the text only."""
    if not items:
        return False
    op, argument = str(items[0][0]), items[0][1]
    if op == "AT":
        return _is_beginning(argument, flags)
    if op == "SUBPATTERN":
        return _is_anchored(list(argument[3]), flags)
    return op == "BRANCH" and all(_is_anchored(list(one), flags) for one in argument[1])


def _is_beginning(where: Any, flags: int) -> bool:
    return str(where) == "AT_BEGINNING_STRING" or (str(where) == "AT_BEGINNING" and not flags & re.MULTILINE)
