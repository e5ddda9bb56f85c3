"""``python -m bench``: measure panolb beside its peers and print tables."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine, measure_http, measure_size, measure_ws
from bench.errors import BenchError
from bench.interruption import interruption
from bench.nginx_member import PATHS
from bench.peers import PEERS, STOCK, Peer
from bench.plan import Plan, say
from bench.processes import end_children
from bench.tables import Table

ALL = {**PEERS, STOCK.name: STOCK}
TO_TLS = ("panolb", "apache")
"""Those whose configuration says how to reach members over TLS."""


@dataclass(frozen=True, slots=True)
class Result:
    """A table for people, and all its rounds for programs."""

    name: str
    table: Table
    raw: Mapping[str, Any]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what", choices=("http", "ws", "size", "all"), help="all: http without and with logs, ws, size"
    )
    parser.add_argument("--peers", type=peer_names, help="default: " + ",".join(PEERS))
    parser.add_argument("--rounds", type=positive, default=3, help="of http and ws; default 3")
    parser.add_argument("--seconds", type=positive, default=3, help="of each round; default 3")
    parser.add_argument(
        "--path", choices=PATHS, default=PATHS[0], help=f"what http asks for; default {PATHS[0]}"
    )
    parser.add_argument("--access-log", action="store_true", help="http: every peer writes an access log")
    parser.add_argument("--tls", action="store_true", help="http: clients speak TLS")
    parser.add_argument(
        "--tls-members",
        action="store_true",
        help="http: members speak TLS, and are verified; panolb and apache",
    )
    parser.add_argument("--rst", action="store_true", help="print reStructuredText, as README.rst shows it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round to FILE")
    return parser.parse_args()


def positive(text: str) -> int:
    """A whole number from 1 up."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def peer_names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(ALL)}")
    return names


def installed(names: Sequence[str]) -> tuple[Peer, ...]:
    """Those peers that are here; a line says which are not."""
    missing = [name for name in names if not ALL[name].installed()]
    if missing:
        say(f"not installed, so left out: {', '.join(missing)}")
    found = tuple(ALL[name] for name in names if name not in missing)
    if not found:
        raise BenchError("nothing to measure")
    return found


def run(plan: Plan, what: str) -> list[Result]:
    """Make the measurements asked for, one after another."""
    results = []
    for access_log in {"http": [plan.access_log], "all": [False, True]}.get(what, []):
        chosen = dataclasses.replace(plan, access_log=access_log)
        say(("https" if plan.tls else "http") + (", access logs on" if access_log else ""))
        rounds = measure_http.measure(chosen)
        name = ("https" if plan.tls else "http") + ("_access_log" if access_log else "")
        results.append(Result(name, measure_http.table(chosen, rounds), rounds))
    if what in {"ws", "all"}:
        say("ws")
        ws = measure_ws.measure(plan)
        results.append(Result("ws", measure_ws.table(ws), ws))
    if what in {"size", "all"}:
        say("size")
        sizes = measure_size.measure(plan)
        results.append(Result("size", measure_size.table(plan, sizes), sizes))
    return results


def plain(value: object) -> object:
    """A dataclass as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(type(value).__name__)


def main() -> None:
    """Exit 0 with tables, 1 with what a peer did wrong, 2 on a wrong command line, 128 + N on signal N."""
    choices = arguments()
    interruption.watch()
    try:
        measure(choices)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        raise SystemExit(1)
    finally:
        interruption.ignore()
        end_children()


def names(choices: argparse.Namespace) -> tuple[str, ...]:
    """Whom to measure, if nobody is named."""
    if choices.tls_members:
        return TO_TLS
    return tuple(ALL) if choices.tls else tuple(PEERS)


def measure(choices: argparse.Namespace) -> None:
    """Measure and print."""
    cores = machine.cores()
    os.sched_setaffinity(0, {cores.load})
    peers = installed(choices.peers or names(choices))
    strangers = [peer.name for peer in peers if choices.tls_members and peer.name not in TO_TLS]
    if strangers:
        raise BenchError(f"--tls-members: no configuration for {', '.join(strangers)}")
    if not cores.apart:
        say("only one core: load and proxy share it, so the figures are worth less")
    plan = Plan(
        peers=peers,
        rounds=choices.rounds,
        seconds=choices.seconds,
        path=choices.path,
        access_log=choices.access_log,
        tls=choices.tls,
        tls_members=choices.tls_members,
        cores=cores,
        descriptors=machine.raise_descriptor_limit(),
    )
    about = f"{machine.description()}. {'; '.join(peer.version() for peer in peers)}."
    results = run(plan, choices.what)
    if choices.json:
        raw = {"about": about} | {result.name: result.raw for result in results}
        choices.json.write_text(json.dumps(raw, indent=1, default=plain) + "\n", encoding="utf-8")
    with contextlib.suppress(BrokenPipeError):
        shown = [result.table.rst() if choices.rst else result.table.text() for result in results]
        print("\n\n".join([*shown, about]))


if __name__ == "__main__":
    main()
