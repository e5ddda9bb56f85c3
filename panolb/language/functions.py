"""The variables and functions of Apache's expressions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ..errors import LanguageError
from .facts import Facts

Asked = Callable[[Facts], bytes]

VARIABLES: Final = frozenset(
    "REQUEST_METHOD REQUEST_SCHEME REQUEST_URI QUERY_STRING THE_REQUEST REQUEST_STATUS REQUEST_LOG_ID "
    "REMOTE_ADDR REMOTE_HOST REMOTE_PORT CONN_REMOTE_ADDR SERVER_NAME SERVER_ADDR SERVER_PORT SERVER_PROTOCOL HTTPS "
    "SSL_PROTOCOL SSL_CIPHER SSL_TLS_SNI SSL_SESSION_RESUMED SSL_CLIENT_VERIFY SSL_CLIENT_S_DN SSL_CLIENT_S_DN_CN "
    "SSL_CLIENT_S_DN_O SSL_CLIENT_S_DN_OU SSL_CLIENT_S_DN_C SSL_CLIENT_S_DN_ST SSL_CLIENT_S_DN_L SSL_CLIENT_S_DN_EMAIL "
    "SSL_CLIENT_I_DN SSL_CLIENT_I_DN_CN SSL_CLIENT_I_DN_O SSL_CLIENT_I_DN_OU SSL_CLIENT_I_DN_C SSL_CLIENT_M_SERIAL SSL_CLIENT_V_START SSL_CLIENT_V_END SSL_CLIENT_CERT".split()
)
"""What `Facts.variable` may be asked for."""

_HEADERS: Final = {
    "CONTENT_TYPE": b"content-type",
    "HTTP_ACCEPT": b"accept",
    "HTTP_COOKIE": b"cookie",
    "HTTP_FORWARDED": b"forwarded",
    "HTTP_HOST": b"host",
    "HTTP_PROXY_CONNECTION": b"proxy-connection",
    "HTTP_REFERER": b"referer",
    "HTTP_USER_AGENT": b"user-agent",
}
_TIMES: Final = {
    "TIME": "%Y%m%d%H%M%S",
    "TIME_YEAR": "%Y",
    "TIME_MON": "%m",
    "TIME_DAY": "%d",
    "TIME_HOUR": "%H",
    "TIME_MIN": "%M",
    "TIME_SEC": "%S",
    "TIME_WDAY": "%w",
}
_ALWAYS: Final = {
    "AUTH_TYPE": b"",  # nobody is authenticated here
    "REMOTE_USER": b"",
    "REMOTE_IDENT": b"",
    "IS_SUBREQ": b"false",
    "SERVER_SOFTWARE": b"panolb",
    "HTTP2": b"off",
}
_FILES: Final = frozenset(
    "REQUEST_FILENAME SCRIPT_FILENAME PATH_INFO DOCUMENT_ROOT DOCUMENT_URI LAST_MODIFIED SCRIPT_USER SCRIPT_GROUP "
    "HANDLER CONTEXT_PREFIX CONTEXT_DOCUMENT_ROOT SERVER_ADMIN".split()
)


def variable(name: str) -> Asked:
    """What ``%{NAME}`` asks.

    :raises LanguageError: when there is no such variable, or none in a proxy.
    """
    name = name.upper()
    if name in VARIABLES:
        return lambda facts: facts.variable(name)
    if name in _HEADERS:
        header = _HEADERS[name]
        return lambda facts: facts.request_header(header) or b""
    if name in _ALWAYS:
        value = _ALWAYS[name]
        return lambda facts: value
    if name in _TIMES:
        form = _TIMES[name]
        return lambda facts: _local(facts.wall()).strftime(form).encode("ascii")
    if name == "IPV6":
        return lambda facts: b"on" if b":" in facts.variable("CONN_REMOTE_ADDR") else b"off"
    if name == "HC_BODY":
        return lambda facts: facts.body()
    if name in _FILES:
        raise LanguageError(
            f"%{{{name}}} is about files, and a balancer serves a request without looking for one"
        )
    raise LanguageError(f"there is no variable %{{{name}}}")


def _local(seconds: float) -> datetime:
    """The time for people where the machine stands."""
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def function(name: str) -> Callable[[Facts, bytes], bytes]:
    """The function of that name, which takes one argument.

    :raises LanguageError: when there is none, or none in a proxy.
    """
    name = name.lower()
    if name in _ASKING:
        return _ASKING[name]
    if name in _CHANGING:
        change = _CHANGING[name]
        return lambda facts, text: change(text)
    if name in ("file", "filesize", "filemod", "filemodexists", "osenv", "ldap", "note"):
        raise LanguageError(f"the function {name}() is not supported")
    raise LanguageError(f"there is no function {name}()")


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _escape(text: bytes) -> bytes:
    quoted = quote_from_bytes(text, safe="/:;@&=+$,!~*'()").encode("ascii")
    return re.sub(rb"%..", lambda escape: escape[0].lower(), quoted)


def _of_check(facts: Facts, what: bytes) -> bytes:
    return facts.body() if what.lower() == b"body" else b""


_ASKING: Final[dict[str, Callable[[Facts, bytes], bytes]]] = {
    "req": lambda facts, name: facts.request_header(name.lower()) or b"",
    "http": lambda facts, name: facts.request_header(name.lower()) or b"",
    "req_novary": lambda facts, name: facts.request_header(name.lower()) or b"",
    "resp": lambda facts, name: facts.response_header(name.lower()) or b"",
    "env": lambda facts, name: facts.env(name.upper()) or b"",
    "reqenv": lambda facts, name: facts.env(name.upper()) or b"",
    "hc": _of_check,
}
_CHANGING: Final[dict[str, Callable[[bytes], bytes]]] = {
    "tolower": lambda text: text.lower(),
    "toupper": lambda text: text.upper(),
    "escape": _escape,
    "unescape": unquote_to_bytes,
    "base64": base64.b64encode,
    "unbase64": _unbase64,
    "md5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest().encode("ascii"),
    "sha1": lambda text: hashlib.sha1(text, usedforsecurity=False).hexdigest().encode("ascii"),
}
