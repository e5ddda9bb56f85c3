"""mod_ssl towards members: what SSLProxy* lines say of the members of a balancer, as keys of the model."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from panolb.config.addresses import is_secure
from panolb.config.httpd.balancers import Group
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import atoi
from panolb.config.httpd.scopes import Scope
from panolb.config.httpd.tls import VERSIONS, protocols

LEVELS: Final = frozenset({"none", "optional", "require", "optional_no_ca"})
"""What SSLProxyVerify can say."""

APACHES_DEPTH: Final = 1
"""SSLProxyVerifyDepth, where nothing is written."""


def settings(scope: Scope, group: Group, root: Path, remarks: Remarks, *, exact: bool) -> dict[str, Any]:
    """Return what holds for TLS to the members of a balancer, by the names of the model.

    :param scope: the server that uses it.
    :param root: where relative file names begin.
    :param exact: as in Apache, where panolb would do better.
    """
    if not any(is_secure(member.url) for member in group.members):
        return {}
    written = _Written(_last([*scope.all(*_NAMES), *group.tls]), group, root, remarks)
    return {
        **written.verification(exact=exact),
        **written.files(),
        **written.versions(),
        **written.ciphers(),
    }


_NAMES: Final = (
    "SSLProxyEngine",
    "SSLProxyVerify",
    "SSLProxyVerifyDepth",
    "SSLProxyCheckPeerName",
    "SSLProxyCheckPeerCN",
    "SSLProxyCheckPeerExpire",
    "SSLProxyCACertificateFile",
    "SSLProxyCACertificatePath",
    "SSLProxyMachineCertificateFile",
    "SSLProxyProtocol",
    "SSLProxyCipherSuite",
)


def _last(nodes: Iterable[Directive]) -> dict[str, Directive]:
    """Return the directives that count, by their names in lower case: of each the last one, of ciphers by version."""
    found: dict[str, Directive] = {}
    for node in nodes:
        name = node.name.lower()
        of_newest = (
            name == "sslproxyciphersuite" and len(node.args) == 2 and node.args[0].upper() == "TLSV1.3"
        )
        found[f"{name} tlsv1.3" if of_newest else name] = node
    return found


@frozen
class _Written:
    """The SSLProxy* lines that hold for one balancer."""

    nodes: dict[str, Directive]
    group: Group
    root: Path
    remarks: Remarks

    def _node(self, name: str) -> Directive | None:
        return self.nodes.get(name.lower())

    def _flag(self, name: str) -> bool | None:
        node = self._node(name)
        return None if node is None else node.args[0].lower() == "on"

    # --- who a member is ---

    def verification(self, *, exact: bool) -> dict[str, Any]:
        insecure = [
            *([] if self._verified() else ["ca"]),
            *([] if self._named() else ["name"]),
            *(["dates"] if self._flag("SSLProxyCheckPeerExpire") is False and not self._verified() else []),
        ]
        if not self._flag("SSLProxyEngine"):
            words = "Members with https:// are reached over TLS; in Apache that needs SSLProxyEngine On."
            self.remarks.say(self.group.members[0].node, Verdict.IMPROVED, words)
        if insecure:
            self._say_insecure(insecure)
        return {"tls_insecure": insecure, "tls_depth": self._depth(exact=exact and "ca" not in insecure)}

    def _verified(self) -> bool:
        node = self._node("SSLProxyVerify")
        level = "none" if node is None else node.args[0].lower()
        if node is not None and level not in LEVELS:
            self.remarks.problem(node, "Invalid argument")
        return level in ("require", "optional")

    def _named(self) -> bool:
        """Whether the name counts: CheckPeerCN is the older of two switches for it."""
        name, common_name = self._flag("SSLProxyCheckPeerName"), self._flag("SSLProxyCheckPeerCN")
        return common_name is True or (name is not False and (common_name is not False or name is True))

    def _say_insecure(self, insecure: list[str]) -> None:
        parts = {
            "ca": "that an authority vouches for them",
            "name": "whom they are for",
            "dates": "their dates",
        }
        told = ", ".join(parts[one] for one in insecure)
        words = (
            f"Of members' certificates it is not verified, as this file has it in Apache: {told}. Whoever is on the way to a "
            "member can pass for it; write SSLProxyVerify require and SSLProxyCACertificateFile, and no CheckPeer off."
        )
        node = self._node("SSLProxyVerify") or self._node("SSLProxyEngine") or self.group.members[0].node
        self.remarks.lost(node, words)

    def _depth(self, *, exact: bool) -> int | None:
        node = self._node("SSLProxyVerifyDepth")
        if node is None:
            return APACHES_DEPTH if exact else None
        depth = atoi(node.args[0])
        if depth < 0:
            self.remarks.problem(node, "must be a number from 0 on")
        return min(max(depth, 0), 100)

    # --- files ---

    def files(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        authorities = [
            node
            for node in (self._node("SSLProxyCACertificateFile"), self._node("SSLProxyCACertificatePath"))
            if node is not None
        ]
        for node in authorities[:1]:
            found["tls_ca"] = self._path(node)
        for node in authorities[1:]:
            words = (
                "panolb takes authorities from one place: write SSLProxyCACertificateFile or -Path, not both."
            )
            self.remarks.stops(node, words)
        if not authorities and self._verified():
            words = (
                "Whom this machine trusts may vouch for members; Apache would trust nobody without a file."
            )
            self.remarks.say(self.nodes["sslproxyverify"], Verdict.IMPROVED, words)
        own = self._node("SSLProxyMachineCertificateFile")
        if own is not None:
            found["tls_certificate"] = self._path(own)
            if _keys(Path(found["tls_certificate"])) > 1:
                self.remarks.lost(own, "It has several certificates; members are shown the first.")
        return found

    def _path(self, node: Directive) -> str:
        path = self.root / node.args[0]
        if not path.exists():
            self.remarks.problem(node, f"'{path}' does not exist")
        return str(path)

    # --- versions and ciphers ---

    def versions(self) -> dict[str, Any]:
        node = self._node("SSLProxyProtocol")
        wanted = VERSIONS if node is None else protocols(node.args)
        if node is None or wanted is None:
            if node is not None:
                self.remarks.problem(node, "names a protocol that does not exist")
            return {}
        ours = wanted & VERSIONS
        if not ours:
            self.remarks.stops(node, "panolb speaks TLS 1.2 and 1.3 to members.")
        elif ours == {"tlsv1.2"}:
            self.remarks.lost(node, "TLS 1.3 is spoken, too, to members that can.")
        elif wanted - VERSIONS:
            self.remarks.say(
                node, Verdict.IMPROVED, "Only TLS 1.2 and 1.3: what is older is not safe any more."
            )
        return {"tls_min_version": "1.3"} if ours == {"tlsv1.3"} else {}

    def ciphers(self) -> dict[str, Any]:
        newest = self._node("SSLProxyCipherSuite TLSv1.3")
        if newest is not None:
            self.remarks.lost(newest, "The ciphers of TLS 1.3 are all offered, as OpenSSL has them.")
        node = self._node("SSLProxyCipherSuite")
        if node is None or re.fullmatch(r"PROFILE=\w+", node.args[-1]):
            return {}  # a profile is the system's, which OpenSSL has by itself
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(node.args[-1])
        except ssl.SSLError:
            self.remarks.problem(node, "Unable to configure permitted SSL ciphers")
            return {}
        return {"tls_ciphers": node.args[-1]}


def _keys(path: Path) -> int:
    try:
        return len(re.findall(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", path.read_bytes()))
    except OSError:
        return 0
