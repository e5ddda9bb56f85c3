"""The commands about the running configuration: ``reload`` and ``save``."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from .client import Daemon
from .ending import Failed, Refused
from .options import talks
from .reports import say_report
from .showing import printed, say


@click.command()
@talks
def reload(daemon: Daemon, *, for_programs: bool) -> None:
    """Have panolb read its file again; say what changes.

    When the file is wrong, every problem is printed, and everything goes on as before.
    """
    try:
        answer = daemon.post("reload")
    except Refused as refused:
        if refused.problems:
            refused.hints = ("Nothing has changed; all goes on as before.",)
        raise
    if not printed(answer.text, for_programs):
        say_report(answer.value)


@click.command()
@click.option("--write", is_flag=True, help="Replace the file; it must be the one that panolb has read.")
@talks
def save(daemon: Daemon, write: bool, *, for_programs: bool) -> None:
    """Show what was changed at run time as a diff of the file.

    With --write, the file is replaced.
    """
    answer = daemon.get("save")
    files = answer.value["files"]
    if write:
        _replace(files)
    if printed(answer.text, for_programs):
        return
    for line in (line for file in files for line in file["diff"].rstrip("\n").split("\n")):
        say(click.style(line.rstrip("\r"), fg=_colour(line)))
    if write:
        names = ", ".join(file["file"] for file in files)
        say(f"{names} {'is' if len(files) == 1 else 'are'} written. Have panolb read it: panolb reload")
    else:
        click.echo("Nothing is written yet; panolb save --write does it.", err=True)


def _colour(line: str) -> str | None:
    if line.startswith(("---", "+++")):
        return None
    return {"-": "red", "+": "green", "@": "cyan"}.get(line[:1])


def _replace(files: Sequence[Mapping[str, Any]]) -> None:
    """Put new contents in the place of files', so that at any moment each has its old or its new one, as a whole.

    :param files: with ``file``, ``text``, ``encoding`` and the ``sha256`` of what must be there.
    :raises Failed: when something else is there, or a file cannot be written.
    """
    written: list[str] = []
    try:
        targets = [Path(one["file"]).resolve(strict=True) for one in files]  # a link stays one
        for one, target in zip(files, targets, strict=True):
            if sha256(target.read_bytes()).hexdigest() != one["sha256"]:
                raise Failed(
                    f"{target} has changed since panolb looked at it; nothing was written",
                    "Look at it again: panolb save",
                )
        for one, target in zip(files, targets, strict=True):
            _write(target, one["text"].encode(one.get("encoding", "utf-8")))
            written.append(str(target))
    except OSError as error:
        done = f"written before: {', '.join(written)}" if written else "nothing was written"
        raise Failed(
            f"{error.filename or 'the file'} cannot be replaced: {error.strerror or error}; {done}"
        ) from None


def _write(target: Path, content: bytes) -> None:
    """Write a file beside another, and give it that one's name.

    :raises OSError: when that is not possible; the file is as it was then.
    """
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            _as(target, name)
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _as(target: Path, name: str) -> None:
    """Give a new file the rights of another, and, where that is allowed, its owner."""
    found: Any = target.stat()
    shutil.copymode(target, name)
    mine = Path(name).stat()
    if (found.st_uid, found.st_gid) != (mine.st_uid, mine.st_gid):
        shutil.chown(name, found.st_uid, found.st_gid)
