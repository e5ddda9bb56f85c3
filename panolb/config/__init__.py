"""What an operator writes: a TOML file becomes one checked, frozen :class:`Config`, or a list of everything wrong.

The rest of panolb reads ``Config`` and never the file.
"""

from panolb.config.crosscheck import Known, problems, warnings
from panolb.config.model import (
    AccessLog,
    Admin,
    Balancer,
    Config,
    Control,
    Cookie,
    Health,
    Listener,
    Location,
    Member,
    Shutdown,
    WebSockets,
)
from panolb.config.summary import describe
from panolb.config.toml import load, loads

__all__ = [
    "AccessLog",
    "Admin",
    "Balancer",
    "Config",
    "Control",
    "Cookie",
    "Health",
    "Known",
    "Listener",
    "Location",
    "Member",
    "Shutdown",
    "WebSockets",
    "describe",
    "load",
    "loads",
    "problems",
    "warnings",
]
