"""CPU time, speed, latency and memory of a small browser request that is sticky by cookie."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import wrk
from bench.errors import BenchError
from bench.nginx_member import NginxMember
from bench.peers import Peer, Site
from bench.plan import Plan, say, work_directory
from bench.processes import free_port
from bench.rounds import Reading, Round, Rounds, ratio_table
from bench.tables import Table
from bench.tls import CIPHER, Identity, client_context, make_identity
from bench.verify import checked, sticky_cookie

WARM_SECONDS = 1


def measure(plan: Plan) -> Rounds:
    """Measure every peer of the plan in turns."""
    for program in ("wrk", "nginx"):
        if shutil.which(program) is None:
            raise BenchError(
                f"{program} is not installed: http needs wrk as its client and nginx as its member"
            )
    rounds_of: dict[str, list[Round]] = {peer.name: [] for peer in plan.peers}
    with work_directory() as work:
        made = make_identity(work)
        member = NginxMember(work, plan.cores.load, made if plan.tls_members else None)
        identity = made if plan.tls else None
        with member.program:
            member.program.wait_until_listening(member.ports[0])
            for number, peer in plan.turns():
                figures = one_round(plan, peer, member, work, identity)
                rounds_of[peer.name].append(figures)
                say(f"  round {number}, {peer.name}: {figures}")
    return rounds_of


def one_round(plan: Plan, peer: Peer, member: NginxMember, work: Path, identity: Identity | None) -> Round:
    """Start the peer, check it, warm it up, measure it, check it again, end it."""
    site = Site(
        work=work,
        port=free_port(),
        members=member.ports,
        access_log=plan.access_log,
        tls=identity,
        tls_members=member.identity,
    )
    tls = None if identity is None else client_context()
    offer = None if identity is None else identity.openssl_conf
    body = member.body(plan.path)
    url = f"{'http' if tls is None else 'https'}://localhost:{site.port}{plan.path}"
    with peer.start(site, plan.cores.proxy) as proxy:
        cookie = sticky_cookie(peer.name, site.port, plan.path, body, tls)
        wrk.run(peer.name, url, WARM_SECONDS, cookie, body=body, openssl_conf=offer)
        start = Reading.take(proxy)
        load = wrk.run(peer.name, url, plan.seconds, cookie, openssl_conf=offer)
        end = Reading.take(proxy)
        figures = Round.between(
            start, end, load.requests, p50_ms=load.p50_ms, p99_ms=load.p99_ms, pss_mib=proxy.pss_mib()
        )
        checked(peer.name, site.port, plan.path, body, cookie, tls)
    if plan.access_log:
        check_log(peer.name, work, load.requests)
    return figures


def check_log(peer: str, work: Path, requests: int) -> None:
    """A log without its lines would make its peer look cheap. HAProxy's log is its standard output."""
    path = work / ("haproxy.log" if peer == "haproxy" else "access.log")
    lines = path.read_bytes().count(b"\n") if path.exists() else 0
    if lines < requests:
        raise BenchError(f"{peer}: {lines:,} lines in the access log after more than {requests:,} requests")
    path.unlink()


def table(plan: Plan, rounds_of: Rounds) -> Table:
    """The table of ratios."""
    logs = "on" if plan.access_log else "off"
    over = (f"HTTPS ({CIPHER})" if plan.tls else "HTTP") + (", members over TLS" if plan.tls_members else "")
    return ratio_table(
        f"{over}: GET {plan.path}, access logs {logs}",
        "request",
        rounds_of,
        [
            f"{wrk.CONNECTIONS} kept connections, a browser's request headers, sticky by cookie.",
            "The proxy has a core of its own and fills it: latencies are those of a full core.",
        ],
    )
