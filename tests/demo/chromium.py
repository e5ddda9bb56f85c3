"""A real Chromium without a window, steered by its own protocol: no driver has to be installed beside it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENCE = 60.0
"""Seconds for Chromium to start, or a page to become what the test waits for, on a busy machine."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def installed() -> str | None:
    """The path of a Chromium, if this machine has one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Navigated(Exception):
    """There is another page in the place of the one that was asked."""


class Page:
    """One tab.

    :param connection: speaks the DevTools protocol with it.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._asked = 0

    def evaluate(self, script: str) -> Any:
        """The value of an expression of JavaScript in the page.

        :raises Navigated: the page has made room for another one meanwhile.
        """
        self._asked += 1
        order = {
            "id": self._asked,
            "method": "Runtime.evaluate",
            "params": {"expression": script, "returnByValue": True, "awaitPromise": True},
        }
        self._connection.send(json.dumps(order))
        while True:
            answer = json.loads(self._connection.recv(PATIENCE))
            if answer.get("id") == self._asked:
                break
        if "error" in answer:
            raise Navigated(answer["error"])
        assert "exceptionDetails" not in answer.get("result", {}), f"{script}: {answer}"
        return answer["result"]["result"].get("value")

    def wait(self, script: str) -> Any:
        """Ask again and again until the value is true."""
        deadline = time.monotonic() + PATIENCE
        while not (
            value := self._ask(f"(() => {{ try {{ return {script}; }} catch {{ return null; }} }})()")
        ):
            assert time.monotonic() < deadline, (
                f"waited {PATIENCE:g} s in vain for {script}; the page says:\n"
                + str(self._ask("document.body.innerText"))
            )
            time.sleep(0.05)
        return value

    def _ask(self, script: str) -> Any:
        try:
            return self.evaluate(script)
        except Navigated:
            return None


@contextmanager
def browsing(address: str, directory: Path, *options: str) -> Iterator[Page]:
    """A page, in a Chromium that knows nothing from before; both end with the test.

    :param directory: also its home, where it looks for authorities (``.pki/nssdb``).
    """
    path = installed()
    assert path is not None
    command = [
        path,
        "--headless=new",
        "--no-sandbox",  # tests may run as root
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-extensions",
        "--remote-debugging-port=0",
        f"--user-data-dir={directory / 'profile'}",
        *options,
        address,
    ]
    with (directory / "chromium.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "HOME": str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        with connect(_tab(directory / "profile", process), max_size=None, proxy=None) as connection:
            yield Page(connection)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the first tab can be steered."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, f"Chromium ended with {process.returncode}"
        try:
            port = int((profile / "DevToolsActivePort").read_text().split()[0])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/json/list")
            for tab in json.loads(connection.getresponse().read()):
                if tab["type"] == "page":
                    return str(tab["webSocketDebuggerUrl"])
        except (OSError, IndexError, ValueError):
            pass
        assert time.monotonic() < deadline, "Chromium does not start"
        time.sleep(0.1)
