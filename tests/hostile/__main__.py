"""``python -m tests.hostile > docs/hostile.rst`` writes the page; ``python -m tests.hostile measure`` asks the peers anew."""

from __future__ import annotations

import sys

from .page import page
from .seen import measure

if sys.argv[1:] == ["measure"]:
    measure()
else:
    sys.stdout.write(page())
