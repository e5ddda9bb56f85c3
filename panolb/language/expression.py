"""Apache's expressions (``ap_expr``): conditions such as ``%{REQUEST_STATUS} -in {'200','302'} && resp('X') =~ /a(b)/``."""

from __future__ import annotations

from .explaining import explained
from .facts import Facts
from .grammar import Parser
from .operators import Condition, Scope, Word


class Expression:
    """A condition that was understood."""

    __slots__ = ("_condition", "text")

    def __init__(self, text: str, condition: Condition) -> None:
        self.text = text
        self._condition = condition

    def holds(self, facts: Facts) -> bool:
        return self._condition(Scope(facts))

    def groups(self, facts: Facts) -> tuple[bytes, ...] | None:
        """``None`` when it does not hold, else the groups of its last match, ``$0`` first; may be empty."""
        scope = Scope(facts)
        return scope.groups if self._condition(scope) else None


class Template:
    """A text with variables in it that was understood."""

    __slots__ = ("_word",)

    def __init__(self, word: Word) -> None:
        self._word = word

    def text(self, facts: Facts) -> bytes:
        return self._word(Scope(facts))


def parse(text: str) -> Expression:
    """Read a condition.

    :raises LanguageError: when it is none.
    """
    parser = Parser(text)
    return Expression(text, parser.whole())


def parse_string(text: str) -> Template:
    """Read a text in which ``%{VARIABLE}``, ``%{function:argument}`` and escapes have a meaning.

    :raises LanguageError: when a variable or function is not known.
    """
    return Template(Parser(text).string(""))


def explain(text: str) -> str | None:
    """Say why a text is no condition, or return None."""
    return explained(parse, text)
