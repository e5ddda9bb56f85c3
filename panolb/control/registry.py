"""Finding plugins by the names that the configuration calls them by."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from twisted.plugin import getPlugins
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from ..config.crosscheck import Known
from ..errors import ConfigError, Problem
from ..interfaces import IBalancingMethod, IHealthCheck, IMessageFilter, IStickyResolver


class Registry:
    """What is installed.

    :param package: the plugin package, ``panolb.plugins``.
    :raises ConfigError: when two plugins of a kind share a name, or one does not provide what it says.
    """

    def __init__(self, package: ModuleType) -> None:
        problems: list[Problem] = []
        self.methods = _by_name(IBalancingMethod, package, problems)
        self.resolvers = _by_name(IStickyResolver, package, problems)
        self.checks = _by_name(IHealthCheck, package, problems)
        self.filters = _by_name(IMessageFilter, package, problems)
        if problems:
            raise ConfigError(problems)

    @property
    def known(self) -> Known:
        """The names that a configuration may use."""
        return Known(
            lbmethods=frozenset(self.methods),
            checks=frozenset(self.checks) | {"none"},
            resolvers=frozenset(self.resolvers),
            filters=frozenset(self.filters),
        )


def _by_name(interface: Any, package: ModuleType, problems: list[Problem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    plugins: Iterable[Any] = getPlugins(interface, package)
    for plugin in plugins:
        place = f"plugin {type(plugin).__module__}"
        try:
            verifyObject(interface, plugin)
        except Invalid as error:
            problems.append(Problem(place, f"does not provide {interface.__name__}: {error}"))
            continue
        if plugin.name in found:
            problems.append(
                Problem(place, f"the name {plugin.name!r} is taken by another {interface.__name__}")
            )
        found[plugin.name] = plugin
    return found
