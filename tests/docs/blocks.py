"""Finds the blocks of code in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = (*sorted((ROOT / "docs").glob("*.rst")), ROOT / "README.rst", ROOT / "ops" / "README.rst")
EXAMPLES = ROOT / "docs" / "examples"

_DIRECTIVE = re.compile(r"( *)\.\. code-block:: (\w+)\n((?:\1 +:\w+:.*\n)*)\n((?:(?:\1 +.*)?\n)+)")
_LITERAL = re.compile(r"^( *).*::\n\n((?:(?:\1 +.*)?\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block of code.

    :ivar name: its caption; empty without one.
    """

    page: Path
    line: int
    language: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(language: str) -> list[Block]:
    """Every ``code-block`` of a language, on all pages."""
    return [block for page in PAGES for block in _of_page(page) if block.language == language]


def _of_page(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in _DIRECTIVE.finditer(text + "\n"):
        caption = re.search(r":caption: (.*)", match[3])
        line = text.count("\n", 0, match.start(4)) + 1
        yield Block(page, line, match[2], caption[1] if caption else "", dedent(match[4]).strip() + "\n")


@dataclass(frozen=True)
class Command:
    """One command as it is shown, and the output that is shown below it."""

    page: Path
    words: str
    output: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.words}"


def commands() -> list[Command]:
    """Every command behind a ``$``, on all pages."""
    return [command for page in PAGES for command in _commands_of_page(page)]


def _commands_of_page(page: Path) -> Iterator[Command]:
    text = page.read_text(encoding="utf-8") + "\n"
    shown = [block.text for block in _of_page(page) if block.language == "console"]
    shown += [dedent(match[2]).strip() + "\n" for match in _LITERAL.finditer(text)]
    for block in shown:
        for match in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield Command(page, match[1], match[2])
