"""The servers of the scenarios: two Tomcats for the whole run, a balancer per module or per test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from . import balancer as balancers
from . import tomcat
from .balancer import Balancer, StartBalancer
from .process import ServerProcess
from .tomcat import Members, Tomcat

PEER = os.environ.get("PANOLB_REAL_PEER", "panolb")
REQUIRED = bool(os.environ.get("PANOLB_REQUIRE_REAL"))
KNOWN_FAULTS_RUN = os.environ.get("PANOLB_REAL_KNOWN_FAULTS") == "run"
HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, and refuse an unknown peer."""
    config.addinivalue_line(
        "markers", "apache_fails(reason, sometimes=False): known to fail with Apache httpd"
    )
    config.addinivalue_line("markers", "panolb_toml: needs what panolb's own configuration can say")
    if PEER not in balancers.PEERS:
        raise pytest.UsageError(f"PANOLB_REAL_PEER={PEER}: known are {', '.join(balancers.PEERS)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all of this directory as real, and deal with what the peer is known to fail."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.real)
        if PEER != "panolb" and item.get_closest_marker("panolb_toml") is not None:
            item.add_marker(pytest.mark.skip(reason="needs panolb.toml"))
        fault = item.get_closest_marker("apache_fails")
        if PEER == "apache" and fault is not None:
            reason = f"Apache httpd: {fault.args[0]}"
            if KNOWN_FAULTS_RUN:
                always = not fault.kwargs.get("sometimes", False)
                item.add_marker(pytest.mark.xfail(reason=reason, strict=always))
            else:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every server in use."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for server in ServerProcess.known:
            report.sections.append((f"log of {server.name}", server.tail()))
    return report


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Members]:
    """The two Tomcats by route, started at the same time and ended with the run."""
    lacking = tomcat.missing() or balancers.missing(PEER)
    if lacking is not None:
        if REQUIRED:
            pytest.fail(f"PANOLB_REQUIRE_REAL is set, but: {lacking}", pytrace=False)
        pytest.skip(f"real servers: {lacking}")
    base = tmp_path_factory.mktemp("tomcat")
    servers = {route: Tomcat(route, base / route, remote_ip=True) for route in ("1", "2")}
    try:
        for server in servers.values():
            server.launch()
        for server in servers.values():
            server.wait_ready()
        yield servers
    finally:
        for server in servers.values():
            server.close()


def mended(pair: Members) -> Members:
    """Both Tomcats running and answering, whatever a test did to them."""
    for server in pair.values():
        if server.alive:
            server.thaw()
        else:
            server.launch()
    for server in pair.values():
        server.wait_ready()
    return pair


@pytest.fixture
def members(pair: Members) -> Members:
    """Both Tomcats by route, whole; a test may end or freeze them as it likes."""
    return mended(pair)


def end(balancer: Balancer) -> None:
    """End a balancer, and fail if it has logged a fault of its own."""
    balancer.kill()
    complaints = balancer.complaints()
    balancer.close()
    assert not complaints, "\n".join([f"{balancer.name} has logged:", *complaints, balancer.tail(60)])


@pytest.fixture(scope="module")
def balancer(pair: Members, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    """A balancer for the tests of a module that leave the servers alone."""
    mended(pair)
    server = balancers.PEERS[PEER](tmp_path_factory.mktemp("balancer"), list(pair.values()))
    try:
        server.start()
        yield server
    finally:
        end(server)


@pytest.fixture
def start_balancer(members: Members, tmp_path: Path) -> Iterator[StartBalancer]:
    """Balancers of the test's own, as it asks for them."""
    started: list[Balancer] = []
    numbers = itertools.count(1)

    def start(
        *,
        stickysession: str = "ROUTEID",
        cookie: bool = True,
        check: str = "http",
        location: str = "",
        balancer: str = "",
    ) -> Balancer:
        server = balancers.PEERS[PEER](
            tmp_path / f"balancer-{next(numbers)}",
            list(members.values()),
            stickysession=stickysession,
            cookie=cookie,
            check=check,
            location=location,
            balancer=balancer,
        )
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        end(server)


@pytest.fixture
def own_balancer(start_balancer: StartBalancer) -> Balancer:
    """A balancer that this test alone uses, so that it may meet members that die."""
    return start_balancer()
