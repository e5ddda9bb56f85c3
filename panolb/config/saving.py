"""Writes what operators changed while panolb runs into their file: its text with the changes, for them to look at.

Nothing is written to the disk.  What would be read from the new text is compared with what is in effect before
anybody gets to see it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
from attrs import evolve

from panolb.config import tomlediting
from panolb.config.balancers import Balancer, Member
from panolb.config.edits import CannotSave, Edited
from panolb.config.files import read_regular
from panolb.config.httpd.imported import Imported, Origins
from panolb.config.model import Config
from panolb.config.overrides import Overrides
from panolb.errors import ConfigError

__all__ = ["CannotSave", "Edited", "save"]

_SHARED: Final[Mapping[str, Any]] = {
    one.name: getattr(Balancer(), one.name)
    for one in attrs.fields(Balancer)
    if one.name != "health" and one.name in attrs.fields_dict(Member)
}
"""What members have from their balancer, unless they say it themselves; by default."""

Read = Callable[[Mapping[str, bytes]], Imported]
"""Reads the file again, with other contents in the place of some files."""


def save(read: Read, overrides: Overrides) -> list[Edited]:
    """Return the files that change when the overrides are written in; those that the file contradicts are not.

    What a file has no words for is not written: that the users of a member are moving.

    :raises CannotSave: it cannot be done.
    :raises ConfigError: what is on the disk now is no right configuration.
    """
    imported = read({})
    effective, kept, _ = overrides.apply(imported.config)
    if not imported.config.where.name:
        raise CannotSave("this configuration was not read from a file")
    if isinstance(imported.config.where, Origins):
        from panolb.config.httpd import editing  # noqa: PLC0415  # takes its time, and only this needs it

        files = editing.edited(imported.sources, imported.config, kept.changes, _content)
    else:
        name = imported.config.where.name
        files = [tomlediting.edited(name, _content(name), imported.config, kept.changes)]
    changed = [one for one in files if one.new != one.old]
    _check(read, changed, effective)
    return changed


def _content(name: str) -> bytes:
    try:
        return read_regular(name)
    except OSError as error:
        raise CannotSave(f"{name} cannot be read: {error.strerror or error}") from None


def _check(read: Read, changed: list[Edited], effective: Config) -> None:
    """Make sure that what would be written means what is in effect, and nothing else."""
    names = ", ".join(one.path for one in changed)
    by_hand = f"the changes cannot be written into {names} without changing more; write them there by hand"
    try:
        config = read({one.path: one.new for one in changed}).config
    except ConfigError as error:
        raise CannotSave(f"{by_hand} ({error.problems[0]})") from None
    if plain(config) != plain(effective):
        raise CannotSave(by_hand)


def plain(config: Config) -> Config:
    """Return a configuration in which every member says for itself what its balancer says for all.

    An ``httpd.conf`` has no place for what members have in common: what most of them say becomes the balancer's, and
    what the slowest of them needs becomes the WebSockets'.
    """
    return evolve(
        config,
        balancer={name: _each_for_itself(one) for name, one in config.balancer.items()},
        location=[evolve(one, websocket_idle_timeout=None) for one in config.location],
    )


def _each_for_itself(balancer: Balancer) -> Balancer:
    members = [
        evolve(
            one,
            health=balancer.check_of(one),
            **{key: getattr(balancer, key) for key in _SHARED if getattr(one, key) is None},
        )
        for one in balancer.member
    ]
    return evolve(balancer, member=members, health=None, **_SHARED)
