"""Two small applications to balance when there is nothing else to balance yet.

A demo member behaves like one Tomcat of a Panopticon cluster: it serves a live dashboard under ``/panopticon``,
keeps its sessions in its own memory, pushes numbers by WebSocket, and can be killed from its page to watch users
move on.  It knows nothing of the balancer in front of it.
"""

from panolb.demo.members import DemoMember

__all__ = ["DemoMember"]
