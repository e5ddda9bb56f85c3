"""What a module of ours prints: pages of the documentation that are made from tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def printed(module: str) -> str:
    """The output of ``python -m MODULE``, run at the top of the project.

    :raises subprocess.CalledProcessError: when it fails.
    """
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1"},
    ).stdout
