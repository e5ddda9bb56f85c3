"""What a run tells at its end."""

from __future__ import annotations

from tests.soak.run import GROWTH, Result

MIB = 1 << 20
SHOWN = 20  # unexplained failures of which each is told


def verdicts(result: Result) -> list[str]:
    """What is not as it must be, in a line each; empty when all is."""
    wrong = []
    if result.unexplained:
        wrong.append(f"{len(result.unexplained)} unexplained failures")
    if result.repeated:
        wrong.append(f"{len(result.repeated)} uploads reached members more than once")
    if result.left:
        wrong.append(f"left behind: {result.left}")
    if result.complaints:
        wrong.append(f"{len(result.complaints)} errors in the process log")
    if result.growth > GROWTH:
        wrong.append(f"memory grew by {result.growth:.1%} after the warm-up, more than {GROWTH:.0%}")
    return wrong


def text(result: Result) -> str:
    """The whole report."""
    total = sum(result.done.values())
    rate = total / result.seconds
    warm, end = (f"{size / MIB:.1f} MiB" for size in (result.warm, result.end))
    lines = [
        f"{total:,} requests in {result.seconds:.0f} s ({rate:.0f}/s), {result.messages:,} WebSocket messages",
        *(f"  {count:>9,}  {kind}" for kind, count in sorted(result.done.items())),
        f"{sum(result.troubles.values())} times a member was in trouble",
        *(f"  {count:>9,}  {kind}" for kind, count in sorted(result.troubles.items())),
        f"{sum(result.explained.values())} failures that this explains",
        *(f"  {count:>9,}  {why}" for why, count in sorted(result.explained.items())),
        f"{len(result.unexplained)} unexplained failures",
        *(f"  {failure}, {logged}" for failure, logged in result.unexplained[:SHOWN]),
        f"{len(result.repeated)} uploads that reached members more than once",
        f"left behind when all users had gone: {result.left or 'nothing'}",
        f"errors in the process log: {len(result.complaints)}",
        *(f"  {line}" for line in result.complaints[:SHOWN]),
        f"resident memory: {warm} after the warm-up, {end} at the end: {result.growth:+.1%}",
    ]
    wrong = verdicts(result)
    return "\n".join([*lines, "WRONG: " + "; ".join(wrong) if wrong else "All is well."])
