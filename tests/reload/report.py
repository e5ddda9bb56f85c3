"""What a run tells at its end."""

from __future__ import annotations

from collections import Counter

from tests.reload.configurations import STAYING
from tests.reload.run import Result

MIB = 1 << 20
GROWTH = 0.1  # the share by which memory may grow after the first reloads
SHOWN = 20  # failures of which each is told


def verdicts(result: Result) -> list[str]:
    """What is not as it must be, in a line each; empty when all is."""
    wrong = []
    if result.seen.failures:
        wrong.append(f"{len(result.seen.failures)} failures")
    if result.accepted:
        wrong.append(f"{len(result.accepted)} reloads did what they must not")
    if result.left:
        wrong.append(f"left behind: {result.left}")
    if result.objects:
        wrong.append("objects of former configurations are left")
    if result.complaints:
        wrong.append(f"{len(result.complaints)} errors in the process log")
    if result.end > (1 + GROWTH) * result.warm:
        wrong.append(f"memory grew by {result.end / result.warm - 1:.1%}, more than {GROWTH:.0%}")
    return wrong


def text(result: Result) -> str:
    """The whole report."""
    wrong = verdicts(result)
    lines = [*_reloads(result), *_requests(result), *_websockets(result), *_failures(result), *_held(result)]
    return "\n".join([*lines, "WRONG: " + "; ".join(wrong) if wrong else "All is well."])


def _reloads(result: Result) -> list[str]:
    return [
        f"{sum(map(len, result.applied.values()))} reloads in effect, {result.refused} of a wrong file refused",
        *(
            f"  {len(took):>9,}  {way}: {1000 * sum(took) / len(took):.0f} ms on average, the slowest {1000 * max(took):.0f} ms"
            for way, took in result.applied.items()
        ),
        *(f"  wrong: {one}" for one in result.accepted),
    ]


def _requests(result: Result) -> list[str]:
    seen = result.seen
    total = sum(seen.done.values())
    half, most, all_ = (1000 * seconds for seconds in result.percentiles)
    return [
        f"{total:,} requests in {result.seconds:.0f} s ({total / result.seconds:.0f}/s) on {seen.connections:,} connections",
        *(f"  {count:>9,}  {kind}" for kind, count in sorted(seen.done.items())),
        f"panolb took {result.processor:.0f} s of a processor for all of it, the users {result.users:.0f} s",
        f"small ones took {half:.1f} ms in the median, 99 % of them less than {most:.0f} ms, the slowest {all_:.0f} ms",
    ]


def _websockets(result: Result) -> list[str]:
    seen = result.seen
    ended = Counter[str]()
    for (route, code), count in seen.ended.items():
        ended[f"of members that {'stay' if route in STAYING else 'were removed'}, with {code}"] += count
    lost = sum(count for (route, _), count in seen.ended.items() if route in STAYING)
    return [
        f"{sum(seen.opened.values()):,} WebSockets opened; {seen.echoes:,} messages echoed, {seen.ticks:,} sent by members",
        f"WebSockets that ended during it: {sum(ended.values())}; of members that stay: {lost}",
        *(f"  {count:>9,}  {what}" for what, count in sorted(ended.items())),
        f"{seen.moved:,} users came to another member, since theirs was gone",
    ]


def _failures(result: Result) -> list[str]:
    seen = result.seen
    kinds = Counter(f"{one.kind}: {one.how}" for one in seen.failures)
    lines = [
        f"{len(seen.failures)} failures",
        *(f"  {count:>9,}  {what}" for what, count in kinds.most_common(SHOWN)),
    ]
    for one in seen.failures[:SHOWN]:
        lines += [f"  {one}", f"    {result.logged.get(one.number, 'not in the access log')}"]
    return lines


def _held(result: Result) -> list[str]:
    growth = result.end / result.warm - 1
    return [
        f"left behind when all users had gone: {result.left or 'nothing'}",
        f"objects of former configurations: {len(result.objects) or 'none'}",
        *(
            f"  {name}: {before} at the start, {after} at the end"
            for name, (before, after) in result.objects.items()
        ),
        f"errors in the process log: {len(result.complaints)}",
        *(f"  {line}" for line in result.complaints[:SHOWN]),
        f"resident memory: {result.warm / MIB:.1f} MiB after the first reloads, {result.end / MIB:.1f} MiB at the end: {growth:+.1%}",
    ]
