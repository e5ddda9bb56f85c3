"""ProxyPass, ProxyPassMatch and ProxyPassReverse: which requests go where, and in which order that is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.model import Location
from tests.harness.httpdconf import ALWAYS, MEMBERS, PASS, changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


def _locations(translate: Translate, text: str, **options: Any) -> list[Location]:
    return translate(MEMBERS + text, **options).config.location


def _short(locations: list[Location]) -> list[tuple[str | None, object]]:
    """Path or expression, and what serves it."""
    return [
        (one.path or one.match, one.balancer or one.files or one.redirect or one.status) for one in locations
    ]


def test_a_whole_location(translate: Translate) -> None:
    """Everything that ProxyPass alone makes; Apache's default is not to preserve the Host."""
    assert _locations(translate, PASS) == [
        Location(
            path="/app",
            balancer="c",
            server_name="dash.example.org",
            encoded_slashes="refuse",
            preserve_host=False,
        )
    ]


def test_the_files_order_counts(translate: Translate) -> None:
    """M9 and M10: the first that matches, as the file says."""
    imported = translate(
        MEMBERS + "ProxyPass /app/static !\nProxyPass /app balancer://c\nProxyPass / http://10.0.0.9/\n"
    )
    assert imported.config.location_order == "first"
    assert _short(imported.config.location) == [("/app/static", 404), ("/app", "c"), ("/", "10.0.0.9-80")]


def test_what_is_never_reached(translate: Translate) -> None:
    """A longer prefix below a shorter one: left out, with a word."""
    imported = translate(MEMBERS + "ProxyPass /app balancer://c\nProxyPass /app/x http://10.0.0.9/\n")
    assert _short(imported.config.location) == [("/app", "c")]
    assert any(one.place.line == 9 and "Never reached" in one.words for one in imported.report.entries)


@pytest.mark.parametrize(
    ("line", "path", "target", "exact"),
    [
        ("/app balancer://c", "/app", None, ("/app", None)),
        ("/app balancer://c/", "/app", None, ("/app", "/")),
        ("/app/ balancer://c/", "/app", None, ("/app/", "/")),
        ("/app balancer://c/sub", "/app", "/sub", ("/app", "/sub")),
        ("/app balancer://c/sub/", "/app", "/sub", ("/app", "/sub/")),
        ("/ balancer://c/", "/", None, ("/", "/")),
        ("/ balancer://c", "/", None, ("/", None)),
        ("/ balancer://c/sub/", "/", "/sub", ("/", "/sub/")),
        ('"/a b" balancer://c', "/a%20b", None, ("/a%20b", None)),
    ],
)
def test_joining(translate: Translate, line: str, path: str, target: str | None, exact: Any) -> None:
    """Where slashes do not fit, panolb puts one; --apache-compat leaves them as they are."""
    one = _locations(translate, f"ProxyPass {line}\n")[0]
    assert (one.path, one.target) == (path, target)
    same = _locations(translate, f"ProxyPass {line}\n", compat=True)[0]
    assert (same.path, same.target) == exact


@pytest.mark.parametrize(
    ("options", "mapping", "exact"),
    [
        ("", "verbatim", "canonical"),
        ("nocanon", "verbatim", "verbatim"),
        ("mapping=servlet", "verbatim", "servlet"),
        ("mapping=encoded", "verbatim", "verbatim"),
    ],
)
def test_how_paths_are_passed_on(translate: Translate, options: str, mapping: str, exact: str) -> None:
    """M3 to M8 and M11: byte for byte by default, as Apache with --apache-compat."""
    line = f"ProxyPass /app balancer://c {options}\n"
    assert _locations(translate, line)[0].mapping == mapping
    assert _locations(translate, line, compat=True)[0].mapping == exact


@pytest.mark.parametrize(("word", "value"), [("Off", "refuse"), ("On", "decode"), ("NoDecode", "pass")])
def test_encoded_slashes(translate: Translate, word: str, value: str) -> None:
    """M5."""
    assert _locations(translate, f"AllowEncodedSlashes {word}\n{PASS}")[0].encoded_slashes == value


@pytest.mark.parametrize(
    ("line", "match", "target"),
    [
        ("^/app/(.*)$ balancer://c/app/$1", "^/app/(.*)$", "/app/$1"),
        ("^(/.*[.]gif)$ balancer://c$1", "^(/.*[.]gif)$", "$1"),
        (r"\.gif$ balancer://c", r"\.gif$", None),
        (r"\.gif$ balancer://c/images", r"\.gif$", "/images"),
    ],
)
def test_expressions(translate: Translate, line: str, match: str, target: str | None) -> None:
    """Without a group in the target the whole path follows it."""
    one = _locations(translate, f"ProxyPassMatch {line}\n")[0]
    assert (one.match, one.path, one.target, one.balancer) == (match, None, target, "c")
    tilde = _locations(translate, f"ProxyPass ~ {line}\n")[0]
    assert tilde == one


def test_locations_come_first_and_the_last_of_them_counts(translate: Translate) -> None:
    """As in Apache, whatever their length."""
    text = (
        "ProxyPass /app/x http://10.0.0.7/\n"
        "<Location /app/x>\nProxyPass http://10.0.0.8/y\n</Location>\n"
        "<Location /app>\nProxyPass balancer://c\n</Location>\n"
        "<LocationMatch ^/m/(.*)$>\nProxyPassMatch http://10.0.0.9/$1\n</LocationMatch>\n"
    )
    assert _short(_locations(translate, text)) == [("^/m/(.*)$", "10.0.0.9-80"), ("/app", "c")]


def test_a_path_within_a_location(problems: Problems) -> None:
    """Apache takes none."""
    found = problems(MEMBERS + "<Location /app>\nProxyPass /app balancer://c\n</Location>\n")
    assert found == ["9: ProxyPass: can not have a path when defined in a location."]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ProxyPass balancer://c", "needs a path when not defined in a location"),
        ("ProxyPass app balancer://c", 'must start with "/"'),
        ("ProxyPassMatch ^/(app balancer://c", "is no regular expression"),
        ("ProxyPass /app balancer://c mapping=none", "unknown mapping"),
        ("ProxyPass /app balancer://c fast", "'key=value'"),
        ("ProxyPass /app 10.0.0.1", "is no URL"),
        ("ProxyPass /app unix:/run/app.sock|http://localhost/", "Unix sockets"),
        ("ProxyPass /app ajp://10.0.0.1:8009/", "ajp:"),
    ],
)
def test_written_wrongly(problems: Problems, line: str, words: str) -> None:
    """Each with its line."""
    found = problems(MEMBERS + line + "\n")
    assert found
    assert found[0].startswith("8: ")
    assert words in found[0]


def test_reverse_that_is_worked_out(translate: Translate) -> None:
    """The usual pair is what panolb does anyway; none at all is none."""
    assert _locations(translate, PASS)[0].reverse is None
    assert (
        _locations(translate, "ProxyPass /app/ balancer://c/\nProxyPassReverse /app/ balancer://c/\n")[
            0
        ].reverse
        is None
    )
    assert _locations(translate, "ProxyPass /app balancer://c\n")[0].reverse == []


def test_reverse_that_is_not(translate: Translate) -> None:
    """Every pair of the server, in its order; in a Location the path is the section's."""
    text = (
        "ProxyPass /app balancer://c\nProxyPassReverse /app balancer://c\nProxyPassReverse /app http://intern:8080/app\n"
        "ProxyPassReverse /x balancer://nosuch\n<Location /app>\nProxyPassReverse /inner\n</Location>\n"
    )
    assert _locations(translate, text)[0].reverse == [
        "/app balancer://c",
        "/app http://intern:8080/app",
        "/app /inner",
    ]


def test_cookies(translate: Translate) -> None:
    """M16 and M17."""
    one = _locations(
        translate,
        PASS + "ProxyPassReverseCookiePath /in /out\nProxyPassReverseCookieDomain in.test out.test\n",
    )[0]
    assert one.reverse_cookie_path == ["/in /out"]
    assert one.reverse_cookie_domain == ["in.test out.test"]


def test_a_section_below_a_proxied_path(translate: Translate) -> None:
    """The part comes before the rest, and goes to the same place."""
    text = PASS + "<Location /app/admin>\nHeader set X-Part admin\n</Location>\n"
    part, rest = _locations(translate, text)
    assert changed(part, but=ALWAYS) == {
        "path": "/app/admin",
        "balancer": "c",
        "target": "/admin",
        "reverse": ["/app balancer://c"],
        "response_headers": ["set X-Part admin"],
    }
    assert changed(rest, but=ALWAYS) == {"path": "/app", "balancer": "c"}


def test_nested_sections(translate: Translate) -> None:
    """Each part has the rules of all sections around it, the outer ones first."""
    text = PASS + (
        "<Location /app/a/b>\nHeader set X-B b\n</Location>\n<Location /app/a>\nHeader set X-A a\n</Location>\n"
        "<Location />\nHeader set X-Root r\n</Location>\n<Location /other>\nHeader set X-Other o\n</Location>\n"
    )
    assert [(one.path, one.response_headers) for one in _locations(translate, text)] == [
        ("/app/a/b", ["set X-B b", "set X-A a", "set X-Root r"]),
        ("/app/a", ["set X-A a", "set X-Root r"]),
        ("/app", ["set X-Root r"]),
    ]


def test_expressions_below_a_proxied_path(translate: Translate) -> None:
    """What matches goes to the same place, with the rest of the path."""
    text = PASS + '<LocationMatch "\\.(css|js)$">\nHeader set Cache-Control max-age=60\n</LocationMatch>\n'
    part, rest = _locations(translate, text)
    assert (part.match, part.target, part.balancer) == (
        r"^(?=.*?(?:\.(?:css|js)$))/app((?:/.*)?)$",
        "$1",
        "c",
    )
    assert part.response_headers == ["set Cache-Control max-age=60"]
    assert (rest.path, rest.response_headers) == ("/app", [])


def test_sections_for_a_balancer(translate: Translate) -> None:
    """Settings within <Proxy> hold for what goes there, and <Proxy *> for everything."""
    text = (
        "<Proxy balancer://c>\nHeader set X-For c\n</Proxy>\n<Proxy *>\nHeader set X-All all\n</Proxy>\n"
        "ProxyPass /app balancer://c\nProxyPass /x http://10.0.0.9/\n"
    )
    assert [one.response_headers for one in _locations(translate, text)] == [
        ["set X-For c", "set X-All all"],
        ["set X-All all"],
    ]


def test_how_compat_changes_a_location(translate: Translate) -> None:
    """Everything that --apache-compat takes back, in one place."""
    plain, exact = (_locations(translate, "Timeout 7\n" + PASS, compat=compat)[0] for compat in (False, True))
    assert changed(exact, but=changed(plain)) == {
        "mapping": "canonical",
        "headers_on_upgrade": False,
        "timeout_status": 502,
        "websocket_idle_timeout": 7.0,
        "websocket_ping_interval": 0.0,
    }


def test_how_compat_lets_in_websockets(translate: Translate) -> None:
    """Apache lets in all of them at once, to the members of a balancer and to a single server."""
    text = MEMBERS + PASS + "ProxyPass /x http://10.0.0.9/\n"
    for compat, rate in ((False, 200.0), (True, 0.0)):
        balancers = translate(text, compat=compat).config.balancer.values()
        assert [one.websocket_rate for one in balancers] == [rate, rate]
        assert all(member.websocket_rate is None for one in balancers for member in one.member)


def test_the_sides_of_an_idle_websocket(translate: Translate) -> None:
    """W9: the longer of the client's and the member's timeout."""
    text = (
        "Timeout 2\nProxyTimeout 3\nProxyPass /a http://10.0.0.8/ timeout=4\nProxyPass /b http://10.0.0.9/\n"
    )
    found = _locations(translate, text, compat=True)
    assert [one.websocket_idle_timeout for one in found] == [4.0, 3.0]


def test_lost_words(translate: Translate) -> None:
    """noquery is not carried over, and the report says what that means."""
    imported = translate(MEMBERS + "ProxyPass /app balancer://c noquery\n")
    entry = next(one for one in imported.report.entries if one.place.line == 8)
    assert entry.verdict is Verdict.UNSUPPORTED
    assert "query string is passed on" in entry.words
