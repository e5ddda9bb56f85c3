"""Modules that are not Apache's own, but stand in the files of many sites."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, stops

_FIREWALL = "Requests are not inspected; keep a web application firewall in front of panolb."
_FLOODS = "Clients are not limited; that is for what stands in front of panolb."
_JK = "panolb speaks no AJP to Tomcat; write ProxyPass to its HTTP connector."
_WEBLOGIC = "The WebLogic plug-in is not run; write ProxyPass to its servers."
_PHP = "panolb runs no PHP."
_OPENID = "Users are not sent to an identity provider, and everybody gets through."

MODULES = (
    Module(
        {"security2_module": "mod_security2.c"},
        "a web application firewall",
        (
            stops("SecRuleEngine 1", _FIREWALL, same="off"),
            stops("SecRule 2-3, SecAction 1, SecRuleScript 1-2, SecRemoteRules 2", _FIREWALL),
            lost(
                "SecRequestBodyAccess 1, SecRequestBodyLimit 1, SecRequestBodyNoFilesLimit 1, "
                "SecRequestBodyInMemoryLimit 1, SecRequestBodyLimitAction 1, SecRequestBodyJsonDepthLimit 1, "
                "SecResponseBodyAccess 1, SecResponseBodyMimeType 1+, SecResponseBodyMimeTypesClear 0, "
                "SecResponseBodyLimit 1, SecResponseBodyLimitAction 1, SecPcreMatchLimit 1, "
                "SecPcreMatchLimitRecursion 1, SecTmpDir 1, SecDataDir 1, SecUploadDir 1, SecUploadKeepFiles 1, "
                "SecUploadFileMode 1, SecUploadFileLimit 1, SecDebugLog 1, SecDebugLogLevel 1, SecAuditEngine 1, "
                "SecAuditLog 1, SecAuditLog2 1, SecAuditLogParts 1, SecAuditLogType 1, SecAuditLogFormat 1, "
                "SecAuditLogRelevantStatus 1, SecAuditLogStorageDir 1, SecAuditLogDirMode 1, SecAuditLogFileMode 1, "
                "SecArgumentSeparator 1, SecArgumentsLimit 1, SecCookieFormat 1, SecUnicodeMapFile 1-2, "
                "SecDefaultAction 1, "
                "SecMarker 1, SecRuleRemoveById 1+, SecRuleRemoveByMsg 1+, SecRuleRemoveByTag 1+, "
                "SecRuleUpdateActionById 2, SecRuleUpdateTargetById 2-3, SecRuleUpdateTargetByMsg 2-3, "
                "SecRuleUpdateTargetByTag 2-3, SecRuleInheritance 1, SecRulePerfTime 1, SecServerSignature 1, "
                "SecComponentSignature 1, SecStatusEngine 1, SecCollectionTimeout 1, SecGeoLookupDb 1, SecGsbLookupDb 1, "
                "SecHttpBlKey 1, SecInterceptOnError 1, SecSensorId 1, SecStreamInBodyInspection 1, "
                "SecStreamOutBodyInspection 1, SecTmpSaveUploadedFiles 1, SecWebAppId 1, SecXmlExternalEntity 1, "
                "SecCacheTransformations 1-2, SecChrootDir 1, SecConnEngine 1, SecConnReadStateLimit 1-3, "
                "SecConnWriteStateLimit 1-3, SecContentInjection 1, SecDisableBackendCompression 1, SecHashEngine 1, "
                "SecHashKey 1-2, SecHashParam 1, SecHashMethodRx 2, SecHashMethodPm 2, SecGuardianLog 1-2, "
                "SecReadStateLimit 1-3, SecWriteStateLimit 1-3",
                _FIREWALL,
            ),
        ),
    ),
    Module(
        {"evasive20_module": "mod_evasive20.c", "evasive_module": "mod_evasive.c"},
        "floods",
        (
            lost(
                "DOSHashTableSize 1, DOSPageCount 1, DOSSiteCount 1, DOSPageInterval 1, DOSSiteInterval 1, "
                "DOSBlockingPeriod 1, DOSEmailNotify 1, DOSSystemCommand 1, DOSLogDir 1, DOSWhitelist 1+, "
                "DOSHTTPStatus 1, DOSEnabled 1",
                _FLOODS,
            ),
        ),
    ),
    Module(
        {"qos_module": "mod_qos.c"},
        "floods",
        (
            lost(
                "QS_ClientEntries 1, QS_SrvMaxConn 1, QS_SrvMaxConnClose 1, QS_SrvMaxConnPerIP 1-2, "
                "QS_SrvMinDataRate 1-3, QS_LocRequestLimit 2, QS_LocRequestLimitMatch 2, QS_SrvMaxConnExcludeIP 1, "
                "QS_LocRequestPerSecLimit 2, QS_LocKBytesPerSecLimit 2, QS_SetEnvIf 2+",
                _FLOODS,
            ),
        ),
    ),
    Module(
        {"jk_module": "mod_jk.c"},
        "AJP to Tomcat",
        (
            stops("JkMount 1-2, JkMountFile 1, JkAutoAlias 1, JkUnMount 1-2", _JK),
            lost(
                "JkWorkersFile 1, JkWorkerProperty 1, JkLogFile 1, JkLogLevel 1, JkLogStampFormat 1, JkRequestLogFormat 1, "
                "JkShmFile 1, JkShmSize 1, JkMountCopy 1, JkMountFileReload 1, JkOptions 1+, JkEnvVar 1-2, "
                "JkStripSession 1-2, JkWatchdogInterval 1, JkExtractSSL 1, JkHTTPSIndicator 1, JkCERTSIndicator 1, "
                "JkCIPHERIndicator 1, JkSESSIONIndicator 1, JkKEYSIZEIndicator 1, JkRemoteAddrIndicator 1",
                _JK,
            ),
        ),
    ),
    Module(
        {"weblogic_module": "mod_wl.c"},
        "WebLogic",
        (
            stops(
                "WebLogicHost 1, WebLogicPort 1, WebLogicCluster 1, MatchExpression 1+, WLProxySSL 1",
                _WEBLOGIC,
            ),
        ),
    ),
    Module(
        {"php_module": "mod_php.c", "php7_module": "mod_php7.c", "php5_module": "mod_php5.c"},
        "PHP",
        (harmless("php_value 2, php_flag 2, php_admin_value 2, php_admin_flag 2, PHPIniDir 1", _PHP),),
    ),
    Module(
        {"auth_openidc_module": "mod_auth_openidc.c"},
        "OpenID Connect",
        (
            lost(
                "OIDCProviderMetadataURL 1, OIDCClientID 1, OIDCClientSecret 1, OIDCRedirectURI 1, OIDCScope 1, "
                "OIDCCryptoPassphrase 1, OIDCRemoteUserClaim 1-3, OIDCSSLValidateServer 1, OIDCSessionInactivityTimeout 1, "
                "OIDCResponseType 1, OIDCProviderIssuer 1, OIDCCookiePath 1, OIDCPassClaimsAs 1-2, "
                "OIDCSessionType 1, OIDCSessionMaxDuration 1, OIDCXForwardedHeaders 1+",
                _OPENID,
            ),
        ),
    ),
    Module(
        {"pagespeed_module": "mod_pagespeed.c"},
        "changing pages",
        (
            lost(
                "ModPagespeed 1, ModPagespeedFileCachePath 1, ModPagespeedEnableFilters 1, "
                "ModPagespeedDisableFilters 1",
                "Pages are passed as the members send them.",
            ),
        ),
    ),
)
