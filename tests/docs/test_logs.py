"""The formats of the access log: what the page shows of each is what panolb writes."""

from __future__ import annotations

import json
import re

import pytest

from panolb.config.httpd.logs import _FORMATS

from .blocks import ROOT, blocks
from .serving import ask
from .test_running import balanced, page

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FORMATS = ("common", "combined", "vhost_combined", "apache-balancer", "json")

# What no two requests have in common.
VARYING = [
    (r"\[[^]]*\]", "[time]"),
    (r'"ts":"[-0-9]{10}T[0-9:]{8}\.[0-9]{3}Z"', '"ts":"..."'),
    (r"\b[0-9a-f]{6}-[0-9a-f]+\b", "run-id"),
    (r'"(t_\w+)":[0-9.]+', r'"\1":0'),
    (r" [0-9]+ run-id", " 0 run-id"),
    (r":[0-9]{4,5}\b", ":port"),
    (r'(" 200 |"bytes_out":)[0-9]+', r"\1size"),
]


def shown(form: str) -> str:
    """The page's line of a format."""
    return next(
        block.text.strip() for block in blocks("none") if block.page.name == "logs.rst" and block.name == form
    )


def settled(line: str) -> str:
    """A line without what varies."""
    for pattern, instead in VARYING:
        line = re.sub(pattern, instead, line)
    return line


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What panolb writes of the page's request, by the format."""
    directory = tmp_path_factory.mktemp("logs")
    tables = [f'\n[[access_log]]\npath = "{form}.log"\nformat = "{form}"\n' for form in FORMATS]
    text = page("quickstart.rst").replace(
        'balancer = "panopticoncluster"', 'balancer = "panopticoncluster"\nserver_name = "dash.example.org"'
    )
    with balanced(text, directory, "".join(tables)) as (public, _):
        answer, _ = ask(
            public,
            "GET",
            "/panopticon/whoami?full=yes",
            None,
            **{
                "Host": "dash.example.org",
                "Cookie": "ROUTEID=.1",
                "Referer": "https://dash.example.org/",
                "User-Agent": "Browser/1.0",
                "traceparent": TRACE,
            },
        )
        assert answer.status == 200
    return {form: (directory / f"{form}.log").read_text().splitlines()[-1] for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS)
def test_the_page_shows_what_is_written(written: dict[str, str], form: str) -> None:
    """But for times, ids and ports."""
    assert settled(written[form]) == settled(shown(form))


def test_every_key_is_explained() -> None:
    """In the table of the page."""
    text = (ROOT / "docs" / "logs.rst").read_text()
    table = text[text.index("As JSON") : text.index("The second line of a WebSocket")]
    named = set(re.findall(r"``(\w+)``", table))
    assert set(json.loads(shown("json"))) <= named


def test_nicknames_of_apache() -> None:
    """The page names all that need no LogFormat."""
    text = (ROOT / "docs" / "logs.rst").read_text()
    assert all(f"``{name}``" in text for name in _FORMATS if name != "clf")
