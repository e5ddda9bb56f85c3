"""What counts as explained, and above all what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.explaining import (
    CONTENT,
    CUT,
    DOWNLOAD,
    DRAINED,
    EMPTIED,
    FROZEN,
    KILLED,
    MOVED,
    SMALL,
    UPLOAD,
    WEBSOCKET,
    Failure,
    Logged,
    Trouble,
    explain,
    read_log,
)


def explained(kind: str, how: str, term: str, trouble: str, *, member: str = "1", at: float = 10.0) -> bool:
    """Whether a failure at ``at`` s is explained by a trouble of member 1 from 10 to 12 s."""
    failure = Failure(7, kind, how, "1", at, at + 0.1)
    return explain(failure, Logged(member, term), [Trouble(trouble, "1", 10.0, 12.0)]) is not None


@pytest.mark.parametrize(
    ("kind", "how", "term", "trouble"),
    [
        (UPLOAD, "502", "member-broke", KILLED),
        (DOWNLOAD, CUT, "member-broke", KILLED),
        (WEBSOCKET, "1012", "member-lost:1006", KILLED),
        (SMALL, "504", "member-timeout", FROZEN),
        (WEBSOCKET, "1012", "member-silent:1006", FROZEN),
        (WEBSOCKET, "1012", "drained:1012", EMPTIED),
        (SMALL, MOVED, "-", EMPTIED),
    ],
)
def test_explained(kind: str, how: str, term: str, trouble: str) -> None:
    """What the documentation says of a member in such trouble; at no other time."""
    assert explained(kind, how, term, trouble)
    assert not explained(kind, how, term, trouble, at=20.0)
    assert not explained(kind, how, term, DRAINED)


@pytest.mark.parametrize(
    ("kind", "how", "term", "trouble"),
    [
        (SMALL, "502", "member-broke", KILLED),  # it could have been sent again
        (SMALL, "503", "no-member", KILLED),  # the others were there
        (UPLOAD, "502", "plugin-failed", KILLED),
        (DOWNLOAD, CONTENT, "-", KILLED),
        (WEBSOCKET, "1006", "member-lost:1006", KILLED),  # the client must get a close frame
        (SMALL, MOVED, "-", DRAINED),  # its own users stay
    ],
)
def test_unexplained(kind: str, how: str, term: str, trouble: str) -> None:
    """No trouble explains what must not happen in it."""
    assert not explained(kind, how, term, trouble)


def test_another_member() -> None:
    """What one member does explains nothing of another."""
    assert not explained(UPLOAD, "502", "member-broke", KILLED, member="2")


def test_log(tmp_path: Path) -> None:
    """The lines of the access log are read, and of a WebSocket the one of its end."""
    file = tmp_path / "access.log"
    before = '127.0.0.1 - - [23/Nov/2026:05:55:00 +0000] "'
    file.write_text(
        f'{before}POST /app/upload?n=7 HTTP/1.1" 502 20 app/2 sticky cookie member-broke 37 5189cb-7\n'
        f'{before}GET /app/live?n=8 HTTP/1.1" 101 - app/1 new - opened 3 5189cb-8\n'
        f'{before}GET /app/live?n=8 HTTP/1.1" 101 20 app/1 new - drained:1012 900 5189cb-8\n'
        f'{before}GET /app/small?n=9 HTTP/1.1" 503 20 - - - no-member 1 5189cb-9\n'
        f'{before}GET /app/small?n=10 HTTP/1.1" 200 20 app/1 new - - 1 5189cb-a\n'
    )
    assert read_log(file, (7, 8, 9)) == {
        7: Logged("2", "member-broke"),
        8: Logged("1", "drained:1012"),
        9: Logged("-", "no-member"),
    }
