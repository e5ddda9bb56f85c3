"""What was in files, and files for what is in memory."""

from __future__ import annotations

import os
import pickle
import ssl
import stat
from pathlib import Path

import pytest

from panolb.control.anonymous import as_file
from panolb.control.contents import Contents, stamp

SECRET = b"-----BEGIN PRIVATE KEY-----\nsecret\n"


def found(path: str) -> list[str]:
    """What is in a directory."""
    return sorted(map(str, Path(path).iterdir()))


def test_each_file_is_read_once(tmp_path: Path) -> None:
    """Whatever is written later: who was judged is who is used, and the stamp is that of what was read."""
    path = tmp_path / "key.pem"
    path.write_bytes(SECRET)
    before = stamp([str(path)])
    contents = Contents()
    assert contents.file(str(path), 100) == SECRET
    path.write_bytes(b"something else, and longer than that was")
    assert contents.file(str(path), 100) == SECRET
    assert contents.stamp([str(path)]) == before != stamp([str(path)])
    assert Contents().file(str(path), 9) == b"something"


def test_in_another_process(tmp_path: Path) -> None:
    """It has what was read, directories included, and reads nothing itself."""
    one, other = tmp_path / "a.pem", tmp_path / "b.pem"
    one.write_bytes(b"a")
    other.write_bytes(b"b")
    contents = Contents()
    for path in contents.listing(str(tmp_path), found):
        contents.file(path, 100)
    passed = pickle.loads(pickle.dumps(contents.sealed()))
    one.unlink()
    other.write_bytes(b"c")
    (tmp_path / "new.pem").write_bytes(b"d")
    assert [passed.file(path, 100) for path in passed.listing(str(tmp_path), found)] == [b"a", b"b"]
    with pytest.raises(FileNotFoundError, match="the supervisor has not read it"):
        passed.file(str(tmp_path / "new.pem"), 100)
    with pytest.raises(FileNotFoundError):
        passed.listing("/", found)


def test_keys_are_shown_nowhere(tmp_path: Path) -> None:
    """As in a message of an assertion or a log."""
    path = tmp_path / "key.pem"
    path.write_bytes(SECRET)
    contents = Contents()
    contents.file(str(path), 100)
    assert "secret" not in f"{contents} {contents!r} {[contents.sealed()]}"


def test_what_cannot_be_read_is_not_remembered(tmp_path: Path) -> None:
    """It may be there the next time."""
    path = tmp_path / "key.pem"
    contents = Contents()
    with pytest.raises(FileNotFoundError):
        contents.file(str(path), 100)
    path.write_bytes(b"a")
    assert contents.file(str(path), 100) == b"a"


@pytest.mark.parametrize("in_memory", [True, False])
def test_anonymous_file(in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be opened as often as one likes, by this user alone, and is gone afterwards."""
    if in_memory and not hasattr(os, "memfd_create"):
        pytest.skip("this system has no files in memory")
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    with as_file(SECRET) as path:
        assert path.startswith("/proc/") is in_memory
        assert [Path(path).read_bytes() for _ in range(2)] == [SECRET, SECRET]
        if not in_memory:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert not os.path.exists(path)
    assert in_memory or not os.path.exists(os.path.dirname(path))


def test_openssl_refuses_it() -> None:
    """The file goes all the same."""
    with as_file(SECRET) as path, pytest.raises(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)
    assert not os.path.exists(path)
