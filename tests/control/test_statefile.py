"""The file of overrides: complete or not there, and never in the way of a start."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from panolb.config.balancers import Member
from panolb.config.overrides import Addition, Identity, Overrides
from panolb.config.runtime import Removal, StateChange, WeightChange
from panolb.control.statefile import LARGEST, StateFile

NOW = 1764000000.0  # 2025-11-24T16:00:00Z
ASIDE = "overrides.json.refused-20251124T160000Z"
NOBODY = 65534
ONE = Identity("app", "http://one:8080/", "1")
TWO = Identity("app", "http://two:8080/", "2")
THREE = Identity("app", "http://three/", "")
KEPT = Overrides(
    [
        StateChange(member=ONE, since=NOW - 1.5, was="active", state="drain", moving=True),
        WeightChange(member=ONE, since=NOW, was=1.0, weight=2.5),
        Removal(member=TWO, since=NOW),
        Addition(member=THREE, since=NOW, settings=Member(url=THREE.url, response_timeout=2.5, lbset=1)),
    ]
)


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    """One that is not there yet."""
    return StateFile(tmp_path / "overrides.json")


def refused(file: StateFile) -> LogEvent:
    """Read a file that cannot be used; what the log says."""
    with capturedLogs() as events:
        assert file.read(NOW) == Overrides()
    (event,) = events
    assert event["log_level"] is LogLevel.error and event["event"] == "state_file.refused"
    assert str(file.path) in formatEvent(event)
    return event


def quiet(file: StateFile) -> Overrides:
    """Read a file that nothing is to be said of."""
    with capturedLogs() as events:
        found = file.read(NOW)
    assert events == []
    return found


def test_first_start(file: StateFile) -> None:
    """Nothing is there, and that is right."""
    assert quiet(file) == Overrides()


def test_written_and_read(file: StateFile) -> None:
    """Everything comes back; others can read it if they are of the group; nothing else is left behind."""
    file.write(KEPT)
    assert quiet(file) == KEPT
    file.write(Overrides())
    assert quiet(file) == Overrides()
    assert os.listdir(file.path.parent) == [file.path.name]
    assert stat.S_IMODE(file.path.stat().st_mode) & 0o137 == 0


def test_what_a_killed_process_left(file: StateFile) -> None:
    """A new file that never took the old one's name is overwritten, and never read."""
    file.path.with_name("overrides.json.new").write_text('{"format": 1, "over')
    assert quiet(file) == Overrides()
    file.write(KEPT)
    assert quiet(file) == KEPT
    assert os.listdir(file.path.parent) == [file.path.name]


def test_a_link_stays_a_link(file: StateFile, tmp_path: Path) -> None:
    """The state may be kept elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "state.json"
    file.path.symlink_to(real)
    assert quiet(file) == Overrides()
    file.write(KEPT)
    assert file.path.is_symlink() and quiet(StateFile(real)) == quiet(file) == KEPT


@given(st.data())
def test_cut_anywhere(data: st.DataObject) -> None:
    """A file that ends too early is set aside as it is; only the newline at the end is not missed."""
    with tempfile.TemporaryDirectory() as directory:
        file = StateFile(Path(directory, "overrides.json"))
        file.write(KEPT)
        whole = file.path.read_bytes()
        cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
        file.path.write_bytes(cut)
        if cut == whole[:-1]:
            assert quiet(file) == KEPT
            return
        refused(file)
        assert os.listdir(directory) == [ASIDE]
        assert Path(directory, ASIDE).read_bytes() == cut


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_garbage(data: bytes) -> None:
    """Whatever is in it, the start goes on, and the file is kept."""
    with tempfile.TemporaryDirectory() as directory:
        file = StateFile(Path(directory, "overrides.json"))
        file.path.write_bytes(data)
        refused(file)
        assert Path(directory, ASIDE).read_bytes() == data


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps({"format": 2, "changes": {}}), "has format 2; this panolb understands format 1 only"),
        ('{"format": 1, "format": 1, "overrides": []}', "a key is there twice"),
        ('{"format": 1, "overrides": [NaN]}', "NaN is no number"),
        ("[" * 100_000, "is cut off or damaged"),
        ("1" * 10_000, "is cut off or damaged"),
        ("\x00" * 512, "is cut off or damaged"),
        (" " * (LARGEST + 1), f"is larger than {LARGEST} bytes"),
    ],
    ids=["newer", "twice", "nan", "deep", "digits", "zeros", "large"],
)
def test_what_is_refused(file: StateFile, text: str, why: str) -> None:
    """The log says why, and where the file is now."""
    file.path.write_text(text)
    said = formatEvent(refused(file))
    assert why in said and f"is now {file.path.with_name(ASIDE)}" in said
    file.write(KEPT)
    assert quiet(file) == KEPT


def test_what_was_set_aside_stays(file: StateFile) -> None:
    """A second file of the same second gets another name."""
    for text in ("one", "two", "three"):
        file.path.write_text(text)
        refused(file)
    kept = {path.name: path.read_text() for path in file.path.parent.iterdir()}
    assert kept == {ASIDE: "one", f"{ASIDE}-2": "two", f"{ASIDE}-3": "three"}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_no_regular_file(file: StateFile, make: Callable[[Path], None]) -> None:
    """Set aside, too; nobody waits for the writer of a pipe."""
    make(file.path)
    assert "is no regular file" in formatEvent(refused(file))
    file.write(KEPT)
    assert quiet(file) == KEPT


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    """Reading finds nothing; writing says which file it is about."""
    file = StateFile(tmp_path / "missing" / "overrides.json")
    assert quiet(file) == Overrides()
    with pytest.raises(
        OSError, match=f"state file {file.path}: cannot be written: No such file or directory"
    ):
        file.write(KEPT)
    (tmp_path / "missing").write_text("a file")
    assert "cannot be read: Not a directory; it could not be set aside either" in formatEvent(refused(file))


@pytest.fixture
def modest() -> Iterator[StateFile]:
    """A file in a directory of this process, which is not root for once: root may read and write everything."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as directory:
        if user == 0:
            os.chown(directory, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield StateFile(Path(directory, "overrides.json"))
        finally:
            os.seteuid(user)


def test_a_directory_that_cannot_be_written(modest: StateFile) -> None:
    """It is read; writing says why it is not possible, and leaves it as it is."""
    modest.write(KEPT)
    modest.path.parent.chmod(0o500)
    assert quiet(modest) == KEPT
    with pytest.raises(OSError, match="cannot be written: Permission denied"):
        modest.write(Overrides())
    assert quiet(modest) == KEPT
    modest.path.chmod(0)
    said = formatEvent(refused(modest))
    assert "cannot be read: Permission denied; it could not be set aside either (Permission denied)" in said
    modest.path.parent.chmod(0o700)


def test_unreadable(modest: StateFile) -> None:
    """A file of somebody else is set aside."""
    modest.write(KEPT)
    modest.path.chmod(0)
    assert "cannot be read: Permission denied; it is now" in formatEvent(refused(modest))


def test_a_full_disk(file: StateFile) -> None:
    """What was kept is kept, and nothing half written lies about."""
    file.write(KEPT)
    script = (
        "import resource, sys; from pathlib import Path; from tests.control.test_statefile import KEPT;"
        "from panolb.control.statefile import StateFile;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (10, {resource.RLIM_INFINITY}));"
        "StateFile(Path(sys.argv[1])).write(KEPT)"
    )
    command = [sys.executable, "-c", script, str(file.path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        ended.stderr.splitlines()[-1] == f"OSError: state file {file.path}: cannot be written: File too large"
    )
    assert quiet(file) == KEPT
    assert os.listdir(file.path.parent) == [file.path.name]


def test_killed_at_any_time(file: StateFile) -> None:
    """A process that is killed while it writes leaves the old file or the new one."""
    script = (
        "import sys; from pathlib import Path; from tests.control.test_statefile import KEPT, Overrides, StateFile\n"
        "file = StateFile(Path(sys.argv[1])); print(flush=True)\n"
        "while True:\n    file.write(KEPT)\n    file.write(Overrides())\n"
    )
    for patience in (0.0, 0.001, 0.003, 0.01, 0.03):
        command = [sys.executable, "-c", script, str(file.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(patience)
            writer.kill()
        assert quiet(file) in (KEPT, Overrides())
