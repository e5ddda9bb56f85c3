"""What there is once, however many processes serve users: members' states, checks, the configuration."""

from __future__ import annotations

import platform

import attrs

import panolb
import twisted

from ...core.balancer import READY
from ...core.member import Admin
from ..changes import Changes
from ..listeners import Listener
from ..listening import Listening
from ..operations import Operations
from ..plant import Plant, Seat
from . import families
from .naming import labelled
from .sheet import Export, Sheet

STATES = ("up", "drain", "error", "down", "disabled", "stopped")


@attrs.frozen(eq=False)
class House:
    """All that is asked in the process that rules."""

    plant: Plant
    listening: Listening
    operations: Operations
    changes: Changes

    def export(self) -> Export:
        """All of it, as it is now."""
        self.operations.refresh()
        sheet = Sheet()
        for labels, seat in labelled(self.plant):
            _member(sheet, seat, *labels)
            spared = seat.member in self.operations.balancers[seat.member.spec.balancer].spared
            sheet.add(families.MEMBER_SPARED, int(spared), *labels)
        for listener in self.listening.listeners.values():
            _certificate(sheet, listener)
        self._configuration(sheet)
        runs = panolb.__version__, platform.python_version(), twisted.__version__
        sheet.add(families.BUILD_INFO, 1, *runs)
        return sheet.numbers

    def _configuration(self, sheet: Sheet) -> None:
        configuration = self.changes.configuration
        sheet.add(families.CONFIG_GENERATION, configuration.generation)
        sheet.add(families.CONFIG_SUCCESS, int(not self.changes.problems))
        sheet.add(families.CONFIG_TIMESTAMP, configuration.loaded)
        sheet.add(families.CONFIG_OVERRIDES, len(list(configuration.overrides)))
        for result, count in self.changes.reloads.items():
            sheet.add(families.CONFIG_RELOADS, count, result)


def _member(sheet: Sheet, seat: Seat, *labels: str) -> None:
    member = seat.member
    sheet.add(families.MEMBER_UP, int(member.state in READY), *labels)
    for state in STATES:
        sheet.add(families.MEMBER_STATE, int(member.state == state), *labels, state)
    sheet.add(families.MEMBER_BUSY, member.busy + member.elsewhere, *labels)
    sheet.add(families.MEMBER_WEIGHT, member.loadfactor / 100, *labels)
    if member.admin is Admin.DRAIN:
        sheet.add(families.DRAIN_REMAINING, member.busy + member.elsewhere, *labels)
    sheet.add(families.MEMBER_CHOSEN, member.elected, *labels)
    sheet.add(families.MEMBER_SENT, member.traffic_out, *labels)
    sheet.add(families.MEMBER_RECEIVED, member.traffic_in, *labels)
    if seat.checker is not None:
        sheet.add(families.HEALTH_CHECKS, seat.checker.passed, *labels, "pass")
        sheet.add(families.HEALTH_CHECKS, seat.checker.failed, *labels, "fail")


def _certificate(sheet: Sheet, listener: Listener) -> None:
    """Of several certificates for the same name the one that ends first."""
    if listener.tls is None:
        return
    ends: dict[str, float] = {}
    for one in listener.tls.certificates:
        ends[one.name] = min(one.until.timestamp(), ends.get(one.name, one.until.timestamp()))
    for name, end in ends.items():
        sheet.add(families.CERTIFICATE, end, listener.name, name)
