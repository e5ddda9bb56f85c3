"""What is written is what is read again, and it is written as a person would."""

from __future__ import annotations

from hypothesis import HealthCheck, assume, given, settings

from panolb.config import Config, Known, loads, problems
from panolb.config.dump import WIDTH, Sources, comment, dump
from panolb.config.places import KeyPath

from .conftest import Read
from .drawn import agreed, table


def all_known(config: Config) -> Known:
    """An installation that has whatever plugins a configuration names."""
    balancers = config.balancer.values()
    healths = [one for b in balancers for one in (b.health, *(m.health for m in b.member)) if one]
    return Known(
        lbmethods=frozenset(b.lbmethod for b in balancers),
        checks=frozenset(health.check for health in healths),
        resolvers=frozenset(b.resolver for b in balancers),
        filters=frozenset(name for one in config.location for name in one.websocket_filter),
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(table(Config).map(agreed))
def test_what_is_written_is_read_again(config: Config) -> None:
    """Every right configuration survives: each key, each kind of value, in every table."""
    assume(not problems(config))
    assert loads(dump(config), all_known(config)) == config


def test_reads_like_a_file_by_hand(read: Read) -> None:
    """Defaults are left out, units are written, quotes are chosen for reading, and the sources stand above."""
    text = r"""location_order = "first"

# httpd.conf:3, httpd.conf:7
[listener.public]
endpoint = "tcp:10080"
trusted_proxies = ["10.0.0.0/8", "::1/128"]
max_head = "16KiB"
idle_timeout = "5m"
keepalive = false

[[location]]
path = "/app"
host = "app.example.org"
balancer = "app"  # httpd.conf:21
response_headers = [
    'always set X-Said "it is so"  env=YES',
    'edit Set-Cookie "\bsecure\b" Secure',
    "set X-Frame-Options SAMEORIGIN",
]
error_pages.503 = "file:/var/www/maintenance.html"

# httpd.conf:9 <Proxy balancer://app>
[balancer.app]
retry = "1500ms"

[[balancer.app.member]]
url = "http://localhost:8080"
loadfactor = 1.5

[balancer.app.member.health]
expect = "%{REQUEST_STATUS} =~ /^[23]/ && hc('body') =~ /\\d/"
headers."X.Check" = 'a "b"'

[[access_log]]
path = "x.log"
"""
    sources: Sources = {
        ("listener", "public"): ["httpd.conf:3", "httpd.conf:7"],
        ("location", 0, "balancer"): ["httpd.conf:21"],
        ("balancer", "app"): ["httpd.conf:9 <Proxy balancer://app>"],
    }
    assert dump(read(text), sources) == text


def test_what_is_switched_off_is_written(read: Read) -> None:
    """TOML has no word for nothing; a default that is not wanted is an empty text."""
    text = (
        '[listener.public]\nendpoint = "tcp:1"\n\n[[location]]\npath = "/"\nbalancer = "app"\nwebsocket = false\n'
        'websocket_ping_interval = "0s"\n\n[balancer.app]\nwebsocket_rate = 0.5\nsession_cookie = ""\n\n'
        '[[balancer.app.member]]\nurl = "http://h/"\n'
    )
    config = read(text)
    assert config.balancer["app"].session_cookie is None
    assert dump(config) == text


def test_comments_stay_comments(read: Read) -> None:
    """Whatever an origin is called, it cannot end its comment."""
    config = read('[listener.public]\nendpoint = "tcp:1"\n[[location]]\npath = "/"\nstatus = 404\n')
    hostile = 'a\nmax_head = 1\r\x00\x7f " \u2028 x' + " y" * 200
    places: list[KeyPath] = [("listener", "public"), ("location", 0), ("location", 0, "status")]
    assert read(dump(config, {path: [hostile] for path in places})) == config
    assert max(map(len, comment(hostile))) <= WIDTH + 2
