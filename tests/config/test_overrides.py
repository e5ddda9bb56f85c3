"""What operators change at run time holds until it is dropped, or until the file says something newer."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from panolb.config import Balancer, Config, Known, Listener, Location, Member, problems, warnings
from panolb.config.overrides import Dropped, Identity, Overrides
from panolb.config.places import Places
from panolb.config.runtime import StateChange

from .drawn import table
from .operated import STEPS, files, walk

KNOWN = Known(lbmethods=frozenset({"byrequests"}), checks=frozenset({"http"}), resolvers=frozenset({"route"}))
ONE = Member(url="http://one:8080/", route="1")
TWO = Member(url="http://two:8080/", route="2", loadfactor=3)
ID1, ID2 = Identity("app", ONE.url, "1"), Identity("app", TWO.url, "2")
NEW = Member(url="http://new:8080/", route="3")
ID3 = Identity("app", NEW.url, "3")


def config(*members: Member, name: str = "app", **balancer: Any) -> Config:
    """A right file with one balancer."""
    return Config(
        listener={"public": Listener(endpoint="tcp:1")},
        balancer={name: Balancer(member=list(members), **balancer)},
        location=[Location(path="/", balancer=name)],
    )


FILE = config(ONE, TWO, stickysession="ID")


def effective(overrides: Overrides, file: Config = FILE) -> list[Member]:
    """The members of the balancer with all overrides."""
    return overrides.apply(file)[0].balancer["app"].member


def dropped(overrides: Overrides, file: Config) -> dict[str, str]:
    """Why changes no longer hold."""
    return {f"{one.member.name} {one.key}": one.why for one in overrides.apply(file)[2]}


# --- examples ---


def test_nothing_changed() -> None:
    """Without overrides the configuration is the file's."""
    made, kept, gone = Overrides().apply(FILE)
    assert made is FILE and kept == Overrides() and gone == []


def test_state_and_weight() -> None:
    """They are laid over the file's, one beside the other, and remember what they replaced."""
    overrides = Overrides().with_state(FILE, ID1, "drain", True, 7).with_weight(FILE, ID1, 5, 8)
    assert effective(overrides) == [attrs.evolve(ONE, status="drain", loadfactor=5), TWO]
    state, weight = overrides.of(ID1)
    assert isinstance(state, StateChange) and state.moving and state.since == 7
    assert state.told() == {"was": "active", "is": "drain"}
    assert weight.told() == {"was": 1, "is": 5}
    assert overrides.without(ID1) == overrides.without(None) == Overrides()


def test_saying_it_again_keeps_the_time() -> None:
    """What is so already is no new change."""
    overrides = Overrides().with_state(FILE, ID1, "drain", False, 7)
    assert overrides.with_state(FILE, ID1, "drain", False, 9) == overrides


def test_the_file_is_newer() -> None:
    """A value that was changed in the file since counts; one of another member or key changes nothing."""
    overrides = Overrides().with_state(FILE, ID2, "drain", False, 7).with_weight(FILE, ID2, 5, 8)
    file = config(ONE, attrs.evolve(TWO, loadfactor=9, lbset=1), stickysession="ID")
    assert effective(overrides, file)[1] == attrs.evolve(TWO, loadfactor=9, lbset=1, status="drain")
    assert dropped(overrides, file) == {
        "app/2 weight": "the file says 9 now, no longer 3, and is newer",
    }


def test_the_file_agrees() -> None:
    """A change that has found its way into the file is one no longer, but users that move go on moving."""
    overrides = Overrides().with_state(FILE, ID1, "drain", False, 7)
    moving = Overrides().with_state(FILE, ID1, "drain", True, 7)
    file = config(attrs.evolve(ONE, status="drain"), TWO, stickysession="ID")
    assert dropped(overrides, file) == {"app/1 state": "the file says drain too now"}
    made, kept, gone = moving.apply(file)
    assert made.balancer == file.balancer and gone == []
    assert kept == Overrides([StateChange(member=ID1, since=7, was="drain", state="drain", moving=True)])


def test_a_member_that_left_the_file() -> None:
    """Nothing can be changed of it."""
    overrides = Overrides().with_state(FILE, ID2, "stopped", False, 7)
    assert dropped(overrides, config(ONE)) == {"app/2 state": "the file has no such member any more"}
    removed = Overrides().with_removed(FILE, ID2, 7)
    assert dropped(removed, config(ONE)) == {"app/2 removed": "the file does not have it any more either"}
    assert dropped(removed, config(ONE, TWO, name="other")) == dropped(removed, config(ONE))


def test_removed() -> None:
    """A removed member is gone, with what was changed of it, and comes back when it is added or the change dropped."""
    drained = Overrides().with_state(FILE, ID1, "drain", False, 6)
    overrides = drained.with_removed(FILE, ID1, 7)
    assert effective(overrides) == [TWO]
    assert effective(overrides.without(ID1)) == [ONE, TWO]
    back = overrides.with_added(FILE, "app", attrs.evolve(ONE, status="drain", loadfactor=2), 8)
    assert effective(back) == [attrs.evolve(ONE, status="drain", loadfactor=2), TWO]
    assert {one.key for one in back} == {"state", "weight"}
    assert overrides.with_added(FILE, "app", ONE, 8) == Overrides()
    with pytest.raises(ValueError, match=r"app/1 was removed; add it again first"):
        overrides.with_weight(FILE, ID1, 2, 9)
    with pytest.raises(ValueError, match=r"is in the file with other settings \(lbset\)"):
        overrides.with_added(FILE, "app", attrs.evolve(ONE, lbset=3), 9)


def test_a_balancer_keeps_a_member() -> None:
    """The last member cannot be removed; where the file leaves no other, the removed one is back."""
    overrides = Overrides().with_removed(FILE, ID1, 7)
    with pytest.raises(ValueError, match="app/2 is the last member of app"):
        overrides.with_removed(FILE, ID2, 8)
    assert effective(overrides, config(ONE)) == [ONE]
    assert dropped(overrides, config(ONE)) == {
        "app/1 removed": "the file leaves its balancer no other member"
    }


def test_added() -> None:
    """An added member comes after those of the file, can be changed as they can, and leaves when it is dropped."""
    overrides = Overrides().with_added(FILE, "app", attrs.evolve(NEW, loadfactor=2), 7)
    changed = overrides.with_state(FILE, ID3, "drain", False, 8).with_weight(FILE, ID3, 4, 8)
    assert effective(changed) == [ONE, TWO, attrs.evolve(NEW, status="drain", loadfactor=4)]
    assert changed.with_state(FILE, ID3, "active", False, 9).with_weight(FILE, ID3, 2, 9) == overrides
    assert changed.without(ID3) == changed.with_removed(FILE, ID3, 9) == Overrides()


def test_added_and_then_written_into_the_file() -> None:
    """It is the file's from then on; what else was changed of it holds."""
    overrides = Overrides().with_added(FILE, "app", NEW, 7).with_state(FILE, ID3, "drain", False, 8)
    file = config(ONE, TWO, NEW, stickysession="ID")
    made, kept, gone = overrides.apply(file)
    assert made.balancer["app"].member == [ONE, TWO, attrs.evolve(NEW, status="drain")]
    assert [one.key for one in kept] == ["state"]
    assert gone == [Dropped(ID3, "added", "the file has it now")]


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (config(ONE, name="other"), "the file has no balancer app any more"),
        (
            config(ONE, attrs.evolve(NEW, url="http://y/"), stickysession="ID"),
            "app/3 is the name of http://y/; give http://new:8080/ another route",
        ),
    ],
)
def test_an_added_member_that_no_longer_fits(file: Config, why: str) -> None:
    """It does not make a right file wrong."""
    overrides = Overrides().with_added(FILE, "app", NEW, 7).with_weight(FILE, ID3, 4, 8)
    assert dropped(overrides, file)["app/3 added"] == why
    assert overrides.apply(file)[1] == Overrides()


def test_an_added_member_without_the_route_that_it_needs_now() -> None:
    """The file may have become sticky."""
    plain = config(ONE)
    overrides = Overrides().with_added(plain, "app", Member(url="http://new/"), 7)
    assert dropped(overrides, FILE)["app/new:80 added"].startswith(
        "route needs a route, because stickysession"
    )


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (ONE, "app/1 is there already"),
        (
            attrs.evolve(ONE, url="http://x/"),
            "app/1 is the name of http://one:8080/; give http://x/ another route",
        ),
        (Member(url="http://x/"), "route needs a route, because stickysession is set"),
    ],
)
def test_what_cannot_be_added(member: Member, message: str) -> None:
    """Refused, with what would be right."""
    with pytest.raises(ValueError, match=message):
        Overrides().with_added(FILE, "app", member, 7)


def test_what_does_not_exist() -> None:
    """Refused, with what there is."""
    with pytest.raises(ValueError, match="no member app/3; there are: app/1, app/2"):
        Overrides().with_state(FILE, ID3, "drain", False, 7)
    with pytest.raises(ValueError, match="no member app/3; there are: app/1, app/2"):
        Overrides().with_removed(FILE, ID3, 7)
    with pytest.raises(ValueError, match="no balancer ap; there are: app"):
        Overrides().with_added(FILE, "ap", NEW, 7)


@pytest.mark.parametrize("weight", [0, 0.99, 101, float("nan"), float("inf")])
def test_weights_out_of_range(weight: float) -> None:
    """They are Apache's loadfactors: 1 to 100."""
    with pytest.raises(ValueError, match="weight: must be from 1 to 100"):
        Overrides().with_weight(FILE, ID1, weight, 7)


def test_only_a_drain_moves_users() -> None:
    """Whoever is stopped has no users that could be asked to leave."""
    with pytest.raises(ValueError, match="move while it drains, not while it is stopped"):
        Overrides().with_state(FILE, ID1, "stopped", True, 7)


def test_places_are_the_files() -> None:
    """Messages about the effective configuration name the lines of the file."""
    lines = {("balancer", "app"): 1, ("balancer", "app", "member", 0): 2, ("balancer", "app", "member", 1): 5}
    file = attrs.evolve(FILE, where=Places("panolb.toml", lines))
    overrides = Overrides().with_removed(file, ID1, 7).with_added(file, "app", NEW, 7)
    where = overrides.apply(file)[0].where
    assert where(("balancer", "app", "member", 0, "url")) == "panolb.toml:5: balancer.app.member[1].url"
    assert where(("balancer", "app", "member", 1, "url")) == "panolb.toml:1: balancer.app.member"
    assert where.line(("balancer", "app", "member", 0)) == 5


# --- JSON ---


def change(**keys: Any) -> dict[str, Any]:
    """A right change with other keys; None takes one away."""
    data = {
        "balancer": "app",
        "url": ONE.url,
        "route": "1",
        "key": "weight",
        "was": 1,
        "is": 5,
        "since": 7,
    } | keys
    return {name: value for name, value in data.items() if value is not None}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "has no format"),
        ({}, "has no format"),
        ({"format": 2, "overrides": []}, "has format 2; this panolb understands format 1 only"),
        ({"format": True, "overrides": []}, "has format true"),
        ({"format": "1", "overrides": []}, 'has format "1"'),
        ({"format": 1}, "overrides: must be a list"),
        ({"format": 1, "overrides": {}}, "overrides: must be a list"),
        ({"format": 1, "overrides": [], "more": 1}, '"more": unknown key'),
    ],
)
def test_no_overrides(data: object, message: str) -> None:
    """What is none is refused as a whole."""
    with pytest.raises(ValueError, match=message):
        Overrides.from_json(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (7, "expected a change, found 7"),
        (change(key="wait"), "key: must be one of state, weight, removed, added"),
        (change(key=[]), "key: must be one of"),
        (change(balancer="a b"), "balancer: must be 1 to 63 letters"),
        (change(url="one"), "url: must be a URL like"),
        (change(route=None), "route: is missing"),
        (change(route=1), "route: must be text"),
        (change(more=1), '"more": unknown key'),
        (change(was=True), "was: must be a number"),
        (change(**{"is": 1}), "no change: the weight was 1"),
        (change(**{"is": 10**400}), "is: must be a smaller number"),
        (change(since=float("nan")), "since: must be seconds since 1970"),
        (change(since=-1), "since: must be seconds since 1970"),
        (change(key="state", moving=False, was="active", **{"is": "gone"}), "state: must be one of active, drain"),
        (change(key="state", moving=False, was="drain", **{"is": "drain"}), "no change: the state was drain"),
        (change(key="state", moving=1, was="active", **{"is": "drain"}), "moving: must be true or false"),
        (change(key="removed"), '"was": unknown key'),
        (change(key="added", was=None), "is: must be a table"),
        (change(key="added", was=None, **{"is": {"url": ONE.url}}), "is: must be a table of the member's other keys"),
        (change(key="added", was=None, **{"is": {"loadfactor": 0}}), "loadfactor: must be from 1 to 100"),
        (change(key="added", was=None, **{"is": {"weight": 2}}), "weight: unknown key"),
    ],
)  # fmt: skip
def test_odd_changes(data: object, message: str) -> None:
    """What is odd is refused, with its place."""
    with pytest.raises(ValueError, match=message) as error:
        Overrides.from_json({"format": 1, "overrides": [change(), data]})
    assert str(error.value).startswith("overrides[1]: ")


def test_changes_that_exclude_each_other() -> None:
    """The same twice, or more of a member that was removed."""
    with pytest.raises(ValueError, match="app/1: weight is there twice"):
        Overrides.from_json({"format": 1, "overrides": [change(), change(since=8)]})
    removed = change(key="removed", was=None, **{"is": None})
    with pytest.raises(ValueError, match="app/1: was removed, so nothing else"):
        Overrides.from_json({"format": 1, "overrides": [change(), removed]})


# --- properties ---


@given(files(), STEPS)
def test_what_was_possible_holds(file: Config, steps: list[tuple[Any, ...]]) -> None:
    """As long as the file stays as it is, nothing is dropped."""
    overrides = walk(file, steps)
    _, kept, gone = overrides.apply(file, KNOWN)
    assert kept == overrides and gone == []


@given(files(), files(), STEPS)
def test_applying_once_is_enough(before: Config, after: Config, steps: list[tuple[Any, ...]]) -> None:
    """What holds after a change of the file goes on to hold, and gives the same; nothing is lost without a word."""
    overrides = walk(before, steps)
    made, kept, gone = overrides.apply(after)
    assert kept.apply(after) == (made, kept, [])
    assert {(one.member, one.key) for one in overrides} == {(one.member, one.key) for one in (*kept, *gone)}
    assert len(overrides) == len(kept) + len(gone)


@given(files(), files(), STEPS)
def test_a_right_file_stays_right(before: Config, after: Config, steps: list[tuple[Any, ...]]) -> None:
    """No override makes a right configuration wrong, and no name is given to two members that the file tells apart."""
    made, _, _ = walk(before, steps).apply(after, KNOWN)
    assert problems(made, KNOWN) == problems(after, KNOWN) == []
    if not any("several members" in one.message for one in warnings(after)):
        assert not any("several members" in one.message for one in warnings(made))


@given(files(), STEPS)
def test_back_to_the_file(file: Config, steps: list[tuple[Any, ...]]) -> None:
    """Setting everything back leaves no override."""
    overrides = walk(file, steps)
    wanted = {
        Identity(name, one.url, one.route): one for name, b in file.balancer.items() for one in b.member
    }
    for one in list(overrides):
        if one.key == "added":
            # Where all of the file are removed, they are back when those that took their place leave.
            overrides = overrides.without(one.member).apply(file)[1]
    for identity, member in wanted.items():
        if any(one.key == "removed" for one in overrides.of(identity)):
            overrides = overrides.with_added(file, identity.balancer, member, 99)
        overrides = overrides.with_state(file, identity, member.status, False, 99)
        overrides = overrides.with_weight(file, identity, member.loadfactor, 99)
    assert overrides == Overrides()


@given(files(), STEPS)
def test_json_keeps_everything(file: Config, steps: list[tuple[Any, ...]]) -> None:
    """What is written is what is read."""
    overrides = walk(file, steps)
    assert Overrides.from_json(json.loads(json.dumps(overrides.as_json()))) == overrides


@given(table(Member))
def test_json_keeps_every_setting(settings: Member) -> None:
    """An added member may have any key of a member, a health check of its own included."""
    assume(not problems(config(settings)))
    overrides = Overrides().with_added(config(ONE), "app", attrs.evolve(settings, route="9"), 7)
    assert Overrides.from_json(json.loads(json.dumps(overrides.as_json()))) == overrides


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["format", "overrides", "key", "balancer", "url", "route", "since", "was", "is", "moving"]), inner)))  # fmt: skip
def test_json_from_anywhere(data: object) -> None:
    """Whatever it is, it is read or refused with ValueError."""
    for wrapped in (data, {"format": 1, "overrides": [data]}, {"format": 1, "overrides": data}):
        try:
            Overrides.from_json(wrapped)
        except ValueError as error:
            assert str(error)
