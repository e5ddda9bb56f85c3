"""The ten whole configurations of docs/examples/httpd: each is loaded as it is, and makes what it is there to show."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from panolb.config import Known, loads
from panolb.config.crosscheck import problems as disagreements
from panolb.config.dump import dump
from panolb.config.httpd.differences import DIFFERENCES
from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.loading import load
from panolb.errors import ConfigError

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "httpd"
ROUTE = 'add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.conf"))

Load = Callable[..., Imported]


@pytest.fixture
def example(tmp_path: Path, methods: Known) -> Load:
    """Load an example from a directory that has what it needs besides: certificate and logs."""
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "dash.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "tls" / "dash.key").write_text("")
    (tmp_path / "logs").mkdir()

    def run(name: str, **options: Any) -> Imported:
        return load(tmp_path / f"{name}.conf", methods, **options)

    return run


def test_there_are_ten() -> None:
    """One of each kind."""
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", [name for name in NAMES if name != "broken"])
@pytest.mark.parametrize("compat", [False, True])
def test_they_run(example: Load, methods: Known, name: str, compat: bool) -> None:
    """As they are, with nothing allowed to be lost that would change where traffic goes."""
    imported = example(name, compat=compat)
    assert disagreements(imported.config, methods) == []
    assert imported.report.problems() == []
    assert loads(dump(imported.config), methods) == imported.config
    assert imported.config.location_order == "first"
    for index, location in enumerate(imported.config.location):
        assert imported.sources["location", index], location


def test_the_guide(example: Load) -> None:
    """Two members, users that stick by the file's own cookie rule; WebSockets work, which the report says."""
    imported = example("guide")
    config = imported.config
    assert config.listener["http-10080"].endpoint == "tcp:10080"
    assert [(one.path, one.balancer, one.preserve_host, one.reverse) for one in config.location] == [
        ("/panopticon", "panopticoncluster", True, None)
    ]
    assert config.location[0].response_headers == [ROUTE]
    assert config.location[0].websocket
    balancer = config.balancer["panopticoncluster"]
    assert [(one.url, one.route) for one in balancer.member] == [
        ("http://localhost:8080/panopticon", "1"),
        ("http://localhost:8081/panopticon", "2"),
    ]
    assert (balancer.stickysession, balancer.lbmethod, balancer.sets_cookie) == (
        "ROUTEID",
        "byrequests",
        False,
    )
    improved = imported.report.of(Verdict.IMPROVED)
    assert [(one.place.line, "WebSockets work" in one.words) for one in improved] == [(21, True)]


def test_sessions_of_tomcat(example: Load) -> None:
    """By cookie and by path, the latter left as it came."""
    config = example("jsessionid").config
    balancer = config.balancer["dashboards"]
    assert balancer.sticky_names == ("JSESSIONID", "jsessionid")
    assert (balancer.scolonpathdelim, balancer.response_timeout, balancer.connect_timeout) == (
        True,
        300.0,
        3.0,
    )
    assert [(one.name, one.target, one.redirect) for one in config.location] == [
        ("/panopticon", "/panopticon", None),
        ("^/$", None, "/panopticon/"),
    ]
    assert config.location[0].encoded_slashes == "pass"


def test_the_recipe(example: Load) -> None:
    """Two balancers become one."""
    imported = example("websocket-recipe")
    assert [(one.requests, one.balancer) for one in imported.config.location] == [
        ("websocket", "panopticon"),
        ("all", "panopticon"),
    ]
    assert list(imported.config.balancer) == ["panopticon"]


def test_tls(example: Load) -> None:
    """One port redirects to the other, on which members are told of TLS."""
    config = example("tls-offload").config
    assert {name: one.is_secure for name, one in config.listener.items()} == {
        "http-8080": False,
        "https-8443": True,
    }
    assert [(one.listener, one.redirect or one.balancer or one.status) for one in config.location] == [
        (["http-8080"], "https://%{HTTP_HOST}%{REQUEST_URI}"),
        (["https-8443"], "panopticon"),
        (["https-8443"], 404),
    ]
    assert config.location[1].request_headers == ["set X-Forwarded-Proto https", "set X-Forwarded-Port 8443"]


def test_standby(example: Load) -> None:
    """A spare, a standby, and a page for the time when nobody serves."""
    config = example("hot-standby").config
    balancer = config.balancer["panopticon"]
    assert [(one.hot_spare, one.hot_standby) for one in balancer.member] == [
        (False, False), (False, False), (True, False), (False, True)
    ]  # fmt: skip
    assert (balancer.wait, balancer.maxattempts, balancer.failonstatus, balancer.retry) == (
        5.0,
        2,
        [503],
        10.0,
    )
    assert "Back soon" in config.location[0].error_pages["503"]


def test_tiers(example: Load) -> None:
    """Sets of members, one of them draining."""
    balancer = example("lbset-tiers").config.balancer["panopticon"]
    assert [(one.lbset, one.status, one.redirect) for one in balancer.member] == [
        (0, "active", ""), (0, "drain", "11"), (1, "active", ""), (1, "active", ""), (2, "active", "")
    ]  # fmt: skip
    assert balancer.lbmethod == "bytraffic"
    assert [one.response_timeout or balancer.response_timeout for one in balancer.member] == [120.0] * 4 + [
        300.0
    ]


def test_checks(example: Load) -> None:
    """By a template, but for one member."""
    balancer = example("health-template").config.balancer["panopticon"]
    assert balancer.health is not None
    assert (balancer.health.uri, balancer.health.http_version) == ("/panopticon/health", "1.1")
    assert balancer.health.expect == "%{REQUEST_STATUS} =~ /^[23]/ && hc('body') !~ /under maintenance/"
    assert (balancer.health.interval, balancer.health.passes, balancer.health.fails) == (5.0, 2, 3)
    assert [one.health is not None and one.health.check for one in balancer.member] == [False, False, "tcp"]


def test_two_hosts(example: Load) -> None:
    """Two balancers of the same name, and a log for each."""
    config = example("two-virtual-hosts").config
    assert sorted(config.balancer) == ["panopticon", "panopticon-2"]
    assert [(one.host, one.name, one.balancer or one.redirect or one.status) for one in config.location] == [
        (["test.example.org", "*.test.example.org"], "/panopticon/admin", 404),
        (["test.example.org", "*.test.example.org"], "/panopticon", "panopticon-2"),
        (["test.example.org", "*.test.example.org"], "/", 404),
        ([], "/panopticon/static", "panopticon"),
        ([], "/panopticon", "panopticon"),
        ([], "^/$", "/panopticon/"),
        ([], "/", 404),
    ]
    assert [(Path(one.path).name, one.condition, one.servers) for one in config.access_log] == [
        ("production.log", "!robot", ["dash.example.org"]),
        ("test.log", None, ["test.example.org"]),
    ]


def test_an_enterprise(example: Load) -> None:
    """What is about files and programs does not matter; what is about connections does."""
    imported = example("enterprise")
    listener = imported.config.listener["http-10080"]
    assert (listener.idle_timeout, listener.max_requests, listener.max_fields) == (15.0, 500, 200)
    assert [str(one) for one in listener.trusted_proxies] == ["10.0.0.0/8", "192.168.7.1/32"]
    assert imported.config.balancer["panopticon"].max_connections == 200
    assert len(imported.report.of(Verdict.HARMLESS)) > 40
    assert {one.name for one in imported.report.of(Verdict.UNSUPPORTED)} == {"AddOutputFilterByType"}


def test_a_broken_one(example: Load) -> None:
    """Eleven mistakes, all of them told at once, each with its line."""
    with pytest.raises(ConfigError) as caught:
        example("broken")
    found = [str(problem).rpartition("broken.conf:")[2] for problem in caught.value.problems]
    assert [int(one.partition(":")[0]) for one in found] == [10, 11, 12, 15, 16, 17, 18, 19, 20, 23, 24], (
        found
    )


def test_the_table_of_differences() -> None:
    """Each says what, what Apache does, what panolb does, and why."""
    assert [one.id for one in DIFFERENCES.values()] == list(DIFFERENCES)
    for one in DIFFERENCES.values():
        assert one.what
        assert one.apache
        assert one.panolb
        assert one.why
    assert {"verbatim-path", "timeout-504", "headers-on-upgrade"} <= {
        one.id for one in DIFFERENCES.values() if one.compat
    }
