"""Which ProxyPass takes a path, where it leads, and which sections hold there: the model against Apache's own rules.

The rules are written down here once more, in the simplest form that can be: line by line and request by request.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panolb.config import Config, Known, loads
from panolb.config.dump import dump
from panolb.config.httpd.loading import load
from panolb.config.model import Location

PREFIXES = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/b"]
TARGETS = ["!", "http://one", "http://one/x", "http://two/x/y", "balancer://c", "balancer://c/z"]
SECTIONS = ["/", "/a", "/a/b", "/a/b/c/d", "/b/c", "/ab"]
PATHS = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/a/b/c/d/e",
    "/ab",
    "/ab/c",
    "/b",
    "/b/c",
    "/c",
    "/abc",
]
BALANCER = "BalancerMember balancer://c http://member:80/m\n"

Pass = tuple[str, str]


def _is_below(path: str, prefix: str) -> bool:
    """Apache's alias_match, for paths without double slashes."""
    bare = prefix.rstrip("/")
    return path == bare or path.startswith(bare + "/")


def _by_apache(path: str, passes: list[Pass], exact: bool) -> str | None:
    """Where a path leads: host and path on the member's side; None for nowhere."""
    for prefix, target in passes:
        if _is_below(path, prefix):
            if target == "!":
                return None
            host, slash, inner = (
                target.replace("balancer://c", "http://member").removeprefix("http://").partition("/")
            )
            above = "/m" if host == "member" else ""
            rest = path[len(prefix if exact else prefix.rstrip("/")) :]
            return _joined(host + above, slash + inner + rest, exact)
    return None


def _joined(above: str, inner: str, exact: bool) -> str:
    """Apache's balancers ask for a path that begins with a slash."""
    return above + (inner if inner.startswith("/") or not exact else "/" + inner)


def _by_model(path: str, config: Config, exact: bool) -> tuple[str | None, Location | None]:
    """The same by the model; the first location that a path is in."""
    for one in config.location:
        assert one.path is not None
        if _is_below(path, one.path):
            if one.balancer is None:
                return None, one
            url = urlsplit(config.balancer[one.balancer].member[0].url)
            rest = path[len(one.path if exact else one.path.rstrip("/")) :]
            return _joined(f"{url.hostname}{url.path}", (one.target or "") + rest, exact), one
    return None, None


@given(
    st.lists(st.tuples(st.sampled_from(PREFIXES), st.sampled_from(TARGETS)), max_size=6),
    st.lists(st.sampled_from(SECTIONS), max_size=5),
    st.booleans(),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_first_that_matches(
    tmp_path: Path, methods: Known, passes: list[Pass], sections: list[str], compat: bool
) -> None:
    """For every path: the same member, the same path, and the rules of just those sections that it lies in."""
    lines = [f"ProxyPass {prefix} {target}" for prefix, target in passes]
    for number, section in enumerate(sections):
        lines += [f"<Location {section}>", f"Header set X-{number} yes", "</Location>"]
    path = tmp_path / "httpd.conf"
    path.write_text("\n".join(["Listen 10080", BALANCER, "ProxyPass /zz balancer://c", *lines, ""]))
    config = load(path, methods, compat=compat).config
    assert loads(dump(config), methods) == config
    for asked in PATHS:
        led, location = _by_model(asked, config, compat)
        assert led == _by_apache(asked, passes, compat), asked
        if location is not None:
            rules = [
                f"set X-{number} yes" for number, section in enumerate(sections) if _is_below(asked, section)
            ]
            assert location.response_headers == rules, asked
