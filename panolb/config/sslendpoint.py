"""Twisted's ``ssl:`` endpoints, which name a certificate: for a listener the same as ``tcp:`` and the table of one."""

from __future__ import annotations

import re
from typing import Final

from panolb.config.tls import Certificate

_PART: Final = re.compile(r"((?:[^:\\]|\\.)*)(?::|\Z)", re.DOTALL)
_FILES: Final = {"certKey": "file", "privateKey": "key", "extraCertChain": "chain"}
_WITHOUT_MEANING: Final = ("sslmethod", "dhParameters")  # a name for "TLS", and what only DHE suites need


def read(description: str) -> tuple[str, Certificate] | None:
    """Return where an ``ssl:`` endpoint listens, as ``tcp:``, and what it shows; None for any other endpoint."""
    kind, *parts = [part[1] for part in _PART.finditer(description)]
    if kind.lower() != "ssl":
        return None
    files: dict[str, str] = {}
    address: list[str] = []
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and name in _FILES:
            files[_FILES[name]] = re.sub(r"\\(.)", r"\1", value)
        elif part and name not in _WITHOUT_MEANING:
            address.append(part)
    key = files.get("key") or "server.pem"  # as in Twisted
    own = Certificate(file=files.get("file") or key, key=key, chain=files.get("chain") or None)
    return ":".join(["tcp", *address]), own
