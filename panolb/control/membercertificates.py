"""What members over TLS are verified by, and what they are shown: made of its files at every reload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from OpenSSL import SSL

from ..config import model
from ..config.changedkeys import Change
from ..config.comparison import Comparison
from ..config.entries import Entry, Table
from ..config.overrides import Identity, identify
from ..config.places import KeyPath
from ..errors import ConfigError, Problem
from ..events import EventLogger
from ..proxy.identity import AUTHORITY, Demands
from ..proxy.membertls import MemberTls
from .contents import Contents
from .memberfiles import Authorities, Files, Own, Settings, Unusable

log = EventLogger()

RENEWED = "TLS files"
"""What a reload calls the contents of the files of tls_ca, tls_certificate and tls_key."""


@attrs.frozen
class MemberSecurity:
    """TLS to one member.

    :ivar settings: what it was made of.
    """

    settings: Settings
    tls: MemberTls


def read(
    config: model.Config,
    present: Mapping[Identity, MemberSecurity],
    clock: Callable[[], float],
    contents: Contents,
) -> dict[Identity, MemberSecurity]:
    """Make what the members with ``https://`` need.

    :param present: what there is; a member for which nothing has changed keeps it, and with it the sessions to resume.
    :param contents: of the files.
    :raises ConfigError: when a file cannot be used.
    """
    found: dict[Identity, MemberSecurity] = {}
    files = Files(contents)
    for name, balancer in config.balancer.items():
        for index, member in enumerate(balancer.member):
            if member.is_secure:
                identity = identify(name, member)
                one = _Reading(files, config, name, index).secured(present.get(identity), clock)
                if one is not None:
                    found[identity] = one
    if files.problems:
        raise ConfigError(list(dict.fromkeys(files.problems)))
    return found


def with_renewed(comparison: Comparison, present: Mapping[Identity, MemberSecurity]) -> Comparison:
    """Add the members whose files have something else in them to what a configuration changes.

    :param present: those that run.
    :raises ConfigError: when a file cannot be used.
    """
    now = read(comparison.new, present, float, Contents())
    return attrs.evolve(
        comparison,
        members=Table(tuple(_renewed(one, present, now) for one in comparison.members.entries)),
    )


def _renewed(
    entry: Entry[model.Member],
    present: Mapping[Identity, MemberSecurity],
    now: Mapping[Identity, MemberSecurity],
) -> Entry[model.Member]:
    assert isinstance(entry.identity, Identity)
    before, after = present.get(entry.identity), now.get(entry.identity)
    if before is None or after is None or before.settings.digest == after.settings.digest:
        return entry
    change = Change(RENEWED, before.settings.fingerprint, after.settings.fingerprint)
    return attrs.evolve(entry, changes=(*entry.changes, change))


def problems(config: model.Config) -> list[Problem]:
    """Why these files cannot be used."""
    try:
        read(config, {}, float, Contents())
    except ConfigError as error:
        return list(error.problems)
    return []


def warn(config: model.Config) -> None:
    """Name the members whose certificates are not verified."""
    for name, balancer in config.balancer.items():
        for member in balancer.member:
            insecure = unverified(balancer, member)
            if insecure:
                log.warn(
                    "member {member}: {what} (tls_insecure): whoever is on the way to it can pass for it, and read and "
                    "change everything; write tls_ca or tls_name instead",
                    event="member.insecure",
                    member=identify(name, member).name,
                    url=member.url,
                    unverified=insecure,
                    what=_unverified(insecure),
                )


def _unverified(insecure: list[str]) -> str:
    if len(insecure) == len(_PARTS):
        return "nothing of its certificate is verified"
    parts = " and ".join(_PARTS[one] for one in insecure)
    return f"{parts} of its certificate {'is' if len(insecure) == 1 else 'are'} not verified"


_PARTS = {"ca": "the authority", "name": "the name", "dates": "the validity"}


def unverified(balancer: model.Balancer, member: model.Member) -> list[str]:
    """What is not verified of a member's certificate."""
    if not member.is_secure:
        return []
    insecure = balancer.tls_insecure if member.tls_insecure is None else member.tls_insecure
    return [one for one in _PARTS if one in insecure]


# -- one member ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Reading:
    """Makes TLS to one member of what the configuration says of it."""

    files: Files
    config: model.Config
    name: str
    index: int

    @property
    def _balancer(self) -> model.Balancer:
        return self.config.balancer[self.name]

    @property
    def _member(self) -> model.Member:
        return self._balancer.member[self.index]

    def _value(self, key: str) -> Any:
        own = getattr(self._member, key)
        return getattr(self._balancer, key) if own is None else own

    def _note(self, key: str, message: str) -> None:
        at: KeyPath = ("balancer", self.name)
        if getattr(self._member, key) is not None:
            at = (*at, "member", self.index)
        self.files.problems.append(Problem(self.config.where((*at, key)), message))

    def secured(self, present: MemberSecurity | None, clock: Callable[[], float]) -> MemberSecurity | None:
        """Make it; ``None`` when that cannot be, which has been noted then."""
        before = len(self.files.problems)
        authorities, own = self._authorities(), self._own()
        if len(self.files.problems) > before:
            return None
        settings = self._settings(authorities, own)
        if present is not None and present.settings == settings:
            return present
        try:
            demands = Demands(settings.name, settings.authorities, settings.insecure, settings.depth)
        except ValueError:
            self._note("url", f"{settings.name} is no name that a certificate can be for; set tls_name")
            return None
        try:
            context = self.files.context(settings, authorities, own)
        except SSL.Error:
            self._note("tls_ciphers", f"OpenSSL knows no cipher of TLS 1.2 in {settings.ciphers}")
            return None
        return MemberSecurity(settings, MemberTls(context, demands, clock))

    def _settings(self, authorities: Authorities | None, own: Own | None) -> Settings:
        digest = b"".join(one.digest for one in (authorities, own) if one is not None)
        return Settings(
            digest=digest if authorities is not None else digest + self.files.system,
            name=self._value("tls_name") or self._member.host,
            insecure=frozenset(self._value("tls_insecure")),
            min_version=self._value("tls_min_version"),
            ciphers=self._value("tls_ciphers"),
            depth=self._value("tls_depth"),
            authorities="those whom this machine trusts"
            if authorities is None
            else f"those in {self._value('tls_ca')}",
        )

    def _authorities(self) -> Authorities | None:
        path = self._value("tls_ca")
        if path is None or AUTHORITY in self._value("tls_insecure"):
            return None
        try:
            return self.files.authorities(path)
        except OSError as error:
            self._note("tls_ca", f"{path} cannot be read: {error.strerror or error}")
        except ValueError as error:
            self._note("tls_ca", f"{path} is no file of certificates in PEM: {error}")
        return None

    def _own(self) -> Own | None:
        path = self._value("tls_certificate")
        if path is None:
            return None
        key = self._value("tls_key") or path
        try:
            return self.files.own(path, key)
        except OSError as error:
            which = "tls_certificate" if error.filename in (None, path) else "tls_key"
            self._note(which, f"{error.filename or path} cannot be read: {error.strerror or error}")
        except Unusable as error:
            self._note(error.key, str(error))
        return None
