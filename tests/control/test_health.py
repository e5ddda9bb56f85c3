"""From checks to states: thresholds, live traffic beside checks, operators' wishes, and the log line of each flip."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.control import lab as labs
from tests.harness.member import Member
from tests.harness.scripts import answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until

FAST = 'interval = "100ms"\ninterval_changing = "100ms"\n'
GOOD = answer(b"good")
BAD = answer(b"bad", status="500 Bad")


class Moody:
    """Answers checks as `plan` says, one word per check, then as its last word."""

    def __init__(self, plan: str) -> None:
        self._plan = plan
        self._at = 0
        self.lock = threading.Lock()

    def __call__(self, talk: Talk, request: Request) -> None:
        with self.lock:
            good = self._plan[min(self._at, len(self._plan) - 1)] == "+"
            self._at += 1
        (GOOD if good else BAD)(talk, request)

    @property
    def asked(self) -> int:
        return self._at

    def go_on(self, plan: str) -> None:
        """Another plan, from now on."""
        with self.lock:
            self._plan, self._at = plan, 0


def test_thresholds_count_in_a_row(tmp_path: Path) -> None:
    """With fails=3 and passes=3 only three in a row flip a member; two and a change of mind do not."""
    moody = Moody("+--+--+-+--++")
    with Member("m") as made:
        made.script = moody
        health = f"{FAST}fails = 3\npasses = 3"
        with labs.running(
            tmp_path, {"app": labs.balancer([labs.member(made.port, route='"m"')], health)}
        ) as lab:
            until(lambda: moody.asked >= 14, "the whole plan")
            assert lab.flips("app/m") == []
            moody.go_on("---")
            lab.wait_for("app/m", "down")
            assert moody.asked >= 3
            moody.go_on("++-++-+--++-")
            until(lambda: moody.asked >= 13, "the whole plan")
            assert lab.state("app/m") == "down"
            assert len(lab.flips("app/m")) == 1
            moody.go_on("+++")
            lab.wait_for("app/m", "up")
            assert moody.asked >= 3
            until(lambda: moody.asked >= 10, "some more checks")
            assert len(lab.flips("app/m")) == 2


def test_each_flip_is_one_line(tmp_path: Path) -> None:
    """Member, states, reason and what happens to its users, once per flip and not per check."""
    moody = Moody("+")
    with Member("m") as made:
        made.script = moody
        with labs.running(
            tmp_path, {"app": labs.balancer([labs.member(made.port, route='"m"')], FAST)}
        ) as lab:
            until(lambda: moody.asked >= 2, "checks")
            for _ in range(2):
                moody.go_on("-")
                lab.wait_for("app/m", "down")
                until(lambda: moody.asked >= 6, "some more failing checks")
                moody.go_on("+")
                lab.wait_for("app/m", "up")
                until(lambda: moody.asked >= 4, "some more passing checks")
            flips = lab.flips("app/m")
        assert len(flips) == 4
        for line in flips[::2]:
            assert line.startswith("up -> down: check failed: answered 500; ")
            assert line.endswith(
                "no other member can take its users, and they are answered 503 until a check passes"
            )
        for line in flips[1::2]:
            assert line.startswith("down -> up: ")
            assert "pass" in line
            assert line.endswith("it takes new users and its own again")


def test_member_that_starts_down_waits_for_its_first_pass(tmp_path: Path) -> None:
    """``start = "down"``: nobody is sent to a member that has not passed yet; the first pass opens it."""
    moody = Moody("-")
    with Member("m") as made:
        made.script = moody
        health = f'{FAST}start = "down"\nfails = 5\nuri = "/check"'
        with labs.running(
            tmp_path, {"app": labs.balancer([labs.member(made.port, route='"m"')], health)}
        ) as lab:
            assert lab.state("app/m") == "down"
            assert lab.get("/app").status == 503
            until(lambda: moody.asked >= 3, "checks")
            assert lab.get("/app").status == 503
            assert {request.target for request in made.requests} == {"/check"}
            made.script = GOOD
            lab.wait_for("app/m", "up")
            assert lab.get("/app").status == 200


def test_members_own_checks_take_the_place_of_the_balancers(tmp_path: Path) -> None:
    """What a member's table says holds for it alone, its start among it; the others are checked as the balancer says."""
    with Member("own") as own, Member("plain") as plain, Member("none") as none:
        moody = Moody("-")
        own.script = moody
        mine = f'\n[balancer.@.member.health]\n{FAST}uri = "/own"\nstart = "down"\nfails = 9'
        without = '\n[balancer.@.member.health]\ncheck = "none"'
        members = [
            labs.member(own.port, route='"o"') + mine,
            labs.member(plain.port, route='"p"'),
            labs.member(none.port, route='"n"') + without,
        ]
        health = f'{FAST}uri = "/plain"\nfails = 1'
        with labs.running(tmp_path, {"app": labs.balancer(members, health)}) as lab:
            assert lab.state("app/o") == "down"
            assert lab.state("app/p") == "up"
            until(lambda: len(plain.requests) >= 3 and moody.asked >= 3, "checks")
            assert {request.target for request in own.requests} == {"/own"}
            assert {request.target for request in plain.requests} == {"/plain"}
            assert none.accepted == 0
            plain.script = BAD
            lab.wait_for("app/p", "down")
            own.script = GOOD
            lab.wait_for("app/o", "up")
            assert lab.state("app/n") == "up"


def test_checks_take_out_a_member_whose_errors_are_ignored(tmp_path: Path) -> None:
    """``ignore_errors`` is about live traffic; a failed check is a failed check."""
    with Member("m") as made, Member("spare") as spare:
        made.script = BAD
        members = [
            labs.member(made.port, route='"m"', ignore_errors="true"),
            labs.member(spare.port, route='"s"'),
        ]
        with labs.running(tmp_path, {"app": labs.balancer(members, FAST)}) as lab:
            lab.wait_for("app/m", "down")
            assert {lab.get("/app").body for _ in range(4)} == {b"spare"}


def test_member_without_checks_is_up(tmp_path: Path) -> None:
    """No health table, or ``check = "none"``: the member is taken at its word, and left in peace."""
    with Member("m") as made:
        one = [labs.member(made.port, route='"m"')]
        balancers = {
            "silent": labs.balancer(one),
            "none": labs.balancer(one, f'{FAST}check = "none"\nstart = "down"'),
        }
        with labs.running(tmp_path, balancers) as lab:
            assert lab.state("silent/m") == lab.state("none/m") == "up"
            assert lab.get("/silent").status == 200
            assert lab.get("/none").status == 200
            assert made.lines == ["GET / HTTP/1.1"] * 2


def test_passing_check_ends_an_error_early(tmp_path: Path) -> None:
    """Live traffic puts a member in error for an hour; the next passing check brings it back."""

    def script(talk: Talk, request: Request) -> None:
        (answer(b"", status="503 Bad") if request.target == "/bad" else GOOD)(talk, request)

    with Member("m") as made:
        made.script = script
        health = 'interval = "1s"'
        more = 'retry = "1h"\nfailonstatus = [503]'
        with labs.running(
            tmp_path, {"app": labs.balancer([labs.member(made.port, route='"m"')], health, more)}
        ) as lab:
            assert lab.get("/app/bad").status == 503
            until(lambda: len(lab.flips("app/m")) >= 2, "error and recovery")
            error, recovery = lab.flips("app/m")[:2]
            assert error.startswith("up -> error: answered 503 (failonstatus); ")
            assert "3600 s" in error
            assert recovery.startswith("error -> up: ")
            assert lab.get("/app").status == 200


def test_failed_connect_is_an_error_until_retry(tmp_path: Path) -> None:
    """Without checks an error ends by itself after ``retry``, and the log says both."""
    with Member("m") as made, Member("spare") as spare:
        members = [labs.member(made.port, route='"m"'), labs.member(spare.port, route='"s"')]
        with labs.running(tmp_path, {"app": labs.balancer(members, more='retry = "1s"')}) as lab:
            made.refuse()
            assert lab.get("/app").body == b"spare"
            assert lab.state("app/m") == "error"
            assert "refused" in lab.status()["app/m"]["reason"]
            made.listen()
            lab.wait_for("app/m", "up")
            assert [line.partition(":")[0] for line in lab.flips("app/m")] == ["up -> error", "error -> up"]
            bodies = {lab.get("/app").body for _ in range(2)}
            assert bodies == {b"m", b"spare"}


def test_all_down_and_back(tmp_path: Path) -> None:
    """Nobody left: 503 with Retry-After at once, also for a user who is bound; the first success serves again."""
    with Member("one") as one, Member("two") as two:
        members = [labs.member(one.port, route='"1"'), labs.member(two.port, route='"2"')]
        with labs.running(
            tmp_path, {"app": labs.balancer(members, FAST, 'stickysession = "ROUTEID"')}
        ) as lab:
            one.refuse()
            two.refuse()
            lab.wait_for("app/1", "down")
            lab.wait_for("app/2", "down")
            for fields in ([], ["Cookie: ROUTEID=.1"]):
                answered = lab.get("/app", *fields)
                assert answered.status == 503
                assert int(answered.one("Retry-After") or "0") > 0
            two.listen()
            lab.wait_for("app/2", "up")
            answered = lab.get("/app", "Cookie: ROUTEID=.1")
            assert (answered.status, answered.body) == (200, b"two")
            assert (answered.one("Set-Cookie") or "").startswith("ROUTEID=.2;")
            one.listen()
            lab.wait_for("app/1", "up")
            assert lab.get("/app", "Cookie: ROUTEID=.1").body == b"one"


def test_disabled_is_checked_and_stopped_is_not(tmp_path: Path) -> None:
    """A disabled member is watched so that it can come back well; a stopped one is left alone; neither serves."""
    with Member("d") as disabled, Member("s") as stopped, Member("n") as drained:
        members = [
            labs.member(disabled.port, route='"d"', status='"disabled"'),
            labs.member(stopped.port, route='"s"', status='"stopped"'),
            labs.member(drained.port, route='"n"', status='"drain"'),
        ]
        health = f'{FAST}uri = "/check"'
        with labs.running(
            tmp_path, {"app": labs.balancer(members, health, 'stickysession = "ROUTEID"')}
        ) as lab:
            until(lambda: len(disabled.requests) >= 4 and len(drained.requests) >= 4, "checks")
            assert stopped.accepted == 0
            status = lab.status()
            assert {name[-1]: member["state"] for name, member in status.items()} == {
                "d": "disabled",
                "s": "stopped",
                "n": "drain",
            }
            assert lab.get("/app", "Cookie: ROUTEID=.d").status == 503
            assert lab.get("/app", "Cookie: ROUTEID=.n").body == b"n"
            assert {request.target for request in disabled.requests} == {"/check"}


def test_stopping_ends_checks_under_way(tmp_path: Path) -> None:
    """SIGTERM while a check hangs: the process ends at once, and with 0."""

    def hang(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.ended()

    with Member("m") as made:
        made.script = hang
        health = f'{FAST}timeout = "1h"'
        with labs.running(tmp_path, {"app": labs.balancer([labs.member(made.port)], health)}):
            until(lambda: bool(made.requests), "a check")
