"""``python -m bench.measure_log``: CPU time that a line of the access log costs, with its share of the writing."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from panolb.config import model
from panolb.control.accesslog import AccessLogs
from panolb.control.logged import Times
from panolb.core.exchange import Exchange
from tests.core.building import ask
from tests.core.script import Script

COMMON = '%h %l %u %t "%r" %>s %b'
COMBINED = COMMON + ' "%{Referer}i" "%{User-Agent}i"'
FORMATS = ("common", "combined", "json", "vhost_combined", "apache-balancer", COMMON, COMBINED)
LINES = 5_000
ROUNDS = 100  # short ones, in turn: on a busy machine some of them are undisturbed


def exchange() -> Exchange:
    """A request of a browser that is over."""
    script = Script(
        ask(
            b"Cookie: ROUTEID=.1",
            b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            b"Referer: https://dash.example/panopticon/overview",
            target=b"/panopticon/data/series?from=1764000000&to=1764003600",
        ),
        place={"run": "5189cb"},
    ).begun()
    script.now += 0.012
    script.head(200, b"Content-Length: 3")
    script.exchange.response_data(b"abc")
    script.exchange.response_end()
    return script.exchange


def microseconds(form: str, directory: Path, subject: Exchange) -> float:
    """CPU time of this process for a line."""
    log = model.AccessLog(path=str(directory / "access.log"), format=form)
    times = Times(lambda: 1000.0, lambda ago: "22/Nov/2026:20:15:03 +0000", lambda: 1_790_000_000.0)
    logs = AccessLogs(model.Config(access_log=[log]), times)
    write = logs.writer()
    assert write is not None
    begin = time.process_time()
    for _ in range(LINES):
        write(subject)
    logs.stop()
    return (time.process_time() - begin) / LINES * 1e6


def main() -> None:
    """Print the best of some rounds for each format."""
    subject = exchange()
    with TemporaryDirectory(dir="/var/tmp") as directory:
        best = dict.fromkeys(FORMATS, float("inf"))
        for _ in range(ROUNDS):
            for form in FORMATS:
                best[form] = min(best[form], microseconds(form, Path(directory), subject))
    for form, cost in best.items():
        print(f"{form:55} {cost:.2f} us")


if __name__ == "__main__":
    main()
