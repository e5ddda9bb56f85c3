r"""How long Python's ``re`` may take for a text on which a regular expression fails.

``re`` tries one way after the other and knows no limit, so a way that splits again and again decides the time.  A
pattern is read as an automaton whose states are its characters.  Two different walks from one state back to it along
the same text double the ways with every turn: ``(a+)+``, ``(a|aa)*``, ``(\w+\s?)*``.  Loops one behind the other
that take the same text multiply them: ``.*a.*b``.  Walks that cannot fail any more cost nothing.

Weber and Seidl, "On the degree of ambiguity of finite automata", 1991, has the two criteria.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .positions import Automaton, TooLarge, automata

_PAIRS = 100_000  # steps of a search among pairs of states; real expressions need a few hundred
_CHAINED = 5000  # pairs of loops

_Node = TypeVar("_Node")


def degree(pattern: bytes, flags: int) -> int:
    """The power of the text's length with which the time grows, at most; 0 and 1 are a walk along the text.

    :param flags: those of `re.compile`, which must take the pattern.
    :raises TooLarge: when that cannot be found out in reasonable time.
    """
    whole, *within = automata(pattern, flags)
    inner = [_degree(one) for one in within]
    return _degree(whole) + max(inner, default=0) if whole.asks_late else max([_degree(whole), *inner])


def doubles(pattern: bytes, flags: int) -> bool:
    """Whether the time may double with every character of a text.

    :raises TooLarge: when that cannot be found out in reasonable time.
    """
    return any(_is_ambiguous(one, loop) for one in automata(pattern, flags) for loop in _loops(one))


def _is_ambiguous(automaton: Automaton, loop: frozenset[int]) -> bool:
    """Whether two walks within a loop begin in one state and end in it, with the same text."""
    edges = {
        state: [(then, label) for then, label in automaton.edges(state) if then in loop] for state in loop
    }
    for state in loop:  # two ways to one character, as in (a+)+
        seen: dict[int, int] = {}
        for then, label in edges[state]:
            if seen.get(then, 0) & label:
                return True
            seen[then] = seen.get(then, 0) | label
    steps = 0

    def both(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
        nonlocal steps
        for one, label in edges[pair[0]]:
            for other, label_of_other in edges[pair[1]]:
                steps += 1
                if label & label_of_other:
                    yield (one, other) if one <= other else (other, one)
        if steps > _PAIRS:
            raise TooLarge

    return any(
        any(one == other for one, other in group) and any(one != other for one, other in group)
        for group in _components([(state, state) for state in loop], both)
    )


def _degree(automaton: Automaton) -> int:
    """The longest chain of loops of which each can begin where the one before might still go on."""
    asked = 0
    chains: list[
        tuple[frozenset[int], int, int]
    ] = []  # the loops that come later; their texts; the chain from there
    for loop in _loops(automaton):
        taken = 0
        for state in loop:
            taken |= automaton.taken[state]
        best = 1
        asked += len(chains)
        if asked > _CHAINED:
            raise TooLarge
        for later, taken_later, chain in chains:
            if chain + 1 > best and _shares_a_text(automaton, loop, later, taken & taken_later):
                best = chain + 1
        chains.append((loop, taken, best))
    return max((chain for _, _, chain in chains), default=0)


def _shares_a_text(automaton: Automaton, loop: frozenset[int], later: frozenset[int], common: int) -> bool:
    """Whether a walk leads from one to the other with characters that both take."""
    seen, waiting = set(loop), list(loop)
    while waiting:
        for then, label in automaton.edges(waiting.pop()):
            if then not in seen and label & common:
                if then in later:
                    return True
                seen.add(then)
                waiting.append(then)
    return False


def _loops(automaton: Automaton) -> Iterator[frozenset[int]]:
    """The sets of states that can be walked round, the last ones first."""
    for group in _components(automaton.states(), lambda state: (then for then, _ in automaton.edges(state))):
        if len(group) > 1 or any(then == state for state in group for then, _ in automaton.edges(state)):
            yield frozenset(group)


def _components(
    starts: Iterable[_Node], following: Callable[[_Node], Iterator[_Node]]
) -> Iterator[list[_Node]]:
    """Tarjan's strongly connected components, those that others lead to first."""
    number: dict[_Node, int] = {}
    low: dict[_Node, int] = {}
    open_: list[_Node] = []
    is_open: set[_Node] = set()
    for start in starts:
        if start in number:
            continue
        walk: list[tuple[_Node, Iterator[_Node]]] = []

        def enter(node: _Node, walk: list[tuple[_Node, Iterator[_Node]]] = walk) -> None:
            number[node] = low[node] = len(number)
            open_.append(node)
            is_open.add(node)
            walk.append((node, following(node)))

        enter(start)
        while walk:
            node, rest = walk[-1]
            then = next(rest, None)
            if then is None:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == number[node]:
                    group = [open_.pop()]
                    while group[-1] != node:
                        group.append(open_.pop())
                    is_open.difference_update(group)
                    yield group
            elif then not in number:
                enter(then)
            elif then in is_open:
                low[node] = min(low[node], number[then])
