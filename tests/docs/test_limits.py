"""The page of limits has all of them, with the defaults that they have."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT

Row = tuple[str, str, str]  # table, key, default

WORDS = re.compile(
    r"max|timeout|rate|burst|queue|budget|threshold|backlog|attempts|lifetime|misses|idle|grace"
)
NO_LIMIT = {"max_age", "max_version", "timeout_status", "failontimeout"}
PER_MEMBER = "[[balancer.NAME.member]]"


def configured() -> list[Row]:
    """The keys of docs/configuration.rst."""
    rows: list[Row] = []
    table = ""
    found = re.compile(r"^``(\[.*\])``$|^   \* - ``(\w+)``\n     - .*\n     - (.*)$", re.MULTILINE)
    for match in found.finditer((ROOT / "docs/configuration.rst").read_text()):
        if match[1]:
            table = match[1]
        else:
            rows.append((table, match[2], match[3]))
    return rows


def listed() -> list[Row]:
    """The rows of docs/limits.rst."""
    found = re.compile(r"^   \* - ``(\w+)``\n     - ``(\[.*\])``\n     - (.*)$", re.MULTILINE)
    return [
        (match[2], match[1], match[3]) for match in found.finditer((ROOT / "docs/limits.rst").read_text())
    ]


@pytest.mark.parametrize("row", listed(), ids=lambda row: f"{row[0]} {row[1]}")
def test_defaults(row: Row) -> None:
    """Each limit has the default that it has in the configuration."""
    assert row in configured()


def test_complete() -> None:
    """Whatever is called like a limit is on the page."""
    there = {row[:2] for row in listed()}
    missing = [
        f"{table} {key}"
        for table, key, _ in configured()
        if WORDS.search(key) and key not in NO_LIMIT and table != PER_MEMBER and (table, key) not in there
    ]
    assert not missing
