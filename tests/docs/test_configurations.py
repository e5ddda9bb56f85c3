"""Every TOML block of the documentation is a configuration, or a part of one, that panolb accepts."""

from __future__ import annotations

import re

import pytest

import panolb.plugins
from panolb.config import Known, loads
from panolb.control.registry import Registry
from panolb.errors import ConfigError

from .blocks import Block, blocks

WRONG = "wrong.toml"
TOML = blocks("toml")


def completed(text: str) -> str:
    """A whole configuration around a part of one: what it leaves out is put in, what it says stays."""
    named = dict.fromkeys(
        re.findall(r'^(?:\[+balancer\.|balancer = ")([\w.~-]+?)(?:"|[.\]])', text, re.MULTILINE)
    )
    for name in named or {"added": None}:
        if f"balancer.{name}.member" not in text and "member = [" not in text:
            text += f'\n[[balancer.{name}.member]]\nurl = "http://localhost:8080"\nroute = "added"\n'
    if "[[location]]" not in text:
        text += f'\n[[location]]\npath = "/"\nbalancer = "{next(iter(named), "added")}"\n'
    if "[listener." not in text:
        text += '\n[listener.added]\nendpoint = "tcp:10080"\n'
    return text


@pytest.fixture(scope="module")
def names() -> Known:
    """The plugins of an ordinary installation and those of ``docs/examples``."""
    installed = Registry(panolb.plugins).known
    return Known(
        lbmethods=installed.lbmethods | {"fewest-busy"},
        checks=installed.checks,
        resolvers=installed.resolvers,
        filters=installed.filters | {"mask-tokens"},
    )


def test_there_are_blocks() -> None:
    """The search finds them at all: each page that must show a configuration has one."""
    pages = {block.page.name for block in TOML}
    assert pages >= {
        "README.rst",
        "quickstart.rst",
        "stickiness.rst",
        "failures.rst",
        "operate.rst",
        "websocket.rst",
    }


@pytest.mark.parametrize("block", [block for block in TOML if block.name != WRONG], ids=str)
def test_block_is_right(block: Block, names: Known) -> None:
    """It loads without a problem."""
    try:
        loads(completed(block.text), names, block.page.name)
    except ConfigError as error:
        pytest.fail(f"{block}:\n{error}\n\n{completed(block.text)}")


@pytest.mark.parametrize("block", [block for block in TOML if block.name == WRONG], ids=str)
def test_wrong_block_is_wrong(block: Block, names: Known) -> None:
    """What is shown as a mistake is one."""
    with pytest.raises(ConfigError):
        loads(block.text, names, block.page.name)
