"""Says of every line what becomes of it, by the tables; and by what stands around it, where that matters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.known import SAME, Known, Verdict
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.report import Entry, written

_FILES: Final = frozenset({"Directory", "DirectoryMatch", "Files", "FilesMatch"})
_FOR_FILES: Final = "It is for files, and what is passed to a member is none."


def judge(nodes: Iterable[Node], said: Mapping[int, Entry] | None = None) -> Iterator[Entry]:
    """Yield an entry for each directive and section, in their order.

    :param said: entries that know better, by the ``id()`` of their node.
    """
    return _judge(tuple(nodes), said or {}, files=False)


def entry(node: Node, verdict: Verdict, words: str, *, stops: bool = False) -> Entry:
    """Return an entry about a node."""
    name = f"<{node.name}>" if isinstance(node, Section) else node.name
    return Entry(node.place, written(node), verdict, words, name, stops)


def _judge(nodes: tuple[Node, ...], said: Mapping[int, Entry], *, files: bool) -> Iterator[Entry]:
    everybody = _lets_everybody_in(nodes)
    for node in nodes:
        known = _known(node)
        verdict, words, stops = known.verdict_for(node.args)
        if files:
            verdict, words, stops = Verdict.HARMLESS, _FOR_FILES, False
        elif everybody and known.name == "Order":
            verdict, words, stops = Verdict.HARMLESS, SAME, False
        yield said.get(id(node)) or entry(node, verdict, words, stops=stops)
        if isinstance(node, Section) and not stops:
            yield from _judge(node.children, said, files=files or node.name in _FILES)


def _known(node: Node) -> Known:
    return (DIRECTIVES if isinstance(node, Directive) else SECTIONS)[node.name.lower()]


def _lets_everybody_in(nodes: tuple[Node, ...]) -> bool:
    """Whether it is ``Allow from all`` that an ``Order`` orders."""
    written = {
        f"{node.name} {' '.join(node.args)}".lower() for node in nodes if node.name in ("Allow", "Deny")
    }
    return "allow from all" in written and not any(text.startswith("deny") for text in written)
