"""Whatever is read, a document with problems comes out of it, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panolb.config.httpd.judging import judge
from panolb.config.httpd.reading import Document, read
from panolb.config.httpd.report import Report

NAMES = [
    "ProxyPass",
    "Header",
    "BalancerMember",
    "Define",
    "UnDefine",
    "LoadModule",
    "ServerRoot",
    "Require",
    "Order",
    "Error",
    "Nonsense",
    "ProxyHCExpr",
    "<Proxy",
    "</Proxy>",
    "<IfModule",
    "</IfModule>",
    "<IfVersion",
    "</IfVersion>",
    "<If",
    "</If>",
    "<",
    "</",
    "<>",
]
PARTS = [
    *NAMES,
    "a",
    ">",
    "!",
    "${a}",
    "${",
    '"',
    "'",
    '""',
    "~",
    "\\",
    "{",
    "On",
    "mod_proxy.c",
    "proxy_module",
    "balancer://a",
    "\t",
    "\n",
    "\\\n",
    "#",
    "\x00",
    "\x85",
    "\xa0",
    "\u2028",
    "2.4",
    "/(/",
]
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def outcome(path: Path, data: bytes) -> Document:
    """Read, and use what was read as the check command does."""
    file = path / "httpd.conf"
    file.write_bytes(data)
    document = read(file, environment={})
    report = Report([*document.entries, *judge(document.nodes)])
    for line in [*report.lines(), *map(str, document.problems), *map(str, report.problems())]:
        assert line.isprintable()
        assert len(line) < 2000
    return document


@SLOW
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    """Arbitrary bytes are a document."""
    outcome(tmp_path, data)


@settings(SLOW, max_examples=300)
@given(st.lists(st.sampled_from(PARTS), max_size=40))
def test_any_words(tmp_path: Path, parts: list[str]) -> None:
    """Names and signs in any order are a document."""
    outcome(tmp_path, " ".join(parts).encode())


@pytest.mark.parametrize(
    "text",
    [
        "<Proxy " * 5_000,
        "<Proxy a> " * 5_000,
        "</Proxy> " * 5_000,
        "Header " * 8_000,
        "Timeout 5 " * 5_000,
        "ServerAlias " * 5_000 + "</Proxy>",
        '"' * 50_000,
        "{" * 50_000,
        "ProxyHCExpr " + "{ " * 100_000,
        "${" * 100_000,
        "Define a ${a}\n" * 5_000,
        "<Proxy a>\n" * 5_000,
        "<IfDefine a>\n" * 5_000,
        "</Proxy>\n" * 5_000,
        "".join(f"Nonsense{number}\n" for number in range(5_000)),
        "Nonsense\n" * 100_000,
        "\\\n" * 50_000,
        "Timeout 5\n" * 50_000,
        "a" * 300_000,
    ],
    ids=range(19),
)
def test_hostile_files(tmp_path: Path, text: str) -> None:
    """Depth, length and repetition end in a document as well."""
    outcome(tmp_path, text.encode())
