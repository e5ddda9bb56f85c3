"""The small pages that panolb answers with when no member does."""

from __future__ import annotations

import html
import json

PHRASES = {
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    410: "Gone",
    413: "Content Too Large",
    414: "URI Too Long",
    417: "Expectation Failed",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}

# What a user can do about it; the reason beside it says what happened.
_ADVICE = {
    502: "The server that holds your session did not answer properly. Please try again.",
    503: "The service cannot be reached right now. Please try again in a moment.",
    504: "The server that holds your session took too long to answer. Please try again.",
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{status} {phrase}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:12vh auto;padding:0 1em;color:#223;background:#fff}}
h1{{font-size:1.5em}}small{{color:#667}}@media(prefers-color-scheme:dark){{body{{color:#dde;background:#16181d}}}}</style>
</head><body><h1>{status} {phrase}</h1><p>{advice}</p><p><small>{reason}{request_id}</small></p></body></html>
"""


def page(status: int, reason: str, request_id: str, accept: bytes | None) -> tuple[bytes, bytes]:
    """An error page.

    :param request_id: what the logs call the request; empty when they do not.
    :param reason: one sentence of ours about what happened.
    :param accept: the client's Accept field; a client that names JSON and not HTML gets JSON.
    :returns: the content type and the body.
    """
    phrase = PHRASES.get(status, "Error")
    wanted = (accept or b"").lower()
    if b"json" in wanted and b"text/html" not in wanted:
        content = {"status": status, "error": phrase, "reason": reason}
        if request_id:
            content["request_id"] = request_id
        return b"application/json", json.dumps(content).encode() + b"\n"
    text = _PAGE.format(
        status=status,
        phrase=html.escape(phrase),
        advice=html.escape(_ADVICE.get(status, "The request could not be served.")),
        reason=html.escape(reason),
        request_id=f" Request id: {html.escape(request_id)}" if request_id else "",
    )
    return b"text/html; charset=utf-8", text.encode()
