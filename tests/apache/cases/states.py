"""States of members and the methods: who gets the next user."""

from __future__ import annotations

from tests.harness.member import answer

from ..changes import does, listen, refuse, wait
from ..lasting import among, at_once, begin, finish, hold, release, soon, turns
from ..scene import Case
from ..sockets import closes, opens, says
from ..steps import cookie, get
from ..text import PAIR, site


def members(*extra: str) -> tuple[str, ...]:
    """A member with each of these parameters; the route is its number."""
    return tuple(
        f"http://b{number}/app route={number} {parameters}".strip()
        for number, parameters in enumerate(extra, 1)
    )


def statuses(*letters: str) -> tuple[str, ...]:
    """A member with each of these flags; "n" for none."""
    return members(*("" if letter == "n" else f"status={letter}" for letter in letters))


def unusable(letter: str) -> str:
    """The first of two members with that flag."""
    return site(members=statuses(letter, "n"))


MOVED = [cookie("ROUTEID=.1", to="2", sets="2")] * 2
STRICT = [cookie("ROUTEID=.1", to="", status=503)] * 2

CASES = (
    Case("L1", unusable("+N"), [turns("2222"), cookie("ROUTEID=.1", to="1")]),
    Case("L2", unusable("+D"), MOVED),
    Case("L2b", unusable("+S"), MOVED),
    Case("L2c", unusable("+C"), MOVED),
    Case("L2d", site(members=statuses("+D", "n"), settings="nofailover=On"), STRICT),
    Case("L2e", site(members=statuses("+S", "n"), settings="nofailover=On"), STRICT),
    Case(
        "L3",
        site(members=statuses("+D", "n"), settings="nofailover=On"),
        [cookie("ROUTEID=.9", to="2", sets="2")],
    ),
    Case(
        "L4",
        site(members=statuses("+N", "+N")),
        [get(status=503, to=""), cookie("ROUTEID=.1", to="1"), cookie("ROUTEID=.2", to="2")],
    ),
    Case("L5", site(members=statuses("+R", "+R")), [get(status=503, to="")]),
    Case("L6", site(members=statuses("+H", "+H")), [turns("1212")]),
    Case("L7", site(members=statuses("n", "n", "+R", "+R")), [turns("1212")]),
    Case("L7b", site(members=statuses("+D", "n", "+R", "+R")), [turns("2323")]),
    Case("L7c", site(members=statuses("+D", "+D", "+R", "+R")), [turns("3434")]),
    Case("L8", site(members=statuses("+D", "+D", "+R", "+H")), [turns("333")]),
    Case("L9", site(members=members("status=+D", "", "status=+R lbset=1")), [turns("222")]),
    Case("L10", site(members=members("status=+H lbset=0", "lbset=1")), [turns("111")]),
    Case("L11", site(members=members("", "", "lbset=1", "lbset=1")), [turns("1212")]),
    Case(
        "L11b",
        site(members=members("status=+D", "status=+D", "lbset=1", "lbset=1")),
        [turns("3434")],
    ),
    Case("L12", site(members=members("loadfactor=3", "")), [turns("1121112111211121")]),
    Case("L13", site(members=members("loadfactor=5", "", "")), [turns("11213111121311")]),
    Case("L14", site(members=members("", "", "", "loadfactor=2")), [turns("412344123441234412344123")]),
    Case("L15", site(), [turns("1212"), *[cookie("ROUTEID=.1", to="1")] * 6, turns("22222212")]),
    Case(
        "L16",
        site(members=members("retry=1", "")),
        [turns("12"), refuse("1"), turns("22222"), listen("1"), wait(1.2), turns("21212121")],
    ),
    Case(
        "L17",
        site(settings="lbmethod=bytraffic"),
        [does("1", answer(bytes(100_000))), get(to="1", sets="1"), turns("2" * 22)],
    ),
    Case(
        "L18",
        site(settings="lbmethod=bytraffic", members=tuple(f"{m} upgrade=websocket" for m in PAIR)),
        [
            opens("a", "Cookie: ROUTEID=.1", to="1"),
            says("a", bytes(1_000_000)),
            closes("a"),
            among(8, "1", 3),
        ],
        panolb=[
            opens("a", "Cookie: ROUTEID=.1", to="1"),
            says("a", bytes(1_000_000)),
            closes("a"),
            turns("2" * 8),
        ],
        differs=["tunnel-bytes-count"],
    ),
    Case(
        "L19",
        site(settings="lbmethod=bybusyness", members=members("", "", "")),
        [
            hold("1", "2"),
            begin("a", to="1"),
            begin("b", to="2"),
            turns("3333"),
            release,
            finish("a", sets="1"),
            finish("b", sets="2"),
        ],
    ),
    Case(
        "L20",
        site(settings="lbmethod=bybusyness", members=members("loadfactor=3", "")),
        [at_once(8, [4, 4])],
    ),
    Case(
        "L21",
        site(settings="lbmethod=bybusyness", members=tuple(f"{m} upgrade=websocket" for m in PAIR)),
        # Apache counts a tunnel as over some moments after both sides have seen its end.
        [opens("a", "Cookie: ROUTEID=.1", to="1"), turns("22222"), closes("a"), soon("1")],
    ),
    Case("L22", unusable("+E"), [turns("1212")]),
    Case(
        "C2b",
        site(mapping=("ProxyPass /app balancer://c timeout=600",)),
        [turns("1212")],
    ),
    Case(
        "C3",
        site(members=("http://b1/app route=1", "http://b1/app2 route=2")),
        [cookie("ROUTEID=.2", to="1", sets="1", saw="GET /app/x")],
        panolb=[cookie("ROUTEID=.2", to="1", saw="GET /app2/x")],
        differs=["member-prefix"],
    ),
    Case(
        "C3b",
        site(members=("http://b1/app2 route=2", "http://b1/app route=1")),
        [cookie("ROUTEID=.2", to="1", saw="GET /app2/x")],
    ),
)
