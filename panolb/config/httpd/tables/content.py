"""Files, programs, and everything else that answers requests in Apache itself."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, stops

_LISTS = "panolb shows no lists of files."
_TYPES = "Members say what their answers are; panolb's own files go by the system's types."
_PROGRAMS = "panolb runs no programs to answer requests."
_CHOICE = "Members choose between languages and types themselves."
_LUA = "panolb runs no Lua."
_DAV = "panolb stores no files; members that do WebDAV get the requests."

MODULES = (
    Module(
        {"dir_module": "mod_dir.c"},
        "directories",
        (
            harmless(
                "DirectoryIndex 0+, DirectoryIndexRedirect 1",
                "Where panolb serves files, it serves index.html.",
            ),
            harmless("DirectorySlash flag, DirectoryCheckHandler flag", "It concerns directories of files."),
            lost("FallbackResource 1", "What is not found is 404.", same="disabled"),
        ),
    ),
    Module(
        {"autoindex_module": "mod_autoindex.c"},
        "lists of files",
        (
            harmless(
                "AddIcon 2+, AddIconByType 2+, AddIconByEncoding 2+, AddAlt 2+, AddAltByType 2+, AddAltByEncoding 2+, "
                "IndexOptions 0+, IndexOrderDefault 2, IndexIgnore 1+, IndexIgnoreReset flag, AddDescription 2+, "
                "HeaderName 1, ReadmeName 1, FancyIndexing 0+, DefaultIcon 1, IndexStyleSheet 1, "
                "IndexHeadInsert 1",
                _LISTS,
            ),
        ),
    ),
    Module(
        {"mime_module": "mod_mime.c"},
        "types",
        (
            harmless(
                "AddCharset 2+, AddEncoding 2+, AddLanguage 2+, AddType 2+, DefaultLanguage 1, MultiviewsMatch 1+, "
                "RemoveCharset 1+, RemoveEncoding 1+, RemoveLanguage 1+, RemoveType 1+, TypesConfig 1, "
                "ModMimeUsePathInfo flag",
                _TYPES,
            ),
            harmless("AddHandler 2+, RemoveHandler 1+", _PROGRAMS),
            harmless("RemoveInputFilter 1+, RemoveOutputFilter 1+", "There are no filters to take away."),
            stops(
                "AddInputFilter 2+, AddOutputFilter 2+",
                "Bodies pass unchanged.",
                mild="(deflate|brotli_compress|includes|ratelimit) .*",
            ),
        ),
    ),
    Module(
        {"mime_magic_module": "mod_mime_magic.c"}, "types by content", (harmless("MimeMagicFile 1", _TYPES),)
    ),
    Module(
        {"negotiation_module": "mod_negotiation.c"},
        "choosing between files",
        (harmless("CacheNegotiatedDocs flag, LanguagePriority 1+, ForceLanguagePriority 1+", _CHOICE),),
    ),
    Module(
        {"speling_module": "mod_speling.c"},
        "wrong spellings",
        (
            harmless(
                "CheckSpelling flag, CheckCaseOnly flag, CheckBasenameMatch flag",
                "It concerns names of files.",
            ),
        ),
    ),
    Module(
        {"userdir_module": "mod_userdir.c"},
        "/~user",
        (lost("UserDir 1+", "Directories of users are not served.", same="disabled.*"),),
    ),
    Module(
        {"vhost_alias_module": "mod_vhost_alias.c"},
        "a directory per host",
        (
            lost(
                "VirtualDocumentRoot 1, VirtualDocumentRootIP 1",
                "Directories by host are not served.",
                same="none",
            ),
            stops("VirtualScriptAlias 1, VirtualScriptAliasIP 1", _PROGRAMS, same="none"),
        ),
    ),
    Module(
        {"actions_module": "mod_actions.c"},
        "programs by type and method",
        (stops("Action 2-3, Script 2", _PROGRAMS),),
    ),
    Module(
        {"cgid_module": "mod_cgid.c", "cgi_module": "mod_cgi.c"},
        "programs",
        (
            harmless(
                "ScriptLog 1, ScriptLogLength 1, ScriptLogBuffer 1, ScriptSock 1, CGIDScriptTimeout 1, "
                "CGIScriptTimeout 1",
                _PROGRAMS,
            ),
        ),
    ),
    Module(
        {"isapi_module": "mod_isapi.c"},
        "Windows programs",
        (
            harmless(
                "ISAPIReadAheadBuffer 1, ISAPILogNotSupported flag, ISAPIAppendLogToErrors flag, "
                "ISAPIAppendLogToQuery flag, ISAPIFakeAsync flag, ISAPICacheFile 1+",
                _PROGRAMS,
            ),
        ),
    ),
    Module(
        {"win32_module": "mod_win32.c"},
        "Windows programs",
        (harmless("ScriptInterpreterSource 1", _PROGRAMS),),
    ),
    Module({"asis_module": "mod_asis.c"}, "files with headers", ()),
    Module(
        {"cern_meta_module": "mod_cern_meta.c"},
        "headers of files",
        (harmless("MetaFiles flag, MetaDir 1, MetaSuffix 1", "It concerns files."),),
    ),
    Module(
        {"imagemap_module": "mod_imagemap.c"},
        "image maps",
        (harmless("ImapMenu 1, ImapDefault 1, ImapBase 1", "panolb reads no image maps."),),
    ),
    Module(
        {"dav_module": "mod_dav.c"},
        "WebDAV",
        (
            stops("DAV 1", _DAV, same="off"),
            lost("DAVBasePath 1, DAVMinTimeout 1, DAVDepthInfinity flag, DAVLockDiscovery flag", _DAV),
        ),
    ),
    Module({"dav_fs_module": "mod_dav_fs.c"}, "WebDAV on files", (harmless("DAVLockDB 1", _DAV),)),
    Module({"dav_lock_module": "mod_dav_lock.c"}, "locks of WebDAV", (harmless("DAVGenericLockDB 1", _DAV),)),
    Module(
        {"echo_module": "mod_echo.c"},
        "the echo protocol",
        (stops("ProtocolEcho flag", "panolb speaks HTTP only.", same="off"),),
    ),
    Module(
        {"reflector_module": "mod_reflector.c"},
        "sending requests back",
        (lost("ReflectorHeader 1-2", "panolb sends no requests back."),),
    ),
    Module(
        {"lua_module": "mod_lua.c"},
        "Lua",
        (
            stops(
                "LuaAuthzProvider 3, LuaHookPreTranslateName 2, LuaHookTranslateName 2-3, LuaHookFixups 2, "
                "LuaHookMapToStorage 2, LuaHookCheckUserID 2-3, LuaHookTypeChecker 2, LuaHookAccessChecker 2-3, "
                "LuaHookAuthChecker 2-3, LuaHookInsertFilter 2, LuaHookLog 2, LuaQuickHandler 2, LuaMapHandler 2-3, "
                "LuaOutputFilter 3, LuaInputFilter 3, <LuaHookPreTranslateName> 0+, <LuaHookTranslateName> 0+, "
                "<LuaHookFixups> 0+, <LuaHookMapToStorage> 0+, <LuaHookCheckUserID> 0+, <LuaHookTypeChecker> 0+, "
                "<LuaHookAccessChecker> 0+, <LuaHookAuthChecker> 0+, <LuaQuickHandler> 0+",
                _LUA,
            ),
            harmless(
                "LuaRoot 1, LuaPackagePath 1, LuaPackageCPath 1, LuaScope 1-3, LuaInherit 1, LuaCodeCache 1",
                _LUA,
            ),
        ),
    ),
)
