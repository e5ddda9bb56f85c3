"""The load generator of the HTTP measurement: wrk, sending what a browser sends."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from bench.errors import BenchError

CONNECTIONS = 32
BROWSER_HEADERS = (
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Accept: application/json, text/plain, */*",
    "X-Requested-With: XMLHttpRequest",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Dest: empty",
    "Referer: http://dash.example.com/panopticon/workbook/",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
)
COOKIE_HEADER = (
    "Cookie: ROUTEID={}; JSESSIONID=0123456789ABCDEF0123456789ABCDEF.node1; "
    "token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.abcdef"
)
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted; latencies in milliseconds."""

    requests: int
    p50_ms: float
    p99_ms: float


def run(peer: str, url: str, seconds: int, cookie: str) -> Load:
    """Keep 32 connections busy for so many seconds; every answer must be a good one."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency"]
    for header in (*BROWSER_HEADERS, COOKIE_HEADER.format(cookie)):
        command += ["-H", header]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"wrk failed on {peer}: {(done.stderr or done.stdout).strip()}")
    bad = re.findall(r"^ *((?:Socket errors|Non-2xx).*)$", done.stdout, re.MULTILINE)
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
