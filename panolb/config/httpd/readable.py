"""Whether the files of an ``Alias`` may be shown to everybody just as they are.

panolb knows nothing of ``.htaccess``, of programs, or of single files that are kept from clients.  So it shows files
only where nothing in the configuration could concern them that is not certainly of no weight.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.report import written
from panolb.config.httpd.scopes import Scope, below, deep, plain
from panolb.config.httpd.ways import literal

_ACCESS: Final = frozenset({"require", "allow", "deny", "order", "authtype"})
_WEIGHTLESS: Final = _ACCESS | frozenset(
    "allowoverride allowoverridelist options directoryindex directoryslash indexoptions indexignore indexorderdefault"
    " indexstylesheet headername readmename adddescription addicon addiconbytype addiconbyencoding addalt defaulticon"
    " fancyindexing adddefaultcharset addcharset addencoding addlanguage defaultlanguage languagepriority"
    " forcelanguagepriority expiresactive expiresbytype expiresdefault fileetag enablesendfile enablemmap"
    " addoutputfilterbytype addtype addhandler addoutputfilter setoutputfilter rewriteengine".split()
)
_OPEN: Final = frozenset(
    {"require all granted", "allow from all", "deny from none", "order deny,allow", "authtype none"}
)
_RUNS: Final = re.compile(
    r"(?:sethandler (?!none$|server-status$|server-info$|balancer-manager$|ldap-status$)"
    r"|addhandler (?!type-map )|action |script |xbithack (?!off$)"
    r"|(?:addtype|forcetype) \S*(?:x-httpd|server-parsed)"
    r"|(?:add|set)outputfilter (?!includes(?: |$)|deflate(?: |$)|brotli_compress(?: |$)|none$)"
    r"|php_|fcgid?wrapper |fastcgi).*",
    re.DOTALL,
)
"""What makes Apache run a file, or change it, instead of sending it."""

_FILES: Final = ("files", "filesmatch")
_WILDCARDS: Final = re.compile(r"[*?\[]")


def why_not(scope: Scope, directory: str) -> str | None:
    """Say why the files of a directory must not be shown, as the beginning of a sentence; None when they may be."""
    around, others = _sections(scope, directory)
    files = [one for one in scope.all_sections(*_FILES) if not _is_hidden(one)]
    runs = [*_directives(scope), *(_inner(scope.all_sections("location", "locationmatch")))]
    for node in [*runs, *_inner([*around, *others, *files])]:
        if _RUNS.fullmatch(_text(node)):
            return f"{written(node)} may be about these files"
    for section in [*around, *others, *files]:
        strange = next((node for node in section.children if not _is_weightless(node)), None)
        if strange is not None:
            return f"{written(strange)} may be about these files"
    if not _everybody(around, [*others, *files]):
        return "Not everybody may see these files"
    return _overridden(around, others) or _linked(scope, around, others)


def _everybody(around: list[Section], others: list[Section]) -> bool:
    """Whether everybody may see them: the innermost section decides, of each of Apache's two kinds of access control."""
    for names in (("require", "authtype"), ("allow", "deny", "order")):
        shown = True
        for section in around:
            granted = _granted(section, names)
            shown = shown if granted is None else granted
        if not shown or any(_granted(section, names) is False for section in others):
            return False
    return True


def _granted(section: Section, names: tuple[str, ...]) -> bool | None:
    """Whether a section lets everybody in; None when it says nothing about it."""
    children = [one for one in section.children if not (isinstance(one, Section) and plain(one) in _FILES)]
    said = {_text(node) for node in deep(children) if node.name.lower() in names}
    if "allow from all" in said:
        said.discard("order allow,deny")
    return said <= _OPEN if said else None


def _overridden(around: list[Section], others: list[Section]) -> str | None:
    """Whether ``.htaccess`` files may say more."""
    for name in ("allowoverride", "allowoverridelist"):
        said = [node for section in around for node in _own(section, name)][-1:]
        said += [node for section in others for node in _own(section, name)]
        for node in said:
            if _text(node) != f"{name} none":
                return f"{written(node)} lets .htaccess files say more"
    return None


def _linked(scope: Scope, around: list[Section], others: list[Section]) -> str | None:
    """Whether Apache would not follow symbolic links, as panolb does, or would look into files."""
    options = {"followsymlinks"}
    nodes = [node for node in _directives(scope) if node.name.lower() == "options"]
    nodes += [node for section in around for node in _own(section, "options")]
    for node in nodes:
        options = _options(options, node)
    inner = [(node, _options(options, node)) for section in others for node in _own(section, "options")]
    for last, some in [*((node, options) for node in nodes[-1:]), *inner]:
        if "followsymlinks" not in some:
            return f"{written(last)} does not follow symbolic links"
        if some & {"includes", "includesnoexec"}:
            return f"{written(last)} looks into these files"
    return None


def _options(before: set[str], node: Directive) -> set[str]:
    words = [word.lower() for word in node.args]
    found = set(before) if all(word[:1] in "+-" for word in words) else set()
    for word in words:
        names = {"followsymlinks", "includes"} if word.lstrip("+-") == "all" else {word.lstrip("+-")}
        found = found - names if word.startswith("-") else found | names
    return found


def _sections(scope: Scope, directory: str) -> tuple[list[Section], list[Section]]:
    """Return the sections that a directory lies in, the outer ones first; and those that some of its files may be in."""
    around: list[tuple[str, Section]] = []
    others = [one for one in scope.all_sections("directorymatch") if not _is_hidden(one, directory)]
    for section in scope.all_sections("directory"):
        first = section.args[0] if section.args else ""
        path = posixpath.normpath(_WILDCARDS.split(first)[0] or "/").rstrip("/")
        if first == "~":
            others += [] if _is_hidden(section, directory) else [section]
        elif below(directory, path) and not _WILDCARDS.search(first):
            around.append((path, section))
        elif _WILDCARDS.search(first) or below(path, directory):
            others.append(section)
    return [section for _, section in sorted(around, key=lambda one: len(one[0]))], others


def _is_weightless(node: Node) -> bool:
    if isinstance(node, Directive):
        return node.name.lower() in _WEIGHTLESS
    if plain(node) in ("requireall", "requireany"):
        return all(_is_weightless(inner) for inner in node.children)
    if plain(node) in _FILES:
        hidden = _is_hidden(node)
        return hidden or all(
            _is_weightless(inner) and (inner.name.lower() not in _ACCESS or _text(inner) in _OPEN)
            for inner in node.children
        )
    return False


def _is_hidden(section: Section, directory: str = "") -> bool:
    """Whether a section is about names with a dot in front only; nobody sees these anyway."""
    args = section.args
    last = args[-1] if args else ""
    if plain(section).startswith("directory"):
        return "/." not in directory and literal(f"^{last}").startswith("/.")
    if plain(section) == "filesmatch" or args[:1] == ("~",):
        return literal(last).startswith(".")
    return last.startswith(".")


def _directives(scope: Scope) -> list[Directive]:
    return [*(scope.main.directives if scope.main is not None else ()), *scope.directives]


def _inner(sections: Iterable[Section]) -> Iterator[Directive]:
    return (node for section in sections for node in deep(section.children) if isinstance(node, Directive))


def _own(section: Section, name: str) -> list[Directive]:
    return [node for node in section.children if isinstance(node, Directive) and node.name.lower() == name]


def _text(node: Node) -> str:
    return " ".join([node.name, *node.args]).lower()
