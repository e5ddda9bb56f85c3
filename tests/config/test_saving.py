"""What operators changed is written into their file, and nothing else of it is touched."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panolb.config import Config, Known, Location, Member
from panolb.config.balancers import Health
from panolb.config.dump import dump
from panolb.config.edits import Edited, decode, replaced
from panolb.config.httpd.imported import Imported
from panolb.config.httpd.report import Report
from panolb.config.overrides import Identity, Overrides, identify
from panolb.config.saving import CannotSave, Read, plain, save
from panolb.errors import ConfigError
from panolb.reading import HttpdOptions, read

from .operated import STEPS, files, walk
from .test_places import Writer

KNOWN = Known(
    lbmethods=frozenset({"bybusyness", "byrequests", "bytraffic"}),
    checks=frozenset({"http", "tcp"}),
    resolvers=frozenset({"route"}),
)
Make = Callable[..., Read]


def reader(file: Path, httpd: HttpdOptions | None = None) -> Read:
    """Reads a file, or what may come to stand in it."""
    return lambda instead: read(file, KNOWN, httpd, instead)


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Read]:
    """Write a TOML file."""

    def make(text: str) -> Read:
        file = tmp_path / "panolb.toml"
        file.write_bytes(text.encode())
        return reader(file)

    return make


@pytest.fixture
def httpd(tmp_path: Path) -> Make:
    """Write an httpd.conf and what it includes."""

    def make(text: str, **included: str) -> Read:
        for name, part in included.items():
            (tmp_path / name).write_bytes(part.encode())
        file = tmp_path / "httpd.conf"
        file.write_bytes(text.encode())
        return reader(file, HttpdOptions())

    return make


def members(read_file: Read, balancer: str = "app") -> dict[str, Identity]:
    """The members of a balancer, by their names."""
    found = [identify(balancer, one) for one in read_file({}).config.balancer[balancer].member]
    return {one.name: one for one in found}


def changed(edited: list[Edited]) -> list[str]:
    """The lines that are taken away and put in."""
    lines = [line for one in edited for line in one.diff.splitlines()]
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def agree(read_file: Read, overrides: Overrides) -> None:
    """Saved and read again, the file says what is in effect, and leaves no override but users that move."""
    effective, _, _ = overrides.apply(read_file({}).config)
    for one in save(read_file, overrides):
        Path(one.path).write_bytes(one.new)
    again = read_file({}).config
    assert plain(again) == plain(effective)
    made, kept, _ = overrides.apply(again)
    assert made.balancer == again.balancer
    assert all(one.key == "state" and one.as_json()["moving"] for one in kept)
    assert save(read_file, overrides) == []


TOML = """\
# our cluster
[listener.public]
endpoint = "tcp:1"

[[location]]
path = "/"
balancer = "app"

[balancer.app]
stickysession = "R"   # the cookie

# the old machine
[[balancer.app.member]]
url = "http://a/"   # in the cellar
route = "1"
loadfactor = 3  # it is big

# the new one
[[balancer.app.member]]
  route = "2"
  url = "http://b/"

  # it is slow to start
  [balancer.app.member.health]
  expect_status = [
    # these
    200,
  ]
  uri = "/x"

# rented
[[balancer.app.member]]
url = "http://c/"
health.uri = "/y"
route = "3"

# --- admin ---
[admin]
endpoint = "tcp:2"
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_toml(toml: Callable[[str], Read], newline: str, start: str) -> None:
    """Values are replaced where they stand, keys come after the others, a removed member becomes a comment."""
    read_file = toml(start + TOML.replace("\n", newline))
    config, who = read_file({}).config, members(read_file)
    overrides = Overrides().with_state(config, who["app/1"], "drain", True, 1)
    overrides = overrides.with_weight(config, who["app/1"], 2.5, 1).with_weight(config, who["app/3"], 7, 1)
    overrides = overrides.with_state(config, who["app/3"], "stopped", False, 1)
    overrides = overrides.with_removed(config, who["app/2"], 1)
    new = Member(url="http://d:8080/", route="4", loadfactor=2, retry=1.5, health=Health(uri="/z"))
    overrides = overrides.with_added(config, "app", new, 1)
    overrides = overrides.with_weight(config, identify("app", new), 3, 1)
    (edited,) = save(read_file, overrides)
    assert edited.old.startswith("\ufeff".encode()) == edited.new.startswith("\ufeff".encode()) == bool(start)
    assert edited.new.count(b"\r\n") == (edited.new.count(b"\n") if newline == "\r\n" else 0)
    assert edited.sha256 == hashlib.sha256(edited.old).hexdigest()
    assert [line.removesuffix("\r") for line in changed([edited])] == [
        "-loadfactor = 3  # it is big",
        "+loadfactor = 2.5  # it is big",
        '+status = "drain"',
        "-[[balancer.app.member]]",
        '-  route = "2"',
        '-  url = "http://b/"',
        "+# [[balancer.app.member]]",
        '+  # route = "2"',
        '+  # url = "http://b/"',
        "-  [balancer.app.member.health]",
        "-  expect_status = [",
        "-    # these",
        "-    200,",
        "-  ]",
        '-  uri = "/x"',
        "+  # [balancer.app.member.health]",
        "+  # expect_status = [",
        "+    # # these",
        "+    # 200,",
        "+  # ]",
        '+  # uri = "/x"',
        "+loadfactor = 7",
        '+status = "stopped"',
        "+",
        "+[[balancer.app.member]]",
        '+url = "http://d:8080/"',
        '+route = "4"',
        "+loadfactor = 3",
        '+retry = "1500ms"',
        "+",
        "+[balancer.app.member.health]",
        '+uri = "/z"',
    ]
    agree(read_file, overrides)


def test_toml_without_a_newline_at_the_end(toml: Callable[[str], Read]) -> None:
    """Lines that come last get one."""
    read_file = toml(TOML.partition("\n# rented")[0].rstrip("\n"))
    overrides = Overrides().with_added(read_file({}).config, "app", Member(url="http://d/", route="4"), 1)
    assert changed(save(read_file, overrides))[:2] == ['-  uri = "/x"', '+  uri = "/x"']
    agree(read_file, overrides)


ARRAY = """\
balancer.app = { member = [{ url = "http://a/", route = "1" }, { url = "http://b/", status = "drain" }] }
listener.public.endpoint = "tcp:1"
location = [{ path = "/", balancer = "app" }]
"""
LINES = """\
listener.public.endpoint = "tcp:1"
location = [{ path = "/", balancer = "app" }]
[balancer.app]
member = [
  { url = "http://a/", route = "1" }, # one
  { url = "http://b/", status = "drain" }, # two
]
"""


def test_toml_arrays(toml: Callable[[str], Read]) -> None:
    """Members may be elements of an array."""
    for text, expected in (
        (ARRAY, '[{ url = "http://b/", status = "active", loadfactor = 2 }, { url = "http://c/" }]'),
        (
            LINES,
            '{ url = "http://b/", status = "active", loadfactor = 2 },\n  { url = "http://c/" }, # two\n]',
        ),
    ):
        read_file = toml(text)
        config, who = read_file({}).config, members(read_file)
        overrides = Overrides().with_removed(config, who["app/1"], 1)
        overrides = overrides.with_state(config, who["app/b:80"], "active", False, 1)
        overrides = overrides.with_weight(config, who["app/b:80"], 2, 1)
        overrides = overrides.with_added(config, "app", Member(url="http://c/"), 1)
        (edited,) = save(read_file, overrides)
        assert expected in edited.text
        agree(read_file, overrides)


def test_toml_arrays_have_their_limits(toml: Callable[[str], Read]) -> None:
    """What does not fit is said."""
    read_file = toml(ARRAY)
    config, who = read_file({}).config, members(read_file)
    with_check = Overrides().with_added(config, "app", Member(url="http://c/", health=Health()), 1)
    with pytest.raises(CannotSave, match="app/c:80 has tables of its own"):
        save(read_file, with_check)
    others = Overrides().with_added(config, "app", Member(url="http://c/"), 1)
    others = others.with_removed(config, who["app/1"], 1).with_removed(config, who["app/b:80"], 1)
    with pytest.raises(
        CannotSave, match=r"panolb.toml cannot be edited: no element of balancer.app.member would"
    ):
        save(read_file, others)


def test_the_file_of_now(toml: Callable[[str], Read]) -> None:
    """What the file says by now counts: changes that it contradicts are not written, and a wrong file is told."""
    read_file = toml(TOML)
    config, who = read_file({}).config, members(read_file)
    overrides = Overrides().with_weight(config, who["app/1"], 5, 1).with_weight(config, who["app/3"], 5, 1)
    toml(TOML.replace("loadfactor = 3", "loadfactor = 4"))
    assert changed(save(read_file, overrides)) == ["+loadfactor = 5"]
    toml(TOML.replace("loadfactor = 3", "loadfactor = 0"))
    with pytest.raises(ConfigError, match="loadfactor: must be from 1 to 100"):
        save(read_file, overrides)


def test_users_that_move_are_not_for_the_file(toml: Callable[[str], Read]) -> None:
    """A file says drain; that its users go elsewhere at once is a thing of the moment."""
    read_file = toml(TOML.replace('route = "1"', 'route = "1"\nstatus = "drain"'))
    config, who = read_file({}).config, members(read_file)
    assert save(read_file, Overrides().with_state(config, who["app/1"], "drain", True, 1)) == []


def test_a_configuration_without_a_file() -> None:
    """There is nothing to write into."""
    imported = Imported(Config(location=[Location(path="/", status=404)]), Report(()), {})
    with pytest.raises(CannotSave, match="was not read from a file"):
        save(lambda instead: imported, Overrides())


HTTPD = """\
Listen 8080
Define SLOW timeout=60
<Proxy balancer://app>
    # the old machine
    BalancerMember http://a:80 route=1 loadfactor=3 timeout=30
    BalancerMember "http://b:80" \\
        route=2 \\
        status=+H \\
        timeout=60
    balancermember http://c:80 ROUTE=3 ${SLOW} Status=D
    ProxySet lbmethod=byrequests
</Proxy>
ProxyPass / balancer://app/ stickysession=ROUTEID
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_httpd_conf(httpd: Make, newline: str) -> None:
    """The words of BalancerMember are changed; everything else stays, be it on several lines or in variables."""
    read_file = httpd(HTTPD.replace("\n", newline))
    config, who = read_file({}).config, members(read_file)
    overrides = Overrides().with_state(config, who["app/1"], "drain", True, 1)
    overrides = overrides.with_weight(config, who["app/1"], 2.5, 1)
    overrides = overrides.with_weight(config, who["app/2"], 1.15, 1)
    overrides = overrides.with_state(config, who["app/2"], "stopped", False, 1)
    overrides = overrides.with_state(config, who["app/3"], "active", False, 1)
    new = Member(url="http://d:8080/x", route="4", status="disabled")
    overrides = overrides.with_added(config, "app", new, 1)
    edited = save(read_file, overrides)
    assert [line.removesuffix("\r") for line in changed(edited)] == [
        "-    BalancerMember http://a:80 route=1 loadfactor=3 timeout=30",
        "+    BalancerMember http://a:80 route=1 loadfactor=2.5 timeout=30 status=+N",
        "-        status=+H \\",
        "-        timeout=60",
        "-    balancermember http://c:80 ROUTE=3 ${SLOW} Status=D",
        "+        status=+H+S \\",
        "+        timeout=60 loadfactor=1.151",
        "+    balancermember http://c:80 ROUTE=3 ${SLOW}",
        "+    balancermember http://d:8080/x route=4 ${SLOW} Status=D",
    ]
    agree(read_file, overrides)


def test_httpd_conf_removed(httpd: Make) -> None:
    """All lines of a member become a comment."""
    read_file = httpd(HTTPD)
    overrides = Overrides().with_removed(read_file({}).config, members(read_file)["app/2"], 1)
    assert changed(save(read_file, overrides)) == [
        '-    BalancerMember "http://b:80" \\',
        "-        route=2 \\",
        "-        status=+H \\",
        "-        timeout=60",
        '+    # BalancerMember "http://b:80" \\',
        "+        # route=2 \\",
        "+        # status=+H \\",
        "+        # timeout=60",
    ]
    agree(read_file, overrides)


def test_included_files(httpd: Make, tmp_path: Path) -> None:
    """Every file that says something of a changed member is edited, in the codec that it has."""
    (tmp_path / "one.conf").write_bytes(
        "# für\nBalancerMember balancer://app http://a route=1".encode("latin-1")
    )
    read_file = httpd(
        f"Listen 80\nInclude {tmp_path}/one.conf\nInclude {tmp_path}/two.conf\nProxyPass / balancer://app/\n",
        **{"two.conf": "BalancerMember balancer://app http://b route=2\n"},
    )
    config, who = read_file({}).config, members(read_file)
    overrides = Overrides().with_weight(config, who["app/1"], 2, 1).with_weight(config, who["app/2"], 3, 1)
    overrides = overrides.with_added(config, "app", Member(url="http://c", route="3", lbset=1), 1)
    edited = save(read_file, overrides)
    assert [Path(one.path).name for one in edited] == ["one.conf", "two.conf"]
    assert "für".encode("latin-1") in edited[0].new
    assert changed(edited) == [
        "-BalancerMember balancer://app http://a route=1",
        "+BalancerMember balancer://app http://a route=1 loadfactor=2",
        "-BalancerMember balancer://app http://b route=2",
        "+BalancerMember balancer://app http://b route=2 loadfactor=3",
        "+BalancerMember balancer://app http://c route=3 lbset=1",
    ]
    agree(read_file, overrides)


def test_other_words_of_members(httpd: Make) -> None:
    """A new member may differ from the others in all that Apache has a word for."""
    read_file = httpd(HTTPD)
    config = read_file({}).config
    new = Member(
        url="http://d:80", route="", lbset=2, redirect="1", hot_spare=True, ignore_errors=True, retry=7,
        response_timeout=9, connect_timeout=0.25, keepalive_idle=3, max_connections=8, acquire=0.5, ping=2,
        reuse=False, status="drain",
    )  # fmt: skip
    overrides = Overrides().with_added(config, "app", attrs.evolve(new, route="4"), 1)
    words = (
        "+    balancermember http://d:80 route=4 ${SLOW} status=+R+I+N lbset=2 retry=7 connectiontimeout=250ms timeout=9 "
        "ttl=3 max=8 acquire=500ms ping=2000ms enablereuse=Off redirect=1"
    )
    assert changed(save(read_file, overrides)) == [words]
    agree(read_file, overrides)
    read_file = httpd(HTTPD)
    for wish, message in (
        (Member(url="http://d", route="4", queue=3), "Apache has no word for queue; write it in a TOML file"),
        (Member(url="http://d", route="4", health=Health()), "Apache has no word for health"),
        (Member(url="http://d", route="4", retry=2.5), "without changing more; write them there by hand"),
        (Member(url="http://d", route="4", loadfactor=1.2345), "two decimals of a loadfactor only; .*weight like 1.2 first"),
    ):  # fmt: skip
        with pytest.raises(CannotSave, match=message):
            save(read_file, Overrides().with_added(config, "app", wish, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Listen 80\nProxyPass / http://a:80/ route=1\n",
            r"httpd.conf:2 cannot be edited: its member is not in a BalancerMember",
        ),
        (
            "Listen 80\nProxyPass / balancer://x/\n<Proxy balancer://x> BalancerMember http://a:80 route=1 </Proxy>\n",
            r"httpd.conf:3 cannot be edited: line breaks are missing",
        ),
        (
            "Listen 80\nDefine M loadfactor=3\nProxyPass / balancer://x/\nBalancerMember balancer://x http://a ${M} route=1 ${M}\n",
            r"cannot be written into .*httpd.conf without changing more",
        ),
    ],
)
def test_what_cannot_be_edited(httpd: Make, text: str, message: str) -> None:
    """It is said where it is; nothing is guessed."""
    read_file = httpd(text)
    config = read_file({}).config
    ((name, balancer),) = config.balancer.items()
    overrides = Overrides().with_weight(config, identify(name, balancer.member[0]), 2, 1)
    if "${M}" not in text:
        with pytest.raises(CannotSave, match=message):
            save(read_file, overrides)
    else:  # the word that comes last counts
        agree(read_file, overrides)


def test_a_file_that_went_away(httpd: Make, tmp_path: Path) -> None:
    """It may be deleted between two looks at it."""
    read_file = httpd(HTTPD)
    imported = read_file({})
    overrides = Overrides().with_weight(imported.config, members(read_file)["app/1"], 2, 1)
    (tmp_path / "httpd.conf").unlink()
    with pytest.raises(CannotSave, match=r"httpd.conf cannot be read: No such file"):
        save(lambda instead: imported, overrides)


def test_patch_takes_the_diff(toml: Callable[[str], Read], tmp_path: Path) -> None:
    """A diff can be carried to the machine that the file comes from."""
    for text in (TOML, TOML.rstrip("\n"), TOML.replace("\n", "\r\n")):
        read_file = toml(text)
        config, who = read_file({}).config, members(read_file)
        overrides = (
            Overrides().with_weight(config, who["app/3"], 2, 1).with_weight(config, who["app/1"], 2, 1)
        )
        (edited,) = save(read_file, overrides)
        target = tmp_path / "panolb.toml"
        command = ["patch", "--binary", str(target)]
        subprocess.run(command, input=edited.diff.encode(), check=True, capture_output=True)
        assert target.read_bytes() == edited.new


@given(st.binary(max_size=20))
def test_every_byte_stays(data: bytes) -> None:
    """Whatever the codec is."""
    text, codec = decode(data)
    assert replaced(text, []).encode(codec) == data


# --- properties ---

NOISE = st.sampled_from(["", "# a word", "#[[balancer.a.member]]", "   ", '  # status = "drain"', "\t"])


@settings(max_examples=50)
@given(files(), STEPS, st.lists(NOISE, max_size=12), st.booleans())
def test_any_toml(config: Config, steps: list[tuple[Any, ...]], noise: list[str], crlf: bool) -> None:
    """Whatever was changed, the file that it is saved to says it."""
    lines = dump(config).splitlines()
    for index, one in enumerate(noise):
        lines.insert((index * 7) % len(lines), one)
    text = ("\r\n" if crlf else "\n").join(lines)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "panolb.toml")
        file.write_bytes(text.encode())
        agree(reader(file), walk(config, steps))


@settings(max_examples=50)
@given(st.data(), files(), STEPS)
def test_any_way_of_writing(data: st.DataObject, config: Config, steps: list[tuple[Any, ...]]) -> None:
    """The same for tables, arrays, inline tables, dotted keys and quoted names."""
    writer = Writer(data.draw)
    writer.table(tomllib.loads(dump(config)), (), ())
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "panolb.toml")
        file.write_text(writer.text)
        overrides = walk(config, steps)
        try:
            agree(reader(file), overrides)
        except CannotSave as error:
            assert "no element of" in str(error)


def written(config: Config, noise: Mapping[int, str]) -> str:
    """An httpd.conf with these balancers."""
    lines = ["Listen 80"]
    for name, balancer in config.balancer.items():
        sticky = " stickysession=ID" if balancer.stickysession else ""
        lines += [f"ProxyPass /{name} balancer://{name}{sticky}", f"<Proxy balancer://{name}>"]
        for member in balancer.member:
            letter = {"active": "", "drain": "N", "disabled": "D", "stopped": "s"}[member.status]
            words = [f"BalancerMember {member.url.rstrip('/')}"]
            words += [f"route={member.route}"] if member.route else []
            words += [f"loadfactor={member.loadfactor}", f"lbset={member.lbset}"]
            words += [f"status=+{letter}"] if letter else []
            lines.append(noise.get(len(lines), " ").join(words))
        lines.append("</Proxy>")
    return "\n".join(lines) + "\n"


@settings(max_examples=50)
@given(files(), STEPS, st.dictionaries(st.integers(0, 20), st.sampled_from(["  ", " \\\n  ", "\t"])))
def test_any_httpd_conf(config: Config, steps: list[tuple[Any, ...]], noise: Mapping[int, str]) -> None:
    """The same for Apache's language."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "httpd.conf")
        file.write_text(written(config, noise))
        read_file = reader(file, HttpdOptions())
        overrides = walk(read_file({}).config, steps)
        try:
            agree(read_file, overrides)
        except CannotSave:
            # Apache tells members apart by their URLs alone.
            balancers = overrides.apply(read_file({}).config)[0].balancer.values()
            assert any(len({m.url for m in one.member}) < len(one.member) for one in balancers)


EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "httpd"


def test_the_recipe_for_websockets(tmp_path: Path) -> None:
    """A member that the file has once for HTTP and once for WebSockets is changed in both places."""
    file = tmp_path / "httpd.conf"
    file.write_bytes((EXAMPLES / "websocket-recipe.conf").read_bytes())
    read_file = reader(file, HttpdOptions())
    config, who = read_file({}).config, members(read_file, "panopticon")
    overrides = Overrides().with_removed(config, who["panopticon/1"], 1)
    overrides = overrides.with_state(config, who["panopticon/2"], "drain", False, 1)
    new = Member(url="http://10.0.0.13:8080/panopticon", route="3")
    overrides = overrides.with_added(config, "panopticon", new, 1)
    assert [line.replace("        ", " ") for line in changed(save(read_file, overrides))] == [
        "- BalancerMember http://10.0.0.11:8080/panopticon route=1",
        "- BalancerMember http://10.0.0.12:8080/panopticon route=2",
        "+ # BalancerMember http://10.0.0.11:8080/panopticon route=1",
        "+ BalancerMember http://10.0.0.12:8080/panopticon route=2 status=+N",
        "+ BalancerMember http://10.0.0.13:8080/panopticon route=3",
        "- BalancerMember ws://10.0.0.11:8080/panopticon route=1",
        "- BalancerMember ws://10.0.0.12:8080/panopticon route=2",
        "+ # BalancerMember ws://10.0.0.11:8080/panopticon route=1",
        "+ BalancerMember ws://10.0.0.12:8080/panopticon route=2 status=+N",
        "+ BalancerMember ws://10.0.0.13:8080/panopticon route=3",
    ]
    agree(read_file, overrides)


@pytest.mark.parametrize(
    "name",
    [
        "enterprise",
        "guide",
        "health-template",
        "hot-standby",
        "jsessionid",
        "lbset-tiers",
        "two-virtual-hosts",
    ],
)
def test_examples(tmp_path: Path, name: str) -> None:
    """Whatever is changed of the first balancer of an example, it can be written into the file."""
    file = tmp_path / "httpd.conf"
    file.write_bytes((EXAMPLES / f"{name}.conf").read_bytes())
    read_file = reader(file, HttpdOptions())
    config = read_file({}).config
    balancer, made = next(iter(config.balancer.items()))
    first, *_, last = members(read_file, balancer).values()
    overrides = Overrides().with_removed(config, first, 1).with_weight(config, last, 7, 1)
    overrides = overrides.with_state(config, last, "stopped", False, 1)
    new = attrs.evolve(made.member[0], url=last.url.replace("//", "//new-"), route="new")
    agree(read_file, overrides.with_added(config, balancer, new, 1))
