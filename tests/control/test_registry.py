"""Plugins: found by name, refused when two share one or one does not keep its promise, and used by a real process."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import panolb.plugins
from panolb.control.registry import Registry
from panolb.errors import ConfigError
from tests.control import lab as labs
from tests.harness.member import Member
from tests.harness.process import Panolb

Package = Callable[[str], ModuleType]

METHOD = '''\
from twisted.plugin import IPlugin
from zope.interface import implementer
from panolb.interfaces import IBalancingMethod

class Last:
    """Always the last candidate."""
    def pick(self, candidates):
        return candidates[-1]
    def stuck(self, member, usable):
        pass

@implementer(IPlugin, IBalancingMethod)
class {name}:
    name = "{word}"
    def policy(self):
        return Last()

{instance} = {name}()
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Makes a plugin package with one module of the given source."""
    name = f"plugins_of_{tmp_path.name.replace('-', '_')}"

    def make(source: str) -> ModuleType:
        directory = tmp_path / name
        directory.mkdir()
        (directory / "__init__.py").write_text("")
        (directory / "own.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        return importlib.import_module(name)

    yield make
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_built_ins_come_through_the_door() -> None:
    """What panolb itself brings is found the way everything is."""
    registry = Registry(panolb.plugins)
    assert "byrequests" in registry.methods
    assert "route" in registry.resolvers
    assert {"http", "tcp", "websocket"} <= set(registry.checks)


def test_plugin_is_found_by_its_name(package: Package) -> None:
    """The name in the configuration is the attribute, not the module's or the object's."""
    registry = Registry(package(METHOD.format(name="Method", word="last", instance="one")))
    assert list(registry.methods) == ["last"]
    assert registry.methods["last"].policy().pick([1, 2, 3]) == 3
    assert not registry.resolvers and not registry.checks and not registry.filters


def test_double_names_are_refused(package: Package) -> None:
    """Which of two would be used must not depend on the order of files."""
    source = METHOD.format(name="A", word="last", instance="a") + METHOD.format(
        name="B", word="last", instance="b"
    )
    with pytest.raises(ConfigError, match="last") as caught:
        Registry(package(source))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "broken",
    [
        METHOD.replace("    def policy(self):\n        return Last()\n", ""),
        METHOD.replace('    name = "{word}"\n', ""),
        METHOD.replace("def policy(self)", "def policy(self, wanted)"),
    ],
    ids=["no policy", "no name", "other arguments"],
)
def test_objects_that_do_not_provide_their_interface_are_refused(package: Package, broken: str) -> None:
    """A promise that is not kept is found before the first request, and the message names the interface."""
    with pytest.raises(ConfigError, match="IBalancingMethod"):
        Registry(package(broken.format(name="Method", word="last", instance="one")))


FILTER = '''\
from twisted.plugin import IPlugin
from zope.interface import implementer
from panolb.interfaces import IMessageFilter

class Nothing:
    """Lets nothing pass."""
    def message(self, sender, payload, binary):
        return None

@implementer(IPlugin, IMessageFilter)
class Filter:
    name = "last"
    def filter(self, request):
        return Nothing()

filter = Filter()
'''


def test_kinds_have_names_of_their_own(package: Package) -> None:
    """A message filter may be called what a balancing method is called; each is found where it belongs."""
    registry = Registry(package(METHOD.format(name="Method", word="last", instance="one") + FILTER))
    assert list(registry.methods) == ["last"] and list(registry.filters) == ["last"]
    assert registry.filters["last"].filter(None).message("client", b"said", False) is None


def test_filter_without_what_it_promises_is_refused(package: Package) -> None:
    """The same for filters."""
    with pytest.raises(ConfigError, match="IMessageFilter"):
        Registry(package(FILTER.replace("def filter(self, request)", "def filter(self)")))


def test_all_problems_at_once(package: Package) -> None:
    """Two broken plugins are two problems."""
    broken = METHOD.replace("    def policy(self):\n        return Last()\n", "")
    source = broken.format(name="A", word="a", instance="a") + broken.format(name="B", word="b", instance="b")
    with pytest.raises(ConfigError) as caught:
        Registry(package(source))
    assert len(caught.value.problems) == 2


# -- in a real process ----------------------------------------------------------------------------------------------


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A directory of somebody else's on PYTHONPATH, with ``panolb/plugins/`` and no ``__init__`` in it."""

    def install(source: str) -> None:
        directory = tmp_path / "theirs" / "panolb" / "plugins"
        directory.mkdir(parents=True)
        (directory / "their_method.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "theirs"), prepend=":")

    return install


def test_third_partys_method_balances(tmp_path: Path, third_party: Callable[[str], None]) -> None:
    """A configuration names a method from a plugin directory beside panolb, and requests go where it says."""
    third_party(METHOD.format(name="Method", word="last-one", instance="one"))
    with Member("one") as one, Member("two") as two:
        members = [labs.member(member.port) for member in (one, two)]
        with labs.running(tmp_path, {"app": labs.balancer(members, more='lbmethod = "last-one"')}) as lab:
            assert [lab.get("/app").body for _ in range(4)] == [b"two"] * 4


def test_unknown_method_lists_what_exists(tmp_path: Path, third_party: Callable[[str], None]) -> None:
    """A typing error is answered with the names that there are, theirs among them."""
    third_party(METHOD.format(name="Method", word="last-one", instance="one"))
    lab = labs.Lab(tmp_path, {"app": labs.balancer([labs.member(1)], more='lbmethod = "last-oen"')}, "")
    assert _end(lab.panolb) == 1
    assert "last-oen" in lab.panolb.log
    assert "byrequests" in lab.panolb.log and "last-one" in lab.panolb.log


def test_third_partys_double_name_stops_the_start(tmp_path: Path, third_party: Callable[[str], None]) -> None:
    """Nobody replaces a built-in by accident."""
    third_party(METHOD.format(name="Method", word="byrequests", instance="one"))
    lab = labs.Lab(tmp_path, {"app": labs.balancer([labs.member(1)])}, "")
    assert _end(lab.panolb) == 1
    assert "byrequests" in lab.panolb.log and "Traceback" not in lab.panolb.log


def test_exception_in_a_plugin_costs_one_request(tmp_path: Path, third_party: Callable[[str], None]) -> None:
    """A method that breaks down is a 502 and a log line, and the listener goes on."""
    source = METHOD.format(name="Method", word="moody", instance="one").replace(
        "return candidates[-1]", 'raise RuntimeError("in a bad mood")'
    )
    third_party(source)
    with Member("one") as one:
        balancers = {
            "app": labs.balancer([labs.member(one.port)], more='lbmethod = "moody"'),
            "other": labs.balancer([labs.member(one.port)]),
        }
        with labs.running(tmp_path, balancers, healthy=False) as lab:
            assert lab.get("/app").status == 502
            assert "in a bad mood" in lab.panolb.log
            assert lab.get("/other").status == 200
            lab.panolb.terminate()
            assert lab.panolb.wait() == 0


def _end(panolb_process: Panolb) -> int:
    try:
        panolb_process.launch()
        return panolb_process.wait()
    finally:
        panolb_process.close()
