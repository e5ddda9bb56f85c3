"""mod_ssl: the certificates of a listener, and how TLS is spoken with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from panolb.config.httpd.addresses import Door
from panolb.config.httpd.hosts import server_host
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive, Place
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope
from panolb.config.tls import SERVER_NAME, Certificate, Tls, cipher_names

_VERSIONS: Final = ("1.2", "1.3")
VERSIONS: Final = frozenset(f"tlsv{version}" for version in _VERSIONS)
"""Those that panolb speaks, in the words of SSLProtocol."""

_OF_TLS13: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
_ALL: Final = frozenset({"sslv3", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"})
_CLIENTS: Final = ("client_certificate", "client_ca", "client_crl")

Files = tuple[str, str | None, str | None]
"""Certificate, key and chain."""


@frozen
class Secured:
    """What a listener gets.

    :ivar places: the lines that its certificates are made of.
    """

    certificates: list[Certificate] = field(factory=list)
    tls: Tls = field(factory=Tls)
    places: list[Place] = field(factory=list)


@define
class _Shown:
    """A certificate on its way: where it is written first, and for whom."""

    node: Directive
    names: list[str]


def read(door: Door, root: Path, remarks: Remarks) -> Secured:
    """Return what a door shows, and how; nothing where its virtual hosts have no TLS.

    :param root: where relative file names begin.
    """
    switched = [_is_on(server) for server in door.servers]
    if not any(switched):
        return Secured()
    first, *others = door.servers
    door.secure = True
    node = first.last("SSLEngine") or door.node
    if not all(switched):
        remarks.problem(node, f"all virtual hosts of port {door.port} need SSLEngine On, or none of them")
    found: dict[Files, _Shown] = {}
    for server in door.servers:
        for files, line in _files(server, node, root, remarks):
            shown = found.setdefault(files, _Shown(line, []))
            shown.names += [name for name in _names(server) if name not in shown.names]
    tls = _policy(first, root, remarks)
    for server in others:
        _compare(server, tls, _policy(server, root, remarks), door, remarks)
    several = len(found) > 1
    return Secured(
        [
            Certificate(file=file, key=key, chain=chain, names=shown.names if several else [])
            for (file, key, chain), shown in found.items()
        ],
        tls,
        [shown.node.place for shown in found.values()],
    )


def _is_on(server: Scope) -> bool:
    return server.word("SSLEngine", "off").lower() == "on"


# -- certificates -------------------------------------------------------------------------------------------------------


def _names(server: Scope) -> list[str]:
    """Return the names of a virtual host, by which Apache chooses its certificate, whatever names that has."""
    words = [server_host(server), *(word.lower() for node in server.own("ServerAlias") for word in node.args)]
    return [word for word in words if word and SERVER_NAME.complaint(word) is None]


def _files(server: Scope, node: Directive, root: Path, remarks: Remarks) -> Iterator[tuple[Files, Directive]]:
    """Yield the certificates of a virtual host: one, or one of each kind of key."""
    certificates, keys = _lines(server, "SSLCertificateFile"), _lines(server, "SSLCertificateKeyFile")
    chains = _lines(server, "SSLCertificateChainFile")
    if not certificates:
        remarks.problem(node, "needs SSLCertificateFile")
    for line in (*certificates, *keys, *chains):
        path = root / line.args[0]
        if not path.is_file():
            remarks.problem(line, f"file '{path}' does not exist or is empty")
    for number, line in enumerate(certificates):
        key = str(root / keys[number].args[0]) if number < len(keys) else None
        chain = str(root / chains[-1].args[0]) if chains else None
        yield (str(root / line.args[0]), key, chain), line


def _lines(server: Scope, name: str) -> list[Directive]:
    """Return the directives that count: a virtual host's own, or else the main server's."""
    return server.own(name) or server.all(name)


# -- how TLS is spoken --------------------------------------------------------------------------------------------------


def _policy(server: Scope, root: Path, remarks: Remarks) -> Tls:
    values: dict[str, Any] = {**_protocols(server, remarks), **_ciphers(server, remarks)}
    if server.on("SSLHonorCipherOrder"):
        values["prefer_server_ciphers"] = True
    if not server.on("SSLSessionTickets", default=True):
        values["session_tickets"] = False
    values |= _clients(server, root, remarks)
    return Tls(**values)


def _compare(server: Scope, tls: Tls, other: Tls, door: Door, remarks: Remarks) -> None:
    """Say what a virtual host wants otherwise than the first one of its port."""
    node = server.section
    if node is None or tls == other:
        return
    if any(getattr(tls, key) != getattr(other, key) for key in _CLIENTS):
        words = "clients are asked for certificates as the first virtual host"
        remarks.stops(node, f"On port {door.port} {words} says, before anybody knows which one they want.")
    else:
        words = "versions and ciphers of TLS are those of the first virtual host"
        remarks.lost(node, f"On port {door.port} {words}.")


def _protocols(server: Scope, remarks: Remarks) -> dict[str, Any]:
    node = server.last("SSLProtocol")
    if node is None:
        return {}
    wanted = protocols(node.args)
    if wanted is None:
        remarks.problem(node, "names a protocol that does not exist")
        return {}
    ours = [version for version in _VERSIONS if f"tlsv{version}" in wanted]
    if not ours:
        remarks.stops(node, "panolb speaks TLS 1.2 and 1.3 only: what is older is not safe any more.")
        return {}
    spoken = f"TLS {' and '.join(ours)}"
    if len(wanted) > len(ours):
        remarks.say(node, Verdict.IMPROVED, f"Only {spoken}: what is older is not safe any more.")
    else:
        remarks.say(node, Verdict.RUN, f"{spoken}.")
    return {"min_version": ours[0], "max_version": ours[-1]}


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


def _ciphers(server: Scope, remarks: Remarks) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in server.all("SSLCipherSuite"):
        words = node.args[-1]
        if len(node.args) == 2 and node.args[0].upper() == "TLSV1.3":
            if not set(words.upper().split(":")) >= _OF_TLS13:
                remarks.stops(node, "The ciphers of TLS 1.3 are all offered, as OpenSSL has them.")
        elif re.fullmatch(r"PROFILE=\w+", words):  # of Red Hat's OpenSSL, for all programs of a machine
            remarks.say(node, Verdict.RUN, "Mozilla's intermediate list, in the place of the system's.")
            found = {}
        elif cipher_names(words) is None:
            remarks.problem(node, "Unable to configure permitted SSL ciphers")
        else:
            found = {"ciphers": words}
    return found


def _clients(server: Scope, root: Path, remarks: Remarks) -> dict[str, Any]:
    """Whether clients are asked for certificates, and whose are good."""
    node = server.last("SSLVerifyClient")
    if node is None or node.args[0].lower() not in ("optional", "require"):
        return {}  # of anything else the tables say what becomes of it
    authorities = server.last("SSLCACertificateFile")
    if authorities is None:
        remarks.stops(node, "The authorities have to be in one file: write SSLCACertificateFile.")
        return {}
    remarks.say(node, Verdict.RUN, "Members are told in X-Client-Cert-Verify, -Subject and so on.")
    remarks.say(authorities, Verdict.RUN, "Who issues clients' certificates.")
    values = {
        "client_certificate": {"optional": "optional", "require": "required"}[node.args[0].lower()],
        "client_ca": str(root / authorities.args[0]),
    }
    revoked, check = server.last("SSLCARevocationFile"), server.last("SSLCARevocationCheck")
    if check is not None and check.args[0].lower() in ("leaf", "chain"):
        if revoked is None:
            remarks.stops(
                check, "The lists of revoked certificates have to be in one file: write SSLCARevocationFile."
            )
        else:
            values["client_crl"] = str(root / revoked.args[0])
            remarks.say(revoked, Verdict.RUN, "Clients' certificates that are not good any more.")
            remarks.say(
                check, Verdict.RUN, "Of the certificates of clients; those of authorities are not looked up."
            )
    depth = server.last("SSLVerifyDepth")
    if depth is not None:
        remarks.lost(
            depth, "Any number of authorities may stand between a client and one of SSLCACertificateFile."
        )
    return values
