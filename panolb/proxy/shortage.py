"""Telling panolb's own shortages from a member's faults."""

from __future__ import annotations

import errno

from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

# socket(2) and connect(2): no descriptor, no memory or no local port left.  No member is to blame for these.
_OURS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL))


def is_ours(reason: Failure) -> bool:
    """Whether a connection failed for want of something on this machine."""
    error = reason.value
    number = error.osError if isinstance(error, ConnectError) else getattr(error, "errno", None)
    return number in _OURS
