"""Variables of a request: mod_env's SetEnv, mod_setenvif's SetEnvIf and BrowserMatch, and SetEnvIfExpr."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from ..errors import LanguageError
from . import expression
from .explaining import explained
from .facts import Facts
from .patterns import Substitution, compile_pattern, groups_of
from .words import encode, neutral, split_words

Variables = dict[bytes, bytes]
Act = Callable[[Variables, Facts], None]

_ATTRIBUTES: Final = {
    "remote_addr": "REMOTE_ADDR",
    "remote_host": "REMOTE_HOST",
    "request_uri": "REQUEST_URI",
    "request_method": "REQUEST_METHOD",
    "request_protocol": "SERVER_PROTOCOL",
    "server_addr": "SERVER_ADDR",
}
_DIRECTIVES: Final = ("SetEnv", "UnsetEnv", "SetEnvIf", "SetEnvIfNoCase", "SetEnvIfExpr", "BrowserMatch", "BrowserMatchNoCase")  # fmt: skip


class Rule:
    """One directive that was understood.

    :ivar default: whether it is SetEnv or UnsetEnv: what they say holds where no other rule has set the variable.
    """

    __slots__ = ("act", "default")

    def __init__(self, act: Act, default: bool = False) -> None:
        self.act = act
        self.default = default


class Environment:
    """The variables that some rules give to a request.

    As in Apache (seen on 2.4.71) SetEnvIf and its like go first and do not see what SetEnv says, wherever that stands; where
    both set a variable, SetEnvIf's value is the one that is found.
    """

    __slots__ = ("_acts", "_defaults")

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._acts = tuple(rule.act for rule in rules if not rule.default)
        self._defaults: Variables = {}
        for rule in rules:
            if rule.default:
                rule.act(self._defaults, _NOBODY)

    def evaluate(self, facts: Facts) -> Variables:
        """The variables, by their names in upper case.  ``facts.env`` is not asked: rules see what rules have set."""
        variables: Variables = {}
        for act in self._acts:
            act(variables, facts)
        return {**self._defaults, **variables} if self._defaults else variables


def parse(text: str) -> Rule:
    """Read a directive with its name in front.

    :raises LanguageError: when it is none of those of this module, or cannot be read.
    """
    name, *words = split_words(text) or [""]
    kind = name.lower()
    if kind == "setenv":
        return _set(words)
    if kind == "unsetenv":
        return _unset(words)
    if kind in ("setenvif", "setenvifnocase"):
        if len(words) < 3:
            raise LanguageError(f"{name} needs an attribute, a regular expression and variables")
        return Rule(_on_match(_attribute(words[0]), words[1], words[2:], kind.endswith("nocase")))
    if kind in ("browsermatch", "browsermatchnocase"):
        if len(words) < 2:
            raise LanguageError(f"{name} needs a regular expression and variables")
        return Rule(_on_match(_attribute("User-Agent"), words[0], words[1:], kind.endswith("nocase")))
    if kind == "setenvifexpr":
        if len(words) < 2:
            raise LanguageError(f"{name} needs an expression in quotes and variables")
        return Rule(_on_expression(words[0], words[1:]))
    raise LanguageError(f"begins with {name!r}; it must begin with one of {', '.join(_DIRECTIVES)}")


def explain(text: str) -> str | None:
    """Say why a text is no such directive, or return None."""
    return explained(parse, text)


def variable_name(text: str) -> bytes:
    """A variable's name as it is kept: case does not count.

    :raises LanguageError: when it is empty.
    """
    if not text:
        raise LanguageError("the name of a variable is missing")
    return encode(text).upper()


def _set(words: list[str]) -> Rule:
    if len(words) not in (1, 2):
        raise LanguageError("SetEnv needs the name of a variable and, in quotes if it has blanks, its value")
    name = variable_name(words[0])
    value = neutral(encode(words[1])) if len(words) == 2 else b""

    def act(variables: Variables, facts: Facts) -> None:
        variables[name] = value

    return Rule(act, default=True)


def _unset(words: list[str]) -> Rule:
    if not words:
        raise LanguageError("UnsetEnv needs the names of variables")
    names = [variable_name(word) for word in words]

    def act(variables: Variables, facts: Facts) -> None:
        for name in names:
            variables.pop(name, None)

    return Rule(act, default=True)


def _attribute(text: str) -> Callable[[Variables, Facts], bytes]:
    """What SetEnvIf looks at: a property of the request, a header field, or a variable that was set before."""
    special = _ATTRIBUTES.get(text.lower())
    if special is not None:
        return lambda variables, facts: facts.variable(special)
    if text.lower() == "remote_user":
        return lambda variables, facts: b""  # nobody is authenticated here
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise LanguageError(f"{text!r} is no attribute; names of header fields cannot be patterns here")
    header, variable = encode(text).lower(), variable_name(text)

    def look(variables: Variables, facts: Facts) -> bytes:
        value = facts.request_header(header)
        return variables.get(variable, b"") if value is None else value

    return look


def _on_match(
    look: Callable[[Variables, Facts], bytes], regex: str, assignments: list[str], ignore_case: bool
) -> Act:
    if not regex:
        raise LanguageError("the regular expression is missing")
    pattern = compile_pattern(regex, ignore_case=ignore_case)
    assign = _assignments(assignments)

    def act(variables: Variables, facts: Facts) -> None:
        found = pattern.search(look(variables, facts))
        if found is not None:
            assign(variables, groups_of(found))

    return act


def _on_expression(text: str, assignments: list[str]) -> Act:
    condition = expression.parse(text)
    assign = _assignments(assignments)

    def act(variables: Variables, facts: Facts) -> None:
        groups = condition.groups(_WithVariables(facts, variables))
        if groups is not None:
            assign(variables, groups)

    return act


def _assignments(words: list[str]) -> Callable[[Variables, tuple[bytes, ...]], None]:
    """``NAME`` sets to 1, ``!NAME`` unsets, ``NAME=VALUE`` sets; ``$1`` in the value is a group of the match."""
    made: list[tuple[bytes, Substitution | None]] = []
    for word in words:
        name, _, value = word.partition("=")
        if name.startswith("!") and not value:
            made.append((variable_name(name[1:]), None))
        elif value.startswith("!"):  # Apache keeps !NAME as NAME with this value
            made.append((variable_name(name), None))
        else:
            made.append((variable_name(name), Substitution(encode(value or "1"))))

    def assign(variables: Variables, groups: tuple[bytes, ...]) -> None:
        for name, value in made:
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = neutral(value.fill(groups))

    return assign


class _WithVariables(Facts):
    """The facts of a request, with the variables that have been set so far."""

    __slots__ = ("_facts", "_variables")

    def __init__(self, facts: Facts, variables: Variables) -> None:
        self._facts = facts
        self._variables = variables

    def env(self, name: bytes) -> bytes | None:
        return self._variables.get(name)

    def request_header(self, name: bytes) -> bytes | None:
        return self._facts.request_header(name)

    def variable(self, name: str) -> bytes:
        return self._facts.variable(name)

    def elapsed(self) -> float:
        return self._facts.elapsed()

    def wall(self) -> float:
        return self._facts.wall()


class _Nobody(Facts):
    """SetEnv asks nothing."""

    __slots__ = ()


_NOBODY: Final = _Nobody()
