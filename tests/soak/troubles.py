"""The members, and what is done to them: one after the other, each until it is well again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.harness.control import Control
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.soak.explaining import DRAINED, EMPTIED, FROZEN, KILLED, Trouble

ROOT = Path(__file__).parents[2]
DEAD = 1.0  # seconds until a killed member is started again
FROZEN_FOR = 4.5  # seconds; longer than response_timeout, and than pings may be left unanswered
EMPTY = 1.0  # seconds that a member is drained, and that it has until it is in trouble again
BETWEEN = 0.5  # seconds in which all members are well


class MemberProcess:
    """One member, which can be started again on its port.

    :param route: its name.
    :param journal: where it notes the uploads that it has got.
    """

    def __init__(self, route: str, journal: Path) -> None:
        self.route = route
        self.port = free_port()
        self._journal = journal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.soak.member", str(self.port), self.route, str(self._journal)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
        until(self._listens, f"member {self.route} to listen")

    def _listens(self) -> bool:
        with socket.create_connection((ADDRESS, self.port), timeout=PATIENCE):
            return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once, with all its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Troubles:
    """What happens to the members of a running panolb.

    :param control: of that panolb.
    :ivar had: all of it so far.
    """

    def __init__(self, members: list[MemberProcess], control: Control) -> None:
        self.had: list[Trouble] = []
        self.failed: BaseException | None = None
        self._members = members
        self._control = control
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """From now on there is trouble."""
        self._thread.start()

    def end(self) -> None:
        """No more of it, once there was each kind; all members are well then.

        :raises AssertionError: when one did not get well.
        """
        self._over.set()
        self._thread.join(300)
        if self.failed is not None:
            raise AssertionError("a member did not get well again") from self.failed

    def _run(self) -> None:
        kinds: list[tuple[str, Callable[[MemberProcess], None]]] = [
            (KILLED, self._kill),
            (DRAINED, self._drain),
            (FROZEN, self._freeze),
            (EMPTIED, self._empty),
        ]
        try:
            while not self._over.is_set() or len(self.had) < len(kinds):
                # Another member each time, and in the end each kind to each member.
                number = len(self.had)
                kind, happen = kinds[number % len(kinds)]
                member = self._members[(number + number // len(kinds)) % len(self._members)]
                trouble = Trouble(kind, member.route, time.monotonic())
                self.had.append(trouble)
                happen(member)
                until(
                    self._well, f"all members to be up after {member.route} was {kind}", seconds=60, every=0.2
                )
                trouble.ended = time.monotonic()
                time.sleep(BETWEEN)
        except BaseException as error:  # noqa: BLE001  # raised again at the end
            self.failed = error

    def _well(self) -> bool:
        return all(member["state"] == "up" for member in self._control.get("/api/v1/members")["members"])

    # -- kinds --------------------------------------------------------------------------------------------------------

    def _kill(self, member: MemberProcess) -> None:
        member.kill()
        time.sleep(DEAD)
        member.start()

    def _freeze(self, member: MemberProcess) -> None:
        member.signal(signal.SIGSTOP)
        time.sleep(FROZEN_FOR)
        member.signal(signal.SIGCONT)
        # What it was asked meanwhile it answers now, and what came of that must be over before the next trouble.
        time.sleep(BETWEEN)

    def _drain(self, member: MemberProcess) -> None:
        self._set(member, "drain", close=False)

    def _empty(self, member: MemberProcess) -> None:
        self._set(member, "drain", close=True)

    def _set(self, member: MemberProcess, state: str, *, close: bool) -> None:
        target = f"/api/v1/members/app/{member.route}"
        for wish in ({"state": state, "close_websockets": close}, {"state": "active"}):
            status, answer = self._control.post(target, wish)
            assert status == 200, answer
            time.sleep(EMPTY)
