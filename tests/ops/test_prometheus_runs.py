"""A real Prometheus reads a real panolb, and answers whatever the dashboard and the alerts ask."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from tests.harness.scripts import answer
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.ops.programs import run
from tests.ops.test_prometheus import MEMBER_HEALTH, PROMETHEUS, expressions
from tests.proxy.lab import running

SETTINGS = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: panolb
    static_configs: [{{targets: ["{address}:{admin}"]}}]
"""

SPEAKS_OF_TROUBLE = {
    "panel Retries",
    "panel Ends by who is to blame",
    "panel Ends by word",
    "panel Refused requests",
    "panel Drains",
    "panel Access log lines lost",
    "panel Certificates",
    "panel First certificate expires in",
    "panel Time in the queue",
    "panel Round trips of pings",
    "panel Round trips by member",
    "panel Closed",
    "panel Workers",
    "annotation Reloads",
}
"""What has nothing to show of a panolb without TLS and WebSockets in which all is well."""


class Prometheus:
    """The server.

    :param admin: the port of the status page that it reads.
    """

    def __init__(self, directory: Path, admin: int) -> None:
        run("prometheus", "--version")  # skips the test where there is none
        self._port = free_port()
        settings = directory / "prometheus.yml"
        settings.write_text(SETTINGS.format(rules=PROMETHEUS / "alerts.yml", address=ADDRESS, admin=admin))
        self._log = (directory / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={settings}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={ADDRESS}:{self._port}",
            ],
            stdout=self._log,
            stderr=self._log,
        )

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What it answers to PromQL now; an error of its own is one of ours."""
        url = f"http://{ADDRESS}:{self._port}/api/v1/query?query={quote(expression)}"
        with urlopen(url, timeout=PATIENCE) as got:
            answered = json.load(got)
        assert answered["status"] == "success", answered
        found: list[dict[str, Any]] = answered["data"]["result"]
        return found

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._log.close()


@contextmanager
def reading(directory: Path, admin: int) -> Iterator[Prometheus]:
    """A server that has read the page a few times."""
    prometheus = Prometheus(directory, admin)
    try:
        scraped = "count_over_time(panolb_config_generation[1m]) >= 3"
        until(lambda: prometheus.ask(scraped), "Prometheus to have read the page")
        yield prometheus
    finally:
        prometheus.close()


def as_grafana_asks(expression: str) -> str:
    """With what it puts in the places of the variables when all is chosen."""
    return re.sub(r'"\$\w+"', '".*"', expression.replace("$__rate_interval", "1m"))


def test_every_expression_has_an_answer(tmp_path: Path) -> None:
    """Also those that match series with each other, which fail only when there are some."""
    with running(tmp_path, members=2, more=MEMBER_HEALTH) as lab:
        lab.members[0].script = answer(b"broken", status="500 Broken")
        with reading(tmp_path, lab.admin) as prometheus:
            for route in ("1", "2", "9"):
                lab.get("/app/", f"Cookie: ROUTEID=.{route}")
            lab.get("/nowhere")
            until(lambda: prometheus.ask('rate(panolb_requests_total{code_class="5xx"}[1m]) > 0'), "a rate")
            silent = {
                where
                for where, expression in expressions()
                if not where.startswith("variable") and not prometheus.ask(as_grafana_asks(expression))
            }
    alerts = {where for where in silent if where.startswith("alert")}
    assert silent - alerts <= SPEAKS_OF_TROUBLE
    assert "alert PanolbErrors" not in alerts  # half of the requests have failed
