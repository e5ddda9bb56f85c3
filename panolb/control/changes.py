"""What changes while panolb runs: the file is read again, or an operator wants a member to be otherwise.

One after the other: `Panolb.swap` where something is to be made or opened, `Panolb.adjust` where only members are to be
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, returnValue

from ..config import model, toml
from ..config.comparison import compare
from ..config.dump import dump
from ..config.overrides import Dropped, Overrides, identify
from ..config.runtime import settings
from ..core.member import Admin, Member
from ..errors import ConfigError, Problem
from ..events import EventLogger
from .configuration import Configuration, Proposal
from .membercertificates import with_renewed as with_renewed_members
from .planning import report
from .plant import identity_of

if TYPE_CHECKING:
    from .service import Panolb

log = EventLogger()

Step = Callable[[Overrides, model.Config], Overrides]  # from the present changes to those wanted


class Impossible(Exception):
    """An operator wants what cannot be; the text says why."""


class Changes:
    """Changes what runs.

    :param house: what it changes.
    :param configuration: what is in effect in it.
    :param wall_clock: reads the time of day in seconds since 1970.

    :ivar reloads: how many were applied, changed nothing, or were refused.
    :ivar problems: why the last one was refused; empty when it was not.
    :ivar unkept: why what operators changed lasts only until panolb ends; empty when it is written down.
    :ivar on_reload: called when one begins; ``on_reloaded`` when it is over, whatever came of it.
    """

    def __init__(self, house: Panolb, configuration: Configuration, wall_clock: Callable[[], float]) -> None:
        self._house = house
        self.configuration = configuration
        self._wall_clock = wall_clock
        self._turn = DeferredLock()
        self.reloads = {"applied": 0, "unchanged": 0, "refused": 0}
        self.problems: tuple[Problem, ...] = ()
        self.on_reload: Callable[[], object] = lambda: None
        self.on_reloaded: Callable[[], object] = lambda: None

    def start(self) -> None:
        """Say which changes of a former run do not hold any longer, and go on without them."""
        for one in self.configuration.now.dropped:
            _say_dropped(one.member.name, one.key, one.why)
        self._keep()

    # -- the file ---------------------------------------------------------------------------------------------------

    def reload(self) -> Deferred[dict[str, Any]]:
        """Read the file again and have it take effect.

        :returns: what changed, as the control API tells it; fails with ConfigError when the file is wrong, and then
            nothing has changed.
        """
        reloading: Deferred[dict[str, Any]] = self._turn.run(self._reload)
        return reloading

    @inlineCallbacks
    def _reload(self) -> Any:
        self.on_reload()
        try:
            told = yield self._read_again()
        finally:
            self.on_reloaded()
        returnValue(told)

    @inlineCallbacks
    def _read_again(self) -> Any:
        try:
            proposal = self.configuration.read_again()
            told = self._report(proposal)
            closing = yield self._house.swap(proposal.config, proposal.moving)
        except ConfigError as error:
            self._refuse(error)
            raise
        self.problems = ()
        self._take(proposal)
        self._keep()
        yield closing()
        self.reloads["applied" if told["changes"] else "unchanged"] += 1
        told |= self._left(told)
        self._say_applied(told)
        returnValue(told)

    def plan(self, text: str) -> dict[str, Any]:
        """Say what a configuration would change, without changing anything.

        :param text: as TOML.
        :raises ConfigError: when it is wrong.
        """
        config = toml.loads(text, self.configuration.known, "the configuration")
        return self._report(self.configuration.proposed(config))

    def _report(self, proposal: Proposal) -> dict[str, Any]:
        listening = self._house.listening
        comparison = compare(self._house.config, proposal.config).with_renewed(
            listening.renewed(proposal.config)
        )
        comparison = with_renewed_members(comparison, self._house.plant.secured)
        return {
            **report(comparison, self._house.operations, listening.clients),
            "overrides": {
                "kept": [_override(change) for change in proposal.overrides],
                "dropped": [_dropped(one) for one in proposal.dropped],
            },
        }

    def _left(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What a reload tells beyond its plan: what became of the members that were removed."""
        leaving = {member.spec.name: member for member in self._house.plant.leaving}
        names = [one["name"] for one in told["members"]["removed"]]
        return {
            "generation": self.configuration.generation,
            "draining": [self._under_way(leaving[name]) for name in names if name in leaving],
            "closed": [name for name in names if name not in leaving],
        }

    def _refuse(self, error: ConfigError) -> None:
        self.problems = error.problems
        self.reloads["refused"] += 1
        log.error(
            "the configuration was not reloaded, and nothing has changed: {problems}; correct the file, and check it with "
            "panolb check",
            event="reload.refused",
            problems="; ".join(map(str, error.problems)),
        )

    def _say_applied(self, told: Mapping[str, Any]) -> None:
        for name in (one["name"] for one in told["members"]["removed"]):
            log.info("member {member}: removed by the configuration", event="member.removed", member=name)
        for name in (one["name"] for one in told["members"]["added"]):
            log.info("member {member}: added by the configuration", event="member.added", member=name)
        if told["changes"]:
            log.info(
                "configuration {generation} is in effect: {summary}",
                event="reload.applied",
                generation=told["generation"],
                summary="; ".join(told["summary"]),
            )
        else:
            log.info("the configuration was read again, and says the same", event="reload.unchanged")

    # -- operators --------------------------------------------------------------------------------------------------

    def set_member(
        self,
        name: str,
        state: str | None = None,
        weight: float | None = None,
        close_websockets: bool = False,
    ) -> Deferred[Member]:
        """Have a member in another state, or with another weight.

        :param close_websockets: with a drain: close its WebSockets and send its users to other members.
        :returns: fails with UnknownMember when there is none of this name, with Impossible when it cannot be so.
        """
        return self._turn.run(self._set_member, name, state, weight, close_websockets)

    def _set_member(
        self, name: str, state: str | None, weight: float | None, close_websockets: bool
    ) -> Member:
        member = self._house.operations.find(name)
        identity, now = identity_of(member), self._wall_clock()

        def change(overrides: Overrides, config: model.Config) -> Overrides:
            if weight is not None:
                overrides = overrides.with_weight(config, identity, weight, now)
            if state is not None:
                moving = close_websockets and state == Admin.DRAIN.value
                overrides = overrides.with_state(config, identity, state, moving, now)  # type: ignore[arg-type]
            return overrides

        self._adjust(change)
        if weight is not None:
            log.info(
                "member {member}: its weight is {weight:g}: set by the operator",
                event="member.weight",
                member=member.spec.name,
                weight=weight,
            )
        if state is not None:
            self._house.operations.set_admin(member, Admin(state), close_websockets)
        return member

    def _adjust(self, change: Step) -> None:
        """Have members otherwise than the file says, as far as that concerns only them.

        Nothing is read or opened for it: at night, what else is wrong must not be in the way of a drain.
        """
        proposal = self._changed(change)
        self._house.adjust(proposal.config, proposal.moving)
        self._take(proposal)
        self._keep()

    def add(self, balancer: str, wish: Mapping[str, object]) -> Deferred[Member]:
        """Add a member.

        :param wish: its keys, as in a TOML file; ``weight`` is another word for loadfactor.
        :returns: fails with Impossible when it cannot be added.
        """
        wish = dict(wish)
        if "weight" in wish:
            wish["loadfactor"] = wish.pop("weight")
        return self._turn.run(self._add, balancer, wish)

    @inlineCallbacks
    def _add(self, balancer: str, wish: Mapping[str, object]) -> Any:
        try:
            member = settings(wish)
        except ValueError as error:
            raise Impossible(str(error)) from None
        now = self._wall_clock()
        yield self._swap(
            lambda overrides, config: overrides.with_added(
                config, balancer, member, now, self.configuration.known
            )
        )
        seat = self._house.plant.seats[identify(balancer, member)]
        log.info(
            "member {member}: added by the operator: {url}",
            event="member.added",
            member=seat.member.spec.name,
            url=member.url,
        )
        returnValue(seat.member)

    def remove(self, name: str) -> Deferred[dict[str, Any]]:
        """Take a member away; its WebSockets are closed, and its users go to others.

        :returns: what is under way with it; fails with UnknownMember when there is none of this name, with Impossible
            when it cannot be removed.
        """
        return self._turn.run(self._remove, name)

    @inlineCallbacks
    def _remove(self, name: str) -> Any:
        member = self._house.operations.find(name)
        identity, now = identity_of(member), self._wall_clock()
        yield self._swap(lambda overrides, config: overrides.with_removed(config, identity, now))
        log.info("member {member}: removed by the operator", event="member.removed", member=member.spec.name)
        returnValue(self._under_way(member))

    def drop(self, name: str | None) -> Deferred[list[dict[str, Any]]]:
        """Have a member, or all of them, as the file says.

        :param name: the member, by its name or address; one that was removed, too.
        :returns: what was dropped; fails with Impossible when nothing of it was changed.
        """
        return self._turn.run(self._drop, name)

    @inlineCallbacks
    def _drop(self, name: str | None) -> Any:
        present = self.configuration.overrides
        try:
            dropped = list(present) if name is None else present.of(present.find(name))
        except LookupError as error:
            raise Impossible(str(error)) from None
        members = {one.member for one in dropped}
        yield self._swap(
            lambda overrides, config: Overrides(one for one in overrides if one.member not in members)
        )
        for one in dropped:
            _say_dropped(one.member.name, one.key, "by the operator")
        returnValue([_override(one) for one in dropped])

    @inlineCallbacks
    def _swap(self, change: Step) -> Any:
        proposal = self._changed(change)
        try:
            closing = yield self._house.swap(proposal.config, proposal.moving)
        except ConfigError as error:
            raise Impossible("; ".join(map(str, error.problems))) from None
        self._take(proposal)
        self._keep()
        yield closing()

    def _changed(self, change: Step) -> Proposal:
        try:
            return self.configuration.changed(change)
        except ValueError as error:
            raise Impossible(str(error)) from None

    # -- what is in effect ------------------------------------------------------------------------------------------

    def overrides(self) -> dict[str, Any]:
        """What operators changed, and where it is kept."""
        state = self.configuration.state
        return {
            "state_file": None if state is None else str(state.path),
            "unkept": self.unkept,
            "overrides": [_override(change) for change in self.configuration.overrides],
        }

    def save(self) -> dict[str, Any]:
        """The files as they would be with what operators changed; nothing is written.

        :raises CannotSave: when it cannot be written into them.
        :raises Impossible: when there is nothing to write.
        :raises ConfigError: when what is on the disk now is wrong.
        """
        files = self.configuration.save()
        if not files:
            raise Impossible("there is nothing to save: the file says all that holds")
        return {
            "files": [
                {
                    "file": one.path,
                    "text": one.text,
                    "encoding": one.encoding,
                    "diff": one.diff,
                    "sha256": one.sha256,
                }
                for one in files
            ]
        }

    def of_member(self, member: Member) -> dict[str, Any]:
        """What operators changed of a member, by what it is about."""
        mine = self.configuration.overrides.of(identity_of(member))
        return {one.key: {**one.told(), "since": one.since} for one in mine}

    def as_json(self) -> dict[str, Any]:
        """What is in effect, and how that came about."""
        return {
            "file": self.configuration.file,
            "generation": self.configuration.generation,
            "loaded": self.configuration.loaded,
            "reloads": self.reloads,
            "last_problems": [{"place": one.place, "message": one.message} for one in self.problems],
            "toml": dump(self.configuration.config),
        }

    def _take(self, proposal: Proposal) -> None:
        self.configuration.take(proposal)
        for one in proposal.dropped:
            _say_dropped(one.member.name, one.key, one.why)

    def _keep(self) -> None:
        """Write the overrides down.  A disk that is full does not undo what is in effect."""
        try:
            self.configuration.keep()
        except OSError as error:
            self.unkept = str(error)
            log.error(
                "{error}; what operators changed lasts until panolb ends",
                event="override.unkept",
                error=error,
            )
            return
        kept = self.configuration.state is not None or not self.configuration.overrides
        self.unkept = "" if kept else "there is no state file: set state_file in [control]"

    def _under_way(self, member: Member) -> dict[str, Any]:
        websockets = self._house.ledger.count(member)
        return {
            "name": member.spec.name,
            "websockets": websockets,
            "busy": member.busy + member.elsewhere,
            "unkept": self.unkept,
        }


def _override(change: Any) -> dict[str, Any]:
    return {"member": change.member.name, "key": change.key, **change.told(), "since": change.since}


def _dropped(one: Dropped) -> dict[str, str]:
    return {"member": one.member.name, "key": one.key, "why": one.why}


def _say_dropped(member: str, key: str, why: str) -> None:
    log.info(
        "member {member}: what operators changed of it is dropped ({key}): {why}",
        event="override.dropped",
        member=member,
        key=key,
        why=why,
    )
