"""The access log of a real process: lines that tools for Apache's logs can read, and that nobody can forge."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.control import lab as labs
from tests.control.lab import Lab
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.scripts import Stall, answer
from tests.harness.waiting import until

COMMON = r'(?P<host>\S+) - - \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?P<line>[^"]*)" (?P<status>\d{3}) (?P<size>\d+|-)'
COMBINED = r' "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'
OURS = r" (?P<member>\S+) (?P<why>\S+) (?P<source>\S+) (?P<term>\S+) (?P<ms>\d+)(?P<rest>( \S+)*)"


def config(form: str, path: str = "access.log") -> str:
    """The TOML of the access log."""
    return f'[access_log]\npath = "{path}"\nformat = "{form}"\n'


def balancers(*members: Member) -> dict[str, str]:
    """One balancer, ``app``, with routes "1", "2" and so on."""
    texts = [labs.member(one.port, route=f'"{number}"') for number, one in enumerate(members, 1)]
    return {"app": labs.balancer(texts, more='stickysession = "ROUTEID|route"')}


def lines(directory: Path, count: int, name: str = "access.log") -> list[str]:
    """Wait for that many lines about the balancer."""
    until(lambda: len(written(directory, name)) >= count, f"{count} lines")
    found = written(directory, name)
    assert len(found) == count, found
    return found


def written(directory: Path, name: str = "access.log") -> list[str]:
    """The lines so far, without those of the fixture that asks whether panolb listens."""
    file = directory / name
    return [line for line in file.read_text().splitlines() if "/ready" not in line]


def parsed(line: str, form: str = "common") -> dict[str, str]:
    """The fields of a line, which must be in the format."""
    pattern = COMMON + (COMBINED if form == "combined" else "") + OURS
    match = re.fullmatch(pattern, line)
    assert match, f"not in the {form} format: {line}"
    return match.groupdict()


@pytest.mark.parametrize("form", ["common", "combined"])
def test_line_has_all_fields(tmp_path: Path, form: str) -> None:
    """Apache's fields and then the member, why it was chosen and where its route was found."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config(form)) as lab:
        lab.get("/app/first?x=1", "Referer: http://a.example/", "User-Agent: Browser/1.0 (X)")
        lab.get("/app", "Cookie: ROUTEID=.1")
        lab.get("/app?route=x.1")
        lab.get("/app", "Cookie: ROUTEID=.9")
        first, cookie, url, unknown = (parsed(line, form) for line in lines(tmp_path, 4))
    assert first["host"] == "127.0.0.1"
    assert first["line"] == "GET /app/first?x=1 HTTP/1.1"
    assert (first["status"], first["size"]) == ("200", "3")
    assert (first["member"], first["why"], first["source"], first["term"]) == ("app/1", "new", "-", "-")
    if form == "combined":
        assert (first["referer"], first["agent"]) == ("http://a.example/", "Browser/1.0 (X)")
        assert (cookie["referer"], cookie["agent"]) == ("-", "-")
    assert (cookie["member"], cookie["why"], cookie["source"]) == ("app/1", "sticky", "cookie")
    assert (url["why"], url["source"]) == ("sticky", "query")
    assert (unknown["why"], unknown["source"]) == ("unknown-route", "cookie")


def test_failover_and_failures_are_told(tmp_path: Path) -> None:
    """A member that refused connections, a 404 of the member, a 503 of ours: each line says what happened."""
    with (
        Member("one") as one,
        Member("two") as two,
        labs.running(tmp_path, balancers(one, two), config("common")) as lab,
    ):
        one.refuse()
        assert lab.get("/app", "Cookie: ROUTEID=.1").body == b"two"
        two.script = answer(b"nothing", status="404 Not Found")
        lab.get("/app")
        two.refuse()
        lab.get("/app")
        failover, missing, refused = (parsed(line) for line in lines(tmp_path, 3))
    assert (failover["member"], failover["why"], failover["status"]) == ("app/2", "failover", "200")
    assert (missing["status"], missing["size"]) == ("404", "7")
    assert refused["status"] == "503" and refused["term"] != "-"


def test_client_that_left_is_a_499(tmp_path: Path) -> None:
    """Nobody got an answer: the line says so, and blames no member."""
    stall = Stall()
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("common")) as lab:
        one.script = stall
        with Client(lab.port) as client:
            client.ask("GET", "/app")
            stall.wait()
        (line,) = lines(tmp_path, 1)
    assert parsed(line)["status"] == "499"
    assert parsed(line)["term"] == "client-left"


HOSTILE: list[tuple[str, Callable[[Client], None]]] = [
    ("quote in the path", lambda client: client.ask("GET", '/app/"HTTP/1.1"')),
    ("backslash", lambda client: client.ask("GET", "/app/\\x22")),
    ("bytes above 127", lambda client: client.ask("GET", "/app/\xff\xe9")),
    ("quote in a field", lambda client: client.ask("GET", "/app", 'User-Agent: a" "b', 'Referer: c" 200 "')),
    ("bytes in a field", lambda client: client.ask("GET", "/app", "User-Agent: Gr\xfc\xdfe\\n")),
    ("tab in a field", lambda client: client.ask("GET", "/app", "User-Agent: a\tb")),
]


def test_nobody_can_forge_a_line(tmp_path: Path) -> None:
    """Whatever a client sends, a request is one line of the same shape, in ASCII, that reads back unambiguously."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("combined")) as lab:
        answered = 0
        for _, send in HOSTILE:
            with Client(lab.port) as client:
                send(client)
                answered += client.answer().status == 200
        raw = "\n".join(lines(tmp_path, answered))
    assert answered >= 3
    assert raw.isascii()
    assert all(character.isprintable() or character == "\n" for character in raw)
    for line in raw.splitlines():
        assert re.fullmatch(COMMON.replace('[^"]*', r'(?:[^"\\]|\\.)*') + COMBINED + OURS, line), line
    assert "\\x22" in raw


def test_cookies_are_never_written(tmp_path: Path) -> None:
    """Sessions are secrets."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("combined")) as lab:
        lab.get("/app", "Cookie: JSESSIONID=topsecret; ROUTEID=.1", "Authorization: Basic topsecret")
        assert "topsecret" not in lines(tmp_path, 1)[0]
        assert "topsecret" not in lab.panolb.log


def test_last_lines_are_written_at_the_end(tmp_path: Path) -> None:
    """Lines are gathered; SIGTERM loses none of them."""
    with Member("one") as one:
        with labs.running(tmp_path, balancers(one), config("common")) as lab, Client(lab.port) as client:
            for number in range(50):
                client.get(f"/app/{number}")
        found = written(tmp_path)
    assert [parsed(line)["line"] for line in found] == [f"GET /app/{number} HTTP/1.1" for number in range(50)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    """Requests are served all the same, the log says so once, and the process still ends with 0."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("common", "/dev/full")) as lab:
        assert lab.get("/app").status == 200
        until(lambda: bool(lab.panolb.lines("cannot write")), "the complaint")
        before = lab.panolb.rss()
        with Client(lab.port) as client:
            for _ in range(3000):
                assert client.get("/app").status == 200
        assert lab.panolb.rss() - before < 8 << 20
        assert len(lab.panolb.lines("cannot write")) == 1


def test_log_that_cannot_be_opened_is_a_problem_at_once(tmp_path: Path) -> None:
    """No directory, no start: the message names the setting and the path."""
    with Member("one") as one:
        lab = Lab(tmp_path, balancers(one), config("common", "/nowhere/at/all/access.log"))
        lab.panolb.launch()
        try:
            assert lab.panolb.wait() == 1
            assert "access_log" in lab.panolb.log and "/nowhere/at/all/access.log" in lab.panolb.log
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", lab.port), timeout=5)
        finally:
            lab.panolb.close()


def logs(*tables: str) -> str:
    """The TOML of several access logs."""
    return "".join(f"[[access_log]]\n{table}\n" for table in tables)


def location(path: str, *keys: str) -> str:
    """The TOML of one more location of the balancer."""
    return "\n".join(("[[location]]", f'path = "{path}"', 'balancer = "app"', *keys, ""))


APACHE = '%h %l %u [%{%d/%b/%Y:%H:%M}t] "%r" %>s %b "%{User-Agent}i" %{BALANCER_WORKER_ROUTE}e'


def test_format_in_apaches_words(tmp_path: Path) -> None:
    """What an operator wrote for LogFormat; the balancer's variables say what became of stickiness."""
    form = (
        APACHE + " %{BALANCER_SESSION_ROUTE}e %{BALANCER_ROUTE_CHANGED}e %{BALANCER_SESSION_STICKY}e "
        "%{BALANCER_NAME}e %m %U%q %v %p %{X-Member}o %k %I"
    )
    more = logs(f"path = 'access.log'\nformat = '{form}'")
    with Member("one") as one, labs.running(tmp_path, balancers(one), more) as lab:
        one.script = answer(b"hello", "X-Member: 1")
        with Client(lab.port) as client:
            client.get("/app/a%20b?q=1", 'User-Agent: a"b')
            client.get("/app", "Cookie: ROUTEID=.1")
            client.get("/app", "Cookie: ROUTEID=.9")
            client.post("/app", b"data")
        new, sticky, unknown, posted = lines(tmp_path, 4)
    start = r"127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d\] "
    end = rf"balancer://app GET /app \S+ {lab.port} 1"
    assert re.fullmatch(
        start + r'"GET /app/a%20b\?q=1 HTTP/1\.1" 200 5 "a\\"b" 1 - 1 - balancer://app GET /app/a b\?q=1 \S+ '
        rf"{lab.port} 1 0 0",
        new,
    ), new
    assert re.fullmatch(start + rf'"GET /app HTTP/1\.1" 200 5 "-" 1 1 - ROUTEID {end} 1 0', sticky), sticky
    assert re.fullmatch(start + rf'"GET /app HTTP/1\.1" 200 5 "-" 1 9 1 ROUTEID {end} 2 0', unknown), unknown
    assert re.fullmatch(start + r'"POST /app .* 200 5 .* 3 4', posted), posted


def test_several_logs_with_conditions_and_servers(tmp_path: Path) -> None:
    """Each line goes where its condition and its server say; two logs to one path share the file."""
    more = logs(
        "path = 'access.log'\nformat = 'all %U'",
        "path = 'access.log'\nformat = 'image %U %{kind}e'\ncondition = 'image'",
        "path = 'other.log'\nformat = '%U'\ncondition = '!image'\nservers = ['intern.example']",
        "path = 'common.log'\nformat = 'common'\nservers = ['INTERN.example:80']",
    )
    more += location(
        "/img",
        'server_name = "intern.example"',
        r"""environment = ['SetEnvIf Request_URI \.([a-z]+)$ image kind=$1']""",
    )
    with Member("one") as one, labs.running(tmp_path, balancers(one), more) as lab:
        lab.get("/app/a.gif")
        lab.get("/img/a.gif")
        lab.get("/img/a")
        both = lines(tmp_path, 4)
        other = lines(tmp_path, 1, "other.log")
        common = lines(tmp_path, 2, "common.log")
    assert both == ["all /app/a.gif", "all /img/a.gif", "image /img/a.gif gif", "all /img/a"]
    assert other == ["/img/a"]
    assert [parsed(line)["line"] for line in common] == ["GET /img/a.gif HTTP/1.1", "GET /img/a HTTP/1.1"]


def test_own_answers_and_files_are_logged_in_any_format(tmp_path: Path) -> None:
    """A 404 of ours, a redirect and a file, none of which a balancer served."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("hello")
    more = logs(f"path = 'access.log'\nformat = '{APACHE} %{{Location}}o'")
    more += '[[location]]\npath = "/files"\nfiles = "files"\n'
    more += '[[location]]\npath = "/old"\nredirect = "http://new.example"\n'
    with Member("one") as one, labs.running(tmp_path, balancers(one), more) as lab:
        lab.get("/files/a.txt")
        lab.get("/nowhere/%22", "User-Agent: x")
        lab.get("/old/x")
        found = sorted(lines(tmp_path, 3))
    by_target = {line.split('"')[1].split()[1]: line for line in found}
    assert re.search(r" 200 5 \S+ - -$", by_target["/files/a.txt"])
    assert re.search(r" 302 \d+ \S+ - http://new\.example/x$", by_target["/old/x"])
    assert any(" 404 " in line and "/nowhere/" in line for line in found)


def test_files_are_logged_with_the_client_and_the_time(tmp_path: Path) -> None:
    """The client behind a trusted proxy, as for every other request, and how long it took."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("hello")
    more = config("common") + '[[location]]\npath = "/files"\nfiles = "files"\n'
    with Member("one") as one, labs.running(tmp_path, balancers(one), more, healthy=False) as lab:
        text = lab.panolb.file.read_text()
        lab.panolb.file.write_text(
            text.replace("[listener.public]", '[listener.public]\ntrusted_proxies = ["127.0.0.1"]')
        )
        lab.panolb.process.send_signal(signal.SIGHUP)
        until(lambda: lab.panolb.lines("is in effect"), "the reload")
        lab.get("/files/a.txt", "X-Forwarded-For: 192.0.2.1, 198.51.100.7")
        (line,) = lines(tmp_path, 1)
    assert re.fullmatch(
        r'198\.51\.100\.7 - - \[[^]]+\] "GET /files/a.txt HTTP/1.1" 200 5 - local - - \d+ -', line
    ), line


def test_reopening_goes_on_in_new_files(tmp_path: Path) -> None:
    """SIGUSR1 after the files were moved away: all of them, each once."""
    more = logs(
        "path = 'access.log'\nformat = 'a %r'",
        "path = 'access.log'\nformat = 'b %r'",
        "path = 'second.log'\nformat = 'c %r'",
    )
    with Member("one") as one, labs.running(tmp_path, balancers(one), more) as lab:
        lab.get("/app/before")
        lines(tmp_path, 2)
        for name in ("access.log", "second.log"):
            (tmp_path / name).rename(tmp_path / f"{name}.1")
        lab.panolb.process.send_signal(signal.SIGUSR1)
        until(lambda: (tmp_path / "access.log").exists() and (tmp_path / "second.log").exists(), "new files")
        lab.get("/app/after")
        assert lines(tmp_path, 2) == ["a GET /app/after HTTP/1.1", "b GET /app/after HTTP/1.1"]
        assert lines(tmp_path, 1, "second.log") == ["c GET /app/after HTTP/1.1"]
    assert len(written(tmp_path, "access.log.1")) == 2
    assert written(tmp_path, "second.log.1") == ["c GET /app/before HTTP/1.1"]


def test_format_that_is_not_understood_stops_the_start(tmp_path: Path) -> None:
    """The message names the setting and the token."""
    with Member("one") as one:
        lab = Lab(tmp_path, balancers(one), logs("path = 'access.log'\nformat = '%h %Z'"))
        lab.panolb.launch()
        try:
            assert lab.panolb.wait() == 1
            assert "access_log" in lab.panolb.log and "%Z" in lab.panolb.log
        finally:
            lab.panolb.close()


def test_standard_output(tmp_path: Path) -> None:
    """Beside the process log; a reopening changes nothing."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("json", "-")) as lab:
        lab.get("/app/before")
        until(lambda: bool(lab.panolb.lines('"/app/before"')), "the first line")
        lab.panolb.process.send_signal(signal.SIGUSR1)
        lab.get("/app/after")
        until(lambda: bool(lab.panolb.lines('"/app/after"')), "the second line")
    (line,) = lab.panolb.lines('"/app/after"')
    assert json.loads(line)["status"] == 200
    assert not (tmp_path / "-").exists()


def test_nobody_reads_the_pipe(tmp_path: Path) -> None:
    """The log's, while many large lines are written: all is served, the loss is told, and panolb ends in peace."""
    os.mkfifo(tmp_path / "pipe")
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("json", "pipe")) as lab:
        with Client(lab.port) as client:
            for number in range(2000):
                assert client.get(f"/app/{number}/{'x' * 6000}").status == 200
        until(lambda: bool(lab.panolb.lines("access log lines were lost: pipe")), "the complaint")
        assert lab.get("/app").status == 200
    told = [
        int(re.findall(r"(\d+) access log lines", line)[0]) for line in lab.panolb.lines("lines were lost")
    ]
    assert 1500 < sum(told) <= 2003
