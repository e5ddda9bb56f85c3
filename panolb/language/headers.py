"""Rules for header fields, in the words of mod_headers: the arguments of ``Header`` and ``RequestHeader``.

A rule is compiled once into a function that takes the lines of a head and returns them, changed or not.  As in
Apache the rules for answers are in two tables.  Those of "onsuccess" change what the member sent, and only that;
those of "always" write fields of their own, which stand first and are there on panolb's own answers too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..errors import LanguageError
from . import actions, expression
from .actions import Action, Lines
from .environment import variable_name
from .explaining import explained
from .facts import Facts
from .formats import Format, header_format
from .patterns import compile_pattern
from .words import encode, split_words

Condition = Callable[[Facts], bool]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ACTIONS: Final = ("add", "set", "append", "merge", "setifempty", "unset", "edit", "edit*")
_FRAMING: Final = frozenset(b"connection content-length expect te trailer transfer-encoding upgrade".split())
"""Fields that say how a message is carried; panolb writes them, from what it knows."""
_GONE: Final = frozenset(b"connection keep-alive proxy-connection te trailer".split())
"""Fields that are never passed on, so that nothing is left of them to unset."""


class HeaderRule:
    """One rule that was understood.

    :ivar always: whether it is of the table "always"; only answers have that.
    :ivar name: the field's name in lower case.
    :ivar act: what it does to the lines; it returns a new list when it changes something.
    """

    __slots__ = ("act", "always", "name")

    def __init__(self, name: bytes, act: Action, always: bool) -> None:
        self.name = name
        self.act = act
        self.always = always


class RequestRules:
    """What a location does to the header of its requests.

    :ivar names: the fields, in lower case, that it may touch.
    """

    __slots__ = ("_acts", "names")

    def __init__(self, rules: Sequence[HeaderRule]) -> None:
        self._acts = tuple(rule.act for rule in rules)
        self.names = frozenset(rule.name for rule in rules)

    def apply(self, lines: Lines, facts: Facts) -> Lines:
        """The lines as the rules leave them; the list that was given stays as it was."""
        for act in self._acts:
            lines = act(lines, facts)
        return lines


class ResponseRules:
    """What a location does to the header of its answers.

    An answer has one Content-Type, and so rules of both tables change that of the member.
    """

    __slots__ = ("_always", "_of_own", "_onsuccess")

    def __init__(self, rules: Sequence[HeaderRule]) -> None:
        always = [rule for rule in rules if rule.always]
        shared = [rule for rule in always if rule.name == b"content-type"]
        self._of_own = tuple(rule.act for rule in always)
        self._always = tuple(rule.act for rule in always if rule not in shared)
        self._onsuccess = tuple(rule.act for rule in [*shared, *(one for one in rules if not one.always)])

    def apply(self, lines: Lines, facts: Facts, own: bool) -> Lines:
        """The lines as the rules leave them; the list that was given stays as it was.

        :param own: whether the answer is panolb's own.  Then rules of "onsuccess" do nothing, and what those of
            "always" write takes the place of lines of the same name, but for cookies.
        """
        if own:
            return self._apply_to_own(lines, facts)
        for act in self._onsuccess:
            lines = act(lines, facts)
        if not self._always:
            return lines
        return _written(self._always, facts) + lines

    def _apply_to_own(self, lines: Lines, facts: Facts) -> Lines:
        if not self._of_own:
            return lines
        first = _written(self._of_own, facts)
        replaced = {_name_of(line) for line in first} - {b"set-cookie"}
        return first + [line for line in lines if _name_of(line) not in replaced]


def _written(acts: Iterable[Action], facts: Facts) -> Lines:
    """The lines that some rules write when there are none yet."""
    lines: Lines = []
    for act in acts:
        lines = act(lines, facts)
    return lines


def parse_request_rule(text: str) -> HeaderRule:
    """Read the arguments of RequestHeader.

    :raises LanguageError: when they are wrong, or not supported.
    """
    return _rule(split_words(text), always=False, answer=False)


def parse_response_rule(text: str) -> HeaderRule:
    """Read the arguments of Header.

    :raises LanguageError: when they are wrong, or not supported.
    """
    words = split_words(text)
    table = words[0].lower() if words else ""
    if table in ("always", "onsuccess"):
        words = words[1:]
    return _rule(words, always=table == "always", answer=True)


def explain_request_rule(text: str) -> str | None:
    """Say why a text is no rule for requests, or return None."""
    return explained(parse_request_rule, text)


def explain_response_rule(text: str) -> str | None:
    """Say why a text is no rule for answers, or return None."""
    return explained(parse_response_rule, text)


def _rule(words: list[str], always: bool, answer: bool) -> HeaderRule:
    if len(words) < 2:
        raise LanguageError(
            "an action and the name of a header field are needed, as in: set X-Frame-Options DENY"
        )
    verb, written, *rest = words
    verb = verb.lower()
    if verb not in _ACTIONS:
        raise LanguageError(_not_an_action(verb))
    written = written.partition(":")[0]
    if not _TOKEN.fullmatch(written):
        raise LanguageError(f"{written!r} is no name of a header field")
    name = encode(written)
    operands = {"unset": 0, "edit": 2, "edit*": 2}.get(verb, 1)
    if len(rest) < operands:
        raise LanguageError(
            f"{verb} needs {'a value' if operands == 1 else 'a regular expression and what takes its place'}"
        )
    if len(rest) > operands + 1:
        raise LanguageError(f"has more words than {verb} takes; a value with blanks needs quotes")
    condition = _condition(rest[operands]) if len(rest) > operands else None
    _refuse_framing(verb, name, answer)
    act = _act(verb, name, rest)
    return HeaderRule(name.lower(), act if condition is None else _guarded(condition, act), always)


def _not_an_action(verb: str) -> str:
    if verb in ("echo", "note"):
        return f"the action {verb} is not supported"
    return f"{verb!r} is no action; it must be one of {', '.join(_ACTIONS)}"


def _refuse_framing(verb: str, name: bytes, answer: bool) -> None:
    """Refuse rules that would make a message end where it does not."""
    lower = name.lower()
    written = name.decode("ascii")
    if verb == "unset" and (lower in _GONE or (answer and lower == b"upgrade")):
        return
    if lower in _FRAMING or lower in _GONE:
        raise LanguageError(
            f"{written} says how the message is carried; panolb writes it itself, and no rule may change it"
        )
    if not answer and lower == b"host" and verb in ("add", "append", "merge", "unset"):
        raise LanguageError("a request has exactly one Host; it can be set or edited only")


def _condition(text: str) -> Condition:
    """``env=NAME``, ``env=!NAME`` or ``expr=CONDITION``."""
    kind, _, rest = text.partition("=")
    if kind.lower() == "env":
        name = variable_name(rest.removeprefix("!"))
        if rest.startswith("!"):
            return lambda facts: facts.env(name) is None
        return lambda facts: facts.env(name) is not None
    if kind.lower() == "expr":
        return expression.parse(rest).holds
    if text.lower() == "early":
        raise LanguageError("early is not supported: there is one phase here, after the location was found")
    raise LanguageError(f"{text!r} is no condition; it must be env=NAME, env=!NAME or expr=...")


def _guarded(condition: Condition, act: Action) -> Action:
    return lambda lines, facts: act(lines, facts) if condition(facts) else lines


def _act(verb: str, name: bytes, rest: list[str]) -> Action:
    if verb == "unset":
        return actions.unset(name)
    if verb in ("edit", "edit*"):
        return actions.edit(name, compile_pattern(rest[0]), _format(rest[1]), repeat=verb == "edit*")
    value = _format(rest[0])
    if name.lower() == b"content-type" and verb in ("add", "append", "merge"):
        verb = "setifempty"  # there is one at most; Apache too keeps the one that is there
    makers: dict[str, Callable[[bytes, Format], Action]] = {
        "add": actions.add,
        "set": actions.assign,
        "append": actions.append,
        "merge": actions.merge,
        "setifempty": actions.set_if_missing,
    }
    return makers[verb](name, value)


def _format(text: str) -> Format:
    if text.startswith("expr="):
        return expression.parse_string(text[5:]).text
    return header_format(text)


def _name_of(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()
