"""Who may see what: authorization, authentication, sessions, and the databases behind them."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, stops

_USERS = "panolb asks nobody for a password, and knows no users."
_TAKES_PART = "It takes part in asking users who they are, which panolb does not do."
_SESSIONS = "panolb keeps no sessions of Apache's."
_LDAP = "panolb asks no directory."
_SQL = "panolb asks no database."

MODULES = (
    Module(
        {"authz_core_module": "mod_authz_core.c"},
        "who may see what",
        (
            stops("Require 1+", "Everybody may see what this keeps for some.", same="all granted"),
            harmless("<RequireAll> 0, <RequireAny> 0", "What counts is the Require in it."),
            stops("<RequireNone> 0", "Everybody may see what this keeps from some."),
            stops("<AuthzProviderAlias> 2-3", _TAKES_PART),
            harmless("AuthMerging 1", "What counts is the Require that it joins."),
            lost("AuthzSendForbiddenOnFailure flag", "Nobody is refused.", same="off"),
        ),
    ),
    Module({"authz_host_module": "mod_authz_host.c"}, "Require ip", ()),
    Module({"authz_user_module": "mod_authz_user.c"}, "Require user", ()),
    Module({"authz_owner_module": "mod_authz_owner.c"}, "Require file-owner", ()),
    Module(
        {"authz_groupfile_module": "mod_authz_groupfile.c"},
        "Require group",
        (lost("AuthGroupFile 1", _TAKES_PART),),
    ),
    Module(
        {"authz_dbm_module": "mod_authz_dbm.c"},
        "groups in files",
        (lost("AuthDBMGroupFile 1, AuthzDBMType 1", _TAKES_PART),),
    ),
    Module(
        {"authz_dbd_module": "mod_authz_dbd.c"},
        "groups in a database",
        (lost("AuthzDBDLoginToReferer flag, AuthzDBDQuery 1, AuthzDBDRedirectQuery 1", _TAKES_PART),),
    ),
    Module(
        {"access_compat_module": "mod_access_compat.c"},
        "who may see what, as in Apache 2.2",
        (
            stops("Order 1", "Everybody may see what this keeps for some.", same="deny, ?allow"),
            stops("Allow 2+", "Everybody may see what this keeps for some.", same="from all"),
            stops("Deny 2+", "Everybody may see what this keeps from some.", same="from none"),
            lost("Satisfy 1", "What counts is what Allow and Require say.", same="all"),
        ),
    ),
    Module(
        {"allowmethods_module": "mod_allowmethods.c"},
        "methods",
        (stops("AllowMethods 1+", "Members get requests of every method.", same="reset"),),
    ),
    Module(
        {"authn_core_module": "mod_authn_core.c"},
        "asking users",
        (
            stops("AuthType 1", _USERS, same="none"),
            lost("AuthName 1", _TAKES_PART),
            lost("<AuthnProviderAlias> 2", _TAKES_PART),
        ),
    ),
    Module(
        {"auth_basic_module": "mod_auth_basic.c"},
        "passwords",
        (
            lost(
                "AuthBasicProvider 1+, AuthBasicAuthoritative flag, AuthBasicUseDigestAlgorithm 1",
                _TAKES_PART,
            ),
            stops("AuthBasicFake 1-2", "Members get no password that clients did not send."),
        ),
    ),
    Module(
        {"auth_digest_module": "mod_auth_digest.c"},
        "digests",
        (
            lost(
                "AuthDigestProvider 1+, AuthDigestQop 1+, AuthDigestNonceLifetime 1, AuthDigestNonceFormat 1, "
                "AuthDigestNcCheck flag, AuthDigestAlgorithm 1, AuthDigestDomain 1+, AuthDigestShmemSize 1",
                _TAKES_PART,
            ),
        ),
    ),
    Module(
        {"auth_form_module": "mod_auth_form.c"},
        "login pages",
        (
            lost(
                "AuthFormProvider 1+, AuthFormUsername 1, AuthFormPassword 1, AuthFormLocation 1, AuthFormMethod 1, "
                "AuthFormMimetype 1, AuthFormBody 1, AuthFormSize 1, AuthFormLoginRequiredLocation 1, "
                "AuthFormLoginSuccessLocation 1, AuthFormLogoutLocation 1, AuthFormSitePassphrase 1, "
                "AuthFormAuthoritative flag, AuthFormFakeBasicAuth flag, AuthFormDisableNoStore flag",
                _TAKES_PART,
            ),
        ),
    ),
    Module(
        {"authn_file_module": "mod_authn_file.c"}, "users in files", (lost("AuthUserFile 1", _TAKES_PART),)
    ),
    Module(
        {"authn_dbm_module": "mod_authn_dbm.c"},
        "users in files",
        (lost("AuthDBMUserFile 1, AuthDBMType 1", _TAKES_PART),),
    ),
    Module(
        {"authn_dbd_module": "mod_authn_dbd.c"},
        "users in a database",
        (lost("AuthDBDUserPWQuery 1, AuthDBDUserRealmQuery 1", _TAKES_PART),),
    ),
    Module(
        {"authn_anon_module": "mod_authn_anon.c"},
        "anonymous users",
        (
            lost(
                "Anonymous 1+, Anonymous_MustGiveEmail flag, Anonymous_NoUserID flag, Anonymous_VerifyEmail flag, "
                "Anonymous_LogEmail flag",
                _TAKES_PART,
            ),
        ),
    ),
    Module(
        {"authn_socache_module": "mod_authn_socache.c"},
        "remembering users",
        (
            lost(
                "AuthnCacheSOCache 1, AuthnCacheEnable 0, AuthnCacheProvideFor 1+, AuthnCacheTimeout 1, "
                "AuthnCacheContext 1",
                _TAKES_PART,
            ),
        ),
    ),
    Module(
        {"authnz_fcgi_module": "mod_authnz_fcgi.c"},
        "asking FastCGI",
        (lost("AuthnzFcgiDefineProvider 3+, AuthnzFcgiCheckAuthnProvider 1+", _TAKES_PART),),
    ),
    Module(
        {"authnz_ldap_module": "mod_authnz_ldap.c"},
        "asking a directory",
        (
            lost(
                "AuthLDAPURL 1-2, AuthLDAPBindDN 1, AuthLDAPBindPassword 1, AuthLDAPBindAuthoritative flag, "
                "AuthLDAPRemoteUserIsDN flag, AuthLDAPRemoteUserAttribute 1, AuthLDAPCompareDNOnServer flag, "
                "AuthLDAPSubGroupAttribute 1+, AuthLDAPSubGroupClass 1+, AuthLDAPMaxSubGroupDepth 1, "
                "AuthLDAPGroupAttribute 1+, AuthLDAPGroupAttributeIsDN flag, AuthLDAPDereferenceAliases 1, "
                "AuthLDAPCharsetConfig 1, AuthLDAPAuthorizePrefix 1, AuthLDAPInitialBindAsUser flag, "
                "AuthLDAPInitialBindPattern 2, AuthLDAPSearchAsUser flag, AuthLDAPCompareAsUser flag",
                _TAKES_PART,
            ),
        ),
    ),
    Module(
        {"ldap_module": "util_ldap.c"},
        "directories",
        (
            harmless(
                "LDAPSharedCacheSize 1, LDAPSharedCacheFile 1, LDAPCacheEntries 1, LDAPCacheTTL 1, "
                "LDAPOpCacheEntries 1, LDAPOpCacheTTL 1, LDAPTrustedGlobalCert 2-3, LDAPTrustedClientCert 2-3, "
                "LDAPTrustedMode 1, LDAPVerifyServerCert flag, LDAPConnectionTimeout 1, LDAPReferrals 1, "
                "LDAPReferralHopLimit 1, LDAPLibraryDebug 1, LDAPTimeout 1, LDAPConnectionPoolTTL 1, LDAPRetries 1, "
                "LDAPRetryDelay 1",
                _LDAP,
            ),
        ),
    ),
    Module(
        {"dbd_module": "mod_dbd.c"},
        "databases",
        (
            harmless(
                "DBDriver 1, DBDParams 1, DBDPersist flag, DBDPrepareSQL 1-2, DBDInitSQL 1, DBDMin 1, DBDKeep 1, "
                "DBDMax 1, DBDExptime 1",
                _SQL,
            ),
        ),
    ),
    Module(
        {"ident_module": "mod_ident.c"},
        "RFC 1413",
        (harmless("IdentityCheck flag, IdentityCheckTimeout 1", "panolb asks no identd."),),
    ),
    Module(
        {"session_module": "mod_session.c"},
        "sessions",
        (
            stops("Session flag", _SESSIONS, same="off"),
            lost(
                "SessionMaxAge 1, SessionHeader 1, SessionEnv flag, SessionInclude 1, SessionExclude 1, "
                "SessionExpiryUpdateInterval 1",
                _SESSIONS,
            ),
        ),
    ),
    Module(
        {"session_cookie_module": "mod_session_cookie.c"},
        "sessions in cookies",
        (lost("SessionCookieName 1+, SessionCookieName2 1+, SessionCookieRemove flag", _SESSIONS),),
    ),
    Module(
        {"session_crypto_module": "mod_session_crypto.c"},
        "secret sessions",
        (
            lost(
                "SessionCryptoPassphrase 1+, SessionCryptoPassphraseFile 1, SessionCryptoCipher 1, "
                "SessionCryptoDriver 1+",
                _SESSIONS,
            ),
        ),
    ),
    Module(
        {"session_dbd_module": "mod_session_dbd.c"},
        "sessions in a database",
        (
            lost(
                "SessionDBDSelectLabel 1, SessionDBDInsertLabel 1, SessionDBDUpdateLabel 1, SessionDBDDeleteLabel 1, "
                "SessionDBDPerUser flag, SessionDBDCookieRemove flag, SessionDBDCookieName 1+, "
                "SessionDBDCookieName2 1+",
                _SESSIONS,
            ),
        ),
    ),
)
