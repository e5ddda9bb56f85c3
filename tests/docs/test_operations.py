"""The pages about running panolb name files, metrics and keys that there are."""

from __future__ import annotations

import re
import shlex

import pytest

import panolb

from .blocks import ROOT, Block, blocks

PAGES = ("install.rst", "tune.rst", "high-availability.rst", "troubleshooting.rst")
AS_ROOT = [block for block in blocks("console") if re.search(r"^# ", block.text, re.MULTILINE)]


def page(name: str) -> str:
    """What a page says."""
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("block", AS_ROOT, ids=str)
def test_what_is_installed_exists(block: Block) -> None:
    """Files that are installed are there, and go to where panolb's other files expect them."""
    for line in re.findall(r"^# install (.*)$", block.text, re.MULTILINE):
        source, target = shlex.split(line)[-2:]
        assert (ROOT / source).is_file(), line
        assert target.startswith("/etc/"), line


def test_all_of_it_is_installed() -> None:
    """No file that belongs to a running panolb is forgotten."""
    said = page("install.rst")
    for pattern in ("default/*", "logrotate/*", "sysusers.d/*", "tmpfiles.d/*", "systemd/*.*"):
        for file in (ROOT / "ops").glob(pattern):
            assert file.is_dir() or f"ops/{file.relative_to(ROOT / 'ops')}" in said, file


def test_the_version_is_this_one() -> None:
    """The directory of the first installation is that of the version that the page comes with."""
    assert f"/opt/panolb-{panolb.__version__}/" in page("install.rst")


@pytest.mark.parametrize("name", PAGES)
def test_metrics_exist(name: str) -> None:
    """Whatever looks like one of our metrics is in their list."""
    there = set(re.findall(r"``(panolb_\w+)``", page("metrics.rst")))
    for metric in re.findall(r"``(panolb_\w+)``", page(name)):
        assert metric in there


@pytest.mark.parametrize("name", PAGES)
def test_files_exist(name: str) -> None:
    """Files of the checkout that a page names are there."""
    for path in re.findall(r"``((?:ops|docs|bench)/[\w./-]*)``", page(name)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", PAGES)
def test_terms_exist(name: str) -> None:
    """The words of the access log that a page explains are among those of its list."""
    terms = set(re.findall(r"``([a-z]+(?:-[a-z]+)+)``", page("logs.rst")))
    said = re.findall(r"^(?:50[234]|Close code)[^`]*((?:``[a-z-]+``(?:, *)?)+)", page(name), re.MULTILINE)
    for term in re.findall(r"``([a-z]+-[a-z-]+)``", " ".join(said)):
        assert term in terms
