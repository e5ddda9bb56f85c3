"""What a look at a whole configuration finds."""

from __future__ import annotations

import attrs

from panolb.config.places import KeyPath


@attrs.frozen
class Finding:
    """One thing found: where, what would be right, and whether it only deserves a warning."""

    path: KeyPath
    message: str
    warning: bool = attrs.field(default=False, kw_only=True)
    about: tuple[KeyPath, ...] = attrs.field(default=(), kw_only=True)
    """The keys that the finding was drawn from, besides ``path``; it means nothing where one of them was unreadable."""
