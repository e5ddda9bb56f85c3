"""What the suite's reports say of each case in each lane, and whether that is what panolb promises."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

DIRECT, SPLICE, MESSAGES = ("direct", "splice", "messages")
"""The echo server by itself, and behind each lane of panolb."""

GROUPS = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "long messages",
    10: "auto-fragmentation",
    12: "compression: payloads",
    13: "compression: parameters",
}

PASSED = frozenset(("OK", "NON-STRICT", "INFORMATIONAL"))
DECLINED = "UNIMPLEMENTED"
"""The word of the suite for a case whose compression was not agreed upon."""

MISSING = "NOT RUN"


@dataclass(frozen=True)
class Result:
    """What the suite says of one case in one lane.

    :ivar behavior: whether the right messages came back.
    :ivar closing: whether the right side closed, in the right way and with the right code.
    :ivar code: the close code that the suite received; ``None`` for none.
    :ivar report: the file with the wire log, relative to the lane's directory; empty when there is none.
    """

    behavior: str
    closing: str
    code: int | None = None
    report: str = ""

    def __str__(self) -> str:
        words = (
            self.behavior
            if self.closing in (self.behavior, "OK")
            else f"{self.behavior}, closing {self.closing}"
        )
        return words if self.code is None else f"{words} ({self.code})"

    @property
    def passed(self) -> bool:
        """Whether both judgements are good ones."""
        return self.behavior in PASSED and self.closing in PASSED

    def same(self, other: Result) -> bool:
        """Whether the suite judges the same."""
        return (self.behavior, self.closing) == (other.behavior, other.closing)


NOT_RUN = Result(MISSING, MISSING)
Results = Mapping[str, Mapping[str, Result]]
"""For each lane its results by case."""


@dataclass(frozen=True)
class Deviation:
    """A case that did not go as promised."""

    case: str
    lane: str
    result: Result
    direct: Result

    def __str__(self) -> str:
        return f"{self.case} in {self.lane}: {self.result}; direct: {self.direct}"


def read(directory: Path, lane: str) -> dict[str, Result]:
    """The results of one run of the suite's client.

    :raises OSError: when it wrote no report.
    """
    index = json.loads((directory / "index.json").read_text())
    return {
        case: Result(said["behavior"], said["behaviorClose"], said["remoteCloseCode"], said["reportfile"])
        for case, said in index[lane].items()
    }


def number(case: str) -> tuple[int, ...]:
    """The order of the cases: ``6.2`` before ``6.10``."""
    return tuple(int(part) for part in case.split("."))


def cases(results: Results) -> list[str]:
    """Every case that was run in some lane."""
    return sorted({case for lane in results.values() for case in lane}, key=number)


def deviations(results: Results) -> list[Deviation]:
    """What is not as promised.

    In splice the suite sees what it sees of the echo server itself.  In messages it is content, whatever the echo
    server does; compression may be declined where the echo server declines it too.
    """
    found = []
    for case in cases(results):
        direct = results[DIRECT].get(case, NOT_RUN)
        if direct.behavior == MISSING:
            found.append(Deviation(case, DIRECT, direct, direct))
        for lane in (SPLICE, MESSAGES):
            if lane not in results:
                continue
            result = results[lane].get(case, NOT_RUN)
            if lane == SPLICE:
                right = result.same(direct)
            else:
                right = result.passed or DECLINED == result.behavior == direct.behavior
            if not right:
                found.append(Deviation(case, lane, result, direct))
    return found


def counted(results: Iterable[Result]) -> str:
    """How often each judgement was made: ``16 OK, 1 NON-STRICT``."""
    counts = Counter(
        result.behavior
        if result.closing in (result.behavior, "OK")
        else f"{result.behavior}/{result.closing}"
        for result in results
    )
    return ", ".join(f"{count} {words}" for words, count in counts.most_common())


def table(results: Results) -> str:
    """A group of cases per line, a lane per column."""
    every = cases(results)
    rows: list[Sequence[str]] = [("group", *results)]
    for group in sorted({number(case)[0] for case in every}):
        members = [case for case in every if number(case)[0] == group]
        cells = (counted(lane.get(case, NOT_RUN) for case in members) for lane in results.values())
        rows.append((f"{group:>2} {GROUPS.get(group, '')}", *cells))
    rows.append(("all", *(counted(lane.get(case, NOT_RUN) for case in every) for lane in results.values())))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join((lines[0], "-" * len(max(lines, key=len)), *lines[1:]))


def as_json(results: Results, found: Sequence[Deviation], versions: Mapping[str, str]) -> str:
    """Everything, for programs."""
    return json.dumps(
        {
            "versions": versions,
            "passed": not found,
            "deviations": [asdict(deviation) for deviation in found],
            "cases": {
                case: {lane: asdict(judged.get(case, NOT_RUN)) for lane, judged in results.items()}
                for case in cases(results)
            },
        },
        indent=1,
    )
