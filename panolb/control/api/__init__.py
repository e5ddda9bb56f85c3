"""The control API: JSON over HTTP, for whoever may write to its socket (`panolb.control.controlsocket`).

``GET`` shows, ``POST`` and ``DELETE`` change.  Whatever goes wrong is answered with ``{"error": "..."}``.
"""

from .parts import Parts
from .routes import Api

__all__ = ["Api", "Parts"]
