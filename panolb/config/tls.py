"""What an operator says about the TLS of a listener: certificates, versions, ciphers, and clients' certificates."""

from __future__ import annotations

import ssl
from typing import Final, Literal

from attrs import field, frozen

from panolb.config.rules import DAY, NOT_EMPTY, Each, Explained, Seconds, doc, matching, seconds

INTERMEDIATE: Final = "intermediate"

INTERMEDIATE_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Mozilla's intermediate list for TLS 1.2, guideline 5.7 (https://ssl-config.mozilla.org), without its three DHE suites:
no client needs them that can do the rest, and with them clients can have a server calculate a lot (CVE-2002-20001)."""

SERVER_NAME: Final = matching(
    r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", "a host name, or *. and a domain"
)


def explain_ciphers(text: str) -> str | None:
    """Say why a text is no choice of ciphers, or return None."""
    return None if cipher_names(text) is not None else 'is no list of ciphers; see "openssl ciphers"'


def cipher_names(text: str) -> list[str] | None:
    """Return the ciphers of TLS 1.2 that a list of OpenSSL's stands for, in its order; None when it stands for none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(openssl_ciphers(text))
    except (ssl.SSLError, ValueError):
        return None
    return [str(one["name"]) for one in context.get_ciphers() if one["protocol"] != "TLSv1.3"]


def openssl_ciphers(text: str) -> str:
    """Return what OpenSSL is told."""
    return INTERMEDIATE_CIPHERS if text == INTERMEDIATE else text


@frozen(kw_only=True)
class Certificate:
    """A certificate that clients of the listener are shown; with one, they speak TLS."""

    file: str = field(
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file: the certificate, and behind it those between it and the root.",
            apache="SSLCertificateFile",
            example='"/etc/letsencrypt/live/dash.example.org/fullchain.pem"',
            stand_in="certificate.pem",
        ),
    )
    key: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with its key, without a passphrase. Not set: the key is in file, too.",
            apache="SSLCertificateKeyFile",
            example='"/etc/letsencrypt/live/dash.example.org/privkey.pem"',
        ),
    )
    chain: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the certificates between it and the root, if they are not in file.",
            apache="SSLCertificateChainFile",
            example='"/etc/panolb/chain.pem"',
        ),
    )
    names: list[str] = field(
        factory=list,
        validator=Each(SERVER_NAME),
        metadata=doc(
            "Host names (SNI) whose clients are shown it. Empty: the names in the certificate. The listener's first "
            "certificate is also for all other names, and for clients that name none.",
            apache="ServerName, ServerAlias",
            example='["dash.example.org", "*.apps.example.org"]',
        ),
    )


@frozen(kw_only=True)
class Tls:
    """How TLS is spoken on a listener that has a certificate."""

    min_version: Literal["1.2", "1.3"] = field(
        default="1.2", metadata=doc("The oldest version of TLS.", apache="SSLProtocol")
    )
    max_version: Literal["1.2", "1.3"] = field(
        default="1.3", metadata=doc("The newest version of TLS.", apache="SSLProtocol")
    )
    ciphers: str = field(
        default=INTERMEDIATE,
        validator=Explained(explain_ciphers),
        metadata=doc(
            'The ciphers of TLS 1.2: "intermediate", those that Mozilla recommends (guideline 5.7), or a list as '
            "OpenSSL reads it. Those of TLS 1.3 are always OpenSSL's own three.",
            apache="SSLCipherSuite",
        ),
    )
    prefer_server_ciphers: bool = field(
        default=False,
        metadata=doc(
            "Whether the order of ciphers decides; else the client chooses, which knows what its processor is good at.",
            apache="SSLHonorCipherOrder",
        ),
    )
    session_tickets: bool = field(
        default=True,
        metadata=doc(
            "Whether clients get tickets with which they take their session up again, which saves both sides most of the "
            "handshake's work. The keys of the tickets change with every certificate, and once a day.",
            apache="SSLSessionTickets",
        ),
    )
    client_certificate: Literal["none", "optional", "required"] = field(
        default="none",
        metadata=doc(
            'Whether clients are asked for a certificate: "optional", those that have one show it; "required", nobody '
            "connects without. One that client_ca has not issued ends the connection.",
            apache="SSLVerifyClient none, optional, require",
        ),
    )
    client_ca: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the authorities that issue clients' certificates.",
            apache="SSLCACertificateFile",
            example='"/etc/panolb/clients-ca.pem"',
        ),
    )
    client_crl: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the lists of clients' certificates that the authorities have revoked, one of each authority.",
            apache="SSLCARevocationFile, SSLCARevocationCheck leaf",
            example='"/etc/panolb/clients-crl.pem"',
        ),
    )
    send_client_certificate: bool = field(
        default=False,
        metadata=doc(
            "Whether members get a client's whole certificate too, as Client-Cert (RFC 9440).",
            apache="SSLOptions +ExportCertData",
        ),
    )
    hsts: Seconds | None = field(
        default=None,
        validator=seconds(0, 3650 * DAY),
        metadata=doc(
            "How long browsers are to use nothing but TLS for this host (Strict-Transport-Security); an answer that has "
            "the header already keeps its own. Not set: the header is not sent.",
            apache="Header always set Strict-Transport-Security",
            example='"365d"',
        ),
    )
    hsts_subdomains: bool = field(
        default=False, metadata=doc("Whether hsts is for all hosts below this one, too.")
    )

    @property
    def hsts_header(self) -> str | None:
        """The value of Strict-Transport-Security (RFC 6797 section 6.1); None when it is not sent."""
        if self.hsts is None:
            return None
        return f"max-age={int(self.hsts)}" + ("; includeSubDomains" if self.hsts_subdomains else "")


TLS_TABLES: Final = (Certificate, Tls)
