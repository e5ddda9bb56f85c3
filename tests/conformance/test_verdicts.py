"""The suite's reports are judged as the project promises: the same in splice, content in messages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.verdicts import (
    DIRECT,
    MESSAGES,
    SPLICE,
    Result,
    as_json,
    cases,
    deviations,
    read,
    table,
)

OK = Result("OK", "OK", 1000)
LENIENT = Result("NON-STRICT", "OK", 1002)
FAILED = Result("FAILED", "OK", 1000)
UNCLEAN = Result("OK", "UNCLEAN")
INFORMATION = Result("INFORMATIONAL", "INFORMATIONAL")
DECLINED = Result("UNIMPLEMENTED", "OK", 1000)


@pytest.mark.parametrize(
    ("direct", "splice", "messages", "lanes"),
    [
        (OK, OK, OK, []),
        (OK, OK, LENIENT, []),
        (OK, Result("OK", "OK", 1002), OK, []),  # another code, but as good to the suite
        (INFORMATION, INFORMATION, INFORMATION, []),
        (OK, LENIENT, OK, [SPLICE]),
        (LENIENT, OK, OK, [SPLICE]),  # better is not the same
        (OK, UNCLEAN, UNCLEAN, [SPLICE, MESSAGES]),
        (FAILED, FAILED, OK, []),  # the echo server's own failing
        (FAILED, FAILED, FAILED, [MESSAGES]),
        (DECLINED, DECLINED, DECLINED, []),
        (OK, OK, DECLINED, [MESSAGES]),  # compression that could have been had
    ],
)
def test_what_counts(direct: Result, splice: Result, messages: Result, lanes: list[str]) -> None:
    """Each judgement of one case, and the lanes that it speaks against."""
    found = deviations({DIRECT: {"1.1": direct}, SPLICE: {"1.1": splice}, MESSAGES: {"1.1": messages}})
    assert [(deviation.case, deviation.lane) for deviation in found] == [("1.1", lane) for lane in lanes]


def test_case_that_was_not_run() -> None:
    """A case that is missing in one lane only is a deviation there."""
    found = deviations({DIRECT: {"1.1": OK, "1.2": OK}, SPLICE: {"1.1": OK}, MESSAGES: {"1.2": OK}})
    assert [(deviation.case, deviation.lane) for deviation in found] == [("1.1", MESSAGES), ("1.2", SPLICE)]


def test_report(tmp_path: Path) -> None:
    """What the suite's client writes is read; the table counts by group, in the order of numbers."""
    said = {
        "behaviorClose": "OK",
        "duration": 1,
        "remoteCloseCode": 1000,
        "reportfile": "direct_case_10_1_1.json",
    }
    index = {"direct": {"10.1.1": {"behavior": "OK", **said}, "2.10": {"behavior": "OK", **said}}}
    index["direct"]["2.9"] = {"behavior": "FAILED", **said}
    (tmp_path / "index.json").write_text(json.dumps(index))
    results = {DIRECT: read(tmp_path, DIRECT), SPLICE: {"2.9": OK, "2.10": OK, "10.1.1": UNCLEAN}}
    assert cases(results) == ["2.9", "2.10", "10.1.1"]
    lines = table(results).splitlines()
    assert lines[2].split() == "2 pings and pongs 1 FAILED, 1 OK 2 OK".split()
    assert lines[3].split() == "10 auto-fragmentation 1 OK 1 OK/UNCLEAN".split()
    written = json.loads(as_json(results, deviations(results), {"autobahn": "26"}))
    assert written["passed"] is False
    assert [deviation["case"] for deviation in written["deviations"]] == ["2.9", "10.1.1"]
    assert written["cases"]["10.1.1"][SPLICE]["closing"] == "UNCLEAN"
