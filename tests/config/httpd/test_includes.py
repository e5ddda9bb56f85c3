"""Include finds what Apache finds, in Apache's order, and never loses its way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.reading import Document, read


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A server root; every file defines what it is called."""
    for name in (
        "a.conf",
        "b.conf",
        ".hidden.conf",
        "sub/c.conf",
        "sub/x.txt",
        "sub2/c.conf",
        "sub/deep/d.conf",
    ):
        file = tmp_path / "conf.d" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"ServerAdmin {name}\n")
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(nodes: tuple[Node, ...]) -> list[str]:
    """What the directives say."""
    return [node.args[0] for node in nodes if isinstance(node, Directive)]


def including(root: Path, text: str) -> Document:
    """Read a text as httpd.conf of a server root."""
    file = root / "httpd.conf"
    file.write_text(text)
    return read(file, environment={})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("conf.d/a.conf", ["a.conf"]),
        ("conf.d/*.conf", ["a.conf", "b.conf"]),
        ("conf.d/[b-z].conf", ["b.conf"]),
        ("conf.d/?.conf", ["a.conf", "b.conf"]),
        ("conf.d/.*.conf", [".hidden.conf"]),
        ("conf.d/sub*/c.conf", ["sub/c.conf", "sub2/c.conf"]),
        ("conf.d/*/c.conf", ["sub/c.conf", "sub2/c.conf"]),
        ("conf.d/sub", ["sub/c.conf", "sub/deep/d.conf", "sub/x.txt"]),
        ("conf.d/sub/", ["sub/c.conf", "sub/deep/d.conf", "sub/x.txt"]),
        ("conf.d/sub[2]", ["sub2/c.conf"]),
        ("empty", []),
    ],
)
def test_what_is_included(tree: Path, pattern: str, expected: list[str]) -> None:
    """Wildcards in any part, whole directories, sorted; a leading dot has to be written."""
    for directive in ("Include", "IncludeOptional"):
        document = including(tree, f"{directive} {pattern}")
        assert document.problems == []
        assert names(document.nodes) == expected


def test_paths_start_at_the_server_root(tree: Path) -> None:
    """As it is at that line; absolute paths start nowhere else."""
    document = including(
        tree,
        f'ServerRoot "{tree}/conf.d"\nInclude a.conf\nServerRoot sub\nInclude c.conf\nInclude {tree}/conf.d/b.conf',
    )
    assert document.problems == []
    assert names(document.nodes) == ["a.conf", "sub/c.conf", "b.conf"]
    assert document.root == tree / "conf.d" / "sub"


@pytest.mark.parametrize("pattern", ["none.conf", "none/*.conf", "conf.d/*.none", "none*"])
def test_what_is_missing(tree: Path, pattern: str) -> None:
    """Include has to find something, IncludeOptional need not."""
    [problem] = including(tree, f"Timeout 1\nInclude {pattern}").problems
    assert problem.place == f"{tree}/httpd.conf:2"
    assert "IncludeOptional" in problem.message
    assert including(tree, f"IncludeOptional {pattern}").problems == []


def test_places_are_in_the_included_file(tree: Path) -> None:
    """A mistake is told where it stands."""
    (tree / "wrong.conf").write_text("\nTimeout\n")
    [problem] = including(tree, "Include wrong.conf").problems
    assert problem.place == f"{tree}/wrong.conf:2"


def test_sections_end_in_their_file(tree: Path) -> None:
    """Neither can a file close what another has opened, nor the other way round."""
    (tree / "open.conf").write_text("<Location /a>\n")
    (tree / "close.conf").write_text("</Location>\n")
    document = including(tree, "Include open.conf\n<Location /b>\nInclude close.conf\nTimeout 1\n</Location>")
    assert [problem.place for problem in document.problems] == [f"{tree}/open.conf:1", f"{tree}/close.conf:1"]
    last = document.nodes[-1]
    assert isinstance(last, Section)
    assert last.args == ("/b",)


def test_what_is_included_stands_in_the_section(tree: Path) -> None:
    """An Include in a section fills that section."""
    document = including(tree, "<VirtualHost *>\nInclude conf.d/a.conf\n</VirtualHost>")
    [host] = document.nodes
    assert isinstance(host, Section)
    assert names(host.children) == ["a.conf"]


def test_a_circle_names_both_places(tree: Path) -> None:
    """A file that includes itself, however far round, is a problem and not an endless loop."""
    (tree / "one.conf").write_text("Include two.conf")
    (tree / "two.conf").write_text("\nInclude one.conf")
    [problem] = including(tree, "Include one.conf").problems
    assert problem.place == f"{tree}/two.conf:2"
    assert f"{tree}/httpd.conf:1" in problem.message


def test_the_same_file_twice_is_no_circle(tree: Path) -> None:
    """Virtual hosts often share a file."""
    document = including(tree, "Include conf.d/a.conf\nInclude conf.d/a.conf")
    assert document.problems == []
    assert names(document.nodes) == ["a.conf", "a.conf"]


def test_circles_of_links(tree: Path) -> None:
    """Directories that contain each other end somewhere."""
    (tree / "conf.d/sub/back").symlink_to(tree / "conf.d")
    [problem] = including(tree, "Include conf.d").problems
    assert "nested" in problem.message or "more than" in problem.message


def test_what_is_no_file(tree: Path) -> None:
    """A pipe is not waited for, and a directory of them is looked at only so far."""
    os.mkfifo(tree / "pipe")
    [problem] = including(tree, "Include pipe").problems
    assert "is not a file" in problem.message
    assert read(tree / "nothing").problems[0].message.endswith("cannot be read: No such file or directory")
    assert "is not a file" in read(tree).problems[0].message
    (tree / "long").write_text("# \n" * 1_500_000)
    [problem] = including(tree, "Include long").problems
    assert "is larger than" in problem.message


def test_chains_have_an_end(tree: Path) -> None:
    """Files that include files that include files are a problem when there are very many."""
    for number in range(30):
        (tree / f"{number}.conf").write_text(f"Include {number + 1}.conf")
    [problem] = including(tree, "Include 0.conf").problems
    assert "more than 20 deep" in problem.message
