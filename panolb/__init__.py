"""panolb: a sticky load balancer for stateful, WebSocket-heavy dashboards.

A *listener* accepts clients and a *location* says which *balancer* serves a path.
A *balancer* chooses one of its *members* for each request and keeps every browser on its member by a *route*.
An *exchange* is one request and its response; a *bridge* is one WebSocket, both sides of it.
A *check* probes a member; checks and live traffic together make its *health*.
The data plane reads one immutable *table* of locations and balancers, which the control plane prepares and swaps.
"""

__version__ = "0.1.0"
