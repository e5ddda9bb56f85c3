"""Files with balancers, and what operators do with them while panolb runs, as hypothesis draws them."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from panolb.config import Balancer, Config, Listener, Location, Member
from panolb.config.overrides import Identity, Overrides
from panolb.config.runtime import State

STATES = get_args(State)
ROUTES = st.sampled_from(["1", "2", "3", "4", ""])
URLS = st.sampled_from(
    ["http://one/", "http://two:8080/a", "http://[::1]/", "http://four/", "http://one:81/"]
)
MEMBERS = st.builds(
    Member,
    url=URLS,
    route=ROUTES,
    loadfactor=st.sampled_from([1.0, 2.0, 2.5, 100.0]),
    status=st.sampled_from(STATES),
    lbset=st.integers(0, 1),
)


@st.composite
def files(draw: st.DrawFn) -> Config:
    """Right files with one or two balancers."""
    balancers = {}
    for name in draw(st.sampled_from([["a"], ["b"], ["a", "b"]])):
        members = draw(st.lists(MEMBERS, min_size=1, max_size=4, unique_by=lambda one: (one.url, one.route)))
        sticky = draw(st.sampled_from([None, "ID"])) if all(one.route for one in members) else None
        balancers[name] = Balancer(member=members, stickysession=sticky)
    return Config(
        listener={"public": Listener(endpoint="tcp:1")},
        balancer=balancers,
        location=[Location(path="/", balancer=next(iter(balancers)))],
    )


IDENTITIES = st.builds(Identity, st.sampled_from(["a", "b"]), URLS, ROUTES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("with_state"), IDENTITIES, st.sampled_from(STATES), st.booleans()),
        st.tuples(st.just("with_weight"), IDENTITIES, st.sampled_from([1.0, 2.0, 50.0])),
        st.tuples(st.just("with_removed"), IDENTITIES),
        st.tuples(st.just("with_added"), st.sampled_from(["a", "b"]), MEMBERS),
    ),
    max_size=12,
)


def walk(file: Config, steps: list[tuple[Any, ...]]) -> Overrides:
    """Make the changes that are possible, one after the other."""
    overrides = Overrides()
    for since, (name, *args) in enumerate(steps):
        try:
            overrides = getattr(overrides, name)(file, *args, since)
        except ValueError as error:
            assert str(error)
    return overrides
