"""The line finder: the line of every key, whatever way the document is written."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.places import DEPTH, KeyPath, Places, dotted, find_layout, find_lines


def all_paths(value: Any, at: KeyPath = ()) -> set[KeyPath]:
    """Every place inside a parsed document."""
    found = {at} if at else set()
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, element in inner:
        found |= all_paths(element, (*at, key))
    return found


TRICKY = '''\
# [not.a.table]
top = "x" # = 3
[a]
b.c = 1
b."d.e" = "[z]"
'lit' = """
[no]
k = 1 \\""" still
"""
m = \'\'\'
x = 'y\'\'\'\'
when = 1979-05-27 07:32:00 # a space inside
list = [ # comment ]
  1,
  [2, "]", 3], # more
  { x = 1, y = [
    9] },
]
[[a.t]]
n = 1
[[a.t]]
n = 2
[a.t.sub]
z = true
[[a.t.deep]]
[[a.t.deep]]
q = "a\\"]b"
[b.c.d]
e = -1.5e3
[b]
"quoted \\u0041" = 1
'''
TRICKY_LINES: dict[KeyPath, int] = {
    ("top",): 2,
    ("a",): 3,
    ("a", "b"): 4,
    ("a", "b", "c"): 4,
    ("a", "b", "d.e"): 5,
    ("a", "lit"): 6,
    ("a", "m"): 10,
    ("a", "when"): 12,
    ("a", "list"): 13,
    ("a", "list", 0): 14,
    ("a", "list", 1): 15,
    ("a", "list", 1, 0): 15,
    ("a", "list", 1, 1): 15,
    ("a", "list", 1, 2): 15,
    ("a", "list", 2): 16,
    ("a", "list", 2, "x"): 16,
    ("a", "list", 2, "y"): 16,
    ("a", "list", 2, "y", 0): 17,
    ("a", "t"): 19,
    ("a", "t", 0): 19,
    ("a", "t", 0, "n"): 20,
    ("a", "t", 1): 21,
    ("a", "t", 1, "n"): 22,
    ("a", "t", 1, "sub"): 23,
    ("a", "t", 1, "sub", "z"): 24,
    ("a", "t", 1, "deep"): 25,
    ("a", "t", 1, "deep", 0): 25,
    ("a", "t", 1, "deep", 1): 26,
    ("a", "t", 1, "deep", 1, "q"): 27,
    ("b",): 30,
    ("b", "c"): 28,
    ("b", "c", "d"): 28,
    ("b", "c", "d", "e"): 29,
    ("b", "quoted A"): 31,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_way_of_writing(newline: str) -> None:
    """Tables, arrays of tables, dotted keys, inline tables, strings that look like tables: all keep their own line."""
    text = TRICKY.replace("\n", newline)
    assert set(TRICKY_LINES) == all_paths(tomllib.loads(text))
    assert find_lines(text) == TRICKY_LINES


KEYS = st.text("ab.\"[]#= é'\\", min_size=1, max_size=4) | st.sampled_from(["a", "b", "c1", "a-b"])
SCALARS = (
    st.integers(-5, 5)
    | st.booleans()
    | st.text("xy\"'\\#[]{}=,.\té", max_size=8)
    | st.sampled_from(["'''", '"""', "a\nb", "\n[t]\nk = 1\n"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | st.lists(inner, min_size=1, max_size=3) | VALUES, max_size=3),
    max_leaves=8,
)


class Writer:
    """Writes a document in a style drawn by hypothesis, and remembers on which line each key went."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def pick(self, *ways: str) -> str:
        return str(self.draw(st.sampled_from(ways)))

    def note(self, path: KeyPath) -> None:
        if len(path) <= DEPTH:
            self.lines[path] = self.text.count("\n") + 1

    def key(self, name: str) -> str:
        bare = name.isascii() and name.replace("-", "").isalnum()
        return name if bare and self.pick("bare", "quoted") == "bare" else json.dumps(name)

    def string(self, text: str) -> str:
        way = self.pick("basic", "literal", "basic3", "literal3")
        if way == "literal" and not set(text) & {"'", "\n"}:
            return f"'{text}'"
        if way == "literal3" and "'''" not in text and not text.endswith("'"):
            return f"'''\n{text}'''"
        if way == "basic3":
            body = text.replace("\\", "\\\\").replace('"""', '""\\"')
            return f'"""\n{body}"""' if not body.endswith('"""') else json.dumps(text)
        return json.dumps(text)

    def value(self, value: Any, path: KeyPath) -> None:
        if isinstance(value, dict):
            self.text += "{"
            for index, (name, element) in enumerate(value.items()):
                self.text += ", " if index else " "
                self.pair(name, element, path)
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for index, element in enumerate(value):
                self.text += self.pick("", " ", "\n", '# ] } "\n')
                self.note((*path, index))
                self.value(element, (*path, index))
                self.text += self.pick(",", " ,", "\n,")
            self.text += self.pick("]", "\n]")
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += json.dumps(value)

    def pair(self, name: str, value: Any, path: KeyPath) -> None:
        """A key and its value; sometimes a table of one key is written as a dotted key."""
        self.note((*path, name))
        self.text += self.key(name)
        while isinstance(value, dict) and len(value) == 1 and self.pick("dotted", "inline") == "dotted":
            path = (*path, name)
            ((name, value),) = value.items()
            self.note((*path, name))
            self.text += self.pick(".", " . ") + self.key(name)
        self.text += self.pick("=", " = ")
        self.value(value, (*path, name))

    def table(self, table: dict[str, Any], path: KeyPath, names: tuple[str, ...]) -> None:
        """The plain keys of a table, then its tables under headers of their own."""
        later: list[tuple[str, Any]] = []
        for name, value in table.items():
            tables = isinstance(value, list) and value and all(isinstance(element, dict) for element in value)
            if (isinstance(value, dict) or tables) and self.pick("header", "here") == "header":
                later.append((name, value))
                continue
            self.text += self.pick("", "\n", "# [x]\n", "  ")
            self.pair(name, value, path)
            self.text += self.pick("\n", " # k = [\n")
        for name, value in later:
            many = isinstance(value, list)
            for index, element in enumerate(value if many else [value]):
                self.text += self.pick("", "\n", '# """\n')
                here: KeyPath = (*path, name)
                if index == 0:
                    self.note(here)
                if many:
                    here = (*here, index)
                    self.note(here)
                header = ".".join(map(self.key, (*names, name)))
                self.text += (f"[[{header}]]" if many else f"[{header}]") + self.pick("\n", "  # c\n")
                self.table(element, here, (*names, name))


@given(st.data())
def test_any_document(data: st.DataObject) -> None:
    """For whatever document, in whatever style, every key is found on the line on which it was written."""
    document = data.draw(TABLES)
    writer = Writer(data.draw)
    writer.table(document, (), ())
    assert tomllib.loads(writer.text) == document, "the test's own writer must be right"
    assert find_lines(writer.text) == writer.lines
    for path, (start, end) in find_layout(writer.text).values.items():
        value: Any = document
        for part in path:
            value = value[part]
        assert tomllib.loads(f"x = {writer.text[start:end]}") == {"x": value}, (
            "just the value, no more and no less"
        )


@given(st.text("[]{}=,.\"'#\n\\ab1 ", max_size=60))
def test_no_document(text: str) -> None:
    """On text that is no TOML at all the finder ends, and does not raise."""
    assert all(1 <= line <= text.count("\n") + 1 for line in find_lines(text).values())


def test_hostile_depth_is_cheap() -> None:
    """Very many dotted parts or brackets cost neither the stack nor quadratic memory."""
    for text in (".".join(["a"] * 20000) + " = 1", "a = " + "[" * 20000 + "]" * 20000):
        assert all(len(path) <= DEPTH for path in find_lines(text))


def test_nearest_table() -> None:
    """What is not written has the line of the nearest table around it, and none when there is no such table."""
    places = Places("f.toml", find_lines("[a]\n\n[[a.b]]\nc = 1\n"))
    assert places(("a", "b", 0, "missing")) == "f.toml:3: a.b[0].missing"
    assert places(("a", "b", 0, "c")) == "f.toml:4: a.b[0].c"
    assert places(("x", "y")) == "f.toml: x.y"
    assert Places()(("x", "y")) == "x.y"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a", 0, "b"), "a[0].b"),
        (("a b", "c"), '"a b".c'),
        (("a\x00\n",), r'"a\u0000\n"'),
        (("é",), r'"\u00e9"'),
        (("a" * 100,), '"' + "a" * 77 + '..."'),
    ],
)
def test_paths_are_safe_to_print(path: KeyPath, text: str) -> None:
    """A key path never carries control characters to a terminal, and is never endless."""
    assert dotted(path) == text
