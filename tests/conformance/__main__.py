"""``python -m tests.conformance``: run the suite's fuzzing client against the echo server and both lanes, and judge.

Exit status: 0 when everything is as promised, 1 when a case is not, 2 when the suite could not be run.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import panolb
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until

from . import verdicts
from .verdicts import DIRECT, MESSAGES, SPLICE, Result

USUAL = " ".join(
    (
        *(f"{group}.*" for group in (1, 2, 3, 4, 5, 6, 7, 9, 10)),
        # Of the sizes of the groups about compression 16, 256 and 4096 bytes, and 8192 in fragments of 256; the rest,
        # up to 128 KiB a thousand times, takes hours.
        *(f"12.{data}.{size}" for data in range(1, 6) for size in (1, 3, 5, 11)),
        *(f"13.{parameters}.{size}" for parameters in range(1, 8) for size in (1, 3, 5, 11)),
    )
)
HUNG = 4 * 3600.0  # seconds for one lane

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.echo]
[[balancer.echo.member]]
url = "http://{address}:{echo}"

[[location]]
path = "/splice"
balancer = "echo"

[[location]]
path = "/messages"
balancer = "echo"
websocket = "messages"
"""


class NotRun(Exception):
    """The suite could not be run; the text says why."""


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--suite", type=Path, required=True, help="a Python 2.7 virtual environment that has it"
    )
    parser.add_argument("--out", type=Path, default=Path("build/conformance"), help="where the reports go")
    parser.add_argument(
        "--cases",
        default=USUAL,
        help='cases, separated by spaces: "6.4.3", "7.*", "*" for all; default: all but the long ones of 12 and 13',
    )
    parser.add_argument(
        "--lanes", nargs="+", choices=(SPLICE, MESSAGES), default=[SPLICE, MESSAGES], help="default: both"
    )
    return parser.parse_args(words)


@contextmanager
def echo_server(log: Path) -> Iterator[int]:
    """The member, in a process of its own; its port."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.echo", str(port)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: answers(port), "the echo server to listen")
        yield port
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.create_connection((ADDRESS, port), timeout=5):
        return True


@contextmanager
def balancer(directory: Path, echo: int) -> Iterator[tuple[int, Panolb]]:
    """A panolb in front of it, as operators run it: its port, and the process."""
    port = free_port()
    process = Panolb(directory, CONFIG.format(address=ADDRESS, port=port, echo=echo), (port,))
    process.output.unlink(missing_ok=True)
    try:
        process.start()
        yield port, process
    finally:
        process.close()


def chosen(suite: Path, patterns: Sequence[str]) -> list[str]:
    """The suite's cases that fit some patterns.

    :raises NotRun: when one fits none, with which the suite would wait for ever.
    """
    listing = "from autobahntestsuite.case import Cases; print(chr(10).join(case.__name__ for case in Cases))"
    done = subprocess.run(
        [str(suite / "bin/python"), "-c", listing],
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise NotRun(f"the suite is not in {suite}: {done.stderr.strip()}")
    every = [name.removeprefix("Case").replace("_", ".") for name in done.stdout.split()]
    found = {pattern: [case for case in every if fnmatchcase(case, pattern)] for pattern in patterns}
    for pattern, cases in found.items():
        if not cases:
            raise NotRun(f"no case of the suite is called {pattern}")
    return sorted({case for cases in found.values() for case in cases}, key=verdicts.number)


def run(options: argparse.Namespace, lane: str, url: str, cases: Sequence[str]) -> dict[str, Result]:
    """One run of the suite's client.

    :raises NotRun: when it ended without a report.
    """
    directory: Path = options.out / lane
    directory.mkdir(parents=True, exist_ok=True)
    for old in (*directory.glob(f"{lane}_case_*"), *directory.glob("index.*")):
        old.unlink()
    spec = options.out / f"{lane}.spec.json"
    spec.write_text(
        json.dumps(
            {
                "outdir": str(directory),
                "servers": [{"agent": lane, "url": url}],
                "cases": cases,
                "exclude-cases": [],
                "exclude-agent-cases": {},
            }
        )
    )
    log = options.out / f"{lane}.log"
    with log.open("wb") as output:
        subprocess.run(
            [str(options.suite / "bin/wstest"), "--mode", "fuzzingclient", "--spec", str(spec)],
            check=False,
            timeout=HUNG,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        return verdicts.read(directory, lane)
    except (OSError, KeyError):
        raise NotRun(f"the suite wrote no report for {lane}; see {log}") from None


def compare(options: argparse.Namespace) -> tuple[dict[str, dict[str, Result]], str]:
    """Run every lane, one after another: some cases look at what comes within a second.

    :returns: the results, and what was wrong with panolb itself afterwards; empty for nothing.
    """
    results = {}
    cases = chosen(options.suite, options.cases.split())
    with echo_server(options.out / "echo.log") as echo, balancer(options.out, echo) as (port, process):
        urls = {
            DIRECT: f"ws://{ADDRESS}:{echo}/",
            SPLICE: f"ws://{ADDRESS}:{port}/splice",
            MESSAGES: f"ws://{ADDRESS}:{port}/messages",
        }
        for lane in (DIRECT, *options.lanes):
            print(f"{lane}: {len(cases)} cases ...", flush=True)
            results[lane] = run(options, lane, urls[lane], cases)
        try:
            process.stop()
        except AssertionError as error:
            return results, f"panolb did not live through it in good health: {error}"
    return results, ""


def main(words: Sequence[str] | None = None) -> int:
    """Do it, and return the exit status."""
    # So that a run that is told to end ends its servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = arguments(words)
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        results, trouble = compare(options)
    except (NotRun, OSError, AssertionError, subprocess.TimeoutExpired) as error:
        print(f"The conformance suite could not be run: {error}", file=sys.stderr)
        return 2
    found = verdicts.deviations(results)
    versions = {name: version(name) for name in ("autobahn", "twisted")}
    versions["panolb"] = panolb.__version__
    summary = f"{len(found)} deviations" if found else "no deviation"
    text = "\n".join((verdicts.table(results), "", *map(str, found), *filter(None, (trouble,)), summary, ""))
    (options.out / "report.txt").write_text(text)
    (options.out / "report.json").write_text(verdicts.as_json(results, found, versions))
    print(text)
    print(f"Wire logs: {options.out}/*/*.html; this report: {options.out}/report.txt and .json")
    return 1 if found or trouble else 0


if __name__ == "__main__":
    sys.exit(main())
