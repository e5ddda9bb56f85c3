"""Why a request goes to one member and to no other: words for each of them, and for the whole.

What is said here of a choice is said of its result, with the functions that prepare choices (`candidates`); the choice
itself is never made a second time.  `panolb.core.rehearsing` makes one without consequences.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .balancer import FAILOVER, MOVED, NEW, REDIRECTED, STUCK, UNKNOWN, UNUSABLE
from .candidates import by_route, eligible
from .location import Location
from .member import Admin, MemberSpec
from .routing import Table
from .standing import Standing
from .sticky import Route

Key = tuple[str, bytes]


def key_of(spec: MemberSpec) -> Key:
    """What a member is known by within its balancer, also after its settings were changed."""
    return spec.url, spec.route


# -- locations --------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A location that a request matches.

    :ivar verdict: ``chosen``; ``behind`` another one; ``ambiguous`` when not all servers read the path alike.
    """

    location: Location
    verdict: str
    words: str


def name_of(location: Location) -> str:
    """Call a location by the requests that it takes, as the configuration's summary does."""
    hosts = b",".join(location.hosts)
    if location.pattern is not None:
        name = (hosts + b" matching " + location.pattern.pattern).strip()
    else:
        name = hosts + (location.path or b"/")
    kind = "" if location.requests == "all" else f" ({location.requests} requests only)"
    return name.decode("utf-8", "replace") + kind


def places(
    table: Table[Location], host: bytes, path: bytes, websocket: bool, chosen: Location | None
) -> list[Place]:
    """The locations that a request matches, in the order in which they are asked.

    :param chosen: the one that `Table.find` gave.
    :raises BadRequest: as `Table.find`.
    """
    found: list[Place] = []
    for one in table.matching(host, path, websocket or None):
        if one is chosen:
            found.append(Place(one, "chosen", "it is the first that matches"))
        elif chosen is not None and any(place.location is chosen for place in found):
            found.append(Place(one, "behind", f"{name_of(chosen)} comes before it"))
        else:
            found.append(Place(one, "ambiguous", _ambiguity(one, path)))
    return found


def _ambiguity(place: Location, path: bytes) -> str:
    if place.slashes == "refuse" and b"%2f" in path.lower():
        return "an escaped slash (%2F) is refused here (encoded_slashes)"
    return "not all servers read the path alike, and it is passed on only where all readings lead to the same location"


# -- members ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The result of a choice, and what it was made of.

    :ivar standings: all members of the balancer.
    :ivar route: what the request carries.
    :ivar chosen: the member; ``None`` when nobody could be.
    :ivar why: the word for it; see `panolb.core.balancer`.
    :ivar nofailover: whether users never leave their member.
    :ivar tried: members that were tried in vain, and why in words.
    :ivar full: those of them that only had no room.
    :ivar asked: whom the method was asked about; ``None`` when that is not known.
    :ivar now: clock reading of the choice.
    """

    standings: Sequence[Standing]
    route: Route | None
    chosen: Key | None
    why: str
    nofailover: bool
    now: float
    tried: Mapping[Key, str] = field(default_factory=dict)
    full: Collection[Key] = ()
    asked: Collection[Key] | None = None

    @property
    def is_bound(self) -> bool:
        """Whether the method was not asked."""
        return self.why in (STUCK, REDIRECTED, MOVED)


class Verdict(NamedTuple):
    """What a choice made of a member, in a word and in a sentence."""

    standing: Standing
    word: str
    words: str


def verdicts(choice: Choice) -> list[Verdict]:
    """What became of each member."""
    standings = choice.standings
    bound = () if choice.route is None else by_route(standings).get(choice.route.value, ())
    tried = [one for one in standings if key_of(one.spec) in choice.tried]
    candidates = eligible(standings, tried)
    known = {key_of(one.spec) for one in candidates}
    if choice.chosen is not None and not known.issuperset(choice.asked or {choice.chosen}):
        candidates = eligible(standings, tried, forced=True)
    return [_verdict(one, choice, bound, candidates) for one in standings]


def _verdict(
    one: Standing, choice: Choice, bound: Sequence[Standing], candidates: Sequence[Standing]
) -> Verdict:
    key = key_of(one.spec)
    if key in choice.tried:
        return Verdict(one, "full" if key in choice.full else "tried", choice.tried[key])
    if key == choice.chosen:
        return Verdict(one, "chosen", _CHOSEN[choice.why] + _in_error(one))
    if choice.is_bound:
        return _beside_the_bound(one, bound, choice.why)
    out = _out(one)
    if out is not None and one not in candidates:
        return out
    if choice.chosen is None and choice.nofailover and bound:
        return Verdict(one, "nofailover", "it could serve, but users stay with their own member (nofailover)")
    if one in candidates:
        if choice.asked is not None and key not in choice.asked:
            if choice.chosen is None:
                return Verdict(one, "not-asked", "it was not asked")
            share = one.warm_up.share(choice.now)
            return Verdict(one, "warming-up", f"it gets {share:.0%} of its new users for now (slow_start)")
        return Verdict(one, "passed-over", "the balancing method preferred another one")
    return _in_reserve(one)


def _in_error(one: Standing) -> str:
    """What is to be added of a chosen member that live traffic could not use."""
    if one.state != "error":
        return ""
    return "; it is in error, but nobody else is left, and so it is tried all the same (forcerecovery)"


def _beside_the_bound(one: Standing, bound: Sequence[Standing], why: str) -> Verdict:
    """Somebody who was not chosen by a request that is bound to others."""
    out = _out(one)
    if out is not None and not (out.word == "drain" and one in bound):
        return out
    if one in bound and why == MOVED:
        return Verdict(
            one, "not-asked", "the request carries its route, but an operator has moved the session"
        )
    if one in bound:
        return Verdict(one, "behind", "it has or takes over the request's route too, and is asked later")
    return Verdict(one, "not-asked", "the request is bound to another member")


def _out(one: Standing) -> Verdict | None:
    """Why a member gets no new users; ``None`` for one that does."""
    if not one.ready and one.state in ("up", "drain") and one.moving:
        return Verdict(one, "moving", "it was drained, and its users are moved to others")
    if one.state not in ("up", "drain"):
        words = _OUT.get(one.state, "it cannot serve")
        return Verdict(one, one.state, f"{words}: {one.reason}" if one.reason else words)
    if one.admin is Admin.DRAIN:
        return Verdict(one, "drain", "it drains: it keeps its own users and gets no new ones")
    return None


def _in_reserve(one: Standing) -> Verdict:
    """Somebody who could serve, and was not needed."""
    if one.spec.hot_spare:
        return Verdict(one, "spare", "it is a hot spare, and as many regular members serve as there are")
    if one.spec.hot_standby:
        return Verdict(one, "standby", "it is a hot standby, and others can serve")
    return Verdict(one, "lbset", f"it is in lbset {one.spec.lbset}, and members of a lower one can serve")


_CHOSEN = {
    STUCK: "the request carries its route",
    MOVED: "an operator has moved the session to it",
    REDIRECTED: "it takes over for the member whose route the request carries (redirect)",
    NEW: "the balancing method chose it",
    UNKNOWN: "the balancing method chose it",
    UNUSABLE: "the balancing method chose it",
    FAILOVER: "the balancing method chose it, after others had been tried in vain",
}
_OUT = {
    "down": "its checks have taken it down",
    "error": "requests to it failed, and it is left out until its retry time is over",
    "disabled": "an operator has disabled it",
    "stopped": "an operator has stopped it",
    "removed": "it is not in the configuration any more",
}


# -- in a sentence ----------------------------------------------------------------------------------------------------


def because(choice: Choice, sticky: bool) -> str:
    """Why the member was chosen, or nobody.

    :param sticky: whether the balancer looks for routes at all.
    """
    carried = _carried(choice)
    if choice.chosen is None:
        return _nobody(choice, carried)
    chosen = next((one for one in choice.standings if key_of(one.spec) == choice.chosen), None)
    return _somebody(choice, carried, sticky) + ("" if chosen is None else _in_error(chosen))


def _somebody(choice: Choice, carried: str, sticky: bool) -> str:
    if choice.why == STUCK:
        return f"{carried}, which is the route of this member"
    if choice.why == MOVED:
        return "an operator has moved the session here"
    if choice.why == UNKNOWN:
        return f"{carried}, which no member has"
    if choice.why in (UNUSABLE, REDIRECTED):
        end = ", and its redirect leads here" if choice.why == REDIRECTED else ""
        return f"{carried}, and {_states(_owners(choice))}{end}"
    if choice.why == FAILOVER:
        return "; ".join(f"{name} was tried first: {words}" for name, words in _names(choice))
    return (
        "the request carries no route"
        if sticky
        else "the balancer keeps no user on a member (no stickysession)"
    )


def _nobody(choice: Choice, carried: str) -> str:
    owners = _owners(choice)
    if choice.tried:
        return "; ".join(f"{name}: {words}" for name, words in _names(choice))
    if choice.nofailover and owners:
        return f"{carried}, {_states(owners)}, and its users go nowhere else (nofailover)"
    return f"nobody can serve it: {_states(choice.standings)}"


def _carried(choice: Choice) -> str:
    route = choice.route
    if route is None:
        return "the request carries no route"
    name = f" {route.name.decode('utf-8', 'replace')}" if route.name else ""
    return f"the request carries the route {route.value.decode('utf-8', 'replace')!r} ({route.source}{name})"


def _owners(choice: Choice) -> Sequence[Standing]:
    return [one for one in choice.standings if choice.route and one.spec.route == choice.route.value]


def _states(standings: Iterable[Standing]) -> str:
    """How some members are."""
    said = []
    for one in standings:
        out = _out(one)
        state = one.state if out is None or out.word in ("drain", "moving") else out.word
        moves = " and its users are moved" if out is not None and out.word == "moving" else ""
        said.append(
            f"{one.spec.name} is in state {state}{moves}" + (f" ({one.reason})" if one.reason else "")
        )
    return ", ".join(said) or "it has no members"


def _names(choice: Choice) -> list[tuple[str, str]]:
    names = {key_of(one.spec): one.spec.name for one in choice.standings}
    return [(names.get(key, key[0]), words) for key, words in choice.tried.items()]
