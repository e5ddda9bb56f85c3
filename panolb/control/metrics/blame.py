"""Who is to blame for the end of a request or a WebSocket, by the word that the access log has for it.

Members' faults are those for which the operator looks at a member, clients' those for which nobody can do anything here.
"""

from __future__ import annotations

_WORDS = {
    "client": (
        "client-left client-timeout bad-request bad-path client-full "
        "client-lost client-silent client-broke-rules slow-client"
    ),
    "member": (
        "no-member queue-full queue-timeout retry-budget member-broke member-timeout overridden member-full too-fast "
        "member-lost member-silent member-broke-rules slow-member member-down"
    ),
    "operator": "full idle lifetime drained disabled stopped removed member-removed moved closed-by-operator stopping",
    "panolb": "no-capacity plugin-failed internal-error",
    "nobody": "local early-answer closed-by-client closed-by-member",
}

BLAME = {term: whose for whose, terms in _WORDS.items() for term in terms.split()}
"""``client``, ``member``, ``operator``, ``panolb`` or ``nobody``, by term."""
