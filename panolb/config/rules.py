"""What a single value must be, beyond its type: attrs validators that can also describe themselves.

A rule is used twice: attrs calls it when an object is built in code (ValueError), and the reader of a file asks
it for a complaint, so that all problems of a file can be told at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import attrs

from panolb.config.places import KeyPath
from panolb.config.units import format_duration, format_size

Seconds = Annotated[float, "duration"]
"""Seconds in the model, ``"30s"`` in a file."""

Size = Annotated[int, "size"]
"""Bytes in the model, ``"16KiB"`` in a file."""

StatusRange = Annotated[str, "status"]
"""``"200"`` or ``"200-399"``; in a file also 200."""

Names = Annotated[list[str], "names"]
"""Several names; in a file one alone may be written without a list."""

Unverified = Annotated[list[str], "unverified"]
"""What is not verified of a certificate; in a file also true for all of it, false for nothing, or one name."""

Auto = Literal["auto"] | bool
"""``"auto"``, true or false."""

Lane = Literal["splice", "messages"] | bool
"""How WebSockets are passed on; true leaves the choice to the other keys, false is no WebSockets."""

Compression = Literal["offload"] | bool
"""Whether messages may be compressed, or by whom."""

VERIFIED: Final = ("ca", "name", "dates")
"""What is verified of a member's certificate: that an authority vouches for it, whom it is for, and that it is valid now."""

Workers = Literal["auto"] | int
"""How many processes; ``"auto"`` for as many as there are processors."""

DAY: Final = 86400.0
KIB: Final = 1024
MIB: Final = 1024 * KIB


def doc(
    text: str,
    *,
    apache: str | None = None,
    example: str | None = None,
    stand_in: object = None,
    alone: bool = False,
) -> dict[str, Any]:
    """Make the metadata of a key.

    :param text: one sentence for the reference.
    :param apache: Apache's directive or parameter for the same thing.
    :param example: the value as TOML, for messages; not needed where there is a default that says enough.
    :param stand_in: for keys that must be written: what to go on with after the problem has been noted.
    :param alone: for lists of tables: whether a single table may be written with single brackets.
    """
    return {"doc": text, "apache": apache, "example": example, "stand_in": stand_in, "alone": alone}


class Rule:
    """One condition on a value; ``None`` (not set) always passes."""

    def allowed(self) -> str:
        """Return, for the reference, what values are allowed; may be empty."""
        return ""

    def complaint(self, value: Any) -> str | None:
        """Return what is wrong with the value, or None."""
        raise NotImplementedError

    def complaints(self, value: Any) -> Iterator[tuple[KeyPath, str]]:
        """Yield what is wrong, each with the place inside the value."""
        said = None if value is None else self.complaint(value)
        if said is not None:
            yield (), said

    def __call__(self, instance: Any, attribute: Any, value: Any) -> None:
        for inner, said in self.complaints(value):
            raise ValueError("".join([attribute.name, *(f"[{part!r}]" for part in inner)]) + f": {said}")


@attrs.frozen
class Between(Rule):
    """A number from ``low`` to ``high``, both allowed; ``write`` shows them in the unit of the key."""

    low: float
    high: float
    write: Callable[[Any], str] = str

    def allowed(self) -> str:
        return f"{self.write(self.low)} to {self.write(self.high)}"

    def complaint(self, value: Any) -> str | None:
        # Written so that nan, which compares false with everything, is refused too.
        return None if self.low <= value <= self.high else f"must be from {self.allowed()}"


@attrs.frozen
class Condition(Rule):
    """A condition in words: ``accepts`` says yes or no, ``words`` what is accepted ("a token")."""

    accepts: Callable[[Any], bool]
    words: str

    def allowed(self) -> str:
        return self.words

    def complaint(self, value: Any) -> str | None:
        return None if self.accepts(value) else f"must be {self.words}"


@attrs.frozen
class Explained(Rule):
    """A condition that says itself what is wrong: ``explain`` returns a sentence, or None."""

    explain: Callable[[Any], str | None]

    def complaint(self, value: Any) -> str | None:
        return self.explain(value)


@attrs.frozen
class Each(Rule):
    """Holds ``rule`` against every element of a list, or every value of a table, and ``name`` against every key."""

    rule: Rule
    name: Rule | None = None

    def allowed(self) -> str:
        return f"each {self.rule.allowed()}" if self.rule.allowed() else ""

    def complaints(self, value: Any) -> Iterator[tuple[KeyPath, str]]:
        if value is None:
            return
        named = isinstance(value, Mapping)
        for inner, element in value.items() if named else enumerate(value):
            for rule, tested in ((self.rule, element), (self.name, inner if named else None)):
                said = None if rule is None or tested is None else rule.complaint(tested)
                if said is not None:
                    yield (inner,), said


def matching(pattern: str, words: str) -> Condition:
    """Make a rule: the whole text matches the regular expression."""
    compiled = re.compile(pattern)
    return Condition(lambda value: compiled.fullmatch(value) is not None, words)


def explain_status_range(text: str) -> str | None:
    """Say why a text is no status and no range of statuses, or return None."""
    match = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text)
    if match is None or (match[2] is not None and match[2] < match[1]):
        return 'must be a status like "200" or a range like "200-399"'
    return None


def explain_close_reason(text: str) -> str | None:
    """Say why a text cannot stand in a close frame, or return None (RFC 6455 section 5.5)."""
    count = len(text.encode("utf-8", "replace"))
    return None if count <= 123 else f"must be at most 123 bytes in UTF-8, not {count}"


def explain_socket_path(text: str) -> str | None:
    """Say why a path cannot be that of a UNIX socket, or return None."""
    if not text.startswith("/"):
        return 'must be an absolute path, such as "/run/panolb/control.sock"'
    # sockaddr_un of Linux has room for 107 bytes and a NUL.
    return None if len(text.encode("utf-8", "replace")) <= 107 else "must be at most 107 bytes"


def explain_regex(text: str) -> str | None:
    r"""Say why a text is no regular expression of Python's, or return None.

    It is compiled as it will run, for bytes: some of what is right for text, such as ``\u0041``, is not for them.
    """
    try:
        re.compile(text.encode())
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        return f"is not a regular expression: {error}"
    return None


def one_or_more(names: str | list[str]) -> list[str]:
    """Take one name for a list of one."""
    return [names] if isinstance(names, str) else names


def seconds(low: float, high: float) -> Between:
    """Make a range of durations."""
    return Between(low, high, format_duration)


def size(low: int, high: int) -> Between:
    """Make a range of sizes."""
    return Between(low, high, format_size)


@attrs.frozen
class Or(Rule):
    """Passes for ``value``, which means something of its own, and else for what ``rule`` accepts."""

    value: object
    words: str
    rule: Rule

    def allowed(self) -> str:
        return f"{self.words}, or {self.rule.allowed()}"

    def complaint(self, value: Any) -> str | None:
        return (
            None if value == self.value or self.rule.complaint(value) is None else f"must be {self.allowed()}"
        )


NOT_EMPTY: Final = Explained(lambda text: None if text.strip() else "must not be empty")
TOKEN: Final = matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "one word of letters, digits and !#$%&'*+-.^_`|~")
"""An RFC 9110 section 5.6.2 token: names of headers, cookies, methods and subprotocols."""
