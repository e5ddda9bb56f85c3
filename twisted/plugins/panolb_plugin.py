"""Tells ``twistd`` that there is a ``panolb`` to run; ``panolb.tap`` is imported only when it is asked for."""

from twisted.application.service import ServiceMaker

panolb = ServiceMaker(
    "panolb", "panolb.tap", "A sticky load balancer for stateful, WebSocket-heavy dashboards.", "panolb"
)
