"""The dashboard and the alerts: every expression is one, and asks for what a real /metrics page has."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families as parse

from panolb.control.metrics.blame import BLAME
from panolb.control.metrics.families import FAMILIES, Kind
from tests.control.test_metrics import scrape
from tests.ops.programs import OPS, run
from tests.proxy.lab import running

GRAFANA, PROMETHEUS = OPS / "grafana", OPS / "prometheus"
ENDINGS = {Kind.COUNTER: ("_total",), Kind.GAUGE: ("",), Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
OF_PROMETHEUS = {"job", "instance", "le"}
WORDS = {
    "initiator": {"client", "member", "panolb"},
    "side": {"client", "member"},
    "blame": set(BLAME.values()),
}
"""Values of labels that no page need have from the start."""

MEMBER_HEALTH = '[balancer.app.health]\ncheck = "tcp"\ninterval = "100ms"\n'


@cache
def dashboard() -> dict[str, Any]:
    """As it is imported."""
    found: dict[str, Any] = json.loads((GRAFANA / "panolb.json").read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """All that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[tuple[str, str]]:
    """All of them, with where they stand."""
    for panel in panels():
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for one in dashboard()["annotations"]["list"]:
        yield f"annotation {one['name']}", one["expr"]
    for one in dashboard()["templating"]["list"]:
        if one["type"] == "query":
            yield f"variable {one['name']}", one["query"]["query"]
    for rule in rules():
        yield f"alert {rule['alert']}", rule["expr"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A real one."""
    with running(tmp_path_factory.mktemp("metrics"), members=2, more=MEMBER_HEALTH) as lab:
        lab.get("/app/")
        return scrape(lab.admin)[1]


def labels_of(metric: str) -> set[str]:
    """The labels of a sample."""
    for family in FAMILIES.values():
        if metric in [family.name + ending for ending in ENDINGS[family.kind]]:
            return {*family.labels, *OF_PROMETHEUS}
    raise AssertionError(f"there is no {metric}")


def test_names_and_labels(page: str) -> None:
    """Each metric is on the page, by the name that Prometheus gives its samples, and has the labels that are asked for."""
    families = list(parse(page))
    exported = {family.name + ending for family in families for ending in ENDINGS[Kind(family.type)]}
    values: dict[str, set[str]] = {name: set(words) for name, words in WORDS.items()}
    for family in families:
        for sample in family.samples:
            for name, value in sample.labels.items():
                values.setdefault(name, set()).add(value)
    for where, expression in expressions():
        metrics = set(re.findall(r"\b(?:panolb|process)_\w+", re.sub(r'"[^"]*"', '""', expression)))
        assert metrics <= exported, (where, metrics - exported)
        known = set.union(*map(labels_of, metrics)) if metrics else OF_PROMETHEUS
        asked = set(re.findall(r"(\w+) *(?:=~|!~|!=|=(?!=))", expression))
        for names in re.findall(r"\bby \(([^)]*)\)", expression):
            asked |= set(re.split(r",\s*", names))
        assert asked <= known, (where, asked - known)
        for name, value in re.findall(r'(\w+) *(?:=~|!~|!=|=)"([^"$]*)"', expression):
            if name not in ("job", "code"):
                assert set(value.split("|")) <= values[name], (where, name, value)


def test_documentation_speaks_of_what_exists() -> None:
    """Each metric that any page names."""
    pages = [*(OPS.parent / "docs").glob("*.rst"), *OPS.rglob("*.rst"), OPS.parent / "README.rst"]
    named = {
        (page.name, word)
        for page in pages
        for word in re.findall(r"\b(?:panolb|process)_[a-z]\w*", page.read_text(encoding="utf-8"))
    }
    there = {family.name + ending for family in FAMILIES.values() for ending in (*ENDINGS[family.kind], "")}
    there -= {family.name for family in FAMILIES.values() if family.kind is Kind.COUNTER}
    assert {one for one in named if one[1] not in there} == {("architecture.rst", "panolb_plugin")}


def test_lines_are_named_by_what_they_have() -> None:
    """What stands in braces in a panel's legend is a label that its expression keeps."""
    for panel in panels():
        for target in panel["targets"]:
            expression, legend = target["expr"], target["legendFormat"]
            kept = re.findall(r"\bby \(([^)]*)\)", expression)
            metrics = re.findall(r"\b(?:panolb|process)_\w+", expression)
            has = set(re.split(r",\s*", kept[0])) if kept else labels_of(metrics[0])
            assert set(re.findall(r"{{(\w+)}}", legend)) <= has, (panel["title"], legend)


def test_the_dashboard_is_what_its_source_makes() -> None:
    """``python ops/grafana/dashboard.py > ops/grafana/panolb.json``."""
    assert dashboard() == runpy.run_path(str(GRAFANA / "dashboard.py"))["dashboard"]()


def test_every_panel_explains_itself() -> None:
    """With a unit and a description; none is upon another."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in panels():
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))


def test_every_alert_says_what_to_do() -> None:
    """What has happened, to whom, and what helps."""
    for rule in rules():
        assert "$labels.instance" in rule["annotations"]["summary"], rule["alert"]
        assert len(rule["annotations"]["description"]) > 80, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_promtool_takes_the_page(page: str) -> None:
    """As text, and by the rules for names."""
    run("promtool", "--version")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_promtool_takes_the_alerts() -> None:
    """They are right in form, and the example of a configuration with them."""
    assert "SUCCESS" in run("promtool", "check", "rules", PROMETHEUS / "alerts.yml")
    assert "SUCCESS" in run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


def test_alerts_fire() -> None:
    """When they should, with words that make sense, and not otherwise."""
    assert "SUCCESS" in run("promtool", "test", "rules", Path(__file__).parent / "alerts.yml")


def test_promtool_takes_the_dashboard(tmp_path: Path) -> None:
    """Each expression is PromQL, with what Grafana puts in the places of its variables."""
    found = [one for one in expressions() if one[0].startswith(("panel", "annotation"))]
    records = [
        {"record": f"dashboard:{number}", "expr": re.sub(r"\$__rate_interval", "5m", text).replace("$", "")}
        for number, (_, text) in enumerate(found)
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": records}]}))
    assert f"SUCCESS: {len(found)} rules found" in run("promtool", "check", "rules", file)
