"""Memory: what large transfers and many idle connections cost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bench import transfer
from bench.clients import Client, KeptClient, PushClient, Tally, crowd
from bench.errors import BenchError
from bench.interruption import interruption
from bench.measure_ws import THREADS
from bench.member import SMALL, Members
from bench.peers import Peer, Site
from bench.plan import Plan, say, work_directory
from bench.processes import Program, free_port, rss_kib
from bench.tables import Table
from bench.verify import sticky_cookie

SLOW = 50_000_000.0  # bytes a second
SAMPLE_SECONDS = 0.02
SETTLE_SECONDS = 0.5
WARM_CONNECTIONS = 300
IDLE_CONNECTIONS = 5000
IDLE_WEBSOCKETS = 1000
SPARE_DESCRIPTORS = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident memory before a transfer, and how much more it was at its peak; seconds that the transfer took."""

    start_mib: float
    growth_mib: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """One peer's figures: two transfers, and KiB for each idle connection and WebSocket."""

    fast: Growth
    slow: Growth
    connection_kib: float
    websocket_kib: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A running, checked proxy with two members behind it; the cookie leads to the first of them."""

    program: Program
    port: int
    cookie: str

    def kept(self) -> Client:
        """A client with one request and a kept connection."""
        return KeptClient("/panopticon/small", self.cookie, SMALL)

    def websocket(self) -> Client:
        """A client with a WebSocket on which nothing is pushed."""
        return PushClient("/panopticon/ws?rate=0&size=0", self.cookie, 0, Tally())


def affordable(wanted: int, descriptors: int) -> int:
    """Connections that the limit of open files allows, since a proxy or the benchmark has two ends of each open."""
    return min(wanted, (descriptors - SPARE_DESCRIPTORS) // 2 - WARM_CONNECTIONS)


def measure(plan: Plan) -> Mapping[str, Sizes]:
    """Measure each peer, with a fresh process for each figure: memory freed before would hide the next growth."""
    connections, websockets = (affordable(n, plan.descriptors) for n in (IDLE_CONNECTIONS, IDLE_WEBSOCKETS))
    if websockets < WARM_CONNECTIONS:
        raise BenchError(
            f"a limit of {plan.descriptors} open files is too low; 'ulimit -n' should say 4096 or more"
        )
    results: dict[str, Sizes] = {}
    for peer in plan.peers:
        sizes = Sizes(
            on_fresh(plan, peer, lambda subject: transferred(subject, 0)),
            on_fresh(plan, peer, lambda subject: transferred(subject, SLOW)),
            on_fresh(plan, peer, lambda subject: idle_kib(subject, subject.kept, connections)),
            on_fresh(plan, peer, lambda subject: idle_kib(subject, subject.websocket, websockets)),
        )
        results[peer.name] = sizes
        say(
            f"  {peer.name}: grew {sizes.fast.growth_mib:.1f} MiB, with slow readers {sizes.slow.growth_mib:.1f} MiB;"
            f" {sizes.connection_kib:.1f} KiB per connection, {sizes.websocket_kib:.1f} KiB per WebSocket"
        )
    return results


def on_fresh(plan: Plan, peer: Peer, work: Callable[[Subject], Awaitable[T]]) -> T:
    """Start members and proxy, check that it works, run ``work`` on it, end it all."""
    members = Members()

    async def run(program: Program, port: int) -> T:
        async with members.serving():
            cookie = await asyncio.to_thread(sticky_cookie, peer.name, port, "/panopticon/small", SMALL)
            try:
                return await work(Subject(program, port, cookie))
            except BenchError as error:
                raise BenchError(f"{peer.name}: {error}") from error

    with work_directory() as directory:
        site = Site(work=directory, port=free_port(), members=members.ports, threads=THREADS)
        with peer.start(site, plan.cores.proxy) as program:
            return interruption.run(run(program, site.port))


class Peak:
    """The highest resident memory seen so far, in KiB."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self.kib = rss_kib(pids)

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            self.kib = max(self.kib, rss_kib(self._pids))


@contextlib.asynccontextmanager
async def watched(program: Program) -> AsyncIterator[Peak]:
    """Watch a program's memory."""
    peak = Peak(program.pids())
    watching = asyncio.create_task(peak.watch())
    try:
        yield peak
    finally:
        watching.cancel()


async def transferred(subject: Subject, rate: float) -> Growth:
    """Both ways at once through the proxy, readers at ``rate`` bytes a second (0: as fast as it goes)."""
    clock = asyncio.get_running_loop().time
    async with watched(subject.program) as peak:
        start_kib, start = peak.kib, clock()
        await transfer.both_ways(subject.port, subject.cookie, rate)
        return Growth(start_kib / 1024, (peak.kib - start_kib) / 1024, clock() - start)


async def idle_kib(subject: Subject, make: Callable[[], Client], count: int) -> float:
    """KiB of resident memory for each of ``count`` connections that come on top of some hundred and then rest."""
    async with crowd(subject.port, make) as clients:
        await clients.grow(WARM_CONNECTIONS)
        await asyncio.sleep(SETTLE_SECONDS)
        before = rss_kib(subject.program.pids())
        await clients.grow(count)
        await asyncio.sleep(SETTLE_SECONDS)
        after = rss_kib(subject.program.pids())
        clients.check_open()
        return (after - before) / count


def table(plan: Plan, results: Mapping[str, Sizes]) -> Table:
    """One row for each peer."""
    rows = [
        (
            name,
            f"{sizes.fast.start_mib:.0f}",
            f"{sizes.fast.growth_mib:.1f}",
            f"{sizes.fast.seconds:.1f}",
            f"{sizes.slow.growth_mib:.1f}",
            f"{sizes.connection_kib:.1f}",
            f"{sizes.websocket_kib:.1f}",
        )
        for name, sizes in results.items()
    ]
    connections, websockets = (affordable(n, plan.descriptors) for n in (IDLE_CONNECTIONS, IDLE_WEBSOCKETS))
    size = f"{transfer.TRANSFER // 1_000_000} MB"
    growth = (
        f"RSS: after the first requests. Growth: its peak while {size} go up and {size} come down at the same time; "
        f"slow: with readers that take {SLOW / 1e6:.0f} MB/s."
    )
    idle = (
        f"KiB/conn, KiB/ws: user-space memory of each of {connections:,} idle kept connections "
        f"and of each of {websockets:,} idle WebSockets."
    )
    notes = [growth, idle]
    if connections < IDLE_CONNECTIONS or websockets < IDLE_WEBSOCKETS:
        notes.append(
            f"Scaled down from {IDLE_CONNECTIONS:,} and {IDLE_WEBSOCKETS:,}, since a process may open only "
            f"{plan.descriptors:,} files here."
        )
    return Table(
        "Memory",
        ("peer", "RSS MiB", "growth MiB", "took s", "slow growth MiB", "KiB/conn", "KiB/ws"),
        rows,
        notes,
    )
