"""Fuzz on: ``python -m tests.fuzz [--time SECONDS] [--target NAME ...]``, guided by coverage where atheris is installed.

The targets take turns.  What was found is written to build/fuzz/found; what helps to find more to build/fuzz/<target>.
Keep an input of the former in the corpus (tests/fuzz/corpus) when what it showed is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

NAMES = ("requests", "answers", "frames", "toml", "httpd")
BUILD = Path("build") / "fuzz"
FOUND = BUILD / "found"
TURN = 60  # seconds of a target, before it is the next one's turn


def main() -> int:
    """Read the command line; returns the exit status: 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what panolb reads.")
    parser.add_argument("--time", type=int, help="seconds in all; on and on if not given")
    parser.add_argument("--target", action="append", choices=NAMES, help="only this one; may be repeated")
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    parser.add_argument("input", nargs="*", type=Path, help="inputs to be tried once; with one --target")
    arguments = parser.parse_args()
    names: list[str] = arguments.target or list(NAMES)
    if arguments.input:
        return _try(names[0], arguments.input)
    if arguments.turn is not None:
        return _fuzz(names[0], arguments.turn)
    return _take_turns(names, arguments.time)


def _take_turns(names: list[str], seconds: int | None) -> int:
    """Give each target a process of its own in turn, until the time is up or somebody stops it."""
    guided = importlib.util.find_spec("atheris") is not None
    how = "guided by coverage (atheris)" if guided else "mutations only: pip install atheris for more"
    print(f"fuzzing {', '.join(names)}; {how}; Ctrl-C ends it", flush=True)
    end = None if seconds is None else time.monotonic() + seconds
    failed: set[str] = set()
    turns = [TURN] if end is None else [min(TURN, max(1, (seconds or 0) // len(names)))]
    try:
        for name in cycle(names):
            if end is not None and time.monotonic() >= end:
                break
            command = [sys.executable, "-m", "tests.fuzz", "--target", name, "--turn", str(turns[0])]
            if subprocess.run(command, check=False).returncode:
                failed.add(name)
    except KeyboardInterrupt:
        print("stopped")
    if failed:
        print(f"found something in: {', '.join(sorted(failed))}; the inputs are in {FOUND}")
    return 1 if failed else 0


def _try(name: str, files: Iterable[Path]) -> int:
    """Run single inputs, as they were found."""
    from .house import Houses
    from .targets import TARGETS

    houses = Houses()
    for file in files:
        TARGETS[name].run(houses, file.read_bytes())
        print(f"{file}: holds")
    houses.close()
    return 0


def _fuzz(name: str, seconds: int) -> int:
    FOUND.mkdir(parents=True, exist_ok=True)
    (BUILD / name).mkdir(exist_ok=True)
    if importlib.util.find_spec("atheris") is not None:
        _fuzz_guided(name, seconds)
    return _fuzz_unguided(name, seconds)


def _fuzz_guided(name: str, seconds: int) -> None:
    """Leave it to libFuzzer, which ends the process; its new inputs go into build/fuzz."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # not everywhere

    with atheris.instrument_imports(include=["panolb"]):
        from .house import Houses
        from .targets import CORPUS, LARGEST, TARGETS

    target, houses = TARGETS[name], Houses()
    words = BUILD / f"{name}.dict"
    escaped = (re.sub("(..)", r"\\x\1", word.hex()) for word in target.words)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST}",
        f"-dict={words}",
        f"-artifact_prefix={FOUND / name}-",
        "-timeout=60",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup(
        [name, *options, str(BUILD / name), str(CORPUS / name)], lambda data: target.run(houses, data)
    )
    atheris.Fuzz()


def _fuzz_unguided(name: str, seconds: int) -> int:
    """Let hypothesis mutate the corpus until the time is up."""
    from hypothesis import HealthCheck, Phase, given, settings

    from .house import Houses
    from .mutations import mutated
    from .targets import LARGEST, TARGETS

    target, houses = TARGETS[name], Houses()
    seeds = [path.read_bytes() for path in target.corpus]
    end = time.monotonic() + seconds
    last = b""
    tried = 0

    @settings(
        max_examples=500,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(mutated(seeds, target.words, LARGEST))
    def hold(data: bytes) -> None:
        nonlocal last, tried
        last, tried = data, tried + 1
        target.run(houses, data)

    while time.monotonic() < end:
        try:
            hold()
        except Exception:
            file = FOUND / f"{name}-{hashlib.sha256(last).hexdigest()[:12]}"
            file.write_bytes(last)  # hypothesis runs the smallest one that fails last
            print(f"{name}: found {file}", flush=True)
            raise
    print(f"{name}: {tried} inputs", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
