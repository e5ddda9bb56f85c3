"""Requests of all kinds, made of the OpenAPI document by schemathesis: right ones are done, wrong ones are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.control.operating import running
from tests.harness.waiting import ADDRESS, free_port

TOKEN = "0123456789abcdef"

# What is understood may be refused for what it says: 422.
SETTINGS = """\
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "422"]
"""


def test_with_requests_of_all_kinds(tmp_path: Path) -> None:
    """Answers are as the document says, wrong requests are refused, nobody gets in without the token, and no 500.

    The process is thrown away: its members are drained, added and removed meanwhile.
    """
    port = free_port()
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    (tmp_path / "settings.toml").write_text(SETTINGS)
    more = f'endpoint = "tcp:{port}:interface={ADDRESS}"\ntoken_file = "{token}"'
    with running(tmp_path, more=more) as lab:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "settings.toml"]
        command += [
            "run",
            f"http://{ADDRESS}:{port}/api/v1/openapi.json",
            "--header",
            f"Authorization: Bearer {TOKEN}",
        ]
        # An answer with follow=true would go on.
        command += [
            "--exclude-path",
            "/events",
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            "15",
        ]
        command += ["--request-timeout", "30", "--seed", os.environ.get("PANOLB_SEED", "1"), "--no-color"]
        command += ["--warnings", "off"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert " generated" in done.stdout
        lab.panolb.stop()
