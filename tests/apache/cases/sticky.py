"""Stickiness: whose session a request belongs to, and when a cookie says so."""

from __future__ import annotations

from ..changes import refuse
from ..lasting import at_once
from ..scene import Case
from ..steps import cookie, get
from ..text import site

TRIO = ("http://b1/app route=1", "http://b2/app route=2", "http://b3/app route=3")
UNROUTED = ("http://b1/app", "http://b2/app")
TO_2 = {"to": "2"}

CASES = (
    Case(
        "S1",
        site(),
        [get(to="1", sets="1"), get(to="2", sets="2"), get(to="1", sets="1"), get(to="2", sets="2")],
    ),
    Case("S2", site(), [cookie("ROUTEID=.2", to="2")] * 3),
    Case("S3", site(), [cookie("ROUTEID=abc.2", to="2")]),
    Case("S4", site(), [cookie("ROUTEID=2", balanced=True)] * 2),
    Case(
        "S5",
        site(members=("http://b1/app route=1", "http://b2/app route=def.node1")),
        [cookie("ROUTEID=abc.def.node1", to="2")] * 2,
    ),
    Case("S6", site(), [cookie("ROUTEID=abc.def.2", balanced=True)] * 2),
    Case("S7", site(), [cookie("ROUTEID=.9", balanced=True)] * 2),
    Case(
        "S8",
        site(),
        [cookie(f"ROUTEID={value}", balanced=True) for value in (".", "", '".2"')],
    ),
    Case(
        "S9",
        site(),
        [cookie(value, to="2") for value in ("a=b;ROUTEID=.2;c=d", "a=b, ROUTEID=.2", "ROUTEID =.2")],
    ),
    Case(
        "S10",
        site(),
        [cookie(value, balanced=True) for value in ("XROUTEID=.2", "routeid=.2", "x=ROUTEID=.2")],
    ),
    Case("S11", site(), [cookie("ROUTEID=.1; ROUTEID=.2", to="1")] * 2),
    Case("S12", site(), [cookie("ROUTEID=.9; ROUTEID=.2", balanced=True)] * 2),
    Case("S13", site(), [get("/app/x", "Cookie: a=b", "Cookie: ROUTEID=.2", to="2")] * 2),
    Case("S14", site(), [cookie("ROUTEID=.2 ; x=y", balanced=True)] * 2),
    Case(
        "S15",
        site(),
        [get(f"/app/x{rest}", to="2") for rest in ("?ROUTEID=.2", "?a=b&ROUTEID=.2", ";ROUTEID=.2")],
    ),
    Case(
        "S16",
        site(),
        [get("/app/x?XROUTEID=.2", to="2")],
        panolb=[get("/app/x?XROUTEID=.2", balanced=True)] * 2,
        differs=["url-parameter-boundary"],
    ),
    Case("S17", site(), [get("/app/x;ROUTEID=.2;x=y", balanced=True)] * 2),
    Case("S17b", site(settings="scolonpathdelim=On"), [get("/app/x;ROUTEID=.2;x=y", to="2")]),
    Case("S18", site(), [get("/app/x?ROUTEID=.2", "Cookie: ROUTEID=.1", to="2")]),
    Case(
        "S19",
        site(),
        [get("/app/x?ROUTEID=nodot", "Cookie: ROUTEID=.2", balanced=True)] * 2,
        panolb=[get("/app/x?ROUTEID=nodot", "Cookie: ROUTEID=.2", to="2")] * 2,
        differs=["url-value-without-route"],
    ),
    Case("S20", site(), [get("/app/x?ROUTEID=", "Cookie: ROUTEID=.2", to="2")] * 2),
    Case(
        "S21",
        site(sticky="stickysession=JSESSIONID|jsessionid"),
        [
            cookie("JSESSIONID=a.2", to="2"),
            get("/app/x;jsessionid=a.2", to="2"),
            cookie("jsessionid=a.2", balanced=True),
            cookie("jsessionid=a.2", balanced=True),
        ],
    ),
    Case(
        "S22",
        site(settings="stickysessionsep=!"),
        [cookie("ROUTEID=S!2", to="2"), *[cookie("ROUTEID=a!b!2", balanced=True)] * 2],
    ),
    Case(
        "S22b",
        site(settings="stickysessionsep=off"),
        [cookie("ROUTEID=2", to="2"), *[cookie("ROUTEID=.2", balanced=True)] * 2],
    ),
    Case(
        "S23",
        site(sticky=""),
        [cookie("ROUTEID=.2", to="1"), cookie("ROUTEID=.1", to="2"), get(to="1")],
    ),
    Case(
        "S24",
        site(members=("http://b1/app route=1", "http://b2/app route=1")),
        [cookie("ROUTEID=.1", to="1"), refuse("1"), *[cookie("ROUTEID=.1", to="2")] * 2],
    ),
    Case(
        "S24b",
        site(members=("http://b1/app route=1 status=+D", "http://b2/app route=1")),
        [cookie("ROUTEID=.1", to="2")] * 2,
    ),
    Case(
        "S25",
        site(members=UNROUTED),
        [get(to="1", sets=""), cookie("ROUTEID=.", to="2", sets=""), get(to="1", sets="")],
    ),
    Case(
        "S26",
        site(members=("http://b1/app route=1 redirect=3 status=+D", *TRIO[1:])),
        [cookie("ROUTEID=.1", to="3", sets="3")] * 2,
    ),
    Case(
        "S26b",
        site(members=("http://b1/app route=1 redirect=3", *TRIO[1:])),
        [cookie("ROUTEID=.1", to="1")] * 2,
    ),
    Case(
        "S27",
        site(
            members=(
                "http://b1/app route=1 redirect=2 status=+D",
                "http://b2/app route=2 redirect=1 status=+D",
            )
        ),
        [cookie("ROUTEID=.1", status=503, to="")],
    ),
    Case("S28", site(), [at_once(6, [3, 3])]),
    Case(
        "S29",
        site(),
        [get(on="a", to=one, sets=one) for one in ("1", "2", "1", "2")],
    ),
    Case(
        "S30",
        site(),
        [
            get("/app/x?ROUTEID=&x=.2", to="2"),
            get("/app/x?ROUTEID=a&ROUTEID=.2", balanced=True),
            get("/app/x?a=ROUTEID=.1&ROUTEID=.2", to="1"),
        ],
        panolb=[
            get("/app/x?ROUTEID=&x=.2", to="2"),
            get("/app/x?ROUTEID=a&ROUTEID=.2", balanced=True),
            get("/app/x?a=ROUTEID=.1&ROUTEID=.2", to="2"),
        ],
        differs=["url-parameter-boundary"],
    ),
    Case(
        "S31",
        site(),
        [get("/app/x;ROUTEID=%2e2", to="2"), *[get("/app/x?ROUTEID=%2e2", balanced=True)] * 2],
    ),
)
