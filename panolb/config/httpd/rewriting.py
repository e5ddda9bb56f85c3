"""mod_rewrite: the WebSocket recipe, redirects, refusals and variables; whatever else rules do is not carried over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from attrs import define, evolve, field

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.mapping import Mapping, mapped
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.rewriteconds import Asked, Door, NotCarriedOver, asked, compiled
from panolb.config.httpd.scalars import atoi
from panolb.config.httpd.scopes import Scope
from panolb.config.httpd.ways import Way
from panolb.language.words import join_words

_FLAG: Final = re.compile(r'((?:"[^"]*"|[^,])+)')
_EVERYTHING: Final = frozenset({".*", "^", "^(.*)$", "^.*$", "(.*)", "^(.*)", "^.*", "^/", "/", "$", "^/.*", "^/(.*)", "^/?(.*)$", "^/(.*)$", "^/?(.*)"})  # fmt: skip
_VARIABLE: Final = re.compile(r"%\{([A-Za-z_:-]+)\}")
_IDLE: Final = frozenset(
    {"l", "last", "end", "ne", "noescape", "qsa", "qsappend", "nc", "nocase", "pt", "passthrough"}
)
_TRACING: Final = frozenset({"TRACE", "TRACK"})


@define(eq=False)
class Rewriting:
    """Reads the rules of one server.

    :ivar doors: its listeners.
    :ivar environment: what rules set, in the words of mod_env and mod_setenvif.
    """

    scope: Scope
    mapping: Mapping
    doors: tuple[Door, ...]
    remarks: Remarks
    ways: list[Way] = field(factory=list)
    environment: list[str] = field(factory=list)

    def read(self) -> None:
        """Read everything.  Rules are not inherited from the main server, only whether they are asked."""
        if not self.scope.on("RewriteEngine"):
            for node in self.scope.own("RewriteRule", "RewriteCond"):
                self.remarks.say(node, Verdict.HARMLESS, "RewriteEngine is Off.")
            return
        for rule, conditions in self._rules():
            try:
                self._rule(rule, conditions)
            except NotCarriedOver as error:
                self.remarks.stops(rule, f"panolb does not rewrite like this: {error}.")
                for condition in conditions:
                    self.remarks.lost(condition, "Its rule is not carried over.")

    def _rules(self) -> Iterator[tuple[Directive, list[Directive]]]:
        conditions: list[Directive] = []
        for node in self.scope.own("RewriteCond", "RewriteRule"):
            if node.name.lower() == "rewritecond":
                conditions.append(node)
            else:
                yield node, conditions
                conditions = []

    def _rule(self, rule: Directive, conditions: list[Directive]) -> None:
        pattern, substitution = rule.args[:2]
        flags = flags_of("".join(rule.args[2:]))
        wanted = asked(conditions, self.doors)
        if not wanted.doors:
            self.remarks.say(rule, Verdict.HARMLESS, "Its conditions are never true on these listeners.")
            return
        if wanted.methods is not None:
            if not wanted.methods <= _TRACING or not {"f", "forbidden"} & flags.keys():
                raise NotCarriedOver("RewriteCond asks for the method")
            self.remarks.say(rule, Verdict.HARMLESS, "panolb answers TRACE with 405.")
            return
        if "e" in flags or "env" in flags:
            self._variable(pattern, flags, wanted, substitution)
            return
        way = self._way(rule, pattern, substitution, flags)
        if way is not None:
            self.ways.append(_limited(way, wanted, self.doors))

    def _way(self, rule: Directive, pattern: str, substitution: str, flags: dict[str, str]) -> Way | None:
        nocase = "nc" in flags or "nocase" in flags
        if pattern.startswith("!"):
            start = Way(rule, pattern=f"^(?!.*?(?:{compiled(pattern[1:], nocase)}))")
        else:
            start = Way(rule, pattern=compiled(pattern, nocase))
        for names, status in ((("f", "forbidden"), 403), (("g", "gone"), 410)):
            if any(name in flags for name in names):
                return evolve(start, status=status)
        if "p" in flags or "proxy" in flags:
            return self._proxied(start, rule, substitution)
        if "r" in flags or "redirect" in flags:
            return self._redirected(start, substitution, flags)
        if substitution == "-" and flags.keys() <= _IDLE and self._is_last(rule):
            self.remarks.say(rule, Verdict.HARMLESS, "There is no rule after it that it could stop.")
            return None
        raise NotCarriedOver(f"{pattern} becomes {substitution} without [P] or [R]")

    def _is_last(self, rule: Directive) -> bool:
        return self.scope.own("RewriteRule")[-1] is rule

    def _proxied(self, way: Way, rule: Directive, substitution: str) -> Way | None:
        target = re.sub(r"%\{REQUEST_URI\}\Z", "", substitution)
        if "%" in target:
            raise NotCarriedOver(f"{substitution} has variables")
        led = self.mapping.lead(rule, target, [])
        if led is None:
            return None
        group, rest = led
        if target == substitution and "$" not in rest:
            # Unlike in ProxyPassMatch, the substitution alone is the target: nothing of the path follows.
            raise NotCarriedOver(f"every path that matches becomes {substitution}")
        return mapped(evolve(way, group=group, url=target), rest, exact=self.mapping.exact)

    def _redirected(self, way: Way, substitution: str, flags: dict[str, str]) -> Way:
        word = flags.get("r") or flags.get("redirect") or ""
        status = {"permanent": 301, "temp": 302, "seeother": 303}.get(word.lower(), atoi(word) or 302)
        if not 300 <= status < 400:
            return evolve(way, status=status)
        name = self.scope.word("ServerName").rpartition("://")[2].partition(":")[0]
        canonical = name and self.scope.on("UseCanonicalName")
        target = substitution.replace("%{SERVER_NAME}", name) if canonical else substitution
        others = set(_VARIABLE.findall(target)) - {"HTTP_HOST", "REQUEST_URI", "SERVER_NAME"}
        if others or re.search(r"%\d", target) or substitution == "-":
            raise NotCarriedOver(f"a redirect to {substitution}")
        if not target.startswith(("/", "http://", "https://", "%{REQUEST_URI}")):
            raise NotCarriedOver(f"a redirect to {substitution}, which is no URL")
        return evolve(way, redirect=target, status=status)

    def _variable(self, pattern: str, flags: dict[str, str], wanted: Asked, substitution: str) -> None:
        name, _, value = (flags.get("e") or flags.get("env") or "").partition(":")
        simple = wanted == Asked(self.doors) and not re.search(r"[%$]", value) and not pattern.startswith("!")
        if not simple or substitution != "-" or not flags.keys() <= _IDLE | {"e", "env"}:
            raise NotCarriedOver(f"the variable {name or '?'} depends on the request")
        if name.startswith("!"):
            self.environment.append(join_words(["UnsetEnv", name[1:]]))
        elif pattern in _EVERYTHING:
            self.environment.append(join_words(["SetEnv", name, value]))
        else:
            self.environment.append(join_words(["SetEnvIf", "Request_URI", pattern, f"{name}={value}"]))


def flags_of(text: str) -> dict[str, str]:
    """Return the flags of a rule, by their names in lower case."""
    found: dict[str, str] = {}
    for flag in _FLAG.findall(text.strip("[]")):
        name, _, value = flag.strip().strip('"').partition("=")
        found[name.strip().lower()] = value.strip().strip('"')
    return found


def _limited(way: Way, wanted: Asked, doors: tuple[Door, ...]) -> Way:
    """Return a way for those of its requests for which the conditions hold."""
    for negated, pattern in reversed(wanted.patterns):
        way = way.where_also(f"^(?!.*?(?:{pattern}))" if negated else pattern)
    some = None if wanted.doors == doors else tuple(door.name for door in wanted.doors)
    return evolve(way, requests=wanted.requests, listeners=some, hosts=wanted.hosts)
