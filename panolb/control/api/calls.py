"""One thing that can be asked of the API or said to it: where, with what, and what is answered.

The routes and the OpenAPI document are both made of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.web.iweb import IRequest

from .parts import Parts
from .shapes import Object, Shape, Text


@attrs.frozen(kw_only=True)
class Asked:
    """A request that was understood.

    :ivar names: those in its path.
    :ivar query: the parameters that were given.
    :ivar body: the object in its body; empty without one.
    """

    request: IRequest
    names: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The only name in its path."""
        (name,) = self.names.values()
        return name


@attrs.frozen(kw_only=True)
class Call:
    """One method at one path.

    :ivar path: below ``/api/v1``; names in it stand in braces.
    :ivar summary: one line for people.
    :ivar do: makes the answer, or a Deferred of it; raises what `panolb.control.api.answers.refusal` knows.
    :ivar answer: the shape of what is answered.
    :ivar doc: more than the summary.
    :ivar names: the shapes of the names in the path.
    :ivar query: the shapes of the parameters that it knows.
    :ivar body: the shape of the request's body; ``None`` when it has none.
    :ivar status: of an answer.
    :ivar lines: whether `do` writes the answer itself: one value per line.
    :ivar refusals: why it may be refused, by status; besides what holds for all.
    """

    method: str
    path: str
    summary: str
    do: Callable[[Parts, Asked], object]
    answer: Shape
    doc: str = ""
    names: Mapping[str, Text] = attrs.field(factory=dict)
    query: Mapping[str, Shape] = attrs.field(factory=dict)
    body: Object | None = None
    status: int = 200
    lines: bool = False
    refusals: Mapping[int, str] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """What programs that are made of the document call it."""
        words = [word.strip("{}").capitalize() for word in self.path.replace(".", "/").split("/") if word]
        return self.method.lower() + "".join(words)
