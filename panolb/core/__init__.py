"""The pure ring: decides, never does.

Standard library only; no sockets, clocks, chance or logs.  Time is an argument in seconds of a monotonic clock, and
whatever has to happen in the world is asked of a port (`panolb.core.ports.Client`, `Link`, `Connector`).
"""
