"""What the file says, what operators changed of it while panolb runs, and what is in effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from twisted.logger import Logger

from ..config import model
from ..config.crosscheck import Known
from ..config.httpd.imported import Imported
from ..config.httpd.report import Report
from ..config.overrides import Dropped, Identity, Overrides
from ..config.runtime import StateChange
from ..config.saving import Edited, Read, save
from .statefile import StateFile

log = Logger()

STATE_FILE = "overrides.json"  # in the state directory, where the configuration names no file


@attrs.frozen
class Proposal:
    """A configuration that could take effect.

    :ivar imported: what the file says.
    :ivar config: that with the overrides.
    :ivar dropped: the overrides that do not hold any longer.
    """

    imported: Imported
    config: model.Config
    overrides: Overrides
    dropped: Sequence[Dropped]

    @property
    def moving(self) -> frozenset[Identity]:
        """The members that are drained with their users moved."""
        return frozenset(
            change.member for change in self.overrides if isinstance(change, StateChange) and change.moving
        )


class Configuration:
    """The configuration in effect, and where it comes from.

    :param read: reads the file, with other contents in the place of some files.
    :param known: the names of the plugins that exist.
    :param wall_clock: reads the time of day in seconds since 1970.
    :param state_directory: where the changes of operators are kept, if the configuration does not say.
    :raises ConfigError: when the file is wrong.

    :ivar file: the file's name for people.
    :ivar generation: counts up with every configuration that takes effect.
    :ivar loaded: when the last one did, in seconds since 1970.
    """

    def __init__(
        self,
        file: str,
        read: Read,
        known: Known,
        wall_clock: Callable[[], float],
        state_directory: Path | None = None,
    ) -> None:
        self.file = file
        self._read = read
        self._known = known
        self._wall_clock = wall_clock
        self._state_directory = state_directory
        imported = read({})
        self.state = self._state_file(imported.config)
        kept = Overrides() if self.state is None else self.state.read(wall_clock())
        self._kept = None if self.state is None else self.state.path, kept  # where what is written
        self.now = self._propose(imported, kept)
        self.generation = 1
        self.loaded = wall_clock()

    @property
    def known(self) -> Known:
        """The names of the plugins that exist."""
        return self._known

    @property
    def config(self) -> model.Config:
        """What is in effect."""
        return self.now.config

    @property
    def overrides(self) -> Overrides:
        """What operators changed."""
        return self.now.overrides

    def read_again(self) -> Proposal:
        """What the file says now.

        :raises ConfigError: when it is wrong.
        """
        return self._propose(self._read({}), self.overrides)

    def changed(self, change: Callable[[Overrides, model.Config], Overrides]) -> Proposal:
        """What an operator wants now.

        :param change: makes it from the present overrides and the file's configuration.
        :raises ValueError: when ``change`` does.
        """
        imported = self.now.imported
        return self._propose(imported, change(self.overrides, imported.config))

    def proposed(self, config: model.Config) -> Proposal:
        """What would be in effect if the file said this."""
        return self._propose(attrs.evolve(self.now.imported, config=config), self.overrides)

    def save(self) -> list[Edited]:
        """The files as they would be with the overrides written in; see `panolb.config.saving.save`."""
        return save(self._read, self.overrides)

    def _propose(self, imported: Imported, overrides: Overrides) -> Proposal:
        config, kept, dropped = overrides.apply(imported.config, self._known)
        return Proposal(imported, config, kept, dropped)

    def take(self, proposal: Proposal) -> None:
        """It is in effect now."""
        self.now = proposal
        self.generation += 1
        self.loaded = self._wall_clock()

    def keep(self) -> None:
        """Write the overrides down, if they are not written there.

        :raises OSError: when that is not possible: they last until panolb ends then.
        """
        self.state = self._state_file(self.now.imported.config)
        if self.state is not None and self._kept != (self.state.path, self.overrides):
            self.state.write(self.overrides)
            self._kept = self.state.path, self.overrides

    def _state_file(self, config: model.Config) -> StateFile | None:
        if config.control is None:
            return None
        if config.control.state_file is not None:
            return StateFile(Path(config.control.state_file))
        return None if self._state_directory is None else StateFile(self._state_directory / STATE_FILE)


def fixed(config: model.Config, known: Known, wall_clock: Callable[[], float]) -> Configuration:
    """A configuration that was made in code; read again, it says the same."""
    imported = Imported(config, Report(()), {})
    return Configuration(config.where.name, lambda _: imported, known, wall_clock)
