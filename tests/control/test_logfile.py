"""What an access log is written to: files that are full or slow, pipes that nobody reads."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from panolb.config import model
from panolb.control.accesslog import AccessLogs
from panolb.control.logfile import LogFile
from panolb.control.logged import Times
from panolb.control.logtarget import Target
from tests.harness.waiting import until

FULL = Path("/dev/full")

full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@contextmanager
def told() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    try:
        yield lines
    finally:
        globalLogPublisher.removeObserver(observe)


def end(file: LogFile, seconds: float = 30.0) -> None:
    """All of it must be written by then."""
    file.stop()
    assert file.join(seconds)


def numbered(first: int, last: int) -> list[bytes]:
    """Lines that are not to be mixed up."""
    return [b"line %d %s\n" % (number, b"x" * 80) for number in range(first, last)]


def fifo(directory: Path) -> Path:
    """Make one."""
    path = directory / "pipe"
    os.mkfifo(path)
    return path


def read_all(path: Path) -> bytes:
    """What waits in a FIFO."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    found = bytearray()
    try:
        while piece := os.read(descriptor, 1 << 20):
            found += piece
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
    return bytes(found)


@full
def test_a_full_disk_does_not_keep_the_balancer_from_stopping() -> None:
    """What was buffered is lost when the file is closed, too; that is told, with the number of lines."""
    file = LogFile(Target(str(FULL)))
    with told() as lines:
        for line in numbered(0, 3000):
            file.add(line)
        end(file)
    assert len([line for line in lines if "cannot write" in line]) == 1
    assert any(line.startswith("3000 access log lines were lost: /dev/full") for line in lines)


@full
def test_a_full_disk_does_not_keep_from_a_new_file(tmp_path: Path) -> None:
    """Reopening is how an operator makes room."""
    path = tmp_path / "access.log"
    path.symlink_to(FULL)
    file = LogFile(Target(str(path)))
    file.add(b"lost\n")
    file.flush()
    until(lambda: file._writer.lost == 1, "the line to be lost")
    path.unlink()
    file.reopen()
    file.add(b"kept\n")
    end(file)
    assert path.read_bytes() == b"kept\n"


def test_no_line_is_reordered(tmp_path: Path) -> None:
    """Not by files that are moved away in the midst of it, either."""
    path = tmp_path / "access.log"
    file = LogFile(Target(str(path)))
    names = []
    for turn in range(20):
        for line in numbered(turn * 1000, (turn + 1) * 1000):
            file.add(line)
        names.append(tmp_path / f"access.log.{turn}")
        file.flush()
        until(lambda count=turn + 1: file._writer.lines == count * 1000, "all to be written")  # type: ignore[misc]
        path.rename(names[-1])
        file.reopen()
    end(file)
    assert b"".join(name.read_bytes() for name in names) == b"".join(numbered(0, 20_000))
    assert path.read_bytes() == b""


def test_a_file_that_cannot_be_reopened(tmp_path: Path) -> None:
    """Then the old one goes on, and that is told."""
    directory = tmp_path / "logs"
    directory.mkdir()
    file = LogFile(Target(str(directory / "access.log")))
    file.add(b"one\n")
    with told() as lines:
        directory.rename(tmp_path / "moved")
        file.reopen()
        file.add(b"two\n")
        end(file)
    assert any("cannot open a new" in line and "the old one is kept" in line for line in lines)
    assert (tmp_path / "moved" / "access.log").read_bytes() == b"one\ntwo\n"


def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    """Nothing waits for it; what does not fit is lost, counted, and told once a minute; the rest comes, in order."""
    path = fifo(tmp_path)
    file = LogFile(Target(str(path)), backlog=256 << 10)
    clock = Clock()
    file.start(clock)
    lines = numbered(0, 20_000)
    for line in lines:
        file.add(line)
    file.flush()
    with told() as said:
        clock.pump([1.0] * 59)
        first = [line for line in said if "were lost" in line]
        assert len(first) == 1
        for line in numbered(20_000, 30_000):
            file.add(line)
        clock.pump([1.0] * 59)
        counts = [int(line.split()[0]) for line in said if "were lost" in line]
    assert len(counts) == 2
    found = bytearray()
    reader = threading.Thread(target=lambda: found.extend(path.read_bytes()), daemon=True)
    reader.start()
    end(file)
    reader.join(30)
    came = bytes(found).splitlines(keepends=True)
    assert came == sorted(came, key=lambda line: int(line.split()[1]))
    assert set(came) <= {*lines, *numbered(20_000, 30_000)}
    assert len(came) + sum(counts) == 30_000


def test_a_pipe_that_nobody_reads_does_not_keep_the_balancer_from_stopping(tmp_path: Path) -> None:
    """After its time is over the lines that were left are counted as lost."""
    path = fifo(tmp_path)
    file = LogFile(Target(str(path)))
    for line in numbered(0, 5000):
        file.add(line)
    file.stop()
    assert not file.join(0.3)
    with told() as lines:
        file.give_up()
    count = int(next(line for line in lines if "were lost" in line).split()[0])
    assert count > 1000
    whole = read_all(path)  # and lets the thread go on
    assert whole.startswith(b"line 0 ")
    until(lambda: read_all(path) is not None and file.join(0.0), "the thread to end")


def test_a_pipe_gets_whole_lines_beside_those_of_others(tmp_path: Path) -> None:
    """The standard output is one of the process log's, too."""
    path = fifo(tmp_path)
    file = LogFile(Target(str(path)))
    other = os.open(path, os.O_RDWR)
    found = bytearray()

    def read() -> None:
        descriptor = os.open(path, os.O_RDONLY)
        while not found.endswith(b"end\n"):
            found.extend(os.read(descriptor, 1 << 16))
        os.close(descriptor)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for number, line in enumerate(numbered(0, 20_000)):
        file.add(line)
        if number % 10 == 0:
            os.write(other, b"other\n")
    end(file)
    os.write(other, b"end\n")
    reader.join(30)
    os.close(other)
    *lines, _ = bytes(found).splitlines(keepends=True)
    assert [line for line in lines if line != b"other\n"] == numbered(0, 20_000)


def test_standard_output_is_never_closed_or_opened_anew(capfd: pytest.CaptureFixture[str]) -> None:
    """All spellings are one stream."""
    assert {Target(path).key for path in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")} == {
        Target("-").key
    }
    assert Target("/dev/stderr").key != Target("-").key
    file = LogFile(Target("-"))
    file.add(b"one\n")
    file.reopen()
    file.add(b"two\n")
    end(file)
    os.fstat(1)
    assert capfd.readouterr().out == "one\ntwo\n"


def test_a_line_that_was_torn_is_ended(tmp_path: Path) -> None:
    """When a disk is full in the midst of a line and has room again later, the next line begins anew."""
    path = tmp_path / "access.log"
    file = LogFile(Target(str(path)))
    writer = file._writer
    writer._torn = True
    path.write_bytes(b"one\ntor")
    file.add(b"two\n")
    end(file)
    assert path.read_bytes() == b"one\ntor\ntwo\n"
    assert stat.S_ISREG(path.stat().st_mode)


def test_logs_that_move_are_written_to_the_end(tmp_path: Path) -> None:
    """What one configuration has left is waited for when the process stops under the next one."""
    times = Times(time.monotonic, lambda ago: "", lambda: 0.0)
    path = fifo(tmp_path)
    first = AccessLogs(model.Config(access_log=[model.AccessLog(path=str(path))]), times)
    (file,) = first._files.values()
    for line in numbered(0, 5000):
        file.add(line)
    second = AccessLogs(model.Config(), times, first)
    first.stop(following=second)
    found = bytearray()
    reader = threading.Thread(target=lambda: found.extend(path.read_bytes()), daemon=True)
    reader.start()
    second.stop()
    reader.join(30)
    assert bytes(found) == b"".join(numbered(0, 5000))
