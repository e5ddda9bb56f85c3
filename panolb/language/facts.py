"""What the languages may ask about a request and its answer."""

from __future__ import annotations

from typing import Protocol


class Facts(Protocol):
    """Answers about one request; whoever runs rules brings them.

    A class may derive from this one: what it leaves out is then not known.  Everything is bytes as it came, nothing
    is escaped.
    """

    __slots__ = ()

    def env(self, name: bytes) -> bytes | None:
        """A variable: set by an `Environment`, or one of the balancer's, ``BALANCER_WORKER_ROUTE``.

        :param name: in upper case.  As in Apache case does not count, and so all names are written so once.
        """
        return None

    def request_header(self, name: bytes) -> bytes | None:
        """A field of the request; several of one name are joined by ``", "``, cookies by ``"; "``.

        :param name: in lower case.
        """
        return None

    def response_header(self, name: bytes) -> bytes | None:
        """A field of the answer by its lower-case name; ``None`` as long as there is no answer.

        Of several of one name it is the first, as in Apache; but cookies, of which there are often several, are all
        there, joined by ``", "``.
        """
        return None

    def variable(self, name: str) -> bytes:
        """A variable of the server, one of `panolb.language.functions.VARIABLES`; empty when it is not known.

        ``REQUEST_URI`` is the path alone with its escapes resolved, ``QUERY_STRING`` has no question mark,
        ``THE_REQUEST`` is the request line, ``REQUEST_STATUS`` three digits, ``HTTPS`` ``on`` or ``off``.
        """
        return b""

    def body(self) -> bytes:
        """The answer's body; known only to a health check."""
        return b""

    def elapsed(self) -> float:
        """Seconds since the request began."""
        return 0.0

    def wall(self) -> float:
        """When the request began, in seconds since 1970."""
        return 0.0
