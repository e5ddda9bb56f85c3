r"""Wildcards one behind the other, ``.*a.*b.*c``, in a time that does not grow with their number.

Every ``.*`` tries each place of what follows it, for each place of the one before.  A look ahead behind each says
whether the rest can match at all: since the next ``.*`` can skip any text, the first place of each piece is the best,
and one walk along the text finds them.  What matches, and its groups, stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from .backtracking import degree
from .characters import characters, parser

_TOKEN: Final = re.compile(
    rb"""
    (?P<wild>\((?:\?:|\?P<\w+>)?\.[*+]\??\)(?![*+?{])|\.[*+](?!\+)\??)
  | (?P<open>\((?:\?(?:P<\w+>|[:=!>]|<[=!]))?)
  | (?P<close>\))
  | (?P<or>\|)
  | (?P<other>\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)
    """,
    re.DOTALL | re.VERBOSE,
)
_FLAGS: Final = re.compile(rb"\(\?[is]+\)")
_FOREIGN: Final = re.compile(rb"\\[1-9]|\(\?(?:P=|[(#>]|[a-zA-Z-]+[:)])")
_CAPTURE: Final = re.compile(rb"(?P<kept>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|\((?:\?P<\w+>|(?!\?))", re.DOTALL)
_GROUPS: Final = (b"(", b"(?:")
_TEXTS: Final = 250  # texts of one piece that are compared with each other
_TIMES: Final = 8

Text = tuple[int, ...]
"""The sets of characters that one text of a piece is made of."""

_END: Final = rb"(?=\n?\Z)"  # Perl's \Z
_LOOK: Final = re.compile(rb"\(\?<?[=!]")


class Chain:
    """A pattern of pieces with wildcards between them.

    :ivar flags: what stands at the very beginning, such as ``(?i)``.
    :ivar head: what stands before the first wildcard.
    :ivar links: each wildcard and the piece behind it.
    """

    __slots__ = ("flags", "head", "links")

    def __init__(self, flags: bytes, head: bytes, links: list[tuple[bytes, bytes]]) -> None:
        self.flags = flags
        self.head = head
        self.links = links

    def degree(self, flags: int) -> int:
        """The power of the text's length with which `quick` takes time, at most."""
        beginning = degree(self.flags + (self.head or rb"\A"), flags)
        end = degree(self.flags + _CAPTURE.sub(_uncaptured, self.links[-1][1]), flags)
        return max(beginning, 1) + max(end, 1)

    def quick(self) -> bytes:
        """The pattern without its flags, with the looks ahead."""
        text = self.head or rb"\A"  # a .* at the beginning takes all that a later beginning would skip
        for at, (wild, piece) in enumerate(self.links):
            text += self._ahead(at) + wild + piece
        return text

    def _ahead(self, start: int) -> bytes:
        wanted = b""
        for at in range(start, len(self.links)):
            wild, piece = self.links[at]
            step = (b".+?" if b"+" in wild else b".*?") + _CAPTURE.sub(_uncaptured, piece)
            wanted += step if at == len(self.links) - 1 else b"(?>" + step + b")"
        return b"(?=" + wanted + b")"


def quickened(pattern: bytes, flags: int) -> tuple[bytes, int]:
    """What matches the same as a pattern and takes less time, or the pattern; and its degree (`backtracking.degree`).

    :param flags: those of `re.compile`, which must take the pattern.
    """
    found = _FLAGS.match(pattern)
    start = found[0] if found else b""
    body = pattern[len(start) :]
    if not flags & re.DOTALL or flags & (re.MULTILINE | re.VERBOSE) or _FOREIGN.search(body):
        return pattern, degree(pattern, flags)
    text, power = _alternatives(start, body, flags)
    return start + text, power


def _alternatives(start: bytes, body: bytes, flags: int) -> tuple[bytes, int]:
    """Each way of several on its own, also where they stand in a group that is all there is."""
    tokens = list(_at_the_top(body))
    kinds = [kind for kind, _ in tokens]
    if kinds.count("open") == 1 and kinds[0] == "open" and kinds[-1] == "close" and tokens[0][1] in _GROUPS:
        first, last = tokens[0][1], tokens[-1][1]
        text, power = _alternatives(start, body[len(first) : -len(last)], flags)
        return first + text + last, power
    ways = [b""]
    for kind, text in tokens:
        if kind == "or":
            ways.append(b"")
        else:
            ways[-1] += text
    if len(ways) > 1:
        each = [_alternatives(start, way, flags) for way in ways]
        return b"|".join(text for text, _ in each), max(power for _, power in each)
    power = degree(start + body, flags)
    chain = _chain(start, tokens, flags) if power > 1 else None
    if chain is None or chain.degree(flags) > power:
        return body, power
    return chain.quick(), chain.degree(flags)


def _chain(start: bytes, tokens: list[tuple[str, bytes]], flags: int) -> Chain | None:
    """Take a pattern apart, if it has two wildcards or more.

    What stands between two of them must have no repeats, and none of its texts may lie within another.
    """
    parts: list[tuple[bytes, bytes]] = [(b"", b"")]
    for kind, text in tokens:
        wild, piece = parts[-1]
        if kind == "wild":
            parts.append((text, b""))
        else:
            parts[-1] = (wild, piece + text)
    (_, head), *links = parts
    if len(links) < 2 or not all(_is_plain(start + piece, flags) for _, piece in links[:-1]):
        return None
    if _LOOK.search(links[-1][1].replace(_END, b"")):
        return None
    return Chain(start, head, links)


def _at_the_top(pattern: bytes) -> Iterator[tuple[str, bytes]]:
    """The tokens of a pattern; those within groups are ordinary ones."""
    depth = 0
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        if kind == "close":
            depth -= 1
        yield (kind if not depth else "other"), token[0]
        if kind == "open":
            depth += 1


def _is_plain(piece: bytes, flags: int) -> bool:
    """Whether the first place where it begins is also the first where it ends: no text of it lies within another."""
    tree = parser.parse(piece, flags)
    texts = _texts(list(tree), tree.state.flags)
    if texts is None:
        return False
    return not any(_lies_within(one, other) for one in texts for other in texts if len(one) < len(other))


def _lies_within(one: Text, other: Text) -> bool:
    return any(
        all(taken & other[at + offset] for at, taken in enumerate(one))
        for offset in range(len(other) - len(one) + 1)
    )


def _texts(items: list[Any], flags: int) -> list[Text] | None:
    """All that a piece can match, if that is not much."""
    texts: list[Text] = [()]
    for op, argument in items:
        more: list[Text] | None
        kind = str(op)
        if kind in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            more = [(characters(kind, argument, flags),)]
        elif kind == "SUBPATTERN":
            more = _texts(list(argument[3]), flags)
        elif kind == "BRANCH":
            each = [_texts(list(one), flags) for one in argument[1]]
            more = None if None in each else [text for one in each for text in one or ()]
        elif kind == "MAX_REPEAT" and int(argument[1]) <= _TIMES:
            more = _repeated(_texts(list(argument[2]), flags), int(argument[0]), int(argument[1]))
        else:
            more = [()] if kind == "AT" else None
        if more is None or len(texts) * len(more) > _TEXTS:
            return None
        texts = [before + after for before in texts for after in more]
    return texts


def _repeated(texts: list[Text] | None, low: int, high: int) -> list[Text] | None:
    if texts is None or len(texts) > 1:
        return None
    return [texts[0] * times for times in range(low, high + 1)]


def _uncaptured(token: re.Match[bytes]) -> bytes:
    return token["kept"] or b"(?:"
