"""What Apache's expressions do, as closures over the facts: words, and conditions on them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from ..errors import LanguageError
from .facts import Facts
from .functions import Asked
from .patterns import groups_of
from .words import encode


class Scope:
    """One evaluation: the facts, and the groups of the last match that had some."""

    __slots__ = ("facts", "groups")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.groups: tuple[bytes, ...] = ()


Condition = Callable[[Scope], bool]


class Word:
    """A value.

    :ivar fixed: the value when it depends on nothing, else ``None``.
    """

    __slots__ = ("_get", "fixed")

    def __init__(self, get: Callable[[Scope], bytes], fixed: bytes | None = None) -> None:
        self._get = get
        self.fixed = fixed

    def __call__(self, scope: Scope) -> bytes:
        return self._get(scope)


# -- words ----------------------------------------------------------------------------------------------------------


def constant(text: str) -> Word:
    """A text that stands there as it is."""
    return _fixed(encode(text))


def byte(number: int) -> Word:
    """An escape for one byte, of whose number the lowest eight bits count."""
    return _fixed(bytes((number & 255,)))


def _fixed(value: bytes) -> Word:
    return Word(lambda scope: value, value)


def asked(ask: Asked) -> Word:
    """A variable of the server."""
    return Word(lambda scope: ask(scope.facts))


def group(number: int) -> Word:
    """``$1``: a group of the last match; empty when there is none."""
    return Word(lambda scope: scope.groups[number] if number < len(scope.groups) else b"")


def call(function: Callable[[Facts, bytes], bytes], argument: Word) -> Word:
    """``name(argument)`` and ``%{name:argument}``."""
    return Word(lambda scope: function(scope.facts, argument(scope)))


def joined(words: list[Word]) -> Word:
    """Several words one after the other."""
    fixed = [word.fixed for word in words]
    if None not in fixed:
        return _fixed(b"".join(value for value in fixed if value))
    if len(words) == 1:
        return words[0]
    parts = tuple(words)
    return Word(lambda scope: b"".join([part(scope) for part in parts]))


# -- conditions -----------------------------------------------------------------------------------------------------

ALWAYS: Final[Condition] = lambda scope: True  # noqa: E731  # a condition is any callable; this one has a name
NEVER: Final[Condition] = lambda scope: False  # noqa: E731


def any_of(parts: list[Condition]) -> Condition:
    """``||``: whether one holds; those after it are not asked."""
    return lambda scope: any(part(scope) for part in parts)


def all_of(parts: list[Condition]) -> Condition:
    """``&&``: whether each holds; those after one that does not are not asked."""
    return lambda scope: all(part(scope) for part in parts)


_NUMBER = re.compile(rb"\s*([+-]?[0-9]{1,18})")


def _number(text: bytes) -> int:
    """The number that a text begins with, as C's ``atoi`` reads it."""
    found = _NUMBER.match(text)
    return int(found[1]) if found else 0


_ORDER: Final[dict[str, Callable[[bytes | int, bytes | int], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,  # type: ignore[operator]  # both are of one type
    "le": lambda a, b: a <= b,  # type: ignore[operator]
    "gt": lambda a, b: a > b,  # type: ignore[operator]
    "ge": lambda a, b: a >= b,  # type: ignore[operator]
}
_SIGNS: Final = {"==": "eq", "=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
COMPARISONS: Final = frozenset([*_SIGNS, *_ORDER, *(f"-{name}" for name in _ORDER)])
"""``==`` and its like compare texts, ``-eq`` and ``eq`` and their like numbers."""


def compare(sign: str, left: Word, right: Word) -> Condition:
    """One of `COMPARISONS`."""
    if sign in _SIGNS:
        order = _ORDER[_SIGNS[sign]]
        return lambda scope: order(left(scope), right(scope))
    order = _ORDER[sign.lstrip("-")]
    return lambda scope: order(_number(left(scope)), _number(right(scope)))


def contained(left: Word, words: list[Word]) -> Condition:
    """``in {...}``."""
    fixed = frozenset(word.fixed for word in words if word.fixed is not None)
    if len(words) == len([word for word in words if word.fixed is not None]):
        return lambda scope: left(scope) in fixed

    def is_contained(scope: Scope) -> bool:
        value = left(scope)
        return any(word(scope) == value for word in words)

    return is_contained


def match(left: Word, pattern: re.Pattern[bytes], wanted: bool) -> Condition:
    """``=~`` and ``!~``; a pattern with groups sets those of the scope, to nothing when it does not match."""
    if not pattern.groups:
        return lambda scope: (pattern.search(left(scope)) is not None) is wanted

    def matches(scope: Scope) -> bool:
        found = pattern.search(left(scope))
        scope.groups = () if found is None else groups_of(found)
        return (found is not None) is wanted

    return matches


def test(name: str, word: Word) -> Condition:
    """A test of one word, ``-n`` and its like."""
    if name == "-n":
        return lambda scope: bool(word(scope))
    if name == "-z":
        return lambda scope: not word(scope)
    if name == "-T":
        return lambda scope: word(scope).lower() not in (b"", b"0", b"off", b"false", b"no")
    if name == "-R":
        return special("-ipmatch", asked(lambda facts: facts.variable("REMOTE_ADDR")), word)
    raise LanguageError(f"the test {name} is not supported")


def special(name: str, left: Word, right: Word) -> Condition:
    """A comparison with a word for its name, ``-ipmatch`` and its like.

    :param right: the subnet or the pattern; it must not depend on the request.
    """
    kind = name.lower()
    if kind not in ("-ipmatch", "-strmatch", "-strcmatch", "-fnmatch"):
        raise LanguageError(f"there is no comparison {name}")
    if right.fixed is None:
        raise LanguageError(f"what follows {name} must be a plain text")
    if kind == "-ipmatch":
        network = _network(right.fixed.decode("utf-8", "replace"))
        return lambda scope: _in_network(left(scope), network)
    pattern = _wildcards(right.fixed, kind == "-fnmatch", kind == "-strcmatch")
    return lambda scope: pattern.fullmatch(left(scope)) is not None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """``10.0.0.0/8``, ``10.0.0.0/255.0.0.0``, ``10.1`` or ``fd00::/8``."""
    address, slash, mask = text.partition("/")
    if not slash and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}\.?", address):
        parts = address.rstrip(".").split(".")
        address, mask = ".".join([*parts, *["0"] * (4 - len(parts))]), str(8 * len(parts))
    try:
        return ipaddress.ip_network(f"{address}/{mask}" if mask else address, strict=False)
    except ValueError as error:
        raise LanguageError(f"{text!r} is no network: {error}") from None


def _in_network(value: bytes, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(value.decode("ascii")) in network
    except ValueError:
        return False


_WILDCARD = re.compile(
    rb"""
    \\(?P<escaped>.)
  | (?P<any>\*+)
  | (?P<one>\?)
  | \[(?P<unlike>[!^])?(?P<set>\][^\]]*|[^\]]+)\]
  | (?P<plain>.)
    """,
    re.DOTALL | re.VERBOSE,
)


def _wildcards(text: bytes, of_files: bool, ignore_case: bool) -> re.Pattern[bytes]:
    """A pattern of ``*``, ``?`` and ``[...]``; those of files do not match slashes (APR's ``apr_fnmatch``)."""
    one = b"[^/]" if of_files else b"."
    pieces = [b""]  # what stands between stars
    for found in _WILDCARD.finditer(text):
        if found["any"]:
            pieces.append(b"")
        elif found["one"]:
            pieces[-1] += one
        elif found["set"]:
            start = b"(?!/)[" if of_files else b"["
            members = re.sub(rb"[\\\[\]^&~|]", rb"\\\g<0>", found["set"])
            pieces[-1] += start + (b"^" if found["unlike"] else b"") + members + b"]"
        else:
            pieces[-1] += re.escape(found["escaped"] or found["plain"])
    first, *more = pieces
    # What a star before the last one takes need not be looked at again when what follows does not fit.
    inner = b"".join(b"(?>" + one + b"*?" + piece + b")" for piece in more[:-1])
    last = one + b"*" + more[-1] if more else b""
    try:
        return re.compile(first + inner + last, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
    except re.error as error:
        raise LanguageError(f"{text.decode('utf-8', 'replace')!r} is no pattern: {error}") from None
