"""The built-in plugins, published the way a third party would publish its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface import implementer

from panolb.control.probes import Target, probe_http, probe_tcp, probe_websocket
from panolb.core.policies import ByBusyness, ByRequests, ByTraffic, Policy
from panolb.core.sticky import Resolver, RouteResolver
from panolb.interfaces import IBalancingMethod, IHealthCheck, IStickyResolver


@implementer(IPlugin, IBalancingMethod)
@attrs.frozen
class _Method:
    name: str
    policy: Callable[[], Policy]


@implementer(IPlugin, IStickyResolver)
@attrs.frozen
class _Resolver:
    name: str
    resolver: Callable[[str, str, bool], Resolver]


@implementer(IPlugin, IHealthCheck)
@attrs.frozen
class _Check:
    name: str
    probe: Callable[[Any, Target], Deferred[str | None]]


byrequests = _Method("byrequests", ByRequests)
bytraffic = _Method("bytraffic", ByTraffic)
bybusyness = _Method("bybusyness", ByBusyness)
route = _Resolver("route", RouteResolver)
http = _Check("http", probe_http)
tcp = _Check("tcp", probe_tcp)
websocket = _Check("websocket", probe_websocket)
