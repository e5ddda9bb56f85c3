"""The extension points: what a Twisted plugin for panolb provides.

Put a module with an object that provides one of these interfaces into a ``panolb/plugins/`` directory on ``sys.path``;
its ``name`` is what the configuration calls it.  The built-ins in `panolb.plugins.builtin` come through the same door.
"""

from __future__ import annotations

from zope.interface import Attribute, Interface


class INamed(Interface):
    """Something that the configuration calls by name."""

    name = Attribute("The word in the configuration: lower-case letters, digits and hyphens (str).")


class IBalancingMethod(INamed):
    """A balancing method (``lbmethod``)."""

    def policy():  # type: ignore[no-untyped-def]
        """Return a new `panolb.core.policies.Policy` for one balancer."""


class IStickyResolver(INamed):
    """A way to find the route in a request (``resolver``)."""

    def resolver(stickysession, separator, semicolon_ends):  # type: ignore[no-untyped-def]
        """Return a new `panolb.core.sticky.Resolver` for one balancer.

        :param stickysession: the balancer's ``stickysession`` (str).
        :param separator: its ``stickysessionsep`` (str).
        :param semicolon_ends: its ``scolonpathdelim`` (bool).
        """


class IHealthCheck(INamed):
    """A kind of health check (``check``)."""

    def probe(reactor, target):  # type: ignore[no-untyped-def]
        """Probe a member once.

        :param reactor: to connect with.
        :param target: a `panolb.control.probes.Target`: the member and what to ask of it.
        :returns: a Deferred that fires with ``None`` when the member passed, or with the reason (str) why it did
            not.  A failure counts as not passed.  The caller cancels it when the time is up.
        """


class IMessageFilter(INamed):
    """Something that sees the messages of WebSockets (``websocket_filter``), and may change or drop them."""

    def filter(request):  # type: ignore[no-untyped-def]
        """Return a new `panolb.core.filtering.MessageFilter` for one WebSocket.

        :param request: the handshake (`panolb.core.request.Request`).
        """
