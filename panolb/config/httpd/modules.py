"""Remembers which modules are loaded while a configuration is read."""

from __future__ import annotations

from pathlib import PurePath

from panolb.config.httpd.directives import STATIC, module_names, providers
from panolb.config.httpd.known import Known


class Modules:
    """The modules so far.

    :param everything: all known modules are taken as loaded.
    :ivar names: their identifiers.
    :ivar sources: source files of those that are loaded but not known otherwise.
    """

    def __init__(self, *, everything: bool) -> None:
        self.names = set(module_names() if everything else STATIC)
        self.sources: set[str] = set()
        self._everything = everything

    def load(self, name: str, file: str) -> bool:
        """Load one; return whether it is known."""
        known = name in module_names()
        if not known:
            self.sources.add(f"{PurePath(file).stem}.c")
        self.names.add(name)
        return known

    def missing(self, known: Known) -> str | None:
        """Return what has to be loaded before a directive or section; None when nothing is missing."""
        if self._everything or any(name in self.names for name in providers(known)):
            return None
        name, source = next(iter(providers(known).items()))
        stem = source.removesuffix(".c")
        return (
            f"{known.name} belongs to {stem}, which is not loaded; "
            f'add "LoadModule {name} modules/{stem}.so" before it'
        )
