"""Which modules a balancer needs, without any directive of theirs to tell: Apache would not start, or answer 500."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from panolb.config.httpd.directives import module_names
from panolb.config.httpd.nodes import Directive, Node, Place, Section

_METHOD = re.compile(r"lbmethod=(\w+)", re.IGNORECASE)
_SCHEME = re.compile(r"(?:^|\s)(https?|wss?)://", re.IGNORECASE)


def missing_modules(nodes: Iterable[Node], modules: Collection[str]) -> Iterator[tuple[Place, str]]:
    """Yield, once for each module that is needed and not loaded, the line that needs it and what to add."""
    told = set(modules)
    for node, text in _proxying(nodes):
        for name, why in _needed(node, text):
            # A method that nobody knows is a mistake of its own.
            if name not in told and name in module_names():
                told.add(name)
                source = "mod_" + name.removesuffix("_module")
                yield node.place, f'{why} needs {source}; add "LoadModule {name} modules/{source}.so"'


def _proxying(nodes: Iterable[Node]) -> Iterator[tuple[Directive | Section, str]]:
    """Yield what names balancers and members, and its arguments as one text."""
    for node in nodes:
        if node.name in ("Proxy", "ProxyPass", "ProxyPassMatch", "BalancerMember", "ProxySet"):
            yield node, " ".join(node.args)
        if isinstance(node, Section):
            yield from _proxying(node.children)


def _needed(node: Directive | Section, text: str) -> Iterator[tuple[str, str]]:
    if "balancer://" in text:
        yield "proxy_balancer_module", "a balancer"
        yield "slotmem_shm_module", "a balancer"
        if not _METHOD.search(text) and node.name == "Proxy":
            method = next((found for found in map(_method, _inner(node)) if found), "byrequests")
            yield f"lbmethod_{method.lower()}_module", f"a balancer with lbmethod={method}"
    named = _method(text)
    if named:
        yield f"lbmethod_{named.lower()}_module", f"lbmethod={named}"
    if node.name != "Proxy" and _SCHEME.search(text):
        yield "proxy_http_module", "a member that speaks HTTP"


def _method(text: str) -> str | None:
    match = _METHOD.search(text)
    return match[1] if match else None


def _inner(node: Node) -> Iterator[str]:
    if isinstance(node, Section):
        yield from (" ".join(child.args) for child in node.children if child.name == "ProxySet")
