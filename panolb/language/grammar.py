"""The grammar of Apache's expressions: from a text to closures, by recursive descent.

What Apache has beyond this (lists from functions, ``sub``, ``split``, ``join``, tests of files) is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..errors import LanguageError
from . import operators
from .functions import function, variable
from .operators import Condition, Word
from .patterns import compile_pattern

DEEPEST: Final = 20
"""How deep parentheses, functions and negations may be nested; Apache gives up there too."""

_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(
    r"""
    (?P<sign>\|\||&&|==|!=|<=|>=|=~|!~|[=<>!(){},.])
  | (?P<dash>-[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>-?[0-9]+)
  | (?P<name>[A-Za-z][A-Za-z0-9_]*)
    """,
    re.VERBOSE,
)
_PIECE = re.compile(
    r"""
    \\(?P<octal>[0-3]?[0-7]{1,2})
  | \\(?P<escaped>.)
  | \$(?P<group>[0-9])
  | %\{(?P<name>[A-Za-z][A-Za-z0-9_]*)(?P<next>[:}])
  | (?P<broken>%\{)
  | (?P<plain>[^\\$%]+|.)
    """,
    re.DOTALL | re.VERBOSE,
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_OPERATORS: Final = frozenset("true false and or not in eq ne lt le gt ge".split())
_CALLED = re.compile(r"\s*\(")
_REGEX_FLAGS = re.compile(r"[a-z]*", re.IGNORECASE)


class Parser:
    """Recursive descent over the text.

    A pair of parentheses may enclose a condition or a word, and only what follows tells; so both are read by the same
    functions, and each is asked for its kind where only one will do.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._depth = 0

    # -- tokens -----------------------------------------------------------------------------------------------------

    def _peek(self) -> str:
        """The next token; empty at the end, and also where none can begin."""
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()
        token = _TOKEN.match(self.text, self.at)
        return token[0] if token else ""

    def _take(self, *tokens: str) -> str:
        """Step over the next token if it is one of these; returns it, or nothing."""
        token = self._peek()
        if token and token in tokens:
            self.at += len(token)
            return token
        return ""

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._error(f"{token!r} is missing")

    def _error(self, message: str) -> LanguageError:
        rest = self.text[self.at : self.at + 20]
        return LanguageError(f"{message} before {rest!r}" if rest else f"{message} at the end")

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise LanguageError(f"it is nested deeper than {DEEPEST} levels")

    # -- conditions -------------------------------------------------------------------------------------------------

    def whole(self) -> Condition:
        """The whole text as a condition."""
        found = self._condition(self._either())
        if self._peek() or self.at < len(self.text):
            raise self._error("nothing more is expected")
        return found

    def _condition(self, found: Condition | Word) -> Condition:
        if isinstance(found, Word):
            raise self._error("a comparison is missing")
        return found

    def _word(self, found: Condition | Word) -> Word:
        if not isinstance(found, Word):
            raise self._error("a value is expected instead of a condition")
        return found

    def _either(self) -> Condition | Word:
        return self._joined(("||", "or"), self._both, operators.any_of)

    def _both(self) -> Condition | Word:
        return self._joined(("&&", "and"), self._negated, operators.all_of)

    def _joined(
        self,
        signs: tuple[str, str],
        part: Callable[[], Condition | Word],
        join: Callable[[list[Condition]], Condition],
    ) -> Condition | Word:
        first = part()
        if self._peek() not in signs:
            return first
        parts = [self._condition(first)]
        while self._take(*signs):
            parts.append(self._condition(part()))
        return join(parts)

    def _negated(self) -> Condition | Word:
        if not self._take("!", "not"):
            return self._comparison()
        self._enter()
        inner = self._condition(self._negated())
        self._depth -= 1
        return lambda scope: not inner(scope)

    def _comparison(self) -> Condition | Word:
        token = self._peek()
        if token in ("true", "false"):
            self.at += len(token)
            return operators.ALWAYS if token == "true" else operators.NEVER
        if len(token) == 2 and token[0] == "-" and token[1].isalpha():
            self.at += 2
            return operators.test(token, self._joined_word())
        left = self._concatenated()
        return self._compared(left) if isinstance(left, Word) else left

    def _compared(self, left: Word) -> Condition | Word:
        """What follows a word: a comparison, or nothing."""
        token = self._peek()
        if token in operators.COMPARISONS:
            self.at += len(token)
            return operators.compare(token, left, self._joined_word())
        if token in ("=~", "!~"):
            self.at += 2
            return operators.match(left, self._regex(), token == "=~")
        if token in ("in", "-in"):
            self.at += len(token)
            return operators.contained(left, self._list())
        if token.startswith("-") and not token[1:].isdigit():
            self.at += len(token)
            return operators.special(token, left, self._joined_word())
        return left

    def _list(self) -> list[Word]:
        self._expect("{")
        words = [self._joined_word()]
        while self._take(","):
            words.append(self._joined_word())
        self._expect("}")
        return words

    def _regex(self) -> re.Pattern[bytes]:
        """``/pattern/flags`` or ``m#pattern#flags``; before the delimiter a backslash keeps it in the pattern."""
        self._peek()
        start = re.compile(r"m([/#$%^|?!'\",;:._-])|(/)").match(self.text, self.at)
        if start is None:
            raise self._error("a regular expression between slashes is expected")
        stop = start[1] or start[2]
        end = re.compile(rf"((?:\\.|[^{re.escape(stop)}\\])*){re.escape(stop)}", re.DOTALL).match(
            self.text, start.end()
        )
        if end is None:
            raise self._error("a regular expression does not end")
        flags = _REGEX_FLAGS.match(self.text, end.end())
        assert flags is not None
        if set(flags[0]) - set("ismg"):
            raise self._error(f"a regular expression has the unknown flags {flags[0]!r}")
        self.at = flags.end()
        pattern = end[1].replace("\\" + stop, stop) if stop in "/#%!'\",;:_" else end[1]
        return compile_pattern(pattern, ignore_case="i" in flags[0], multiline="m" in flags[0])

    # -- words ------------------------------------------------------------------------------------------------------

    def _joined_word(self) -> Word:
        return self._word(self._concatenated())

    def _concatenated(self) -> Condition | Word:
        first = self._primary()
        if self._peek() != ".":
            return first
        words = [self._word(first)]
        while self._take("."):
            words.append(self._word(self._primary()))
        return operators.joined(words)

    def _primary(self) -> Condition | Word:
        token = self._peek()
        character = self.text[self.at : self.at + 1]
        if token == "(":
            return self._parenthesis()
        if token.lstrip("-").isdigit():
            self.at += len(token)
            return operators.constant(token)
        if character and character in "'\"":
            self.at += 1
            return self.string(character)
        if character in ("%", "$"):
            piece = _PIECE.match(self.text, self.at)
            if piece is not None and (piece["name"] or piece["group"]):
                self.at = piece.end()
                return self._piece(piece)
        if token[:1].isalpha():
            return self._call(token)
        raise self._error("a value is expected")

    def _parenthesis(self) -> Condition | Word:
        self._enter()
        self.at += 1
        found = self._either()
        self._expect(")")
        self._depth -= 1
        return found

    def _call(self, name: str) -> Word:
        if name in _OPERATORS or not _CALLED.match(self.text, self.at + len(name)):
            raise self._error("a value is expected; a text needs quotes")
        called = function(name)
        self.at += len(name)
        self._expect("(")
        self._enter()
        argument = self._joined_word()
        self._depth -= 1
        self._expect(")")
        return operators.call(called, argument)

    def string(self, stop: str) -> Word:
        """A text up to ``stop``, which is stepped over; to the end when that is empty."""
        words: list[Word] = []
        while True:
            if self.at >= len(self.text):
                if stop:
                    raise LanguageError(f"a text that should end with {stop} does not end")
                return operators.joined(words)
            if stop and self.text[self.at] == stop:
                self.at += 1
                return operators.joined(words)
            piece = _PIECE.match(self.text, self.at)
            assert piece is not None
            self.at = piece.end()
            if piece["plain"] and stop and stop in piece["plain"]:
                self.at = self.text.index(stop, piece.start())
                words.append(operators.constant(self.text[piece.start() : self.at]))
            else:
                words.append(self._piece(piece))

    def _piece(self, piece: re.Match[str]) -> Word:
        """One piece of a text."""
        if piece["octal"] is not None:
            return operators.byte(int(piece["octal"], 8))
        if piece["escaped"] is not None:
            return operators.constant(_CONTROLS.get(piece["escaped"], piece["escaped"]))
        if piece["group"] is not None:
            return operators.group(int(piece["group"]))
        if piece["broken"] is not None:
            raise LanguageError(
                "after %{ the name of a variable and } are expected; write \\% for a percent sign"
            )
        if piece["name"] is None:
            return operators.constant(piece["plain"])
        if piece["next"] == "}":
            return operators.asked(variable(piece["name"]))
        called = function(piece["name"])
        self._enter()
        argument = self.string("}")
        self._depth -= 1
        return operators.call(called, argument)
