"""Whatever is read, a Config or a ConfigError comes out and nothing else."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panolb.config import Config, Known, describe, loads, warnings
from panolb.config.model import TABLES
from panolb.config.tables import keys
from panolb.errors import ConfigError

NAMES = sorted(
    {name for table in TABLES for name in keys(table)} | {"app", "public", "x", "", "a b", "\u0000"}
)
SCALARS = st.one_of(
    st.sampled_from(
        ['""', '"auto"', '"30s"', '"16KiB"', '"/"', '"http://h/"', '"a"', '"\\u0000"', '"None"', '"tcp:1"']
    ),
    st.sampled_from(
        ["true", "0", "1", "-1", "1001", "nan", "inf", "-inf", "1e400", "1.5", "0x" + "f" * 5000]
    ),
    st.sampled_from(
        ["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "'''\nx'''", "[]", "{}", "[[]]", "[{}, 1]"]
    ),
    st.text(max_size=10).map(json.dumps),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4).map(
            lambda table: (
                "{" + ", ".join(f"{json.dumps(name)} = {value}" for name, value in table.items()) + "}"
            )
        )
    ),
    max_leaves=12,
)


def outcome(text: str, known: Known) -> Config | ConfigError:
    """Read, and use what was read as the check command does."""
    try:
        config = loads(text, known, "f")
    except ConfigError as error:
        return error
    assert describe(config)
    warnings(config)
    return config


def told(result: Config | ConfigError) -> None:
    """A refusal says what is wrong and where, in text that is safe on a terminal."""
    if isinstance(result, ConfigError):
        assert result.problems
        for problem in result.problems:
            assert problem.place.startswith("f")
            assert problem.message
            assert str(problem).isprintable()
            assert len(str(problem)) < 2000


@given(st.text(max_size=200) | st.text("[]{}=,.\"'#\n\\ab1 ", max_size=80))
def test_any_text(known: Known, text: str) -> None:
    """Arbitrary text is a problem, not a traceback."""
    result = outcome(text, known)
    assert isinstance(result, ConfigError)
    told(result)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_any_structure(known: Known, document: dict[str, str]) -> None:
    """TOML of any shape under the real keys gives problems with places."""
    told(outcome("\n".join(f"{json.dumps(name)} = {value}" for name, value in document.items()), known))


EXAMPLE: dict[str, Any] = {
    "listener": {"public": {"endpoint": "tcp:1", "certificate": [{"file": "x.pem"}], "tls": {"hsts": "1d"}}},
    "balancer": {
        "app": {
            "stickysession": "ID",
            "member": [{"url": "http://h/", "route": "1"}],
            "health": {"check": "http"},
            "cookie": {"samesite": "Lax"},
        }
    },
    "location": [{"path": "/", "balancer": "app"}],
    "websockets": {"max_open": 9},
    "admin": {"endpoint": "tcp:2"},
    "control": {"socket": "/x"},
    "access_log": {"path": "x"},
    "shutdown": {"grace": "1s"},
}
WHERE: list[tuple[type, list[str | int]]] = list(
    zip(
        TABLES,
        [
            [],
            ["listener", "public"],
            ["listener", "public", "certificate", 0],
            ["listener", "public", "tls"],
            ["location", 0],
            ["balancer", "app"],
            ["balancer", "app", "member", 0],
            ["balancer", "app", "health"],
            ["balancer", "app", "cookie"],
            ["websockets"],
            ["admin"],
            ["control"],
            ["access_log"],
            ["shutdown"],
        ],
        strict=True,
    )
)
EVERY_KEY = [(path, name) for table, path in WHERE for name in keys(table)]


def write(value: Any) -> str:
    """A document with everything inline; a text in ``Raw`` goes in as it is."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {write(inner)}" for name, inner in value.items()) + "}"
    return "[" + ", ".join(map(write, value)) + "]" if isinstance(value, list) else json.dumps(value)


@attrs.frozen
class Raw:
    """TOML that is already written."""

    text: str


def with_value(path: list[str | int], name: str, raw: str) -> str:
    """The example with one key set to a written value."""
    document = json.loads(json.dumps(EXAMPLE))
    table = document
    for part in path:
        table = table[part]
    table[name] = Raw(raw)
    return "\n".join(f"{key} = {write(value)}" for key, value in document.items())


@pytest.mark.parametrize(("path", "name"), EVERY_KEY, ids=str)
def test_no_key_takes_a_date(known: Known, path: list[str | int], name: str) -> None:
    """Every single key answers a value of a type that nothing has with a problem at that very key."""
    result = outcome(with_value(path, name, "1979-05-27"), known)
    assert isinstance(result, ConfigError)
    assert f".{name}" in result.problems[0].place or f": {name}" in result.problems[0].place


@settings(max_examples=300)
@given(st.sampled_from(EVERY_KEY), VALUES)
def test_any_value_of_any_key(known: Known, key: tuple[list[str | int], str], value: str) -> None:
    """The same for all kinds of values, some of them right."""
    told(outcome(with_value(*key, value), known))


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{a=" * 5000 + "1" + "}" * 5000,
        ".".join(["a"] * 2000) + " = 1",
        "a = " + "9" * 100_000,
        "[shutdown]\ngrace = 0x" + "f" * 100_000,
        "[shutdown]\ngrace = 1e999999",
        "a = 1\x00",
        '"\\u0000" = 1',
        "\ufeffa = 1",
        "".join(f"[listener.a{index}]\nendpont = 1\n" for index in range(2000)),
    ],
    ids=range(11),
)
def test_hostile_files(known: Known, text: str) -> None:
    """Depth, huge numbers and NULs end in problems too."""
    result = outcome(text, known)
    assert isinstance(result, ConfigError)
    told(result)
