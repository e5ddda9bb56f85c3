"""Files that are right, and files that are wrong: all of their problems, with places and with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from panolb.config import (
    Admin,
    Balancer,
    Config,
    Health,
    Known,
    Listener,
    Location,
    Member,
    load,
    problems,
    warnings,
)
from panolb.config.reference import EXAMPLE
from panolb.errors import ConfigError

Mistakes = Callable[[str], list[str]]
Read = Callable[[str], Config]

GOOD = """\
[listener.public]
endpoint = "tcp:10080"
[balancer.app]
[[balancer.app.member]]
url = "http://localhost:8080/app"
route = "1"
[[location]]
path = "/app"
balancer = "app"
"""


def test_the_example_that_always_works(read: Read) -> None:
    """The example of the documentation means exactly this."""
    assert read(EXAMPLE) == Config(
        listener={"public": Listener(endpoint="tcp:10080:interface=127.0.0.1")},
        balancer={
            "panopticoncluster": Balancer(
                stickysession="ROUTEID",
                member=[
                    Member(url="http://localhost:8080/panopticon", route="1"),
                    Member(url="http://localhost:8081/panopticon", route="2"),
                ],
                health=Health(uri="/panopticon/", interval=5.0),
            )
        },
        location=[Location(path="/panopticon", balancer="panopticoncluster")],
        admin=Admin(endpoint="tcp:10088:interface=127.0.0.1"),
    )
    (blocked,) = warnings(read(EXAMPLE))
    assert "browsers refuse to open port 10080" in blocked.message


@pytest.mark.parametrize(
    ("line", "table", "key", "value"),
    [
        ('idle_timeout = "500ms"', "listener", "idle_timeout", 0.5),
        ("idle_timeout = 90", "listener", "idle_timeout", 90.0),
        ("idle_timeout = 1.5", "listener", "idle_timeout", 1.5),
        ('max_head = "16KiB"', "listener", "max_head", 16384),
        ("max_head = 10000", "listener", "max_head", 10000),
        ('max_body = "8MB"', "listener", "max_body", 8_000_000),
        ("secure = true", "listener", "secure", True),
        ('secure = "auto"', "listener", "secure", "auto"),
        (
            'trusted_proxies = ["10.0.0.0/8", "::1"]',
            "listener",
            "trusted_proxies",
            [ip_network("10.0.0.0/8"), ip_network("::1")],
        ),
        ("loadfactor = 2", "member", "loadfactor", 2.0),
        ("loadfactor = 1.5", "member", "loadfactor", 1.5),
        ('status = "drain"', "member", "status", "drain"),
        ('url = "http://[::1]:8080"', "member", "url", "http://[::1]:8080"),
        ("failonstatus = [500, 503]", "balancer", "failonstatus", [500, 503]),
        ('stickysession = "JSESSIONID|jsessionid"', "balancer", "stickysession", "JSESSIONID|jsessionid"),
        ('stickysessionsep = "off"', "balancer", "stickysessionsep", "off"),
        ('expect_status = [200, "300-399"]', "health", "expect_status", ["200", "300-399"]),
        ('headers = { X-Check = "1" }', "health", "headers", {"X-Check": "1"}),
        ('domain = ".example.org"', "cookie", "domain", ".example.org"),
        ("websocket_close_code = 1001", "location", "websocket_close_code", 1001),
        ('websocket_idle_timeout = "1h"', "location", "websocket_idle_timeout", 3600.0),
        ("websocket = true", "location", "websocket", True),
        ('websocket = "messages"', "location", "websocket", "messages"),
        ('websocket_compression = "offload"', "location", "websocket_compression", "offload"),
        ("websocket_compression = false", "location", "websocket_compression", False),
        ('websocket_max_message = "4MiB"', "location", "websocket_max_message", 4 << 20),
        ('websocket_filter = "audit"', "location", "websocket_filter", ["audit"]),
        ('websocket_ping_interval = "90s"', "location", "websocket_ping_interval", 90.0),
        ("websocket_ping_interval = 0", "location", "websocket_ping_interval", 0.0),
        ("websocket_ping_misses = 20", "location", "websocket_ping_misses", 20),
        ('websocket_lifetime = "12h"', "location", "websocket_lifetime", 43200.0),
        ("websocket_close_code = 4999", "location", "websocket_close_code", 4999),
        ('websocket_close_reason = ""', "location", "websocket_close_reason", ""),
        ("websocket_lost_code = 1014", "location", "websocket_lost_code", 1014),
        ('websocket_backlog = "16KiB"', "location", "websocket_backlog", 16384),
        ('websocket_slow_timeout = "5s"', "location", "websocket_slow_timeout", 5.0),
        ("max_websockets = 2000", "balancer", "max_websockets", 2000),
        ("max_websockets = 20", "member", "max_websockets", 20),
        ("websocket_rate = 0", "balancer", "websocket_rate", 0.0),
        ("websocket_rate = 0.5", "member", "websocket_rate", 0.5),
        ("websocket_burst = 10", "balancer", "websocket_burst", 10),
        ("websocket_burst = 1", "member", "websocket_burst", 1),
        ('observe = "websocket"', "balancer", "observe", "websocket"),
        ("observe_fails = 1", "balancer", "observe_fails", 1),
        ("close_on_failure = true", "balancer", "close_on_failure", True),
        ('session_cookie = "SID"', "balancer", "session_cookie", "SID"),
        ('session_cookie = ""', "balancer", "session_cookie", None),
        ("max_open = 9000", "websockets", "max_open", 9000),
        ("max_per_client = 100", "websockets", "max_per_client", 100),
        ("close_rate = 50", "websockets", "close_rate", 50.0),
        ('close_timeout = "500ms"', "websockets", "close_timeout", 0.5),
        ('websockets = "end"', "access_log", "websockets", "end"),
        ('host = "Example.org"', "location", "host", ["Example.org"]),
        ('host = ["a.example", "*.b.example"]', "location", "host", ["a.example", "*.b.example"]),
    ],
)
def test_values(read: Read, line: str, table: str, key: str, value: object) -> None:
    """Each form in which a value may be written gives the value of the model."""
    config = read(with_line(table, line))
    balancer = config.balancer["app"]
    found = {
        "listener": config.listener["public"],
        "balancer": balancer,
        "member": balancer.member[0],
        "health": balancer.health,
        "cookie": balancer.cookie,
        "location": config.location[0],
        "websockets": config.websockets,
        "access_log": config.access_log[0] if config.access_log else None,
        "shutdown": config.shutdown,
    }[table]
    assert getattr(found, key) == value
    assert type(getattr(found, key)) is type(value)


def with_line(table: str, line: str) -> str:
    """A right file with one more line in one of its tables, in place of the line of the same key."""
    headers = {
        "listener": "[listener.public]",
        "balancer": "[balancer.app]",
        "member": "[[balancer.app.member]]",
        "health": "[balancer.app.health]",
        "cookie": "[balancer.app.cookie]",
        "location": "[[location]]",
        "websockets": "[websockets]",
        "control": "[control]",
        "access_log": "[[access_log]]\npath = 'x'",
        "shutdown": "[shutdown]",
    }
    header = headers[table]
    key = line.partition(" ")[0]
    if header not in GOOD:
        # Members follow the tables of their balancer, or TOML would see a second [balancer.app].
        return GOOD + f"{header}\n{line}\n"
    before, _, after = GOOD.partition(header + "\n")
    own, bracket, rest = after.partition("\n[") if not after.startswith("[") else ("", "", after)
    kept = "\n".join(other for other in own.split("\n") if other.partition(" ")[0] != key)
    return f"{before}{header}\n{line}\n{kept}{bracket}{rest}"


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("listener", "endpoint = 5", "expected text in quotes, found 5; write it like endpoint = "),
        ("listener", 'endpoint = " "', "must not be empty"),
        ("listener", 'endpoint = "tcp:\\u0000"', "must not have control characters"),
        ("listener", 'secure = "yes"', 'expected "auto", true or false, found "yes"'),
        ("listener", "secure = 1", 'expected "auto", true or false, found 1'),
        (
            "listener",
            'idle_timeout = "soon"',
            'expected a duration (a number and ms, s, m, h or d), found "soon"',
        ),
        ("listener", "idle_timeout = true", "expected a duration"),
        ("listener", "idle_timeout = nan", "must be from 1ms to 1d"),
        ("listener", "idle_timeout = -1", "must be from 1ms to 1d"),
        ("listener", "idle_timeout = 1979-05-27", "expected a duration"),
        ("listener", 'max_head = "12 bananas"', "expected a size"),
        ("listener", "max_head = 1.5", "expected a size"),
        ("listener", "max_head = 1", "must be from 1KiB to 1MiB"),
        ("listener", 'trusted_proxies = "10.0.0.0/8"', "expected a list in [ ]"),
        ("listener", "enpoint = 1", "unknown key; did you mean 'endpoint'?"),
        ("listener", "Max-Head = 1", "unknown key; did you mean 'max_head'?"),
        (
            "listener",
            "frobnicate = 1",
            "unknown key; known here: body_rate, body_timeout, certificate, endpoint,",
        ),
        ("balancer", "interval = 3", "unknown key; it belongs to [balancer.NAME.health]; known here: "),
        ("balancer", 'stickysesion = "A"', "unknown key; did you mean 'stickysession'?"),
        ("balancer", 'stickysession = "A;B"', "must be a cookie name, or a cookie name and a URL parameter"),
        (
            "balancer",
            'stickysession = "A|B|C"',
            "must be a cookie name, or a cookie name and a URL parameter",
        ),
        ("balancer", 'stickysessionsep = ".."', 'must be one character like "." or "!", or "off"'),
        (
            "balancer",
            'lbmethod = "bytraffik"',
            '"bytraffik" does not exist; there are: "byrequests", "bytraffic"',
        ),
        ("balancer", 'resolver = "x"', '"x" does not exist; there are: "route"'),
        ("balancer", "nofailover = 1", "expected true or false, found 1"),
        ("balancer", "maxattempts = true", "expected a whole number, found true"),
        ("balancer", "maxattempts = 1.0", "expected a whole number, found 1.0"),
        ("balancer", "maxattempts = -1", "must be from 0 to 100"),
        ("balancer", "maxattempts = 0x" + "f" * 5000, "must be from 0 to 100"),
        (
            "balancer",
            "failonstatus = 500",
            "expected a list in [ ], found 500; write it like failonstatus = [500, 503]",
        ),
        ("balancer", 'cookie = "ROUTEID"', "is a table: write [balancer.app.cookie] on a line of its own"),
        (
            "balancer",
            "health = [{}]",
            "is needed once only: write [balancer.app.health], with single brackets",
        ),
        ("member", 'url = "ajp://x"', 'must be a URL like "http://localhost:8080/panopticon"'),
        ("member", 'url = "https://"', 'must be a URL like "http://localhost:8080/panopticon"'),
        ("member", 'url = "https://x:"', "needs a port from 1 to 65535, or none for port 443"),
        ("member", 'tls_insecure = "all"', 'must be "ca", "name" or "dates"'),
        ("member", 'tls_name = "a b"', "must be a host name"),
        ("member", 'url = "localhost:8080"', 'must be a URL like "http://localhost:8080/panopticon"'),
        ("member", 'url = "http://"', 'must be a URL like "http://localhost:8080/panopticon"'),
        ("member", 'url = "http:/x"', 'must be a URL like "http://localhost:8080/panopticon"'),
        ("member", 'url = "http://u:p@x/"', "must not carry a user name or a password"),
        ("member", 'url = "http://x/?a=b"', "must end with the path"),
        ("member", 'url = "http://x/#a"', "must end with the path"),
        ("member", 'url = "http://x:99999/"', "is not a URL (Port out of range 0-65535)"),
        ("member", 'url = "http://x:0/"', "needs a port from 1 to 65535"),
        ("member", 'url = "http://x y/"', 'must be a host name like "panopticon.example.org"'),
        ("member", 'url = "http://x/a b"', "has characters that must be written as %XX"),
        ("member", 'url = "http://x/a/../b"', 'must not have "." or ".." as a segment'),
        ("member", 'url = "http://[::1/"', "is not a URL"),
        ("member", 'route = "a b"', "must be at most 63 letters, digits, '_', '-', '.' or '~'"),
        ("member", "route = 1", 'expected text in quotes, found 1; write it like route = "1"'),
        ("member", "loadfactor = 0.5", "must be from 1 to 100"),
        ("member", "loadfactor = inf", "must be from 1 to 100"),
        ("member", "lbset = 100", "must be from 0 to 99"),
        (
            "member",
            'status = "activ"',
            'expected one of "active", "drain", "disabled", "stopped", found "activ"',
        ),
        ("health", 'check = "ping"', '"ping" does not exist; there are: "http", "none", "tcp", "websocket"'),
        ("health", 'uri = "panopticon"', 'must be a path that starts with "/"'),
        ("health", 'expect_body = "("', "is not a regular expression: "),
        ("health", "expect_body = '\\u0041'", "is not a regular expression: "),
        ("location", "match = '(?u)^/a'", "'(?u)^/a' is not a regular expression: "),
        ("location", "match = '^/[[:nothing:]]'", "'^/[[:nothing:]]' is not a regular expression: unknown"),
        ("health", 'method = "GE T"', "must be one word of letters, digits"),
        ("health", "headers = 1", "expected a table in { }, found 1"),
        ("health", "passes = 0", "must be from 1 to 1000"),
        ("health", 'start = "UP"', 'expected one of "up", "down", found "UP"'),
        ("health", 'host = "a b"', "must be a host name"),
        ("cookie", 'samesite = "lax"', 'expected one of "Lax", "Strict", "None", "off", found "lax"'),
        ("cookie", 'path = "/;x"', 'must be a path that starts with "/", in printable ASCII without ";"'),
        ("cookie", 'domain = "a;b"', "must be a host name"),
        ("location", 'websocket = "frames"', 'expected "splice", "messages", true or false, found "frames"'),
        ("location", "websocket = 1", 'expected "splice", "messages", true or false, found 1'),
        ("location", "websocket_compression = 'on'", 'expected "offload", true or false, found "on"'),
        ("location", "websocket_max_message = 0", "must be from 1KiB to 2147483647B"),
        ("location", "websocket_filter = 'audi'", '"audi" does not exist; there are: "audit"'),
        ("location", "websocket_ping_interval = 0.01", "must be 0 for never, or 100ms to 1d"),
        ("location", "websocket_ping_interval = nan", "must be 0 for never, or 100ms to 1d"),
        ("location", "websocket_ping_misses = 0", "must be from 1 to 20"),
        ("location", "websocket_idle_timeout = 0", "must be from 100ms to 365d"),
        ("location", "websocket_lifetime = 0", "must be from 100ms to 365d"),
        (
            "location",
            "websocket_close_code = 1005",
            "must be 1000, 1001, 1008, 1011 to 1014, or 3000 to 4999",
        ),
        (
            "location",
            "websocket_close_code = 1006",
            "must be 1000, 1001, 1008, 1011 to 1014, or 3000 to 4999",
        ),
        (
            "location",
            "websocket_close_code = 5000",
            "must be 1000, 1001, 1008, 1011 to 1014, or 3000 to 4999",
        ),
        ("location", f'websocket_close_reason = "{"ü" * 62}"', "must be at most 123 bytes in UTF-8, not 124"),
        ("location", 'websocket_backlog = "15KiB"', "must be from 16KiB to 1GiB"),
        ("location", "websocket_slow_timeout = 0", "must be from 100ms to 1d"),
        ("balancer", "max_websockets = 0", "must be from 1 to 1000000"),
        ("member", "max_websockets = 0", "must be from 1 to 1000000"),
        ("balancer", "websocket_rate = -1", "must be from 0 to 1000000"),
        ("member", "websocket_rate = nan", "must be from 0 to 1000000"),
        ("balancer", "websocket_burst = 0", "must be from 1 to 1000000"),
        ("balancer", 'observe = "http"', 'expected one of "none", "websocket", found "http"'),
        ("balancer", "observe_fails = 0", "must be from 1 to 1000"),
        ("balancer", 'session_cookie = "a b"', 'must be the name of a cookie, or "" for none'),
        ("websockets", "max_open = 0", "must be from 1 to 1000000"),
        ("websockets", "max_per_client = 0", "must be from 1 to 1000000"),
        ("websockets", "close_rate = 0", "must be from 1 to 1000000"),
        ("websockets", "close_timeout = 0", "must be from 100ms to 5m"),
        (
            "control",
            'socket = "control.sock"',
            'must be an absolute path, such as "/run/panolb/control.sock"',
        ),
        ("control", f'socket = "/{"x" * 107}"', "must be at most 107 bytes"),
        ("access_log", 'websockets = "start"', 'expected one of "both", "end", found "start"'),
        ("shutdown", "close_code = 1001", "unknown key; "),
        ("location", "websocket_lost_code = 1000", "expected one of 1012, 1014, found 1000"),
        ("location", "websocket_lost_code = 1012.0", "expected one of 1012, 1014, found 1012.0"),
        ("location", 'path = "app"', 'must start with "/"'),
        ("location", 'path = "/a/%2e%2E/b"', 'must not have "." or ".." as a segment'),
        ("location", 'path = "/a?b"', "must be a path alone, without a query or a fragment"),
        ("location", 'host = "example.org:80"', "must be a host name alone, without a port"),
        ("location", 'host = "[example]"', "has brackets, but no IPv6 address between them"),
        ("location", 'balancer = "ap"', 'no balancer is named "ap"; there are: "app"'),
    ],
)
def test_one_mistake(mistakes: Mistakes, table: str, line: str, message: str) -> None:
    """One mistake gives one problem, at its line and key, that says what would be right."""
    text = with_line(table, line)
    found = mistakes(text)
    number = text.split("\n").index(line) + 1
    assert [one.partition(": ")[0] for one in found] == [f"panolb.toml:{number}"]
    key, _, said = found[0].partition(": ")[2].partition(": ")
    assert key.removesuffix("[0]").endswith("." + line.partition(" ")[0])
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'failonstatus = [500, "x", 99]',
            [
                'balancer.app.failonstatus[1]: expected a whole number, found "x"; write it like failonstatus = [500, 503]'
            ],
        ),
        (
            "failonstatus = [99, 500, 600]",
            [
                "balancer.app.failonstatus[0]: must be from 200 to 599",
                "balancer.app.failonstatus[2]: must be from 200 to 599",
            ],
        ),
        (
            'health.headers = { "a b" = "1", C = " " }',
            [
                'balancer.app.health.headers."a b": must be one word of letters, digits and !#$%&\'*+-.^_`|~',
                "balancer.app.health.headers.C: must be ASCII without spaces at its ends",
            ],
        ),
        (
            'health.expect_status = ["200", "abc", "399-200"]',
            [
                'balancer.app.health.expect_status[1]: must be a status like "200" or a range like "200-399"',
                'balancer.app.health.expect_status[2]: must be a status like "200" or a range like "200-399"',
            ],
        ),
    ],
)
def test_mistakes_inside_lists(mistakes: Mistakes, line: str, expected: list[str]) -> None:
    """Elements have places of their own."""
    assert mistakes(with_line("balancer", line)) == [f"panolb.toml:4: {one}" for one in expected]


MANY = """\
shutdwn = 3
[listener.public]
endpoint = 5
[listener."bad name"]
endpoint = "tcp:1"
[balancer.app]
stickysesion = "ROUTEID"
retry = true
cookie.samesite = "None"
cookie.secure = false
[[balancer.app.member]]
url = "ajp://x"
loadfactor = 200
[[balancer.app.member]]
route = "a b"
[balancer.single.member]
url = "http://x:99999"
[balancer.sticky]
stickysession = "A"
member = [{url="http://a"}, {url="http://b", route="1"}]
[[location]]
path = "app"
balancer = "ap"
[[location]]
path = "/a"
[[location]]
path = "/a"
files = "x"
balancer = "app"
[admin]
"""
MANY_PLACES = """\
1: shutdwn
3: listener.public.endpoint
4: listener."bad name"
7: balancer.app.stickysesion
8: balancer.app.retry
9: balancer.app.cookie.samesite
12: balancer.app.member[0].url
13: balancer.app.member[0].loadfactor
14: balancer.app.member[1].url
15: balancer.app.member[1].route
16: balancer.single.member
17: balancer.single.member.url
20: balancer.sticky.member[0].route
22: location[0].path
23: location[0].balancer
24: location[1]
27: location[2].path
28: location[2].files
30: admin.endpoint
"""


def test_all_mistakes_at_once(mistakes: Mistakes) -> None:
    """One mistake hides no other, cross checks included, and they come in the order of the file."""
    found = mistakes(MANY)
    places = [
        ":".join(one.split(": ")[:2]).replace("panolb.toml:", "").replace(":", ": ", 1) for one in found
    ]
    assert places == MANY_PLACES.splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'listener = "x"\nbalancer = 1\nlocation = 2\n',
            [
                "1: listener: needs a name: write [listener.NAME] on a line of its own, with single brackets",
                "2: balancer: needs a name: write [balancer.NAME] on a line of its own, with single brackets",
                "3: location: is a list of tables: write [[location]] on a line of its own, and the keys below",
            ],
        ),
        (
            GOOD.replace("[listener.public]", "[listener]"),
            ["1: listener: needs a name: write [listener.NAME] above endpoint"],
        ),
        (
            GOOD.replace("[listener.public]", "[[listener]]"),
            ["1: listener: needs a name: write [listener.NAME] on a line of its own, with single brackets"],
        ),
        (
            GOOD.replace("[listener.public]", "[[listener.public]]"),
            ["1: listener.public: is a table: write [listener.public] on a line of its own"],
        ),
        (
            GOOD.replace("[[location]]", "[location]"),
            ["7: location: write [[location]], with double brackets: there may be several"],
        ),
        (
            GOOD.replace("[[location]]", "[[locations]]"),
            ["7: locations: unknown key; did you mean 'location'?"],
        ),
        (
            GOOD.replace("[[balancer.app.member]]", "[[balancer.app.members]]"),
            ["4: balancer.app.members: unknown key; did you mean 'member'?"],
        ),
        (
            GOOD.replace('balancer = "app"', 'balancr = "app"'),
            ["9: location[0].balancr: unknown key; did you mean 'balancer'?"],
        ),
        (
            GOOD.replace('balancer = "app"', "balancer = 7"),
            [
                '9: location[0].balancer: expected text in quotes, found 7; write it like balancer = "panopticoncluster"'
            ],
        ),
        (
            GOOD.replace('url = "http://localhost:8080/app"\n', ""),
            ['4: balancer.app.member[0].url: is missing; write url = "http://localhost:8080/panopticon"'],
        ),
        (
            GOOD.replace('route = "1"\n', "").replace(
                "[[balancer.app.member]]\nurl", "member = [1]\nlbmethod"
            ),
            [
                "4: balancer.app.member[0]: is a table: write [[balancer.app.member]] on a line of its own, and the keys below",
                '5: balancer.app.lbmethod: "http://localhost:8080/app" does not exist; there are: "byrequests", "bytraffic"',
            ],
        ),
    ],
)
def test_wrong_tables(mistakes: Mistakes, text: str, expected: list[str]) -> None:
    """The usual slips with brackets get the header to write, and nothing that only follows from the slip."""
    assert mistakes(text) == [f"panolb.toml:{one}" for one in expected]


def test_an_empty_file(mistakes: Mistakes) -> None:
    """What is missing altogether is told as well, though it has no line."""
    assert mistakes("") == [
        'panolb.toml: listener: no listener: write [listener.public] with endpoint = "tcp:8080"',
        'panolb.toml: location: no location: write [[location]] with path = "/" and the name of a balancer',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = = 2\n", "panolb.toml:2: is not TOML: Invalid value (column 5)"),
        ("[a\n", "panolb.toml:1: is not TOML: "),
        ("a = 1\na = 2\n", "panolb.toml:2: is not TOML: Cannot overwrite a value"),
        ('a = """\n\n', "panolb.toml:2: is not TOML: Unterminated string (at the end of the file)"),
        ("a = " + "[" * 100000, "panolb.toml: is nested too deeply"),
        ("a = " + "9" * 5000, "panolb.toml: has a value that cannot be read: "),
        ("a = 1\nb = 'x\x00'\n", "panolb.toml:2: is not TOML: "),
    ],
    ids=range(7),
)
def test_no_toml(mistakes: Mistakes, text: str, expected: str) -> None:
    """What is no TOML is one problem, with its line where tomllib knows it."""
    found = mistakes(text)
    assert len(found) == 1
    assert found[0].startswith(expected)


def refused(path: Path, known: Known) -> str:
    """The one problem of a file that cannot be read."""
    with pytest.raises(ConfigError) as caught:
        load(path, known)
    (problem,) = caught.value.problems
    return str(problem)


def test_files(tmp_path: Path, known: Known) -> None:
    """A file is read with its name in every place; a byte order mark and CRLF do no harm."""
    path = tmp_path / "panolb.toml"
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode())
    config = load(path, known)
    assert config.where(("admin", "endpoint")) == f"{path}:{EXAMPLE.count(chr(10))}: admin.endpoint"


def test_files_that_cannot_be_read(tmp_path: Path, known: Known) -> None:
    """Missing, a directory, not UTF-8, far too large: one problem each."""
    path = tmp_path / "panolb.toml"
    assert refused(path, known) == f"{path}: cannot be read: No such file or directory"
    assert refused(tmp_path, known) == f"{tmp_path}: cannot be read: it is no regular file"
    assert "cannot be read: " in refused(Path("a\x00b"), known)
    path.write_bytes(b"# fine\n# caf\xe9\n")
    assert refused(path, known) == f"{path}:2: is not UTF-8; save the file as UTF-8"
    path.write_bytes(b"#" * 5_000_000)
    assert refused(path, known).startswith(f"{path}: is larger than")


def test_problems_of_a_config_built_in_code(known: Known) -> None:
    """Without a file the place is the key path; without the plugins' names those are left unchecked."""
    config = Config(
        listener={"a": Listener(endpoint="tcp:1")},
        balancer={"b": Balancer(lbmethod="x", member=[Member(url="http://h")])},
        location=[Location(path="/", balancer="b")],
    )
    assert problems(config) == []
    assert [one.place for one in problems(config, known)] == ["balancer.b.lbmethod"]
