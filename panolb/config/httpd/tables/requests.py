"""What changes requests and answers, and what writes them down."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, run, stops

_UNCOMPRESSED = "Answers are passed as the members send them; panolb compresses nothing."
_PAGES = "Bodies pass unchanged."
_UNCACHED = "panolb caches nothing; every request reaches a member."

MODULES = (
    Module(
        {"headers_module": "mod_headers.c"},
        "headers",
        (
            run("Header 2-7", "Changes the header of answers."),
            run("RequestHeader 2-6", "Changes the header of requests on their way to the members."),
        ),
    ),
    Module(
        {"env_module": "mod_env.c"},
        "variables",
        (
            run("SetEnv 1-2, UnsetEnv 1+", "Sets and forgets variables for header rules, logs and proxying."),
            lost("PassEnv 1+", "Variables of the shell are not passed to requests."),
        ),
    ),
    Module(
        {"setenvif_module": "mod_setenvif.c"},
        "variables by the request",
        (
            run("SetEnvIf 3+, SetEnvIfNoCase 3+", "Sets variables by what the request says."),
            run("SetEnvIfExpr 2+", "Sets variables by an expression."),
            run("BrowserMatch 2+, BrowserMatchNoCase 2+", "Sets variables by the browser."),
        ),
    ),
    Module(
        {"rewrite_module": "mod_rewrite.c"},
        "rewriting URLs",
        (
            run("RewriteEngine flag", "Whether the rules below it are asked."),
            run(
                "RewriteCond 2-3, RewriteRule 2-3",
                "The WebSocket recipe ([P] on an Upgrade), redirects and refusals.",
            ),
            stops("RewriteMap 2-3", "URLs are not looked up in maps."),
            stops("RewriteBase 1", "Rules by directory are not carried over.", same="/"),
            stops(
                "RewriteOptions 1+",
                "How rules are inherited is not carried over.",
                mild="(allownoslash|longurloptimization|mergebase|ignorecontextinfo|legacyprefixdocroot|allowanyuri)",
            ),
        ),
    ),
    Module(
        {"alias_module": "mod_alias.c"},
        "paths and redirects",
        (
            run("Redirect 1-3, RedirectMatch 2-3", "Answers with a redirect, or another status."),
            run("RedirectTemp 2, RedirectPermanent 2", "Answers with a redirect."),
            run("Alias 1-2", "Serves the files of a directory."),
            stops("AliasMatch 2", "Files by a regular expression are not served; they get 404."),
            stops("ScriptAlias 1-2, ScriptAliasMatch 2", "panolb runs no programs; these paths get 404."),
            lost("RedirectRelative flag", "Redirects name scheme and host.", same="off"),
            lost("AliasPreservePath flag", "Files are found as with Off.", same="off"),
        ),
    ),
    Module(
        {"log_config_module": "mod_log_config.c"},
        "access logs",
        (
            run("CustomLog 2-3", "Writes a line for each request."),
            run("TransferLog 1", "The same, in the latest format without a name."),
            run("LogFormat 1-2", "Says what such a line has."),
            lost("GlobalLog 2-3", "Logs are written for the virtual hosts that name them."),
            harmless("BufferedLogs flag", "Lines are written at the end of the turn that made them."),
        ),
    ),
    Module(
        {"logio_module": "mod_logio.c"},
        "bytes in logs",
        (lost("LogIOTrackTTFB flag", "The time to the first byte is not logged.", same="off"),),
    ),
    Module(
        {"log_debug_module": "mod_log_debug.c"},
        "messages",
        (lost("LogMessage 1-3", "Messages of your own are not logged."),),
    ),
    Module(
        {"log_forensic_module": "mod_log_forensic.c"},
        "forensic logs",
        (lost("ForensicLog 1", "Requests are logged once, when they are over."),),
    ),
    Module(
        {"dumpio_module": "mod_dumpio.c"},
        "logging everything",
        (lost("DumpIOInput flag, DumpIOOutput flag", "Bodies are not logged.", same="off"),),
    ),
    Module(
        {"usertrack_module": "mod_usertrack.c"},
        "tracking cookies",
        (
            lost("CookieTracking flag", "No tracking cookies are set.", same="off"),
            harmless(
                "CookieExpires 1, CookieDomain 1, CookieStyle 1, CookieName 1, CookieSameSite 1, CookieSecure flag, "
                "CookieHttpOnly flag",
                "It only says how CookieTracking works.",
            ),
        ),
    ),
    Module(
        {"remoteip_module": "mod_remoteip.c"},
        "clients behind other proxies",
        (
            run("RemoteIPHeader 1", "The header in which proxies in front of panolb name the client."),
            run(
                "RemoteIPTrustedProxy 1+, RemoteIPInternalProxy 1+",
                "The proxies in front of panolb that are believed.",
            ),
            lost("RemoteIPProxiesHeader 1", "The proxies on the way are not told to the members."),
            lost(
                "RemoteIPTrustedProxyList 1, RemoteIPInternalProxyList 1",
                "The list is not read; name the proxies with RemoteIPTrustedProxy.",
            ),
            run(
                "RemoteIPProxyProtocol flag",
                "Proxies announce clients; only those that RemoteIPTrustedProxy names, where Apache believes everybody.",
            ),
            run("RemoteIPProxyProtocolExceptions 1+", "Who connects without announcing a client."),
        ),
    ),
    Module(
        {"reqtimeout_module": "mod_reqtimeout.c"},
        "slow clients",
        (run("RequestReadTimeout 1+", "How long a request's head and body may take."),),
    ),
    Module(
        {"request_module": "mod_request.c"},
        "keeping bodies",
        (harmless("KeptBodySize 1", "panolb keeps no bodies."),),
    ),
    Module(
        {"buffer_module": "mod_buffer.c"},
        "buffering",
        (harmless("BufferSize 1", "panolb passes on what it has."),),
    ),
    Module({"ratelimit_module": "mod_ratelimit.c"}, "slowing down", ()),
    Module(
        {"deflate_module": "mod_deflate.c"},
        "compression",
        (
            lost(
                "DeflateFilterNote 1-2, DeflateWindowSize 1, DeflateBufferSize 1, DeflateMemLevel 1, "
                "DeflateCompressionLevel 1, DeflateInflateLimitRequestBody 1, DeflateInflateRatioLimit 1, "
                "DeflateInflateRatioBurst 1, DeflateAlterETag 1",
                _UNCOMPRESSED,
            ),
        ),
    ),
    Module(
        {"brotli_module": "mod_brotli.c"},
        "compression",
        (
            lost(
                "BrotliFilterNote 1-2, BrotliCompressionQuality 1, BrotliCompressionWindow 1, "
                "BrotliCompressionMaxInputBlock 1, BrotliAlterETag 1",
                _UNCOMPRESSED,
            ),
        ),
    ),
    Module(
        {"filter_module": "mod_filter.c"},
        "filters",
        (
            stops(
                "AddOutputFilterByType 1+",
                "Bodies pass unchanged, and are not compressed.",
                mild="(?:(?:deflate|brotli_compress|ratelimit);?)+ .*",
            ),
            lost(
                "FilterDeclare 1-2, FilterProvider 3, FilterChain 1+, FilterTrace 2, FilterProtocol 2-3",
                _PAGES,
            ),
        ),
    ),
    Module(
        {"expires_module": "mod_expires.c"},
        "Expires",
        (
            lost(
                "ExpiresActive flag",
                "Answers are as fresh as the members say; Expires is not added.",
                same="off",
            ),
            lost(
                "ExpiresByType 2, ExpiresDefault 1",
                "Answers are as fresh as the members say; Expires is not added.",
            ),
        ),
    ),
    Module(
        {"substitute_module": "mod_substitute.c"},
        "replacing text",
        (
            stops("Substitute 1", "Text in pages is not replaced."),
            harmless(
                "SubstituteMaxLineLength 1, SubstituteInheritBefore flag",
                "It only says how Substitute works.",
            ),
        ),
    ),
    Module(
        {"sed_module": "mod_sed.c"},
        "replacing text",
        (stops("OutputSed 1, InputSed 1", "Text in bodies is not replaced."),),
    ),
    Module(
        {"ext_filter_module": "mod_ext_filter.c"},
        "filters of your own",
        (lost("ExtFilterDefine 1+, ExtFilterOptions 1+", "Bodies do not pass through programs."),),
    ),
    Module(
        {"include_module": "mod_include.c"},
        "server side includes",
        (
            harmless(
                "XBitHack 1, SSIErrorMsg 1, SSITimeFormat 1, SSIStartTag 1, SSIEndTag 1, SSIUndefinedEcho 1, "
                "SSILegacyExprParser flag, SSILastModified flag, SSIEtag flag",
                "It only says how the filter INCLUDES works, which panolb has not.",
            ),
        ),
    ),
    Module(
        {"charset_lite_module": "mod_charset_lite.c"},
        "character sets",
        (lost("CharsetSourceEnc 1, CharsetDefault 1, CharsetOptions 1+", _PAGES),),
    ),
    Module(
        {"cache_module": "mod_cache.c"},
        "caching",
        (
            lost("CacheEnable 1-2", _UNCACHED),
            harmless(
                "CacheDisable 1, CacheMaxExpire 1, CacheMinExpire 1, CacheDefaultExpire 1, CacheQuickHandler flag, "
                "CacheIgnoreNoLastMod flag, CacheIgnoreCacheControl flag, CacheStoreExpired flag, "
                "CacheStorePrivate flag, CacheStoreNoStore flag, CacheIgnoreHeaders 1+, CacheIgnoreQueryString flag, "
                "CacheIgnoreURLSessionIdentifiers 1+, CacheLastModifiedFactor 1, CacheLock flag, CacheLockPath 1, "
                "CacheLockMaxAge 1, CacheHeader flag, CacheDetailHeader flag, CacheKeyBaseURL 1, "
                "CacheStaleOnError flag",
                "It only says how CacheEnable works.",
            ),
        ),
    ),
    Module(
        {"cache_disk_module": "mod_cache_disk.c"},
        "caching on disk",
        (
            harmless(
                "CacheRoot 1, CacheDirLevels 1, CacheDirLength 1, CacheMinFileSize 1, CacheMaxFileSize 1, "
                "CacheReadSize 1, CacheReadTime 1",
                _UNCACHED,
            ),
        ),
    ),
    Module(
        {"cache_socache_module": "mod_cache_socache.c"},
        "caching in memory",
        (
            harmless(
                "CacheSocache 1, CacheSocacheMaxTime 1, CacheSocacheMinTime 1, CacheSocacheMaxSize 1, "
                "CacheSocacheReadSize 1, CacheSocacheReadTime 1",
                _UNCACHED,
            ),
        ),
    ),
    Module(
        {"file_cache_module": "mod_file_cache.c"},
        "caching files",
        (harmless("CacheFile 1+, MMapFile 1+", "panolb serves none of these files."),),
    ),
    Module({"socache_shmcb_module": "mod_socache_shmcb.c"}, "shared caches", ()),
    Module({"socache_dbm_module": "mod_socache_dbm.c"}, "shared caches", ()),
    Module(
        {"socache_memcache_module": "mod_socache_memcache.c"},
        "shared caches",
        (harmless("MemcacheConnTTL 1", "panolb keeps nothing in memcached."),),
    ),
    Module(
        {"socache_redis_module": "mod_socache_redis.c"},
        "shared caches",
        (harmless("RedisConnPoolTTL 1, RedisTimeout 1", "panolb keeps nothing in Redis."),),
    ),
)
