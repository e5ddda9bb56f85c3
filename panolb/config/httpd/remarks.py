"""What the translation has to say: mistakes that stop every start, and what becomes of one line after a closer look.

The tables of the directives judge by the name alone.  Whoever knows more (where a section stands, whether anything is
proxied there) says so here, and that then stands in the report in place of the table's words.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

from panolb.config.httpd.judging import entry
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Node
from panolb.config.httpd.report import Entry
from panolb.config.httpd.show import shown
from panolb.errors import Problem


@frozen
class Remarks:
    """Collects; nothing is thrown, so that one run tells everything.

    :ivar said: what becomes of a line after a closer look, by the ``id()`` of its node.
    """

    problems: list[Problem] = field(factory=list)
    said: dict[int, Entry] = field(factory=dict)

    def problem(self, node: Node, words: str) -> None:
        """Note a mistake with which Apache would not start either, or that leaves no meaning."""
        problem = Problem(f"{node.place}: {node.name}", shown(words, 400))
        if problem not in self.problems:
            self.problems.append(problem)

    def say(self, node: Node, verdict: Verdict, words: str) -> None:
        """Say what becomes of a line.  Of several things, what is lost counts more, and is told first."""
        self._say(entry(node, verdict, words), node)

    def lost(self, node: Node, words: str) -> None:
        """Say what is missing without changing where traffic goes."""
        self._say(entry(node, Verdict.UNSUPPORTED, words), node)

    def stops(self, node: Node, words: str) -> None:
        """Say what would change where traffic goes, or who may see it."""
        self._say(entry(node, Verdict.UNSUPPORTED, words, stops=True), node)

    def _say(self, new: Entry, node: Node) -> None:
        old = self.said.get(id(node))
        if old is None:
            self.said[id(node)] = new
        elif new.words not in old.words:
            first, second = sorted(
                (old, new), key=lambda one: (one.stops, _WEIGHT.index(one.verdict)), reverse=True
            )
            self.said[id(node)] = evolve(first, words=f"{first.words} {second.words}")


_WEIGHT = (Verdict.HARMLESS, Verdict.RUN, Verdict.RESTORED, Verdict.IMPROVED, Verdict.UNSUPPORTED)
