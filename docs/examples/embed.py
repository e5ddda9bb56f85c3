"""A twisted.web application that mounts a balancer at /panopticon, beside pages of its own.

Run it with a port and the members' URLs:

    python embed.py 8000 http://127.0.0.1:8080/panopticon http://127.0.0.1:8081/panopticon
"""

from __future__ import annotations

import sys

from twisted.internet import endpoints, reactor  # noqa: TID251  # a main program may
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web.resource import Resource
from twisted.web.server import Site

import panolb.plugins
from panolb.config import Balancer, Config, Health, Location, Member
from panolb.control.registry import Registry
from panolb.control.service import Panolb
from panolb.tap import service


class Hello(Resource):
    """A page of the application itself."""

    isLeaf = True

    def render_GET(self, request):
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return b"The dashboards are at /panopticon/\n"


def configuration(urls: list[str]) -> Config:
    """One balancer over all members; no listener, since the application has its own."""
    members = [Member(url=url, route=str(number)) for number, url in enumerate(urls, 1)]
    balancer = Balancer(stickysession="ROUTEID", member=members, health=Health(uri="/panopticon/"))
    return Config(
        balancer={"panopticoncluster": balancer},
        location=[Location(path="/panopticon", balancer="panopticoncluster")],
    )


def application(balancer: Panolb) -> Site:
    """The application's own tree, with the balancer's location in it."""
    root = Resource()
    root.putChild(b"", Hello())
    root.putChild(b"panopticon", balancer.resource("/panopticon"))
    return Site(root)


def main(port: int, urls: list[str]) -> None:
    """Start the balancer, listen, and run until a signal comes."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)])
    balancer = service(configuration(urls), Registry(panolb.plugins), reactor)
    balancer.startService()  # health checks and time limits begin
    reactor.addSystemEventTrigger("before", "shutdown", balancer.stopService)
    endpoint = endpoints.TCP4ServerEndpoint(reactor, port, interface="127.0.0.1")
    endpoint.listen(application(balancer))
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
