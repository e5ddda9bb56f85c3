"""mod_ssl: certificate, key and chain of a listener; and what else it says, where panolb does no less than that."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Final

from panolb.config.httpd.addresses import Door
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope

VERSIONS: Final = frozenset({"tlsv1.2", "tlsv1.3"})
"""What clients can speak to panolb."""

CIPHERS: Final = (
    "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:DH+CHACHA20:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:RSA+AESGCM:RSA+AES:"
    "!aNULL:!MD5:!DSS"
)
"""Twisted's own list, twisted.internet._sslverify.defaultCiphers, up to TLS 1.2."""

_ALL: Final = frozenset({"sslv3", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"})
_FILES: Final = ("SSLCertificateFile", "SSLCertificateKeyFile", "SSLCertificateChainFile")


def endpoint(door: Door, root: Path, remarks: Remarks) -> str:
    """Return where a door listens, with TLS when its first virtual host has it.

    :param root: where relative file names begin.
    """
    switched = [_is_on(server) for server in door.servers]
    if not any(switched):
        return door.endpoint()
    server = door.servers[0]
    door.secure = True
    node = server.last("SSLEngine") or door.node
    if not all(switched):
        remarks.problem(node, f"all virtual hosts of port {door.port} need SSLEngine On, or none of them")
    if len({_named(one, root) for one in door.servers}) > 1:
        words = f"panolb shows one certificate on port {door.port}; clients of the other hosts would not accept it."
        remarks.stops(node, words)
    _policy(server, remarks)
    return _endpoint(door, server, node, root, remarks)


def _is_on(server: Scope) -> bool:
    return server.word("SSLEngine", "off").lower() == "on"


def _named(server: Scope, root: Path) -> tuple[Path | None, ...]:
    return tuple(root / server.word(name) if server.word(name) else None for name in _FILES)


def _endpoint(door: Door, server: Scope, node: Directive, root: Path, remarks: Remarks) -> str:
    certificate, key, chain = _named(server, root)
    if certificate is None:
        remarks.problem(node, "needs SSLCertificateFile")
        return door.endpoint("ssl")
    for name, path in zip(_FILES, (certificate, key, chain), strict=True):
        line = server.last(name)
        if path is not None and line is not None and not path.is_file():
            remarks.problem(line, f"file '{path}' does not exist or is empty")
    if chain is None and _count(certificate) > 1:
        # As since Apache 2.4.8: the file may go on with the certificates between it and the root.
        chain = certificate
    parts = [
        door.endpoint("ssl"),
        f"privateKey={_escaped(key or certificate)}",
        f"certKey={_escaped(certificate)}",
    ]
    parts += [f"extraCertChain={_escaped(chain)}"] if chain is not None else []
    return ":".join(parts)


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(":", "\\:")


def _count(path: Path) -> int:
    try:
        return path.read_bytes().count(b"-----BEGIN CERTIFICATE-----")
    except OSError:
        return 0


def _policy(server: Scope, remarks: Remarks) -> None:
    """Say whether protocols and ciphers are at least as strict as asked for."""
    node = server.last("SSLProtocol")
    if node is not None:
        wanted = protocols(node.args)
        if wanted is None:
            remarks.problem(node, "names a protocol that does not exist")
        elif not wanted >= VERSIONS:
            remarks.stops(node, "panolb speaks TLS 1.2 and 1.3, both of them.")
        elif wanted > VERSIONS:
            remarks.say(node, Verdict.IMPROVED, "Only TLS 1.2 and 1.3: what is older is not safe any more.")
        else:
            remarks.say(node, Verdict.RUN, "TLS 1.2 and 1.3, as panolb always does.")
    for line in server.all("SSLCipherSuite"):
        _ciphers(line, remarks)


def protocols(words: tuple[str, ...]) -> frozenset[str] | None:
    """Return the protocols that the words of SSLProtocol leave; None when one of them does not exist."""
    found: set[str] = set()
    for word in words:
        sign, name = (word[0], word[1:].lower()) if word[:1] in "+-" else ("", word.lower())
        if name != "all" and name not in _ALL | {"sslv2"}:
            return None
        # Apache has built without SSLv3 for years; "all" is everything that is left.
        these = _ALL - {"sslv3"} if name == "all" else {name}
        if sign == "-":
            found -= these
        else:
            found = (found if sign else set()) | these if sign or name == "all" else found | these
    return frozenset(found)


def _ciphers(node: Directive, remarks: Remarks) -> None:
    if len(node.args) == 2 and node.args[0].upper() == "TLSV1.3":
        remarks.stops(node, "The ciphers of TLS 1.3 are all offered, as OpenSSL has them.")
        return
    wanted, ours = _names(node.args[-1]), _names(CIPHERS)
    if wanted is None:
        remarks.problem(node, "Unable to configure permitted SSL ciphers")
        return
    weaker = sorted((ours or set()) - wanted)
    if weaker:
        words = f"panolb offers what this leaves out: {', '.join(weaker[:3])}{', ...' if weaker[3:] else ''}."
        remarks.stops(node, words)
    else:
        remarks.say(node, Verdict.RUN, "panolb's ciphers are among these.")


def _names(ciphers: str) -> set[str] | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(re.sub(r"^PROFILE=\w+$", "DEFAULT", ciphers))
    except ssl.SSLError:
        return None
    return {str(one["name"]) for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"}
