"""The plugin directory: every ``panolb/plugins`` on ``sys.path`` counts, so that others can add to it."""

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
