"""mod_rewrite's rules in sections: they see a path that depends on the server's directories, and are not carried over."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.rewriting import flags_of
from panolb.config.httpd.scopes import Scope, deep, plain

_FILES: Final = ("directory", "directorymatch", "files", "filesmatch")
_PROXIED: Final = ("proxy", "proxymatch")


def judge(scope: Scope, busy: Collection[int], remarks: Remarks) -> None:
    """Say what becomes of a server's rules in sections.

    :param busy: the ``id()`` of the ``<Location>`` sections in which anything is served.
    """
    nodes = [*(scope.main.nodes if scope.main is not None else ()), *scope.nodes]
    # A switch outside of sections is one for all of them, and an outer section's is one for the inner.
    asked = not _off(nodes)
    for section in scope.all_sections("location", "locationmatch", *_PROXIED, *_FILES):
        rules = _named(section.children, "rewriterule")
        if not asked or (_named(section.children, "rewriteengine") and _off(section.children)):
            for node in rules:
                remarks.say(node, Verdict.HARMLESS, "RewriteEngine is Off.")
        elif plain(section) in _FILES:
            _of_files(rules, remarks)
        elif plain(section) in _PROXIED or id(section) in busy:
            for node in rules:
                words = "Rules in sections are not carried over; write them outside, with the whole path."
                remarks.stops(node, words)
            for node in _named(section.children, "rewritecond"):
                remarks.lost(node, "Its rule is not carried over.")


def _of_files(rules: Iterable[Directive], remarks: Remarks) -> None:
    for node in rules:
        flags = flags_of("".join(node.args[2:]))
        if {"p", "proxy"} & flags.keys():
            remarks.stops(node, "Rules for directories are not carried over; write ProxyPass.")
        elif {"r", "redirect"} & flags.keys():
            remarks.lost(node, "Rules for directories are not carried over; there is no redirect.")


def _off(nodes: Iterable[Node]) -> bool:
    """Whether no rule is certainly asked, whatever the order."""
    return all(node.args[0].lower() == "off" for node in _named(nodes, "rewriteengine"))


def _named(nodes: Iterable[Node], name: str) -> list[Directive]:
    return [node for node in deep(nodes) if not isinstance(node, Section) and node.name.lower() == name]
