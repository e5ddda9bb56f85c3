"""The core, HTTP itself, the MPMs, and what belongs to every installation."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, run, stops

_WORKERS = "panolb has no workers or threads to count; one process holds all connections."
_FILES = "It concerns files, and panolb serves none of these."

MODULES = (
    Module(
        {"core_module": "core.c"},
        "the core",
        (
            run("<VirtualHost> 1+", "What is true for requests to these addresses and names."),
            run("ServerName 1", "The name of the virtual host, and its own name in headers."),
            run("ServerAlias 0+", "Further names of the virtual host; * and ? stand for any letters."),
            run("<Location> 1-2, <LocationMatch> 1", "What is true for requests to this path."),
            run("Define 1-2, UnDefine 1", "A variable for ${...} and <IfDefine>."),
            run("ServerRoot 1", "The directory that relative paths start from."),
            run("Include 1, IncludeOptional 1", "The files named are read here."),
            run(
                "<IfModule> 1, <IfDefine> 1, <IfFile> 1, <IfDirective> 1, <IfSection> 1",
                "Read only if it is so.",
            ),
            run("Error 0+", "Stops the start with this message."),
            run("ErrorDocument 2", "The page for answers of panolb's own, such as 503."),
            run("Timeout 1", "How long clients and members may stand still."),
            run("LimitRequestLine 1", "Longest request line."),
            run("LimitRequestFieldSize 1", "Longest header field of a request."),
            run("LimitRequestFields 1", "Most header fields of a request."),
            harmless(
                "LimitRequestBody 1",
                "In Apache it does not hold for what is passed to members; max_body in TOML does.",
            ),
            run("AllowEncodedSlashes 1", "What becomes of %2F in a path."),
            harmless(
                "DocumentRoot 1", "panolb serves no files of a document root; what no ProxyPass has is 404."
            ),
            harmless("<Directory> 1-2, <DirectoryMatch> 1, <Files> 1-2, <FilesMatch> 1", _FILES),
            harmless("AllowOverride 1+, AllowOverrideList 0+, AccessFileName 0+, Options 0+", _FILES),
            harmless("FileETag 0+, EnableMMAP flag, EnableSendfile flag, ContentDigest flag", _FILES),
            harmless(
                "DefaultType 1, ForceType 1, AddDefaultCharset 1", "Members say what their answers are."
            ),
            harmless(
                "MaxRanges 1, MaxRangeOverlaps 1, MaxRangeReversals 1", "Ranges are the members' concern."
            ),
            harmless(
                "AcceptPathInfo 1, CGIPassAuth flag, CGIVar 2", "panolb runs no programs to answer requests."
            ),
            harmless(
                "RLimitCPU 1-2, RLimitMEM 1-2, RLimitNPROC 1-2", "panolb starts no programs to be limited."
            ),
            harmless(
                "ErrorLog 1, ErrorLogFormat 1-2",
                "panolb logs as twistd says: --logfile, --syslog, the journal.",
            ),
            harmless("LogLevel 1+", "panolb logs what an operator has to know; there are no levels."),
            harmless("ServerAdmin 1", "No page of panolb's shows an address."),
            harmless("ServerSignature 1, ServerTokens 1", "panolb tells no version to clients."),
            harmless("HostnameLookups 1", "panolb never looks up the names of clients."),
            lost(
                "UseCanonicalName 1",
                "Redirects name the host that was asked for, but for %{SERVER_NAME} in rewrite rules.",
                same="off",
            ),
            harmless("UseCanonicalPhysicalPort 1", "Redirects name the host that was asked for."),
            harmless("QualifyRedirectURL flag", "Redirects are made as the file writes them."),
            harmless("NameVirtualHost 1", "Without effect in Apache 2.4 as well."),
            harmless("PidFile 1", "It is where twistd --pidfile says."),
            harmless(
                "DefaultRuntimeDir 1, ScoreBoardFile 1, Mutex 1+", "panolb shares nothing between processes."
            ),
            harmless(
                "CoreDumpDirectory 1, EnableExceptionHook flag, GprofDir 1, SeeRequestTail flag", "Debugging."
            ),
            harmless("ExtendedStatus flag", "panolb always counts what its status page shows."),
            harmless("AcceptFilter 2, Protocol 1", "The system's own way of accepting connections does."),
            harmless(
                "ReadBufferSize 1, FlushMaxThreshold 1, FlushMaxPipelined 1",
                "What arrives is passed on at once.",
            ),
            harmless("LimitInternalRecursion 1-2", "panolb has no internal redirects."),
            harmless("LimitXMLRequestBody 1", "panolb reads no XML."),
            stops(
                "RegexDefaultOptions 0+",
                "Regular expressions are read with the options that Apache 2.4 has by itself.",
                same=r"(?:(?:\+(?:dotall|dollar_endonly)|-(?:icase|extended))(?: |$))*",
            ),
            lost("Port 1, ServerPath 1", "It was for browsers of the nineties, and is not carried over."),
            lost("TraceEnable 1", "TRACE is answered with 405.", same="off"),
            lost("MergeTrailers flag", "Trailers are not merged into headers.", same="off"),
            lost("MergeSlashes flag", "Runs of slashes count as one where paths are compared.", same="on"),
            lost("Protocols 1+", "Clients speak HTTP/1.1; panolb has no HTTP/2.", same=r"http/1\.1"),
            harmless("ProtocolsHonorOrder flag", "There is one protocol to choose from."),
            lost(
                "HttpProtocolOptions 1+",
                "Requests are read strictly, and methods are not limited to known ones.",
                same="((strict|lenientmethods|allow0.9|require1.0) ?)+",
            ),
            harmless("RegisterHttpMethod 1+", "panolb passes every method."),
            lost("StrictHostCheck flag", "An unknown Host gets the first virtual host.", same="off"),
            stops(
                "SetHandler 1",
                "Requests for this handler are not answered by panolb.",
                same="none",
                mild="server-status|server-info|balancer-manager|ldap-status",
            ),
            stops(
                "SetOutputFilter 1, SetInputFilter 1",
                "Bodies pass unchanged.",
                same="none",
                mild="(?:(?:deflate|brotli_compress|ratelimit);?)+",
            ),
            stops(
                "<If> 1+, <ElseIf> 1+, <Else> 0+",
                "What stands under a condition on the request is not carried over.",
            ),
            lost("<Limit> 1+, <LimitExcept> 1+", "What stands for some methods only is not carried over."),
        ),
    ),
    Module(
        {"so_module": "mod_so.c"},
        "loading modules",
        (
            run(
                "LoadModule 2",
                "Remembered: a directive of a module that is not loaded is a mistake, as in Apache.",
            ),
            harmless("LoadFile 1+", "panolb loads no libraries of Apache's."),
        ),
    ),
    Module(
        {"http_module": "http_core.c"},
        "HTTP",
        (
            run("KeepAlive flag", "Whether clients may keep their connection."),
            run("KeepAliveTimeout 1", "How long a client's connection may be idle."),
            run("MaxKeepAliveRequests 1", "Requests after which a client's connection ends."),
        ),
    ),
    Module(
        {
            "mpm_event_module": "event.c",
            "mpm_worker_module": "worker.c",
            "mpm_prefork_module": "prefork.c",
            "mpm_winnt_module": "mpm_winnt.c",
        },
        "processes and threads",
        (
            run("Listen 1-3", "An address that clients connect to."),
            run("GracefulShutdownTimeout 1", "Time for requests to finish at the end."),
            harmless(
                "StartServers 1, ServerLimit 1, MinSpareServers 1, MaxSpareServers 1, MinSpareThreads 1, "
                "MaxSpareThreads 1, MaxClients 1, MaxRequestWorkers 1, ThreadsPerChild 1, ThreadLimit 1, "
                "AsyncRequestWorkerFactor 1, MaxRequestsPerChild 1, MaxConnectionsPerChild 1, MaxMemFree 1, "
                "ThreadStackSize 1, StartThreads 1, MaxThreads 1",
                _WORKERS,
            ),
            harmless(
                "ListenBacklog 1", "It is long enough, and backlog= of an endpoint in TOML can say more."
            ),
            harmless("ListenCoresBucketsRatio 1, ListenTCPDeferAccept 1", _WORKERS),
            harmless("SendBufferSize 1, ReceiveBufferSize 1", "The system sizes its buffers."),
        ),
    ),
    Module(
        {"unixd_module": "mod_unixd.c"},
        "users and rights",
        (
            harmless(
                "User 1, Group 1", "The service unit says who panolb runs as, or twistd --uid and --gid."
            ),
            harmless("ChrootDir 1", "The service unit says what panolb can see, or twistd --chroot."),
            harmless("Suexec flag", "panolb starts no programs."),
        ),
    ),
    Module(
        {"suexec_module": "mod_suexec.c"},
        "users of programs",
        (harmless("SuexecUserGroup 2", "panolb starts no programs."),),
    ),
    Module(
        {"version_module": "mod_version.c"},
        "<IfVersion>",
        (run("<IfVersion> 1-2", "Read only if it is so; panolb counts as Apache 2.4.66."),),
    ),
    Module(
        {"watchdog_module": "mod_watchdog.c"},
        "work at intervals",
        (harmless("WatchdogInterval 1", "panolb's checks keep their own time."),),
    ),
    Module(
        {"macro_module": "mod_macro.c"},
        "macros",
        (
            stops("<Macro> 1+, Use 1+", "Macros are not filled in; write out what they stand for."),
            harmless(
                "UndefMacro 1, MacroIgnoreEmptyArgs 0-1, MacroIgnoreBadNesting 0-1",
                "There are no macros to forget.",
            ),
        ),
    ),
    Module({"status_module": "mod_status.c"}, "the status page", ()),
    Module(
        {"info_module": "mod_info.c"},
        "the info page",
        (harmless("AddModuleInfo 2", "panolb has no info page."),),
    ),
    Module({"slotmem_shm_module": "mod_slotmem_shm.c"}, "shared memory for balancers", ()),
    Module({"slotmem_plain_module": "mod_slotmem_plain.c"}, "memory for balancers", ()),
    Module({"unique_id_module": "mod_unique_id.c"}, "UNIQUE_ID", ()),
    Module({"data_module": "mod_data.c"}, "data URLs", ()),
)
