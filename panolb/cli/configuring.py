"""The commands about the running configuration: ``reload`` and ``save``."""

from __future__ import annotations

import os
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from .client import Daemon
from .ending import Failed
from .options import talks
from .reports import say_report
from .showing import say


@click.command()
@talks
def reload(daemon: Daemon, *, for_programs: bool) -> None:
    """Have panolb read its file again; say what changes.

    When the file is wrong, every problem is printed, and everything goes on as before.
    """
    answer = daemon.post("reload")
    if for_programs:
        say(answer.text.rstrip("\n"))
    else:
        say_report(answer.value)


@click.command()
@click.option("--write", is_flag=True, help="Replace the file; it must be the one that panolb has read.")
@talks
def save(daemon: Daemon, write: bool, *, for_programs: bool) -> None:
    """Show what was changed at run time as a diff of the file.

    With --write, the file is replaced.
    """
    answer = daemon.get("save")
    saved = answer.value
    if write:
        _replace(Path(saved["file"]), saved["text"], saved["sha256"])
    if for_programs:
        say(answer.text.rstrip("\n"))
        return
    for line in saved["diff"].splitlines():
        click.secho(line, fg=_colour(line))
    if write:
        say(f"{saved['file']} is written. Have panolb read it: panolb reload")
    else:
        click.echo("Nothing is written yet; panolb save --write does it.", err=True)


def _colour(line: str) -> str | None:
    if line.startswith(("---", "+++")):
        return None
    return {"-": "red", "+": "green", "@": "cyan"}.get(line[:1])


def _replace(file: Path, text: str, expected: str) -> None:
    """Put a new content in the place of a file's, so that at any moment there is the old or the new one, as a whole.

    :param expected: the SHA-256 of what is there.
    :raises Failed: when it is something else, or cannot be written.
    """
    try:
        target = file.resolve(strict=True)  # a link stays one
        if sha256(target.read_bytes()).hexdigest() != expected:
            raise Failed(
                f"{file} has changed since panolb looked at it; nothing was written",
                "Look at it again: panolb save",
            )
        _write(target, text)
    except OSError as error:
        raise Failed(f"{file} cannot be replaced: {error.strerror or error}; nothing was written") from None


def _write(target: Path, text: str) -> None:
    """Write a file beside another, and give it that one's name.

    :raises OSError: when that is not possible; the file is as it was then.
    """
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text.encode())
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
