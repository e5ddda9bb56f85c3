"""The soak in small: every kind of trouble once, and nothing that it does not explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import report
from tests.soak.run import soaking

SECONDS = 10.0


@pytest.mark.slow
def test_soak(tmp_path: Path) -> None:
    """Nothing fails but what a killed, frozen or drained member explains, and in the end nothing is held.

    How much memory grows takes longer to tell: that is for ``make soak``.
    """
    with soaking(tmp_path) as soak:
        result = soak.run(SECONDS)
    print(report.text(result))
    assert result.sound, report.text(result)
    assert len(result.troubles) == 4
    assert all(result.done.values())
    assert result.messages > 0
