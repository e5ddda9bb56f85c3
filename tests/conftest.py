"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no counterexample to a property.
settings.register_profile("panolb", deadline=None)
settings.load_profile("panolb")
