"""The load generator of the HTTP measurement: wrk, sending what a browser sends."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import browser
from bench.errors import BenchError

CONNECTIONS = 32
EVERY_ANSWER = Path(__file__).resolve().parent / "conf" / "every_answer.lua"
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted; latencies in milliseconds."""

    requests: int
    p50_ms: float
    p99_ms: float


def run(
    peer: str,
    url: str,
    seconds: int,
    cookie: str,
    *,
    body: bytes | None = None,
    openssl_conf: Path | None = None,
) -> Load:
    """Keep 32 connections busy for so many seconds; no answer may be an error.

    :param openssl_conf: says what to offer over TLS.
    :param body: look at every answer: it must be 200 and as long as this. It takes time, so do not measure with it.
    """
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency"]
    for name, value in browser.headers(cookie).items():
        command += ["-H", f"{name}: {value}"]
    if body is None:
        command += [url]
    else:
        command += ["-s", str(EVERY_ANSWER), url, "--", str(len(body))]
    environment = {} if openssl_conf is None else {"OPENSSL_CONF": str(openssl_conf)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode:
        raise BenchError(f"wrk failed on {peer}: {(done.stderr or done.stdout).strip()}")
    bad = re.findall(r"^ *((?:Socket errors|Non-2xx|Wrong answers).*)$", done.stdout, re.MULTILINE)
    if bad:
        raise BenchError(f"{peer}: not every request was answered with 200: {'; '.join(bad)}")
    return parsed(peer, done.stdout)


def parsed(peer: str, report: str) -> Load:
    """Read wrk's report."""
    count = re.search(r"(\d+) requests in", report)
    if count is None or int(count[1]) == 0:
        raise BenchError(f"{peer}: wrk made no request:\n{report}")
    latency = {
        percent: float(number) * MILLISECONDS[unit]
        for percent, number, unit in re.findall(r"^ +(50|99)% +([\d.]+)([mu]?s|m)", report, re.MULTILINE)
    }
    return Load(int(count[1]), latency["50"], latency["99"])
