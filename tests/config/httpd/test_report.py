"""Every line has its entry, and only what matters stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from panolb.config.httpd.judging import entry, judge
from panolb.config.httpd.nodes import Directive, Place, Section
from panolb.config.httpd.reading import read
from panolb.config.httpd.report import Entry, Report, Verdict, written

PLACE = Place("httpd.conf", 7)


def report(path: Path, text: str) -> Report:
    """Read a text as httpd.conf, and judge it by the tables."""
    file = path / "httpd.conf"
    file.write_text(text)
    document = read(file, environment={})
    assert document.problems == []
    return Report([*document.entries, *judge(document.nodes)])


def stopping(found: Report, *allowed: str) -> list[str]:
    """Names of what stops the start."""
    return [problem.place.rsplit(" ", 1)[1] for problem in found.problems(allowed)]


def test_what_is_printed() -> None:
    """A heading for each kind that occurs, and the lines with file, line, directive and meaning below it."""
    found = Report(
        [
            Entry(PLACE, "User www", Verdict.HARMLESS, "Says the unit.", "User"),
            Entry(PLACE, "AuthType Basic", Verdict.UNSUPPORTED, "Nobody is asked.", "AuthType", stops=True),
            Entry(PLACE, "Listen 80", Verdict.RUN, "An address.", "Listen"),
        ]
    )
    assert found.lines() == [
        "not supported (1):",
        "  httpd.conf:7: AuthType Basic: Nobody is asked.",
        "not needed (1):",
        "  httpd.conf:7: User www: Says the unit.",
        "run (1):",
        "  httpd.conf:7: Listen 80: An address.",
    ]
    assert found.lines([Verdict.IMPROVED]) == []


def test_many_lines_of_one_kind_are_told_once() -> None:
    """A LoadModule after the other says nothing new; their lines are named."""
    entries = [
        Entry(Place("httpd.conf", line), f"LoadModule m{line}", Verdict.RUN, "Known.", "LoadModule")
        for line in range(1, 21)
    ]
    (heading, only) = Report(entries).lines()
    assert heading == "run (20):"
    assert (
        only
        == "  httpd.conf:1: LoadModule m1: Known. (likewise lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 7 more)"
    )
    assert len(Report(entries[:2]).lines()) == 3


def test_what_stops_the_start_can_be_allowed() -> None:
    """By the name of the directive or the section, however it is spelt."""
    found = Report(
        [
            Entry(PLACE, "AuthType Basic", Verdict.UNSUPPORTED, "Nobody is asked.", "AuthType", stops=True),
            Entry(PLACE, "<If x>", Verdict.UNSUPPORTED, "Not asked.", "<If>", stops=True),
            Entry(PLACE, "ExpiresActive On", Verdict.UNSUPPORTED, "Not added.", "ExpiresActive"),
        ]
    )
    assert [str(problem) for problem in found.problems()] == [
        "httpd.conf:7: AuthType: is not supported. Nobody is asked. Start without it by --allow-unsupported AuthType",
        "httpd.conf:7: <If>: is not supported. Not asked. Start without it by --allow-unsupported If",
    ]
    assert stopping(found, "authtype") == ["<If>"]
    assert stopping(found, "AuthType", "if") == []


def test_every_line_has_an_entry(tmp_path: Path) -> None:
    """Sections and what stands in them, each once, in the file's order."""
    text = "LoadModule headers_module x\nListen 80\n<Location /a>\nHeader set a b\n</Location>\nUser nobody\n"
    found = report(tmp_path, text)
    assert [(one.place.line, one.verdict) for one in found.entries] == [
        (1, Verdict.RUN),
        (2, Verdict.RUN),
        (3, Verdict.RUN),
        (4, Verdict.RUN),
        (6, Verdict.HARMLESS),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Location />\nRequire all denied\n</Location>", ["Require"]),
        ("<Directory />\nRequire all denied\n</Directory>", []),
        ('<Files ".ht*">\nRequire all denied\n</Files>', []),
        ("<Directory /a>\n<RequireAny>\nRequire ip 1.2.3.4\n</RequireAny>\n</Directory>", []),
        ("<Location />\nOrder allow,deny\nAllow from all\n</Location>", []),
        ("<Location />\nOrder allow,deny\n</Location>", ["Order"]),
        ("<Location />\nOrder allow,deny\nAllow from all\nDeny from 1.2.3.4\n</Location>", ["Order", "Deny"]),
        ("<Location />\nOrder deny,allow\nDeny from all\nAllow from 10\n</Location>", ["Deny", "Allow"]),
        ("<If true>\nRequire all denied\n</If>", ["<If>"]),
        ("<Limit PUT>\nRequire all denied\n</Limit>", ["Require"]),
    ],
)
def test_what_stands_around_a_line_counts(tmp_path: Path, text: str, expected: list[str]) -> None:
    """What is for files keeps nobody from a member; Allow from all opens what Order closes."""
    assert stopping(report(tmp_path, text)) == expected


def test_who_knows_better_is_believed() -> None:
    """An entry of the translation takes the place of the table's."""
    first = Directive("Require", ("all", "denied"), PLACE)
    second = Directive("Require", ("all", "denied"), PLACE)
    section = Section("Location", ("/status",), PLACE, (first, second))
    better = entry(first, Verdict.HARMLESS, "Nothing is served there.")
    found = list(judge([section], {id(first): better}))
    assert found[1] is better
    assert [one.stops for one in found] == [False, False, True]


def test_lines_are_written_short_and_safe() -> None:
    """A hostile file cannot write to the terminal, and a long line ends somewhere."""
    assert written(Section("Proxy", ("balancer://a",), PLACE, ())) == "<Proxy balancer://a>"
    long = written(Directive("ServerAlias", ("x\x1b[31m" * 100,), PLACE))
    assert long.isprintable()
    assert len(long) == 100
