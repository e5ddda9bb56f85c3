"""The examples are right, and do what their comments say: panolb, Apache and keepalived read them, and two panolbs run one of them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

import panolb.plugins
from panolb.config import load
from panolb.config.httpd import loading
from panolb.control.registry import Registry
from tests.harness.certificate import Authority
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import Stall, answer
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.ops.programs import OPS, run

EXAMPLES = OPS / "examples"
FILES = sorted([*EXAMPLES.glob("*/panolb.toml"), *EXAMPLES.glob("*/httpd.conf")])
CHECK = [sys.executable, "-c", "from panolb.cli import main; main()", "check"]
MODULES = Path("/usr/lib/apache2/modules")


NAMES = {
    "dash.example.org": ["dash.example.org"],
    "apps.example.org": ["*.apps.example.org"],
    "partners-ca": [],
}
"""Of the certificates that the examples name."""


def certify(directory: Path) -> None:
    """Put the certificates there, each with its key in the same file."""
    authority = Authority(directory, "authority")
    for name, names in NAMES.items():
        key, certificate = authority.issue(name, names=names, days=(-1, 80))
        certificate.write_bytes(key.read_bytes() + certificate.read_bytes())


def installed(file: Path, place: Path) -> Path:
    """A copy of an example, with the directories that it names below ``place``, and what is to be there."""
    text = file.read_text()
    for directory in sorted(set(re.findall(r"/(?:var/log|var/lib|run|etc)/panolb\b", text))):
        here = place / directory[1:]
        here.mkdir(parents=True, exist_ok=True)
        text = text.replace(directory, str(here))
        if directory.startswith("/etc") and "[[listener." in text:
            certify(here)
        if directory.startswith("/var/lib"):
            (here / "acme").mkdir(exist_ok=True)
    copy = place / file.name
    copy.write_text(text)
    return copy


def test_all_are_listed() -> None:
    """The list of examples names each directory, and each has something for panolb."""
    listed = (EXAMPLES / "README.rst").read_text()
    for directory in {path.name for path in EXAMPLES.iterdir() if path.is_dir()}:
        assert f"``{directory}/``" in listed
        assert (EXAMPLES / directory / "panolb.toml").exists()


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_check(file: Path, tmp_path: Path) -> None:
    """``panolb check`` finds nothing wrong, nothing to warn of, and no line of Apache's that it does not know."""
    path = [str(Path(panolb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*CHECK, str(installed(file, tmp_path))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "not supported" not in done.stdout


def test_apache_reads_its_example(tmp_path: Path) -> None:
    """The httpd.conf is one of Apache's, too."""
    conf = installed(EXAMPLES / "panopticon" / "httpd.conf", tmp_path)
    needed = [f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in ("mpm_event", "authz_core")]
    built_in = ("log_config", "watchdog")  # in Debian's
    text = "".join(
        line
        for line in conf.read_text().replace(" modules/", f" {MODULES}/").splitlines(keepends=True)
        if not line.startswith(tuple(f"LoadModule {name}_module" for name in built_in))
    )
    conf.write_text(f"ServerRoot {tmp_path}\nErrorLog {tmp_path}/error.log\n{''.join(needed)}{text}")
    assert "Syntax OK" in run("apache2", "-t", "-f", conf)


def test_both_words_mean_the_same(tmp_path: Path) -> None:
    """What panopticon/ has in TOML and for Apache leads to the same members, by the same routes and cookie."""
    names = Registry(panolb.plugins).known
    (tmp_path / "toml").mkdir()
    (tmp_path / "httpd").mkdir()
    ours = load(installed(EXAMPLES / "panopticon" / "panolb.toml", tmp_path / "toml"), names)
    apaches = loading.load(
        installed(EXAMPLES / "panopticon" / "httpd.conf", tmp_path / "httpd"), names
    ).config
    for one in (ours, apaches):
        balancer = one.balancer["panopticoncluster"]
        assert (balancer.stickysession, balancer.lbmethod) == ("ROUTEID", "bybusyness")
        assert [(member.url, member.route) for member in balancer.member] == [
            ("http://10.0.0.11:8080/panopticon", "1"),
            ("http://10.0.0.12:8080/panopticon", "2"),
        ]


def test_keepalived_reads_its_example(tmp_path: Path) -> None:
    """keepalived has nothing to say about its file, with the users and interfaces of this machine in it."""
    if os.getuid() != 0:
        pytest.skip("keepalived asks root only")
    shutil.copy(EXAMPLES / "keepalived" / "panolb-notify", tmp_path)
    mine = [name for _, name in socket.if_nameindex() if name != "lo"]
    if len(mine) < 2:
        pytest.skip("there are not two interfaces")
    # With another script_user than root the --config-test of keepalived 2.2.7 ends itself: issue 2587 of acassen/keepalived.
    here = {
        "script_user nobody nogroup": "script_user root root",
        "/etc/keepalived/panolb-notify panolb panolb": f"{tmp_path}/panolb-notify root root",
        "interface eth0": f"interface {mine[0]}",
        " eth1 ": f" {mine[1]} ",
    }
    text = (EXAMPLES / "keepalived" / "keepalived.conf").read_text()
    for theirs, ours in here.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    file = tmp_path / "keepalived.conf"
    file.write_text(text)
    assert run("keepalived", "--config-test", "--use-file", file) == ""


LOGGER = """\
#!/bin/sh
for words; do :; done
echo "$words" >> "${0%/*}/log"
"""


def test_what_is_told_when_the_address_moves(tmp_path: Path) -> None:
    """The script says in the system's log what has happened; without a panolb that it could ask, it says that."""
    (tmp_path / "logger").write_text(LOGGER)
    (tmp_path / "logger").chmod(0o755)
    script = (EXAMPLES / "keepalived" / "panolb-notify").read_text()
    for state in ("MASTER", "FAULT"):
        subprocess.run(
            [
                "sh",
                "-c",
                script.replace("/opt/panolb/bin", "/nowhere"),
                "sh",
                "INSTANCE",
                "panolb",
                state,
                "150",
            ],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            timeout=PATIENCE,
            check=True,
        )
    taken, asked, lost = (tmp_path / "log").read_text().splitlines()
    assert "users come here" in taken
    assert asked.startswith("overrides: ")
    assert "not found" in asked
    assert "does not have the address (FAULT)" in lost


def test_tls_offload(tmp_path: Path) -> None:
    """curl is shown the right certificate, sent to https, and refused where a certificate is asked for; members hear of https."""
    ports = {port: free_port() for port in (80, 443, 8443, 10088)}
    with Member("1") as member:
        member.script = answer(b"1")
        text = installed(EXAMPLES / "tls-offload" / "panolb.toml", tmp_path).read_text()
        for port, free in ports.items():
            assert f"tcp:{port}" in text
            text = re.sub(rf'"tcp:{port}\b[^"]*"', f'"tcp:{free}:interface={ADDRESS}"', text)
        text = re.sub(r"10\.0\.0\.\d+:8080", f"{ADDRESS}:{member.port}", text)
        machine = Panolb(tmp_path, text, (ports[80], ports[10088]))
        try:
            machine.start()
            ask = partial(curl, tmp_path / "etc" / "panolb", ports)
            assert (
                ask("http://dash.example.org/panopticon/?x=1")
                == f"308 https://dash.example.org:{ports[443]}/panopticon/?x=1"
            )
            assert ask("https://dash.example.org/panopticon/") == "200 "
            assert ask("https://reports.apps.example.org/") == "200 "
            assert {line for one in member.requests for line in one.all("X-Forwarded-Proto")} == {"https"}
            challenge = tmp_path / "var" / "lib" / "panolb" / "acme" / "token"
            challenge.write_text("proof")
            assert ask("http://dash.example.org/.well-known/acme-challenge/token") == "200 "
            assert ask("https://dash.example.org:8443/panopticon/") == "000 "
            machine.stop()
        finally:
            machine.close()


def curl(etc: Path, ports: dict[int, int], url: str) -> str:
    """The status of an answer, 000 for none, and where it leads to, with the example's names and ports led to this machine."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    name, _, port = host.partition(":")
    free = ports[int(port or (443 if scheme == "https" else 80))]
    told = shlex.split("--silent --show-error --output /dev/null --write-out '%{http_code} %{redirect_url}'")
    there = ["--connect-to", f"{name}:{free}:{ADDRESS}:{free}", f"{scheme}://{name}:{free}/{path}"]
    done = subprocess.run(
        ["curl", *told, "--cacert", etc / "authority.pem", "--max-time", str(PATIENCE), *there],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    return done.stdout


class Pair:
    """The two machines of keepalived/, on ports of this one, and their two members."""

    def __init__(self, directory: Path, members: list[Member]) -> None:
        self.members = members
        self.machines = []
        for name in ("lb1", "lb2"):
            (directory / name).mkdir()
            file = installed(EXAMPLES / "keepalived" / "panolb.toml", directory / name)
            port = free_port()
            text = file.read_text().replace('"tcp:80"', f'"tcp:{port}:interface={ADDRESS}"')
            text = text.replace('"tcp:10088:interface=127.0.0.1"', f'"tcp:{free_port()}:interface={ADDRESS}"')
            for number, member in enumerate(members, 1):
                text = text.replace(f"10.0.0.1{number}:8080", f"{ADDRESS}:{member.port}")
            self.machines.append(Panolb(directory / name, text, (port,)))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Both machines, running."""
    with Member("1") as first, Member("2") as second:
        for member in (first, second):
            member.script = answer(member.name.encode())
        pair = Pair(tmp_path, [first, second])
        try:
            for machine in pair.machines:
                machine.start()
            yield pair
        finally:
            for machine in pair.machines:
                machine.close()


def asks(port: int) -> bool:
    """Whether keepalived's script is content with what listens there."""
    text = (EXAMPLES / "keepalived" / "keepalived.conf").read_text()
    (command,) = re.findall(r'^ *script "(.*)"$', text, re.MULTILINE)
    words = shlex.split(command.replace("127.0.0.1/", f"{ADDRESS}:{port}/"))
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]}")
    return subprocess.run(words, timeout=PATIENCE, check=False).returncode == 0


def test_a_user_stays_when_the_address_moves(pair: Pair) -> None:
    """The cookie that one machine has set leads to the same member on the other one, which has never heard of the user."""
    one, other = (machine.ports[0] for machine in pair.machines)
    with Client(one) as client:
        client.ask("GET", "/panopticon/")
        first = client.answer()
        cookie = (first.one("Set-Cookie") or "").partition(";")[0]
    pair.machines[0].process.kill()
    for _ in range(4):
        with Client(other) as client:
            client.ask("GET", "/panopticon/", f"Cookie: {cookie}")
            moved = client.answer()
        assert (moved.body, moved.one("Set-Cookie")) == (first.body, None)


def test_when_keepalived_takes_the_address_away(pair: Pair) -> None:
    """The machine is well whatever its members are like; it is not from the moment on that it stops, with users still there."""
    machine = pair.machines[0]
    (port,) = machine.ports
    for member in pair.members:
        member.refuse()
    assert asks(port)
    for member in pair.members:
        member.listen()
    stalls = [Stall() for _ in pair.members]
    for member, stall in zip(pair.members, stalls, strict=True):
        member.script = stall
    with Client(port) as client:
        client.ask("GET", "/panopticon/", "Cookie: ROUTEID=.1")
        stalls[0].wait()
        machine.terminate()
        until(lambda: not asks(port), "the script to fail")
        assert machine.process.poll() is None
        stalls[0].release()
        assert client.answer().status == 200
    assert machine.wait() == 0
