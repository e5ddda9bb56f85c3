"""From host and path to the location; above all, that no spelling of a path leads out of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panolb.core.readings import normalise
from panolb.core.routing import Table, host_name
from panolb.errors import BadRequest


class Spot(NamedTuple):
    path: bytes
    hosts: tuple[bytes, ...] = ()
    pattern: re.Pattern[bytes] | None = None
    requests: str = "all"
    mapping: str = "verbatim"
    slashes: str = "pass"
    answer: object = None


ROOT, APP, INNER = Spot(b""), Spot(b"/panopticon"), Spot(b"/panopticon/live")
HOST = b"dash.example"


def find(path: bytes, *places: Spot, host: bytes = HOST) -> Spot | None:
    """Where a path leads when there are these places."""
    return Table(places).find(host, path)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a/b/", b"/a/b/"),
        (b"/a%62%2Dc", b"/ab-c"),
        (b"//a///b//", b"/a/b/"),
        (b"/./a/./b/.", b"/a/b/"),
        (b"/a/../b", b"/b"),
        (b"/a/b/..", b"/a/"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/a/..;x=y/b", b"/b"),
        (b"/a;j=1/b;k=2", b"/a/b"),
        (b"/a/;x", b"/a/"),
        (b"/a/..", b"/"),
    ],
)
def test_normal_form(path: bytes, normal: bytes) -> None:
    """A path is looked up in the form that any server would make of it."""
    assert normalise(path)[0] == normal


@pytest.mark.parametrize(
    "path",
    [b"/%", b"/%2", b"/%2g", b"/a%zz", b"/%%41", b"/%+1", b"/a%00", b"/..", b"/../", b"/a/../..", b"/%2e%2e/a", b"/..;x/a",
     b"/./..", b"//..", b"/..%2f"],
)  # fmt: skip
def test_refused(path: bytes) -> None:
    """Broken escapes, a NUL and a way above the root have no meaning that two servers share."""
    with pytest.raises(BadRequest) as caught:
        find(path, ROOT)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "path",
    [b"/panopticon", b"/panopticon/", b"/panopticon/x", b"/panopticon;jsessionid=x", b"/panopticon;jsessionid=x/y",
     b"//panopticon//x", b"/./panopticon", b"/%70anopticon/x", b"/panopticon/a/../x", b"/panopticon/a/%2e%2e/x",
     b"/panopticon/.;x/y", b"/panopticon/a%2fb", b"/panopticon/a\\b", b"/panopticon/a%3bb", b"/panopticon/%25",
     b"/panopticon/a%20b", b"/panopticon/...", b"/panopticon/..a"],
)  # fmt: skip
def test_inside(path: bytes) -> None:
    """M1-M3 and the bare context with a session in its path."""
    assert find(path, APP) is APP


@pytest.mark.parametrize(
    "path",
    [b"/", b"/panopticonX", b"/PANOPTICON", b"/panoptico", b"/x/panopticon", b"/panopticon%58",
     # one step out
     b"/panopticon/..", b"/panopticon/../x", b"/panopticon/%2e%2e/x", b"/panopticon/.%2E/x", b"/panopticon/..;x/y",
     b"/panopticon/..;/y", b"/panopticon/a/../../x", b"/panopticon//../x", b"/panopticon/./../x", b"/panopticon;j=1/../x",
     # out and back: a member could understand it otherwise
     b"/panopticon/../panopticon/x", b"/x/../panopticon/x", b"/x/..;y/panopticon"],
)  # fmt: skip
def test_outside(path: bytes) -> None:
    """M2, M4: what is not in the location, or only after having been outside."""
    assert find(path, APP) is None


# What Tomcat, Apache, nginx, or a server that knows nothing of escapes might make of the same bytes.
AMBIGUOUS = [
    b"/panopticon/a%2fb/../../manager",
    b"/panopticon/a%5cb/../../manager",
    b"/panopticon/a\\b/../../manager",
    b"/panopticon/a;%2fb/../../manager",
    b"/panopticon%2fmanager",
    b"/%2fpanopticon/x",
    b"/panopticon\\manager",
    b"/panopticon%3bx/manager",
    b"/panopticon/..%2fx",
    b"/panopticon/..%5cx",
    b"/panopticon/..\\x",
    b"/panopticon\\..\\panopticon",
    b"/panopticon%2f..%2fpanopticon/x",
    b"/x%2f../panopticon/x",
    b"/x/..%3b/panopticon/x",
]


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_ambiguous(path: bytes) -> None:
    """To one server these lie inside, to another outside: Tomcat takes parameters off before it resolves escapes."""
    assert {inside(segments, APP.path) for segments in readings(path)} == {True, False}
    try:
        assert find(path, APP) is None
    except BadRequest as problem:
        assert problem.status == 400


Segments = list[bytes] | None


def readings(path: bytes) -> Iterator[Segments]:
    """The segments of a path as servers may read them; ``None`` for above the root.

    They differ in whether escapes are resolved before or after the path is cut at its slashes, in when path
    parameters are taken off, and in whether a backslash is a slash.
    """
    for early, parameters, backslash in product((True, False), ("raw", "resolved"), (True, False)):
        yield _reading(path, early, parameters, backslash)


def _reading(path: bytes, early: bool, parameters: str, backslash: bool) -> Segments:
    if parameters == "raw":
        path = re.sub(rb";[^/]*", b"", path)
    if early:
        path = unquote_to_bytes(path)
    if backslash:
        path = path.replace(b"\\", b"/")
    if parameters == "resolved":
        path = re.sub(rb";[^/]*", b"", path)
    segments: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            if not segments:
                return None
            segments.pop()
        elif segment not in (b"", b"."):
            segments.append(segment)
    return segments if early else [unquote_to_bytes(segment) for segment in segments]


def inside(segments: Segments, prefix: bytes) -> bool:
    """Whether a reading of a path begins with the segments of ``prefix``."""
    names = prefix.split(b"/")[1:]
    return segments is not None and segments[: len(names)] == names


PATHS = st.lists(
    st.sampled_from([b"/"] * 4 + [b"\\", b"%2f", b"%2F", b"%5c", b"..", b"..", b".", b"%2e", b";", b"%3b", b"a", b"live", b"panopticon", b"%70anopticon"]),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(st.sampled_from([b"/", b"/panopticon/", b"/panopticon/live/"]), PATHS)
@example(b"/panopticon", b"/a;%2fb/../../manager")
def test_nobody_reads_a_way_out(start: bytes, rest: bytes) -> None:
    """What is found in a location is inside of it to every server that may read the path after us."""
    path = start + rest
    for place in (ROOT, APP, INNER):
        try:
            found = find(path, place)
        except BadRequest:
            found = None
        if found is not None:
            assert all(inside(segments, place.path) for segments in readings(path)), place.path


@given(st.sampled_from([b"/", b"/panopticon/", b"/panopticon/live/"]), PATHS | st.binary(max_size=20))
def test_any_path(start: bytes, rest: bytes) -> None:
    """Any bytes have a normal form or are refused with 400; a normal form stays as it is."""
    try:
        normal, _ = normalise(start + rest)
    except BadRequest as problem:
        assert problem.status == 400
        return
    assert normal.startswith(b"/")
    assert not {b"", b".", b".."} & set(normal.strip(b"/").split(b"/")) or normal == b"/"


def test_the_longest_wins() -> None:
    """M10: in whatever order locations are given."""
    for places in ((ROOT, APP, INNER), (INNER, APP, ROOT), (APP, ROOT, INNER)):
        assert find(b"/panopticon/live/x", *places) is INNER
        assert find(b"/panopticon/livex", *places) is APP
        assert find(b"/panopticon", *places) is APP
        assert find(b"/panopticonX", *places) is ROOT
        assert find(b"/", *places) is ROOT


def test_between_two_locations() -> None:
    """A path that some servers read as one's and others as another's is nobody's."""
    for path in (
        b"/panopticon/live/../x",
        b"/panopticon/x/../live",
        b"/panopticon/live%2fx",
        b"/panopticon/live\\x",
    ):
        assert find(path, APP, INNER) is None
    assert find(b"/panopticon/live/../live/x", APP, INNER) is None
    assert find(b"/panopticon/live;j=1/x", APP, INNER) is INNER
    assert find(b"/panopticon/x/../y", APP, INNER) is APP


REFUSING = Spot(b"/panopticon/admin", answer=404)
NO_ADMIN = Spot(b"", pattern=re.compile(rb"^/panopticon/admin"), answer=403)
NO_TRICKS = Spot(b"", pattern=re.compile(rb"\.\.;"), answer=403)


@pytest.mark.parametrize("refusing", [REFUSING, NO_ADMIN], ids=["path", "pattern"])
@pytest.mark.parametrize("mapping", ["verbatim", "canonical", "servlet"])
@pytest.mark.parametrize(
    "path",
    [
        b"/panopticon/admin",
        b"/panopticon/%61dmin",
        b"/panopticon//admin/x",
        b"/panopticon/x/../admin",
        b"/panopticon/x/%2e%2e/admin",
        b"/panopticon/admin/..;/admin",
        b"/panopticon/admin/a/..;/",
        b"/panopticon/admin/x%5cy",
        b"/panopticon/admin\\x",
        b"/panopticon/admin/a%2fb",
        b"/panopticon/x%2f../admin",
        b"/panopticon;a/admin",
        b"/;a/panopticon/admin",
        b"/panopticon/admin;x",
        b"/panopticon/%2e/admin",
    ],
)
def test_no_spelling_leads_past_a_refusal(path: bytes, mapping: str, refusing: Spot) -> None:
    """ProxyPass PATH !, RewriteRule [F] and their kind: what any server may read as theirs never gets to a member."""
    table = Table((refusing, Spot(b"/panopticon", mapping=mapping)), ordered=True)
    try:
        assert table.find(HOST, path) in (refusing, None)
    except BadRequest as problem:
        assert problem.status == 400
    assert table.find(HOST, b"/panopticon/x") is table.places[1]


@given(st.sampled_from([b"/", b"/panopticon/", b"/panopticon/live/"]), PATHS)
def test_nobody_reads_a_way_around(start: bytes, rest: bytes) -> None:
    """What goes to a member is beside a refused place to every server that may read the path after us."""
    path = start + rest
    try:
        found = find(path, APP, Spot(b"/panopticon/live", answer=404))
    except BadRequest:
        return
    if found is APP:
        assert not any(inside(segments, b"/panopticon/live") for segments in readings(path))


def test_tricks_can_be_refused_by_name() -> None:
    """Tomcat's users know this rule: a RewriteRule against dots with a semicolon behind them."""
    assert find(b"/panopticon/x/..;/y", APP, NO_TRICKS) is NO_TRICKS


def test_hosts() -> None:
    """A location of the request's host comes before any other, however short its path."""
    mine, root = Spot(b"/panopticon", (b"dash.example",)), Spot(b"", (b"other.example",))
    places = (mine, root, INNER)
    assert find(b"/panopticon/live", *places) is mine
    assert find(b"/panopticon/live", *places, host=b"nobody.example") is INNER
    assert find(b"/panopticon/live", *places, host=b"other.example") is root
    assert find(b"/panopticon/live", *places, host=b"") is INNER
    assert find(b"/x", *places) is None
    assert find(b"/panopticon/live", mine, host=b"notdash.example") is None


def test_any_host_when_the_own_has_nothing() -> None:
    """A host with locations of its own still has those for any host."""
    assert find(b"/panopticon/live", Spot(b"/files", (HOST,)), APP) is APP


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"dash.example", b"dash.example"),
        (b"Dash.EXAMPLE:10080", b"dash.example"),
        (b"dash.example.", b"dash.example"),
        (b"dash.example.:80", b"dash.example"),
        (b"dash.example:", b"dash.example"),
        (b"192.0.2.7:80", b"192.0.2.7"),
        (b"[::1]", b"[::1]"),
        (b"[2001:DB8::1]:8443", b"[2001:db8::1]"),
        (b"", b""),
    ],
)
def test_host_name(host: bytes, name: bytes) -> None:
    """Port, case and the final dot do not matter."""
    assert host_name(host) == name
    if name:
        place = Spot(b"", (name,))
        assert find(b"/", place, host=host) is place


def test_several_hosts_and_those_below_a_name() -> None:
    """ServerName, ServerAlias and a wildcard; an exact name comes before a wildcard."""
    some, below = Spot(b"", (b"a.example", b"b.example")), Spot(b"/x", (b"*.a.example",))
    assert find(b"/x", some, below, host=b"b.example:80") is some
    assert find(b"/x", some, below, host=b"c.A.example") is below
    assert find(b"/x", below, host=b"a.example") is None
    assert find(b"/x", below, host=b"nota.example") is None


def test_the_operators_order() -> None:
    """M9, M10: the first that matches wins, as among ProxyPass lines."""
    table = Table((APP, INNER, ROOT), ordered=True)
    assert table.find(HOST, b"/panopticon/live/x") is APP
    assert table.find(HOST, b"/x") is ROOT


def test_patterns() -> None:
    """They are asked before paths, and see the canonical path."""
    js = Spot(b"", pattern=re.compile(rb"^/panopticon/.*\.js$"))
    assert find(b"/panopticon//x%2Ejs", APP, js) is js
    assert find(b"/panopticon/x.css", APP, js) is APP
    assert find(b"/panopticon/..;a/x.js", js) is None


def test_handshakes_apart() -> None:
    """The WebSocket recipe of mod_rewrite: one location for handshakes, one for the rest."""
    ws, other = Spot(b"", requests="websocket"), Spot(b"", requests="other")
    table = Table((other, ws))
    for path in (b"/x", b"/x", b"/y"):
        assert table.find(HOST, path, {}) is ws
        assert table.find(HOST, path) is other


def test_parameters_between_canonical_locations() -> None:
    """/app;x is nobody's unless somebody serves what is around it; then it is taken for what a servlet makes of it."""
    inner, outer = (Spot(path, mapping="canonical") for path in (b"/app/live", b"/app"))
    nobody = Spot(b"", answer=404)
    table = Table((inner, outer, nobody), ordered=True)
    assert table.find(HOST, b"/app/live;jsessionid=1") is inner
    assert table.find(HOST, b"/app/x;jsessionid=1") is outer
    assert table.find(HOST, b"/app;jsessionid=1") is None


@pytest.mark.parametrize(
    ("mapping", "path", "found"),
    [
        ("verbatim", b"/panopticon;j=1", True),
        ("canonical", b"/panopticon;j=1", False),
        ("servlet", b"/panopticon;j=1/x", True),
        ("canonical", b"//panopticon//x", True),
        ("canonical", b"/x/../panopticon", True),
        ("canonical", b"/panopticon/../x", False),
        ("canonical", b"/panopticon/..;/x", False),
        ("servlet", b"/panopticon/..;/x", False),
        ("canonical", b"/Panopticon", False),
        ("canonical", b"/panopticonX", False),
    ],
)
def test_forms(mapping: str, path: bytes, found: bool) -> None:
    """M2, M3, M11: what belongs to a location in each form of its path."""
    place = Spot(b"/panopticon", mapping=mapping)
    assert (find(path, place) is place) == found


def test_a_prefix_with_a_slash() -> None:
    """ProxyPass /app/: what is below belongs to it, and /app does not."""
    place = Spot(b"/app/", mapping="canonical")
    assert find(b"/app/x", place) is place
    assert find(b"/app/", place) is place
    assert find(b"/app", place) is None
    assert find(b"/x/../app/y", Spot(b"/", mapping="canonical")) is not None


@pytest.mark.parametrize("mapping", ["verbatim", "canonical", "servlet"])
def test_escaped_slashes(mapping: str) -> None:
    """M5: AllowEncodedSlashes Off."""
    refusing = Spot(b"/panopticon", mapping=mapping, slashes="refuse")
    assert find(b"/panopticon/a%2fb", refusing) is None
    assert find(b"/panopticon/a%2fb", Spot(b"/panopticon", mapping=mapping)) is not None
