"""``<Proxy balancer://NAME>`` and everything else that says something about a balancer or its members.

Apache keeps the balancers of each virtual host apart; one of the main server is seen by all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

from panolb.config.addresses import plain_url, split_url
from panolb.config.httpd.checks import Checks
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.members import Draft, read_member
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.parameters import BALANCER_PARAMETERS, read_pairs
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope, expanded, flat, plain

PREFIX: Final = "balancer://"
_LABEL: Final = re.compile(r"balancer://([^/$]+)(.*)", re.IGNORECASE | re.DOTALL)


@define(eq=False)
class Group:
    """A balancer on its way into the model.

    :ivar label: what ``balancer://`` is followed by, in lower case.
    :ivar base: the main server's balancer of that name, whose members a virtual host's has.
    :ivar name: its key in the model.
    :ivar tls: lines about TLS to its members, in its own sections.
    """

    label: str
    node: Node
    base: Group | None = None
    name: str = ""
    own: list[Draft] = field(factory=list)
    values: dict[str, Any] = field(factory=dict)
    tls: list[Directive] = field(factory=list)

    @property
    def members(self) -> list[Draft]:
        return self.base.members if self.base is not None and self.base.members else self.own

    @property
    def parameters(self) -> dict[str, Any]:
        return {**(self.base.parameters if self.base is not None else {}), **self.values}

    @property
    def websocket(self) -> bool | None:
        """Whether WebSockets may pass: True when a member says so, False when all forbid it, None for nothing said."""
        said = [member.websocket for member in self.members]
        if True in said:
            return True
        return False if said and None not in said else None

    def serves(self) -> list[tuple[object, ...]]:
        """What another balancer must have in common to be the same servers under another name."""
        return [(*split_url(one.url), one.values.get("route", "")) for one in self.members]


@define(eq=False)
class Groups:
    """The balancers of one server; ``inherited`` are the main server's."""

    scope: Scope
    remarks: Remarks
    checks: Checks
    inherited: Groups | None = None
    groups: dict[str, Group] = field(factory=dict)
    singles: list[tuple[Draft, Section]] = field(factory=list)
    """Servers outside of balancers that a ``<Proxy>`` section says something about."""

    def read(self) -> None:
        """Read everything of the server that is about balancers, in the file's order."""
        for node in expanded(self.scope.nodes):
            if isinstance(node, Directive):
                self._directive(node)
            elif plain(node) == "proxy":
                self._section(node)
            elif plain(node) in ("location", "locationmatch"):
                for inner in flat(node.children):
                    self._pass(inner, inner.args)

    def find(self, label: str) -> Group | None:
        """Return the balancer that a name means here."""
        own = self.groups.get(label)
        if own is not None:
            shared = own.base is not None and not own.values
            return own.base if shared else own
        return self.inherited.find(label) if self.inherited is not None else None

    def all(self) -> Iterator[Group]:
        """Yield the balancers that the model needs: not those that only name one of the main server."""
        return (one for one in self.groups.values() if self.find(one.label) is one)

    def _define(self, label: str, node: Node) -> Group:
        base = self.inherited.groups.get(label) if self.inherited is not None else None
        return self.groups.setdefault(label, Group(label, node, base))

    def _directive(self, node: Directive) -> None:
        name = node.name.lower()
        if name in ("proxyhcexpr", "proxyhctemplate"):
            self.checks.declare(node, self.remarks)
        elif name == "balancermember":
            self._member(node, list(node.args), None)
        elif name == "proxyset":
            self._set(node, node.args[0], list(node.args[1:]))
        else:
            self._pass(node, node.args[1:])

    def _section(self, section: Section) -> None:
        target, words = section.args[0], list(section.args[1:])
        label = label_of(target)
        if label is not None:
            self._parameters(self._define(label, section), words, section)
        elif words:
            self._single(section, section, words)
        for node in flat(section.children):
            if node.name.lower() == "balancermember":
                self._member(node, list(node.args), label)
            elif node.name.lower() == "proxyset" and label is not None:
                self._parameters(self.groups[label], list(node.args), node)
            elif node.name.lower() == "proxyset":
                self._single(section, node, list(node.args))
            elif node.name.lower().startswith("sslproxy"):
                self._tls(section, node, label)

    def _tls(self, section: Section, node: Directive, label: str | None) -> None:
        if label is not None:
            self.groups[label].tls.append(node)
        else:
            words = f"For {section.args[0]} alone this does not hold; write it for the virtual host, or a balancer."
            self.remarks.stops(node, words)

    def _single(self, section: Section, node: Node, words: list[str]) -> None:
        draft = read_member(node, section.args[0], words, self.checks, self.remarks)
        if draft is not None:
            self.singles.append((draft, section))

    def _pass(self, node: Directive, args: tuple[str, ...]) -> None:
        """Read the balancer's side of a ProxyPass: ``args`` begin with the target."""
        if node.name.lower() not in ("proxypass", "proxypassmatch") or not args:
            return
        label = label_of(args[0])
        if label is not None:
            words = [word for word in args[1:] if not is_option(word)]
            self._parameters(self._define(label, node), words, node)

    def _set(self, node: Directive, target: str, words: list[str]) -> None:
        """Read a ProxySet that stands outside of sections, and so names what it is about."""
        label = label_of(target)
        if label is not None:
            group = self.groups.get(label)
            if group is None:
                self.remarks.problem(node, f"can not find '{target}' Balancer.")
            else:
                self._parameters(group, words, node)
            return
        for group in self.groups.values():
            for member in group.own:
                if _url(member.url) == _url(target):
                    self.remarks.problem(node, "is not for members of balancers; write it in BalancerMember")
                    return
        draft = read_member(node, target, words, self.checks, self.remarks)
        if draft is not None:
            self.singles.append((draft, Section("Proxy", (target,), node.place, ())))

    def _member(self, node: Directive, args: list[str], label: str | None) -> None:
        names = [word for word in args if "=" not in word]
        words = [word for word in args if word not in names]
        if label is None:
            label = label_of(names.pop(0)) if names else None
        if label is None:
            message = "must define balancer name when outside <Proxy > section"
            self.remarks.problem(node, message)
            return
        group = self._define(label, node)
        if len(names) != 1:
            message = (
                "must define remote proxy server"
                if not names
                else "parameters must be in the form 'key=value'"
            )
            self.remarks.problem(node, message)
            return
        draft = read_member(node, names[0], words, self.checks, self.remarks)
        if draft is not None and self._is_new(group, draft):
            group.own.append(draft)

    def _is_new(self, group: Group, draft: Draft) -> bool:
        """Say what Apache would have made of a URL that begins with another member's."""
        for other in group.own:
            if _url(draft.url) == _url(other.url):
                words = f"The same member as in line {other.node.place.line}; its parameters are ignored."
                self.remarks.say(draft.node, Verdict.RUN, words)
                return False
            same_server = split_url(draft.url)[:2] == split_url(other.url)[:2]
            if same_server and _url(draft.url).startswith(_url(other.url)):
                words = (
                    f"A member of its own; Apache takes it for {other.url}, because its URL begins with that."
                )
                self.remarks.say(draft.node, Verdict.IMPROVED, words)
        return True

    def _parameters(self, group: Group, words: list[str], node: Node) -> None:
        values, wrong, idle = read_pairs(BALANCER_PARAMETERS, "Balancer", words)
        for sentence in wrong:
            self.remarks.problem(node, sentence)
        if idle:
            told = "; ".join(f"{one.name}=: {one.reason}" for one in idle)
            self.remarks.say(node, Verdict.RUN, f"All but {told}.")
        if "timeout" in values and node.name.lower() in ("proxypass", "proxypassmatch"):
            told = (
                f"timeout={values['timeout']} is how long a request waits for a usable member, as in Apache; "
                "the time for an answer is ProxyTimeout, or timeout= in BalancerMember."
            )
            self.remarks.say(node, Verdict.RUN, told)
        group.values |= values


def label_of(url: str) -> str | None:
    """Return the balancer's name in a URL, in lower case; None when it names none."""
    match = _LABEL.fullmatch(url)
    return match[1].lower() if match else None


def path_of(url: str) -> str:
    """Return what follows the balancer's name in a URL."""
    match = _LABEL.fullmatch(url)
    return match[2] if match else ""


def is_option(word: str) -> bool:
    """Whether a word of ProxyPass is about the mapping, and no parameter of what it maps to."""
    return word.lower() in ("nocanon", "interpolate", "noquery") or word.lower().startswith("mapping=")


def _url(url: str) -> str:
    """Return a URL with what upper and lower case do not matter for in lower case, and always as http or https."""
    scheme, _, rest = plain_url(url).partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{authority.lower()}{slash}{path}"


def fold(groups: list[Group], remarks: Remarks) -> dict[int, Group]:
    """Find balancers that are the same servers under another name, as the WebSocket recipe needs them in Apache.

    :returns: by identity, the balancer that takes each one's place.
    """
    instead: dict[int, Group] = {}
    for group in groups:
        recipe = [one for one in group.own if re.search("wss?://", str(one.node.args).lower())]
        if not recipe or len(recipe) != len(group.own):
            continue
        for other in groups:
            if other is not group and other.serves() == group.serves() and id(other) not in instead:
                words = (
                    f"The same members as balancer://{other.label}, so it is that balancer: "
                    "whoever drains or loses one member drains or loses it for both."
                )
                remarks.say(group.node, Verdict.IMPROVED, words)
                instead[id(group)] = other
                break
    return instead
