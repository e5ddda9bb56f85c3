"""What Apache decides while it reads is decided here as well, and everything that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from panolb.config.httpd.nodes import Node, Section
from panolb.config.httpd.reading import Document, read
from panolb.config.httpd.report import Verdict

Reading = Callable[..., Document]

LOADED = "LoadModule proxy_module x\nLoadModule headers_module x\nLoadModule env_module x\n"


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Read a text as httpd.conf of a directory."""

    def one(text: str, **options: Any) -> Document:
        file = tmp_path / "httpd.conf"
        file.write_text(text)
        options.setdefault("environment", {})
        return read(file, **options)

    return one


def plain(nodes: Iterable[Node]) -> list[Any]:
    """Nodes without their places: a line, or a line and what stands in it."""
    found: list[Any] = []
    for node in nodes:
        line = " ".join([node.name, *node.args])
        found.append((line, plain(node.children)) if isinstance(node, Section) else line)
    return found


def told(document: Document) -> list[str]:
    """Line and words of each problem."""
    return [f"{problem.place.rsplit(':', 1)[1]}: {problem.message}" for problem in document.problems]


def test_a_tree(reading: Reading) -> None:
    """Directives and sections in their order, names as the manual spells them, each with its place."""
    document = reading(
        'listen 80\n<virtualhost *:80>\n  SERVERNAME a\n  <Location "/a b">\n  </location>\n</VirtualHost>\nUser x'
    )
    assert document.problems == []
    assert plain(document.nodes) == [
        "Listen 80",
        ("VirtualHost *:80", ["ServerName a", ("Location /a b", [])]),
        "User x",
    ]
    host = document.nodes[1]
    assert isinstance(host, Section)
    assert str(host.place).endswith("httpd.conf:2")
    assert str(host.children[1].place).endswith("httpd.conf:4")


def test_variables(reading: Reading) -> None:
    """Definitions hold from their line on, the environment is asked next, and what nobody knows stays."""
    document = reading(
        LOADED + 'SetEnv early ${HOST}\nDefine HOST "a b"\nDefine ALL "${HOST} c"\nSetEnv ${HOST}\n'
        "SetEnv all '${ALL}'\nUnDefine HOST\nSetEnv late ${HOST}\nSetEnv shell ${SHELL}$1$\n",
        environment={"SHELL": "sh"},
    )
    assert plain(document.nodes) == [
        "SetEnv early ${HOST}",
        "SetEnv a b",
        "SetEnv all a b c",
        "SetEnv late ${HOST}",
        "SetEnv shell sh$1$",
    ]
    [entry] = [one for one in document.entries if one.verdict is Verdict.UNSUPPORTED]
    assert entry.text == "${HOST}"
    assert entry.place.line == 4


def test_variables_from_the_command_line(reading: Reading) -> None:
    """As with httpd -D, and with a value."""
    text = "<IfDefine TLS>\nListen 443\n</IfDefine>\n<IfDefine !TLS>\nListen 80\n</IfDefine>\nTimeout ${T}"
    assert plain(reading(text, defines=["TLS", "T=7"]).nodes) == ["Listen 443", "Timeout 7"]
    assert plain(reading(text, defines=["T=8"]).nodes) == ["Listen 80", "Timeout 8"]


def test_rewrite_maps_are_no_variables(reading: Reading) -> None:
    """${map:key} is for mod_rewrite, and nobody misses a definition."""
    document = reading("LoadModule rewrite_module x\nRewriteRule ^/(.*) ${map:$1} [R]")
    assert plain(document.nodes) == ["RewriteRule ^/(.*) ${map:$1} [R]"]
    assert all(one.verdict is Verdict.RUN for one in document.entries)


def test_a_definition_cannot_grow_without_end(reading: Reading) -> None:
    """Ten times ten times ten is a problem, not a memory error."""
    text = "Define a xxxxxxxxxx\n" + "".join(
        "Define a ${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\n" for _ in range(20)
    )
    assert any("too long" in line for line in told(reading(text)))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("IfModule proxy_module", True),
        ("IfModule mod_proxy.c", True),
        ("IfModule !mod_proxy.c", False),
        ("IfModule mod_ssl.c", False),
        ("IfModule !ssl_module", True),
        ("IfModule mpm_event_module", True),
        ("IfModule mod_nobody.c", False),
        ("IfDefine nothing", False),
        ("IfDefine !nothing", True),
        ("IfVersion 2.4.66", True),
        ("IfVersion = 2.4", False),
        ("IfVersion >= 2.4", True),
        ("IfVersion > 2.4.66", False),
        ("IfVersion < 2.4", False),
        ("IfVersion <= 2.4.66", True),
        ("IfVersion !< 2.4", True),
        ("IfVersion ~ ^2\\.4", True),
        ("IfVersion = /^2.2/", False),
        ("IfVersion != /^2.2/", True),
        ("IfFile httpd.conf", True),
        ("IfFile nothing.conf", False),
        ("IfDirective ProxyPass", True),
        ("IfDirective SSLEngine", False),
        ("IfDirective !Nothing", True),
        ("IfSection Proxy", True),
        ("IfSection MDomainSet", False),
    ],
)
def test_questions(reading: Reading, question: str, answer: bool) -> None:
    """What stands between is read, or is not even looked at."""
    name = question.partition(" ")[0]
    document = reading(f"{LOADED}<{question}>\nListen 80\n<Nonsense>\n</Nonsense>\n</{name}>\nTimeout 1")
    assert plain(document.nodes) == (["Listen 80", "Timeout 1"] if answer else ["Timeout 1"])
    assert told(document) == (["6: <Nonsense> is unknown"] if answer else [])


@pytest.mark.parametrize(
    "question", ["IfVersion", "IfVersion x 2.4", "IfVersion two", "IfVersion ~ (", "IfModule", "IfModule !"]
)
def test_questions_put_wrongly(reading: Reading, question: str) -> None:
    """They are told, and what stands in them is not read."""
    document = reading(f"<{question}>\nListen 80\n</{question.partition(' ')[0]}>")
    assert len(document.problems) == 1
    assert document.nodes == ()


def test_modules_that_are_not_loaded(reading: Reading) -> None:
    """A directive is a mistake before its module is loaded, with the line that is missing."""
    document = reading(
        "LoadModule proxy_module x\nHeader set a b\nProxyPass / http://a/\n<MDomain a>\n</MDomain>"
    )
    assert told(document)[:2] == [
        '2: Header belongs to mod_headers, which is not loaded; add "LoadModule headers_module modules/mod_headers.so" before it',
        '4: <MDomain> belongs to mod_md, which is not loaded; add "LoadModule md_module modules/mod_md.so" before it',
    ]


def test_a_part_of_a_configuration(reading: Reading) -> None:
    """A file that loads no module at all is read as if all were loaded, and says so."""
    document = reading("<VirtualHost *:80>\nHeader set a b\nSSLEngine on\n</VirtualHost>")
    assert document.problems == []
    assert [one.verdict for one in document.entries] == [Verdict.RESTORED]
    assert "ssl_module" in document.modules
    assert reading("<IfDefine no>\nLoadModule a_module b\n</IfDefine>\nHeader set a b").problems


def test_modules_of_others(reading: Reading) -> None:
    """With a module that nobody knows, a directive that nobody knows stops the start, but is no mistake."""
    document = reading(
        "LoadModule foo_module modules/mod_foo.so\nFooMatters On\n<IfModule mod_foo.c>\nTimeout 1\n</IfModule>"
    )
    assert document.problems == []
    assert [(one.name, one.stops) for one in document.entries if one.stops] == [("FooMatters", True)]
    assert plain(document.nodes) == ["Timeout 1"]


BALANCER = "<Proxy balancer://a>\nBalancerMember http://b\n{}</Proxy>\n"


@pytest.mark.parametrize(
    ("modules", "inside", "missing"),
    [
        ("proxy_balancer slotmem_shm lbmethod_byrequests proxy_http", "", []),
        ("proxy_balancer slotmem_shm proxy_http", "", ["lbmethod_byrequests"]),
        ("proxy_balancer lbmethod_byrequests proxy_http", "", ["slotmem_shm"]),
        ("slotmem_shm lbmethod_byrequests proxy_http", "", ["proxy_balancer"]),
        ("proxy_balancer slotmem_shm lbmethod_byrequests", "", ["proxy_http"]),
        (
            "proxy_balancer slotmem_shm lbmethod_byrequests proxy_http",
            "ProxySet lbmethod=bytraffic\n",
            ["lbmethod_bytraffic"],
        ),
        ("proxy_balancer slotmem_shm lbmethod_bytraffic proxy_http", "ProxySet lbmethod=bytraffic\n", []),
        ("proxy_balancer slotmem_shm proxy_http", "ProxySet lbmethod=nobodys\n", []),
    ],
)
def test_modules_that_a_balancer_needs(
    reading: Reading, modules: str, inside: str, missing: list[str]
) -> None:
    """Apache would not start without them, or answer 500."""
    load = "".join(f"LoadModule {name}_module x\n" for name in ["proxy", *modules.split()])
    found = told(reading(load + BALANCER.format(inside)))
    assert [line.split("LoadModule ")[1].split("_module")[0] for line in found] == missing


def test_unknown_names(reading: Reading) -> None:
    """The nearest known name is offered."""
    assert told(reading("ProxyPas / http://a/\n<Virtualhosts *:80>\n</Virtualhosts>\nQuux 1")) == [
        "1: ProxyPas is unknown; perhaps ProxyPass",
        "2: <Virtualhosts> is unknown; perhaps <VirtualHost>",
        "4: Quux is unknown",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Location /a>\nTimeout 1", ["1: <Location> does not end; write </Location>"]),
        ("Timeout 1\n</Location>", ["2: </Location> ends nothing; no section ends expected here"]),
        (
            "<Location /a>\n</Proxy>\n</Location>",
            ["2: </Proxy> ends nothing; </Location> is expected here"],
        ),
        ("<Location /a\n</Location>", ["1: <Location: the > at the end of the line is missing"]),
        ("<Location /a>\n</Location", ["2: </Location: the > is missing"]),
        ("<Location>\n</Location>", ["1: <Location> takes 1 argument, found 0"]),
        ("<IfDefine a>\n<Proxy b>\n</IfDefine>", None),
        ("<Location a b>\n</Location>", ["1: <Location> takes 1 argument, found 2"]),
        ("<Files ~>\n</Files>", ["1: <Files> takes 2 arguments, found 1"]),
        ("Timeout", ["1: Timeout takes 1 argument, found 0"]),
        ("KeepAlive yes", ["1: KeepAlive must be On or Off"]),
        ("Define a:b c", ["1: Define: a name must not have a colon"]),
        ('Error "no, not this"', ["1: Error: no, not this"]),
        ("Listen 80\0", ["1: the line has a control character, which no directive may have"]),
    ],
)
def test_mistakes(reading: Reading, text: str, expected: list[str] | None) -> None:
    """Each is told with its line."""
    found = told(reading(text))
    assert found == expected if expected else len(found) == 1


def test_all_mistakes_are_told(reading: Reading) -> None:
    """One run tells everything, as far as anybody would mend at once."""
    assert len(told(reading("<Location /a>\nNope\nTimeout\n</Proxy>\nNope"))) == 5
    many = told(reading("Timeout\n" * 5000))
    assert len(many) == 500
    assert "mistakes" in many[-1]


def test_notepads_unicode(tmp_path: Path) -> None:
    """One clear message, instead of one for every line."""
    file = tmp_path / "httpd.conf"
    file.write_text("Listen 80\nListen 81\n", encoding="utf-16")
    (problem,) = read(file).problems
    assert problem.message.endswith("is UTF-16; save it as UTF-8")


def test_depth_has_an_end(reading: Reading) -> None:
    """Sections in sections without end are one problem."""
    assert told(reading("<Location /a>\n" * 40 + "</Location>\n" * 40)) == [
        "31: there are more than 30 sections in each other here"
    ]


def test_text_after_a_section_is_passed_over(reading: Reading) -> None:
    """As in Apache; but the report says so."""
    document = reading("<Location /a> # mine\nTimeout 1\n</Location> # mine")
    assert plain(document.nodes) == [("Location /a", ["Timeout 1"])]
    assert [one.verdict for one in document.entries] == [Verdict.RESTORED, Verdict.HARMLESS]
