"""Every directive that is known, by its name in small letters; and the modules that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from panolb.config.httpd.known import Known, Module, Verdict
from panolb.config.httpd.tables import access, content, core, others, proxy, requests, tls

__all__ = [
    "DIRECTIVES",
    "MODULES",
    "SECTIONS",
    "STATIC",
    "Known",
    "Module",
    "Verdict",
    "module_named",
    "module_names",
    "providers",
]

MODULES: Final[tuple[Module, ...]] = (
    *core.MODULES,
    *proxy.MODULES,
    *requests.MODULES,
    *access.MODULES,
    *tls.MODULES,
    *content.MODULES,
    *others.MODULES,
)

_ALL: Final = [one for module in MODULES for one in module.known()]

DIRECTIVES: Final[Mapping[str, Known]] = {one.name.lower(): one for one in _ALL if not one.is_section}
"""Plain directives: ``DIRECTIVES["proxypass"]``."""

SECTIONS: Final[Mapping[str, Known]] = {one.name.strip("<>").lower(): one for one in _ALL if one.is_section}
"""Sections, without the brackets: ``SECTIONS["virtualhost"]``."""

STATIC: Final = frozenset(
    {
        "core_module",
        "so_module",
        "http_module",
        "mpm_event_module",
        "mpm_worker_module",
        "mpm_prefork_module",
        "mpm_winnt_module",
        "unixd_module",
        "version_module",
        "watchdog_module",
        "log_config_module",
        "logio_module",
        "win32_module",
    }
)
"""Modules that need no ``LoadModule``: they are part of the server in one usual build or another."""

_SOURCES: Final = {source: name for module in MODULES for name, source in module.names.items()}


def module_names() -> frozenset[str]:
    """Return the identifiers of all modules that are known."""
    return frozenset(_SOURCES.values())


def module_named(name: str) -> str:
    """Return the identifier for an identifier or a source file, as ``<IfModule>`` may have either."""
    return _SOURCES.get(name, name)


def providers(known: Known) -> Mapping[str, str]:
    """Return the modules that have the directive: identifiers, and the source file of each."""
    return _PROVIDERS[known.module]


_PROVIDERS: Final = {next(iter(module.names)): module.names for module in MODULES}
