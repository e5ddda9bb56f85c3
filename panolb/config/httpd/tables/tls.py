"""TLS, certificates and HTTP/2."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, run, stops

_REVOKED = "Whether members' certificates have been revoked is not asked."
_CLIENTS = "Clients are asked at the handshake, for a whole virtual host and never for single paths."
_ASKED = "Which certificates of clients are good is asked where a virtual host has SSLVerifyClient."
_OCSP = "Certificates of clients are not asked about."
_STAPLING = "No OCSP answers are stapled to the handshake."
_RENEWAL = (
    "panolb gets no certificates; point SSLCertificateFile to one that certbot or the like keeps up to date."
)
_HTTP2 = "Clients speak HTTP/1.1; panolb has no HTTP/2."

MODULES = (
    Module(
        {"ssl_module": "mod_ssl.c"},
        "TLS",
        (
            run("SSLEngine 1", "Whether clients speak TLS here."),
            run("SSLCertificateFile 1", "The certificate."),
            run("SSLCertificateKeyFile 1", "Its key."),
            run("SSLCertificateChainFile 1", "The certificates between it and the root."),
            run("SSLProtocol 1+", "The versions of TLS."),
            run("SSLCipherSuite 1-2, SSLHonorCipherOrder flag", "The ciphers, and who chooses."),
            run("SSLProxyEngine flag", "Whether members are reached by TLS; their https:// says it as well."),
            run("SSLProxyVerify 1, SSLProxyVerifyDepth 1", "Whether an authority must vouch for members."),
            run(
                "SSLProxyCheckPeerCN flag, SSLProxyCheckPeerName flag, SSLProxyCheckPeerExpire flag",
                "Whether members' certificates must be for their names, and valid now.",
            ),
            run(
                "SSLProxyCACertificateFile 1, SSLProxyCACertificatePath 1",
                "Who may vouch for members.",
            ),
            run("SSLProxyMachineCertificateFile 1", "What is shown to members that ask for a certificate."),
            run("SSLProxyProtocol 1+, SSLProxyCipherSuite 1-2", "Versions and ciphers towards members."),
            run("SSLSessionTickets flag", "Whether clients get tickets for their sessions."),
            stops("SSLVerifyClient 1", _CLIENTS, same="none"),
            harmless(
                "SSLCACertificateFile 1, SSLCARevocationFile 1, SSLCARevocationCheck 1+, SSLVerifyDepth 1",
                _ASKED,
            ),
            stops("SSLRequire 1+", "Everybody may see what this keeps for some."),
            stops("SSLRequireSSL 0", "What is asked for without TLS is answered all the same."),
            stops("SSLProxyCARevocationPath 1, SSLProxyCARevocationFile 1", _REVOKED),
            stops("SSLProxyCARevocationCheck 1+", _REVOKED, same="none"),
            stops(
                "SSLProxyMachineCertificatePath 1, SSLProxyMachineCertificateChainFile 1",
                "Write certificate, chain and key into one SSLProxyMachineCertificateFile.",
            ),
            lost(
                "SSLCACertificatePath 1, SSLCADNRequestPath 1, SSLCADNRequestFile 1, SSLCARevocationPath 1",
                "Authorities and their lists are read from one file each, and clients are told no names of authorities.",
            ),
            lost("SSLUserName 1", "Members are told who a client is in X-Client-Cert-Subject."),
            harmless(
                "SSLRenegBufferSize 1",
                "Nothing is renegotiated.",
            ),
            lost(
                "SSLOCSPEnable 1+, SSLOCSPDefaultResponder 1, SSLOCSPOverrideResponder flag, SSLOCSPResponseTimeSkew 1, "
                "SSLOCSPResponseMaxAge 1, SSLOCSPResponderTimeout 1, SSLOCSPUseRequestNonce flag, SSLOCSPProxyURL 1, "
                "SSLOCSPNoVerify flag, SSLOCSPResponderCertificateFile 1",
                _OCSP,
            ),
            lost("SSLUseStapling flag", _STAPLING, same="off"),
            lost(
                "SSLStaplingCache 1, SSLStaplingResponseTimeSkew 1, SSLStaplingResponderTimeout 1, "
                "SSLStaplingResponseMaxAge 1, SSLStaplingStandardCacheTimeout 1, SSLStaplingReturnResponderErrors flag, "
                "SSLStaplingFakeTryLater flag, SSLStaplingErrorCacheTimeout 1, SSLStaplingForceURL 1",
                _STAPLING,
            ),
            lost("SSLOpenSSLConfCmd 2", "OpenSSL is configured by the system's openssl.cnf."),
            lost(
                "SSLOptions 1+",
                "Variables of the TLS connection go nowhere but into headers that say so.",
                same=r"([+-]?(stdenvvars|stricterequire|optrenegotiate) ?)+",
            ),
            lost(
                "SSLSRPVerifierFile 1, SSLSRPUnknownUserSeed 1",
                "There are no passwords in the TLS handshake.",
            ),
            lost(
                "SSLStrictSNIVHostCheck flag",
                "Clients that name no host in the handshake are served.",
                same="off",
            ),
            lost("SSLVHostSNIPolicy 1", "The host is chosen by the request's Host."),
            lost("SSLFIPS flag", "FIPS mode is the system's to switch on.", same="off"),
            lost(
                "SSLPassPhraseDialog 1",
                "Keys with a passphrase cannot be read; take it off.",
                same="builtin",
            ),
            harmless(
                "SSLSessionCache 1, SSLSessionCacheTimeout 1, SSLSessionTicketKeyFile 1",
                "OpenSSL resumes sessions by itself.",
            ),
            harmless(
                "SSLCompression flag, SSLInsecureRenegotiation flag",
                "Unsafe, and not offered by OpenSSL any more.",
            ),
            harmless("SSLRandomSeed 2-3, SSLCryptoDevice 1", "OpenSSL finds its own randomness."),
            harmless("SSLLog 1+, SSLLogLevel 1+", "Without effect in Apache 2.4 as well."),
        ),
    ),
    Module(
        {"md_module": "mod_md.c"},
        "getting certificates",
        (
            stops("MDomain 1+, <MDomain> 1+, <MDomainSet> 1+", _RENEWAL),
            stops("MDRequireHttps 1", "Clients are not sent to https; write a Redirect.", same="off"),
            lost("MDCertificateFile 1, MDCertificateKeyFile 1", _RENEWAL),
            lost(
                "MDCertificateAuthority 1+, MDCertificateAgreement 1, MDCAChallenges 1+, MDCertificateProtocol 1, "
                "MDContactEmail 1, MDDriveMode 1, MDRenewMode 1, MDMember 1+, MDMembers 1+, MDMustStaple 1, "
                "MDPortMap 1-2, MDPrivateKeys 1+, MDHttpProxy 1, MDStoreDir 1, MDRenewWindow 1, MDNotifyCmd 1+, "
                "MDBaseServer 1, MDChallengeDns01 1+, MDChallengeDns01Version 1, MDServerStatus 1, "
                "MDCertificateStatus 1, MDWarnWindow 1, MDMessageCmd 1+, MDStapling 1, MDStapleOthers 1, "
                "MDStaplingKeepResponse 1, MDStaplingRenewWindow 1, MDCertificateCheck 2, MDActivationDelay 1, "
                "MDCACertificateFile 1, MDHttpProxyCACertificateFile 1, MDExternalAccountBinding 1-2, MDRetryDelay 1, "
                "MDRetryFailover 1, MDStoreLocks 1, MDMatchNames 1, MDInitialDelay 1, MDCheckInterval 1, MDProfile 1, "
                "MDProfileMandatory 1, MDRenewViaARI 1",
                _RENEWAL,
            ),
        ),
    ),
    Module(
        {"http2_module": "mod_http2.c"},
        "HTTP/2",
        (
            lost(
                "H2MaxSessionStreams 1, H2WindowSize 1, H2MinWorkers 1, H2MaxWorkers 1, H2MaxWorkerIdleSeconds 1, "
                "H2StreamMaxMemSize 1, H2SerializeHeaders 1, H2ModernTLSOnly 1, H2Upgrade 1, H2Direct 1, "
                "H2SessionExtraFiles 1, H2TLSWarmUpSize 1, H2TLSCoolDownSecs 1, H2Push 1, H2PushPriority 2-3, "
                "H2PushDiarySize 1, H2CopyFiles 1, H2PushResource 1-3, H2EarlyHints 1, H2Padding 1, "
                "H2OutputBuffering 1, H2StreamTimeout 1, H2MaxDataFrameLen 1, H2MaxHeaderBlockLen 1, "
                "H2MaxStreamErrors 1, H2EarlyHint 2, H2ProxyRequests 1, H2WebSockets 1",
                _HTTP2,
            ),
        ),
    ),
)
