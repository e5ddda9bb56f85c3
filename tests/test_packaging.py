"""The wheel works from a plain ``pip install``: the twistd plugin is found, the command runs, the data files are there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import panolb

ROOT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("panolb", "twisted", "setup.cfg", "pyproject.toml", "LICENSE", "README.rst", "CHANGELOG.rst")
TWISTD = ("-c", "from twisted.scripts.twistd import run; run()")  # as the console script does
TIMEOUT = 300.0

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run ``command`` away from the checkout and return what it prints; a failure shows all of it."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))
    }
    environment["COLUMNS"] = "120"
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a copy: what an earlier build left in the checkout must not get into it."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            leave = shutil.ignore_patterns("__pycache__", "dropin.cache")
            shutil.copytree(ROOT / name, source / name, ignore=leave)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", place, source, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of a fresh virtual environment with that wheel in it.

    The dependencies are seen through a .pth file, so that nothing is downloaded. A .pth file in a directory
    that is itself named by one is not read: an editable install of the checkout stays invisible.
    """
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", with_pip=True, symlinks=True)
    bin_ = place / "venv" / "bin"
    run(bin_ / "python", "-m", "pip", "-q", "install", "--no-deps", "--no-index", wheel, cwd=place)
    site = Path(
        run(
            bin_ / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place
        ).strip()
    )
    ours = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    (site / "dependencies.pth").write_text("\n".join(ours) + "\n", encoding="utf-8")
    return bin_


def test_wheel_holds_every_file(wheel: Path) -> None:
    """Every module and data file of the checkout is in the wheel, the twistd plugin among them."""
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "panolb").rglob("*")
        if path.is_file() and path.suffix in {".py", ".html", ".typed"}
    }
    expected.add("twisted/plugins/panolb_plugin.py")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_wheel_adds_nothing_to_twisted_but_the_plugin(wheel: Path) -> None:
    """An ``__init__.py`` in twisted/ or twisted/plugins/ would overwrite Twisted's own."""
    with zipfile.ZipFile(wheel) as archive:
        held = [name for name in archive.namelist() if name.startswith("twisted/")]
    assert held == ["twisted/plugins/panolb_plugin.py"]
    assert not list((ROOT / "twisted").rglob("__init__.py"))


def test_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    """The tests below look at the installed package, not at the checkout."""
    where = run(installed / "python", "-c", "import panolb; print(panolb.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))


def test_twistd_finds_the_plugin(installed: Path, tmp_path: Path) -> None:
    """``twistd --help`` lists panolb: an installation needs nothing but the wheel."""
    listed = run(installed / "python", *TWISTD, "--help", cwd=tmp_path)
    assert re.search(r"^ +panolb +A sticky load balancer", listed, re.MULTILINE), listed


def test_twistd_knows_the_options(installed: Path, tmp_path: Path) -> None:
    """``twistd panolb --help`` lists the options: everything that the plugin imports is in the wheel."""
    options = run(installed / "python", *TWISTD, "panolb", "--help", cwd=tmp_path)
    assert "--config" in options
    assert "--demo" in options


def test_command_prints_the_version(installed: Path, tmp_path: Path) -> None:
    """``panolb --version`` prints the version that the package has."""
    assert panolb.__version__ in run(installed / "panolb", "--version", cwd=tmp_path)
