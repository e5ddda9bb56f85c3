"""Targets arrive byte for byte, and no spelling of them leaves its location."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proxy.lab import Lab, running

MORE = """
[[location]]
path = "/files"
files = "{directory}"

[[location]]
path = "/only"
host = "one.test"
balancer = "app"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A balancer beside a directory of files."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "a.txt").write_text("a file")
    (directory.parent / "secret.txt").write_text("secret")
    with running(tmp_path_factory.mktemp("lab"), more=MORE.format(directory=directory)) as lab:
        yield lab


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The member's path is not the location's."""
    with running(tmp_path_factory.mktemp("elsewhere"), member_path="/inner") as lab:
        yield lab


AS_SENT = [
    "/app",
    "/app/",
    "/app?",
    "/app?a=b",
    "/app/?a=b?c=d&e",
    "/app/a;jsessionid=0123ABC.1",
    "/app;jsessionid=x.1",
    "/app/a;jsessionid=x.1?b;c",
    "/app/a%2Fb%2fc",
    "/app/%7Euser/~user",
    "/app/%C3%A9/%e9",
    "/app//double///triple/",
    "//app/a",
    "/app/./a",
    "/app/a/../b",
    "/app/a/%2e%2E/b",
    "/app/a%5Cb",
    "/app/%61",
    "/app/a+b%20c",
    "/app/...",
    "/app/..a/a..",
    "/app/a?/../../x",
    "/app/a?next=http://other.test/%2e%2e",
    '/app/{a}|^`"<>',
    "/app/" + "x" * 4000,
    "/%61pp/a",
]


@pytest.mark.parametrize("target", AS_SENT, ids=[target[:40] for target in AS_SENT])
def test_byte_for_byte(lab: Lab, target: str) -> None:
    """The member gets the target exactly as the client sent it."""
    assert lab.get(target).status == 200
    assert lab.member.one().line == f"GET {target} HTTP/1.1"


OUTSIDE = [
    "/",
    "/ap",
    "/apple",
    "/APP/",
    "/app/..",
    "/app/../",
    "/app/../manager/html",
    "/app/../app/../manager",
    "/app/../app/back-again",
    "/app/%2e%2e/manager",
    "/app/%2E./manager",
    "/app/.%2e/manager",
    "/app/..;/manager",
    "/app/..;a=b/manager",
    "/app/%2e%2e;x/manager",
    "/app/x/..;/..;/manager",
    "/app/..%2fmanager",
    "/app/..%2Fmanager",
    "/app%2f..%2fmanager",
    "/app/..\\manager",
    "/app/..%5cmanager",
    "/app/\\..\\..\\manager",
    "/app/..%3b/manager",
    "/app;x/../manager",
    "/app//../../manager",
    "/app/./../manager",
    "/other/../app/a",
    "/../app/a",
    "/%2e%2e/app/a",
    "/app/%",
    "/app/%4",
    "/app/%zz",
    "/app/%00",
    "/app/a%00.html",
    "/only/a",
]


@pytest.mark.parametrize("target", OUTSIDE, ids=OUTSIDE)
@pytest.mark.parametrize("handed_over", [False, True], ids=["ours", "after twisted.web"])
def test_outside(lab: Lab, target: str, handed_over: bool) -> None:
    """Nothing that is, or steps, outside its location reaches a member, whoever reads the connection."""
    with lab.client() as client:
        if handed_over:
            assert client.get("/files/a.txt").body == b"a file"
        got = client.get(target)
        assert got.status in (400, 404)
    assert lab.member.requests == []


@pytest.mark.parametrize(
    "target",
    [
        "/files/../secret.txt",
        "/files/%2e%2e/secret.txt",
        "/files/..%2fsecret.txt",
        "/files/..;/secret.txt",
        "/files//../secret.txt",
    ],
)
def test_files_are_not_left_either(lab: Lab, target: str) -> None:
    """Nor does a directory of files give what is beside it."""
    got = lab.get(target)
    assert got.status in (400, 403, 404)
    assert got.body != b"secret"


def test_a_location_of_one_host(lab: Lab) -> None:
    """A location with a host is for that host, however it is spelt."""
    for host in ("one.test", "ONE.test", "one.test:8080", "one.test."):
        assert lab.get("/only/a", f"Host: {host}").status == 200
    for host in ("two.test", "xone.test"):
        assert lab.get("/only/a", f"Host: {host}").status == 404


INNER = {
    "/app": "/inner",
    "/app/": "/inner/",
    "/app?a": "/inner?a",
    "/app/a%2Fb;c=d?e=f?g": "/inner/a%2Fb;c=d?e=f?g",
    "/app;jsessionid=x.1": "/inner;jsessionid=x.1",
    "/app//a": "/inner//a",
    "/app/a/../b": "/inner/a/../b",
}


@pytest.mark.parametrize(("target", "inner"), INNER.items(), ids=INNER)
def test_another_path_inside(elsewhere: Lab, target: str, inner: str) -> None:
    """Only the prefix is exchanged; everything behind it arrives byte for byte."""
    elsewhere.reset()
    assert elsewhere.get(target).status == 200
    assert elsewhere.member.one().target == inner


@pytest.mark.parametrize("target", ["/%61pp/a", "//app/a", "/./app/a"])
def test_a_prefix_that_cannot_be_exchanged(elsewhere: Lab, target: str) -> None:
    """A prefix that is spelt in another way is a 404, not a guess."""
    elsewhere.reset()
    assert elsewhere.get(target).status == 404
    assert elsewhere.member.requests == []
