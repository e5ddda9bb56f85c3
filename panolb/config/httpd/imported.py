"""What was read from an ``httpd.conf``, for those who need not know how."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from panolb.config.httpd.nodes import Place
from panolb.config.httpd.report import Report
from panolb.config.model import Config
from panolb.config.places import KeyPath, Places

Sources = dict[KeyPath, list[Place]]
"""The lines that a table of the model is made of."""


@frozen
class Imported:
    """A configuration that was read from an ``httpd.conf``.

    :ivar report: what became of each line.
    :ivar sources: the lines that each table of the model was made of.
    """

    config: Config
    report: Report
    sources: Sources


@frozen
class Origins(Places):
    """Says where a key of the model comes from: ``httpd.conf:12``."""

    sources: Mapping[KeyPath, list[Place]] = field(factory=dict, repr=False)

    def __call__(self, path: KeyPath) -> str:
        for end in range(len(path), 0, -1):
            places = self.sources.get(path[:end])
            if places:
                return str(places[0])
        return self.name
