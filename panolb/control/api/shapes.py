"""What a value in a request or an answer may be: read strictly, and described as JSON Schema, from one declaration."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

Schema = dict[str, Any]


class Wrong(ValueError):
    """A value is not what it should be; the text says what would be right."""


@attrs.frozen(kw_only=True)
class Shape:
    """Any value at all.

    :ivar doc: what it means, for people.
    """

    doc: str = ""

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"description": self.doc} if self.doc else {}

    def read(self, value: Any, name: str) -> Any:
        """The value of a request.

        :param name: what errors call it.
        :raises Wrong: when it is not of this shape.
        """
        return value

    def read_text(self, text: str, name: str) -> Any:
        """The same, from the parameter of a URL."""
        return self.read(text, name)


@attrs.frozen(kw_only=True)
class Text(Shape):
    """A string.

    :ivar choices: all that it may be; empty for any.
    :ivar line: whether it is one line, without control characters.
    :ivar least: characters.
    :ivar most: characters.
    :ivar slashes: whether it may have slashes in a path.
    """

    choices: Sequence[str] = ()
    line: bool = False
    least: int = 0
    most: int | None = None
    slashes: bool = False
    example: str = ""

    def schema(self) -> Schema:
        described = {**super().schema(), "type": "string"}
        if self.choices:
            described["enum"] = list(self.choices)
        if self.line:
            described["pattern"] = r"^[^\u0000-\u001f\u007f]*$"
        if self.least:
            described["minLength"] = self.least
        if self.most is not None:
            described["maxLength"] = self.most
        if self.example:
            described["examples"] = [self.example]
        return described

    def read(self, value: Any, name: str) -> str:
        if self.choices and value not in self.choices:
            raise Wrong(f"{name} is one of {', '.join(self.choices)}")
        if not isinstance(value, str):
            raise Wrong(
                f"{name} is a text such as {json.dumps(self.example)}"
                if self.example
                else f"{name} is a text"
            )
        if self.most is not None and len(value) > self.most:
            raise Wrong(f"{name} has at most {self.most} characters")
        if len(value) < self.least:
            raise Wrong(
                f"{name} is empty" if self.least == 1 else f"{name} has at least {self.least} characters"
            )
        if self.line and re.search(r"[\x00-\x1f\x7f]", value):
            raise Wrong(f"{name} has control characters in it")
        if re.search(r"[\ud800-\udfff]", value):
            raise Wrong(f"{name} has halves of characters in it")
        return value


@attrs.frozen(kw_only=True)
class Flag(Shape):
    """Yes or no."""

    def schema(self) -> Schema:
        return {**super().schema(), "type": "boolean"}

    def read(self, value: Any, name: str) -> bool:
        if not isinstance(value, bool):
            raise Wrong(f"{name} is true or false")
        return value

    def read_text(self, text: str, name: str) -> bool:
        return self.read({"true": True, "false": False}.get(text), name)


@attrs.frozen(kw_only=True)
class Whole(Shape):
    """A whole number.

    :ivar least: the smallest.
    :ivar most: the greatest; ``None`` for any, of answers.
    """

    least: int | None = 0
    most: int | None = None

    def schema(self) -> Schema:
        described = {**super().schema(), "type": "integer"}
        if self.least is not None:
            described["minimum"] = self.least
        if self.most is not None:
            described["maximum"] = self.most
        return described

    def read(self, value: Any, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong(f"{name} must be a whole number")
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise Wrong(f"{name} must be from {self.least} to {self.most}")
        return value

    def read_text(self, text: str, name: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Wrong(f"{name} must be a number of at most nine digits")
        return self.read(int(text), name)


@attrs.frozen(kw_only=True)
class Number(Shape):
    """A number; whole or not.

    :ivar least: the smallest.
    :ivar most: the greatest.
    """

    least: float | None = None
    most: float | None = None

    def schema(self) -> Schema:
        described = {**super().schema(), "type": "number"}
        if self.least is not None:
            described["minimum"] = self.least
        if self.most is not None:
            described["maximum"] = self.most
        return described

    def read(self, value: Any, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise Wrong(f"{name} must be a number")
        if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
            raise Wrong(f"{name} must be from {self.least:g} to {self.most:g}")
        return value


@attrs.frozen(kw_only=True)
class Maybe(Shape):
    """Another shape, or null."""

    of: Shape

    def schema(self) -> Schema:
        inner = self.of.schema()
        if isinstance(inner.get("type"), str) and "enum" not in inner:
            return {**inner, **super().schema(), "type": [inner["type"], "null"]}
        return {**super().schema(), "anyOf": [inner, {"type": "null"}]}

    def read(self, value: Any, name: str) -> Any:
        return None if value is None else self.of.read(value, name)


@attrs.frozen(kw_only=True)
class Either(Shape):
    """One of some shapes."""

    of: Sequence[Shape]

    def schema(self) -> Schema:
        return {**super().schema(), "anyOf": [one.schema() for one in self.of]}

    def read(self, value: Any, name: str) -> Any:
        said: list[str] = []
        for one in self.of:
            try:
                return one.read(value, name)
            except Wrong as error:
                said.append(str(error))
        raise Wrong(", or ".join(said))


@attrs.frozen(kw_only=True)
class Listed(Shape):
    """A list of one shape."""

    of: Shape

    def schema(self) -> Schema:
        return {**super().schema(), "type": "array", "items": self.of.schema()}

    def read(self, value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise Wrong(f"{name} is a list")
        return [self.of.read(one, f"{name}[{place}]") for place, one in enumerate(value)]


@attrs.frozen(kw_only=True)
class Table(Shape):
    """Any names, each with a value of one shape.

    :ivar names: the shape of the names.
    """

    of: Shape
    names: Text = Text()

    def schema(self) -> Schema:
        described = {**super().schema(), "type": "object", "additionalProperties": self.of.schema()}
        return described if self.names == Text() else {**described, "propertyNames": self.names.schema()}

    def read(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"{name} is an object of names and values")
        return {
            self.names.read(key, f"a name in {name}"): self.of.read(one, f"{name}.{key}")
            for key, one in value.items()
        }


@attrs.frozen(kw_only=True)
class Object(Shape):
    """Known names, each with a shape of its own.

    :ivar title: the name of the shape in the OpenAPI document; empty for those that need none.
    :ivar optional: the names that may be missing.
    :ivar least: how many of the names there must be.
    :ivar more: the shape of other names; ``None`` when there are none.
    """

    fields: Mapping[str, Shape]
    title: str = ""
    optional: Sequence[str] = ()
    least: int = 0
    more: Shape | None = None

    def schema(self) -> Schema:
        if self.title:
            return {"$ref": f"#/components/schemas/{self.title}"}
        return self.definition()

    def definition(self) -> Schema:
        """As JSON Schema, in full where `schema` only refers to it."""
        described: Schema = {
            **Shape.schema(self),
            "type": "object",
            "properties": {name: shape.schema() for name, shape in self.fields.items()},
            "additionalProperties": False if self.more is None else self.more.schema(),
        }
        required = [name for name in self.fields if name not in self.optional]
        if required:
            described["required"] = required
        if self.least:
            described["minProperties"] = self.least
        return described

    def read(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"{name} is no JSON object")
        known = list(self.fields)
        unknown = sorted(value.keys() - set(known))
        if unknown and self.more is None:
            raise Wrong(f"unknown: {', '.join(map(_shown, unknown))}; known are {_and(known)}")
        for one, shape in self.fields.items():
            if one not in self.optional and one not in value:
                shape.read(None, one)  # says what it would have to be
                raise Wrong(f"{one} is missing")
        if len(value) < self.least:
            raise Wrong(f"say what to change: {_and(known)}")
        return {one: self.fields.get(one, self.more or Shape()).read(value[one], one) for one in value}


def named(shapes: Mapping[str, Object], shape: Shape) -> dict[str, Object]:
    """All shapes with titles in a shape, itself included, besides those that are known already."""
    found = dict(shapes)
    if isinstance(shape, Object):
        if shape.title:
            found[shape.title] = shape
        inner = [*shape.fields.values(), *([shape.more] if shape.more is not None else [])]
    else:
        inner = [shape.of] if isinstance(shape, Maybe | Listed | Table) else []
    for one in inner:
        if not (isinstance(one, Object) and one.title in found):
            found = named(found, one)
    return found


def _shown(name: str) -> str:
    text = json.dumps(name)[1:-1]
    return text if len(text) <= 40 else text[:37] + "..."


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
