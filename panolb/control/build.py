"""From the configuration to the objects that run: the only place that knows both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from random import random
from typing import Any, TypeVar

import attrs

from ..config import model
from ..config.overrides import Identity, identify
from ..core.balancer import Balancer, Fate, Settings, Watcher
from ..core.cookie import RouteCookie
from ..core.health import Health
from ..core.member import Admin, Member, MemberSpec
from ..core.policies import Policy
from ..events import EventLogger
from ..language import expression
from ..proxy.deadlines import Deadlines
from ..proxy.membertls import MemberTls
from ..proxy.pool import Pool
from ..proxy.turn import Turn
from .checks import Checker
from .contents import FileContents, on_disk
from .locations import Locations
from .membercertificates import MemberSecurity
from .membercertificates import read as read_certificates
from .plant import BalancerDraft, Plant, PlantDraft, Seat, SeatDraft
from .probes import Target
from .registry import Registry

log = EventLogger()

Setting = TypeVar("Setting")


@attrs.frozen
class Builder:
    """Makes drafts of a `Plant`.

    :ivar locations: makes the locations.
    :ivar checks: whether members are checked.
    :ivar watch: makes what is told when a member of a balancer changes its state.
    :ivar contents: what is in the files that the configuration names.
    """

    reactor: Any
    deadlines: Deadlines
    turn: Turn
    registry: Registry
    locations: Locations
    checks: bool
    watch: Callable[[Balancer], Watcher]
    contents: Callable[[], FileContents] = on_disk

    def draft(self, config: model.Config, plant: Plant) -> PlantDraft:
        """What a checked configuration makes of a plant.  Nothing that runs is touched.

        What has the name or the identity of something that runs is the same thing, configured anew.

        :raises ConfigError: when certificates cannot be used.
        """
        contents = self.contents().plant
        secured = read_certificates(config, plant.secured, self.deadlines.clock, contents)
        balancers = {
            name: self._balancer(name, balancer, plant, secured) for name, balancer in config.balancer.items()
        }
        locations = [
            self.locations.build(
                location,
                balancers,
                config.websockets,
                [self.registry.filters[name] for name in location.websocket_filter],
                contents,
            )
            for location in config.location
        ]
        return PlantDraft(balancers, locations, contents.sealed())

    def _balancer(
        self, name: str, config: model.Balancer, plant: Plant, secured: Mapping[Identity, MemberSecurity]
    ) -> BalancerDraft:
        method = self.registry.methods[config.lbmethod]
        draft = plant.drafts.get(name)
        balancer = self._new_balancer(name, method.policy()) if draft is None else draft.balancer
        seats = {identify(name, member): member for member in config.member}
        return BalancerDraft(
            config,
            balancer,
            {
                identity: self._seat(
                    balancer, config, member, plant.seats.get(identity), secured.get(identity)
                )
                for identity, member in seats.items()
            },
            # A method may remember what it did: it is kept as long as it is the same.
            balancer.policy
            if draft is not None and draft.config.lbmethod == config.lbmethod
            else method.policy(),
            self._settings(config),
        )

    def _new_balancer(self, name: str, policy: Policy) -> Balancer:
        balancer = Balancer(name, (), policy, later=self.reactor.callLater)
        balancer.watcher = self.watch(balancer)
        balancer.panic.alarm = partial(log_panic, balancer)
        return balancer

    def _settings(self, config: model.Balancer) -> Settings:
        resolver = None
        if config.stickysession is not None:
            plugin = self.registry.resolvers[config.resolver]
            resolver = plugin.resolver(config.stickysession, config.stickysessionsep, config.scolonpathdelim)
        return Settings(
            resolver=resolver,
            cookie=_cookie(config),
            nofailover=config.nofailover,
            maxattempts=config.maxattempts,
            forcerecovery=config.forcerecovery,
            failonstatus=config.failonstatus,
            failontimeout=config.failontimeout,
            observe_fails=config.observe_fails if config.observe == "websocket" else 0,
            wait=config.wait,
            retry_budget=config.retry_budget,
            panic_threshold=config.panic_threshold,
            slow_start=config.slow_start,
        )

    def _seat(
        self,
        balancer: Balancer,
        config: model.Balancer,
        member: model.Member,
        seat: Seat | None,
        secured: MemberSecurity | None,
    ) -> SeatDraft:
        """What a member is to be.

        :param seat: its present one; ``None`` for a new member.
        :param secured: how it is to be spoken to over TLS; ``None``: without.
        """
        tls = None if secured is None else secured.tls
        spec = member_spec(balancer.name, config, member)
        health = config.check_of(member) if self.checks else None
        if seat is None:
            pool = Pool(self.reactor, spec, self.deadlines, self.turn, tls)
            seat = Seat(Member(spec, pool, Health(up=health is None or health.start == "up")), pool)
        checker = None
        if health is not None and (health != seat.health or secured is not seat.secured):
            checker = self._checker(balancer, seat.member, _target(spec, health, tls), health)
        return SeatDraft(seat, spec, health, checker, secured)

    def _checker(self, balancer: Balancer, member: Member, target: Target, health: model.Health) -> Checker:
        return Checker(
            self.reactor,
            self.deadlines.clock,
            balancer,
            member,
            self.registry.checks[health.check].probe,
            target,
            interval=health.interval,
            changing=health.interval_changing,
            passes=health.passes,
            fails=health.fails,
            chance=random(),
        )


def specs(config: model.Config) -> dict[Identity, MemberSpec]:
    """What a configuration says of each member."""
    return {
        identify(name, member): member_spec(name, balancer, member)
        for name, balancer in config.balancer.items()
        for member in balancer.member
    }


def member_spec(balancer: str, config: model.Balancer, member: model.Member) -> MemberSpec:
    """What the core is told of a member; what the member leaves open is the balancer's."""
    response_timeout = _first(member.response_timeout, config.response_timeout)
    host = f"[{member.host}]" if ":" in member.host else member.host
    return MemberSpec(
        balancer=balancer,
        url=member.url,
        host=member.host,
        port=member.port,
        path=member.path.rstrip("/").encode("ascii"),
        authority=(host if member.has_default_port else f"{host}:{member.port}").encode("ascii"),
        secure=member.is_secure,
        route=member.route.encode("ascii"),
        loadfactor=round(member.loadfactor * 100),
        lbset=member.lbset,
        admin=Admin(member.status),
        hot_standby=member.hot_standby,
        hot_spare=member.hot_spare,
        ignore_errors=member.ignore_errors,
        retry=_first(member.retry, config.retry),
        connect_timeout=_first(member.connect_timeout, config.connect_timeout),
        response_timeout=response_timeout,
        stall_timeout=_first(_first(member.stall_timeout, config.stall_timeout), response_timeout),
        keepalive_idle=_first(member.keepalive_idle, config.keepalive_idle),
        max_connections=_first(member.max_connections, config.max_connections),
        queue=_first(member.queue, config.queue),
        queue_timeout=_first(member.queue_timeout, config.queue_timeout),
        redirect=member.redirect.encode("ascii"),
        acquire=_first(member.acquire, config.acquire),
        ping=_first(member.ping, config.ping),
        reuse=_first(member.reuse, config.reuse),
        max_websockets=_first(member.max_websockets, config.max_websockets),
        websocket_rate=_first(member.websocket_rate, config.websocket_rate),
        websocket_burst=_first(member.websocket_burst, config.websocket_burst),
    )


def _first(own: Setting | None, balancer: Setting) -> Setting:
    """The member's own setting, or else the balancer's."""
    return balancer if own is None else own


def _cookie(config: model.Balancer) -> RouteCookie | None:
    cookie = config.cookie
    if config.stickysession is None or not config.sets_cookie:
        return None
    separator = config.stickysessionsep
    return RouteCookie(
        cookie.name or config.stickysession.partition("|")[0],
        separator="" if separator == "off" else separator,
        path=cookie.path,
        domain=cookie.domain,
        max_age=None if cookie.max_age is None else int(cookie.max_age),
        samesite=cookie.samesite,
        httponly=cookie.httponly,
        secure=None if cookie.secure == "auto" else bool(cookie.secure),
    )


def _target(spec: MemberSpec, health: model.Health, tls: MemberTls | None) -> Target:
    return Target(
        host=spec.host,
        port=spec.port,
        uri=health.uri,
        method=health.method,
        http_version=health.http_version,
        expect=None if health.expect is None else expression.parse(health.expect),
        expect_status=tuple(health.statuses),
        expect_body=None if health.expect_body is None else re.compile(health.expect_body.encode()),
        authority=health.host or spec.authority.decode("ascii"),
        headers=health.headers,
        timeout=health.timeout,
        ping=health.ping,
        subprotocols=tuple(health.subprotocols),
        tls=tls,
    )


_USERS = {
    Fate.STAY: "it keeps its users and gets no new ones",
    Fate.MOVE: "its users move to other members",
    Fate.FORCED: "no other member can take its users, and members in error are tried all the same",
    Fate.REFUSED: "no other member can take its users, and they are answered 503",
}
_DETAILS = {
    "drain": ", and it gets no new ones",
    "down": " until a check passes",
    "error": " for up to {retry:g} s",
    "disabled": "",
    "stopped": "; it is not checked",
}


_CHANGES = {
    "up": "member.up",
    "down": "member.down",
    "error": "member.error",
    "drain": "member.drain",
    "disabled": "member.disabled",
    "stopped": "member.stopped",
}


def watch(balancer: Balancer) -> Watcher:
    """Has the log say when the state of a member changes."""
    return partial(log_change, balancer)


def log_change(balancer: Balancer, member: Member, before: str, after: str, why: str) -> None:
    """Say that the state of a balancer's member has changed, why, and what that means for its users."""
    write = log.info if after in ("up", "drain") else log.warn
    write(
        "member {member}: {before} -> {after}: {why}; {consequence}",
        event=_CHANGES[after],
        member=member.spec.name,
        balancer=balancer.name,
        before=before,
        after=after,
        why=why,
        consequence=_consequence(member, after, balancer.fate(member)),
    )


def log_panic(balancer: Balancer, member: Member, in_error: int, why: str) -> None:
    """Say that live traffic takes no more members out of service, and which one it spares first."""
    log.warn(
        "balancer {balancer}: {in_error} of {all} members are in error by live traffic; member {member} stays in service "
        "all the same, and whoever else fails (panic_threshold {threshold:.0%}): {why}; look at the network between "
        "here and the members",
        event="balancer.panic",
        balancer=balancer.name,
        in_error=in_error,
        all=len(balancer.members),
        member=member.spec.name,
        threshold=balancer.panic.threshold,
        why=why,
    )


def _consequence(member: Member, state: str, fate: Fate) -> str:
    if state == "up":
        return "it takes new users and its own again"
    if fate is not Fate.STAY:
        return _USERS[fate] + _DETAILS[state].format(retry=member.spec.retry)
    return f"no other member can take its users: {_USERS[fate]}" if member.moving else _USERS[fate]
