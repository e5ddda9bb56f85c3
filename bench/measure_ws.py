"""CPU time per message that a member pushes through many WebSockets."""

from __future__ import annotations

import asyncio
from statistics import quantiles

from bench.clients import Crowd, PushClient, Tally, crowd
from bench.errors import BenchError
from bench.frames import BINARY, frame
from bench.interruption import interruption
from bench.member import SMALL, Members
from bench.peers import Peer, Site
from bench.plan import Plan, say, work_directory
from bench.processes import Program, free_port
from bench.rounds import Reading, Round, Rounds, ratio_table
from bench.tables import Table
from bench.verify import sticky_cookie

CONNECTIONS = 200
PER_SECOND = 50
SIZE = 200
PATH = f"/panopticon/ws?rate={PER_SECOND}&size={SIZE}"
WARM_SECONDS = 1.0
THREADS = 1400  # Apache takes one for every WebSocket


def measure(plan: Plan) -> Rounds:
    """Measure every peer of the plan in turns."""
    rounds_of: dict[str, list[Round]] = {peer.name: [] for peer in plan.peers}
    for number, peer in plan.turns():
        members = Members()
        with work_directory() as work:
            site = Site(work=work, port=free_port(), members=members.ports, threads=THREADS)
            with peer.start(site, plan.cores.proxy) as proxy:
                figures = interruption.run(one_round(plan, peer, proxy, members, site.port))
        rounds_of[peer.name].append(figures)
        say(f"  round {number}, {peer.name}: {figures}")
    return rounds_of


async def one_round(plan: Plan, peer: Peer, proxy: Program, members: Members, port: int) -> Round:
    """Check the peer, open all WebSockets, measure while messages are pushed."""
    tally = Tally()
    size = len(frame(BINARY, bytes(SIZE)))
    async with members.serving():
        cookie = await asyncio.to_thread(sticky_cookie, peer.name, port, "/panopticon/small", SMALL)
        async with crowd(port, lambda: PushClient(PATH, cookie, size, tally)) as clients:
            try:
                await clients.grow(CONNECTIONS)
                check_stickiness(clients)
                await asyncio.sleep(WARM_SECONDS)
                figures = await pushed(plan.seconds, proxy, tally, size)
                clients.check_open()
            except BenchError as error:
                raise BenchError(f"{peer.name}: {error}") from error
            return figures


async def pushed(seconds: float, proxy: Program, tally: Tally, size: int) -> Round:
    """Count what comes through in so many seconds."""
    tally.clear()
    start = Reading.take(proxy)
    await asyncio.sleep(seconds)
    end, messages = Reading.take(proxy), tally.bytes / size
    if len(tally.delays) < 2:
        raise BenchError(
            f"{tally.bytes} bytes came through the WebSockets, hardly any of them a whole message"
        )
    cuts = quantiles(tally.delays, n=100)
    return Round.between(
        start, end, messages, p50_ms=1000 * cuts[49], p99_ms=1000 * cuts[98], pss_mib=proxy.pss_mib()
    )


def check_stickiness(clients: Crowd[PushClient]) -> None:
    """Every WebSocket had the cookie of the first member."""
    reached = {client.member for client in clients.clients}
    if reached != {"1"}:
        raise BenchError(f"WebSockets with the cookie of member 1 reached {', '.join(sorted(reached))}")


def table(rounds_of: Rounds) -> Table:
    """The table of ratios."""
    return ratio_table(
        f"WebSocket: {CONNECTIONS} connections, {PER_SECOND} messages a second of {SIZE} bytes pushed on each",
        "message",
        rounds_of,
        [
            "p50 and p99: from the member's write to the client's read, the load generator's own delay included."
        ],
    )
