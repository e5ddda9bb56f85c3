"""Turns one TOML value into what a key of the model holds, or says what was expected instead.

A cattrs converter picks the conversion by the key's type.  Nothing is guessed: ``true`` is no number, ``"5"`` is no
number either, and control characters are refused in every text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import eq
from typing import Any, Final, Literal, get_args, get_origin

from cattrs import Converter

from panolb.config.places import KeyPath
from panolb.config.rules import (
    VERIFIED,
    Auto,
    Compression,
    Lane,
    Names,
    Seconds,
    Size,
    StatusRange,
    Unverified,
    Workers,
)
from panolb.config.units import parse_duration, parse_size

LISTED: Final = 20

Network = IPv4Network | IPv6Network


class WrongValue(Exception):
    """Values of the wrong form: pairs of the place inside the value and what was expected and found."""

    def __init__(self, *mistakes: tuple[KeyPath, str]) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes


def convert(value: object, kind: Any, *, example: str | None = None) -> Any:
    """Convert a value that tomllib has read to the type of a key.

    :param example: the right form, added to the message when the value as a whole is of the wrong form.
    :raises WrongValue: the value cannot be that.
    """
    try:
        return _CONVERTER.structure(value, kind)
    except WrongValue as wrong:
        if example is None:
            raise
        raise WrongValue(*((at, f"{said}; write it like {example}") for at, said in wrong.mistakes)) from None


def show(value: object) -> str:
    """Write a value for a message: short, printable, and safe for whatever a file may hold."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"
    text = json.dumps(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:56] + "..." + text[-1]


def quoted(names: Iterable[object]) -> str:
    """Write the allowed values of a choice as TOML; of very many, the first few."""
    shown = [show(name) for name in names]
    return ", ".join(shown[:LISTED]) + (", ..." if len(shown) > LISTED else "")


def _wrong(expected: str, value: object) -> WrongValue:
    return WrongValue(((), f"expected {expected}, found {show(value)}"))


def _text(value: object, _: Any) -> str:
    if not isinstance(value, str):
        raise _wrong("text in quotes", value)
    if any((character < " " and character != "\t") or character == "\x7f" for character in value):
        raise WrongValue(((), f"must not have control characters but tabs, found {show(value)}"))
    return value


def _flag(value: object, _: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong("true or false", value)
    return value


def _whole(value: object, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong("a whole number", value)
    return value


def _number(value: object, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong("a number", value)
    return _float(value)


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _wrong("a smaller number", value) from None


def _seconds(value: object, _: Any) -> float:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError:
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _float(value)
    raise _wrong("a duration (a number and ms, s, m, h or d)", value)


def _size(value: object, _: Any) -> int:
    if isinstance(value, str):
        try:
            return parse_size(value)
        except ValueError:
            pass
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong("a size (a whole number and B, kB, KiB, MB, MiB, GB or GiB)", value)


def _network(value: object, _: Any) -> Network:
    text = _text(value, str)
    try:
        return ip_network(text)
    except ValueError as error:
        reason = (
            "the address has bits set beyond its prefix"
            if "host bits" in str(error)
            else f"found {show(value)}"
        )
        raise WrongValue(((), f'expected an address or a network such as "10.0.0.0/8", {reason}')) from None


def _names(value: object, _: Any) -> list[str]:
    """One name alone may be written without a list."""
    return [value] if isinstance(value, str) else _list(value, list[str])


def _unverified(value: object, _: Any) -> list[str]:
    """Take true for all that can be verified, and false for nothing of it."""
    if isinstance(value, bool):
        return list(VERIFIED) if value else []
    return _names(value, Names)


def _status(value: object, _: Any) -> str:
    """A single status may be written as the number that it is."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64
    return str(value) if whole else _text(value, str)


def _word_or_flag(value: object, kind: Any) -> Any:
    """Take true, false, or one of the words that say it more exactly."""
    words = get_args(get_args(kind)[0])
    if isinstance(value, bool) or (isinstance(value, str) and value in words):
        return value
    raise _wrong(f"{quoted(words)}, true or false", value)


def _word_or_number(value: object, kind: Any) -> Any:
    """Take a whole number, or one of the words that stand for one."""
    words = get_args(get_args(kind)[0])
    if isinstance(value, str) and value in words:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(f"a whole number or {quoted(words)}", value)


def _choice(value: object, kind: Any) -> Any:
    choices = get_args(kind)
    # The type is compared too: 1001.0 and true equal integers in Python.
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return choice
    raise _wrong(f"one of {quoted(choices)}", value)


def _list(value: object, kind: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong("a list in [ ]", value)
    return [item for _, item in _elements(enumerate(value), get_args(kind)[0])]


def _table(value: object, kind: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong("a table in { }", value)
    return dict(_elements(value.items(), get_args(kind)[1]))


def _elements(pairs: Any, kind: Any) -> list[tuple[Any, Any]]:
    """Convert all elements, or raise one WrongValue for all that are wrong."""
    done: list[tuple[Any, Any]] = []
    mistakes: list[tuple[KeyPath, str]] = []
    for inner, element in pairs:
        try:
            done.append((inner, _CONVERTER.structure(element, kind)))
        except WrongValue as wrong:
            mistakes += [((inner, *at), said) for at, said in wrong.mistakes]
    if mistakes:
        raise WrongValue(*mistakes)
    return done


def _build() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)

    def hook(matches: Callable[[Any], bool], conversion: Callable[[Any, Any], Any]) -> None:
        converter.register_structure_hook_func(matches, conversion)

    hook(lambda kind: get_origin(kind) is list, _list)
    hook(lambda kind: get_origin(kind) is dict, _table)
    hook(lambda kind: get_origin(kind) is Literal, _choice)
    # cattrs looks at classes before it asks the functions above, and its own hooks for these four convert too gladly.
    basics: list[tuple[type, Callable[[Any, Any], Any]]] = [
        (str, _text),
        (bool, _flag),
        (int, _whole),
        (float, _number),
    ]
    for basic, conversion in basics:
        converter.register_structure_hook(basic, conversion)
    written: list[tuple[Any, Callable[[Any, Any], Any]]] = [
        (Seconds, _seconds),
        (Size, _size),
        (Network, _network),
        (Auto, _word_or_flag),
        (Lane, _word_or_flag),
        (Compression, _word_or_flag),
        (Names, _names),
        (Unverified, _unverified),
        (StatusRange, _status),
        (Workers, _word_or_number),
    ]
    for kind, conversion in written:
        hook(partial(eq, kind), conversion)
    return converter


_CONVERTER: Final = _build()
