"""mod_proxy and its family."""

from __future__ import annotations

from panolb.config.httpd.known import Module, harmless, lost, run, stops

MODULES = (
    Module(
        {"proxy_module": "mod_proxy.c"},
        "passing requests on",
        (
            run("ProxyPass 1+", "Sends a path to a balancer or to one server; ! keeps it from being sent."),
            run("ProxyPassMatch 1+", "The same, by a regular expression."),
            run(
                "ProxyPassReverse 1-3",
                "Rewrites Location and its like from the members' addresses to the public one.",
            ),
            run("ProxyPassReverseCookiePath 2-3", "Replaces the Path of the members' cookies."),
            run("ProxyPassReverseCookieDomain 2-3", "Replaces the Domain of the members' cookies."),
            run("<Proxy> 1+", "Settings of the balancer or the server of that URL."),
            run("BalancerMember 1+", "A member of the balancer, and its parameters."),
            run("ProxySet 1+", "Parameters of the balancer or of a member."),
            run("ProxyPreserveHost flag", "Whether members see the Host that the client asked for."),
            run("ProxyAddHeaders flag", "Whether members get X-Forwarded-For, -Host and -Server."),
            run("ProxyVia 1", "Whether Via is sent."),
            run(
                "ProxyErrorOverride 1+",
                "Replaces the members' error pages, of all errors or of the statuses named.",
            ),
            run(
                "ProxyTimeout 1", "How long a member may take to answer, where it has no timeout of its own."
            ),
            run("ProxyPassInherit flag", "Whether virtual hosts have the ProxyPass of the main server too."),
            harmless("BalancerInherit flag", "A virtual host may use every balancer that it can name."),
            harmless("BalancerGrowth 1", "Room for members added at run time; panolb needs none set aside."),
            harmless(
                "BalancerPersist flag", "What is changed at run time lasts until the restart, as with Off."
            ),
            harmless("ProxyStatus 1", "panolb's status page always shows balancers and members."),
            harmless(
                "ProxyIOBufferSize 1, ProxyReceiveBufferSize 1",
                "panolb sizes its buffers by what arrives, and stops reading while the other side is slow.",
            ),
            harmless("NoProxy 1+, ProxyDomain 1", "Only a forward proxy needs it; panolb is none."),
            lost("ProxyMaxForwards 1", "Max-Forwards is not added to requests that have none.", same="-1|0"),
            lost(
                "ProxyBadHeader 1",
                "A malformed header from a member is an error and gets 502, whatever this says.",
                same="iserror",
            ),
            lost(
                "Proxy100Continue flag",
                "Expect: 100-continue reaches the members, as with On.",
                same="on",
            ),
            lost(
                "ProxySourceAddress 1", "Members see the address that the system chooses for the connection."
            ),
            stops("<ProxyMatch> 1+", "Settings for servers by a regular expression are not carried over."),
            stops("ProxyRequests flag", "panolb is no forward proxy.", same="off"),
            stops(
                "ProxyRemote 2-3, ProxyRemoteMatch 2-3",
                "Members are reached directly, not through another proxy.",
            ),
            stops("ProxyBlock 1+", "Destinations are not blocked."),
            stops("ProxyPassInterpolateEnv flag", "Variables in ProxyPass are not filled in.", same="off"),
        ),
    ),
    Module({"proxy_balancer_module": "mod_proxy_balancer.c"}, "balancers", ()),
    Module({"lbmethod_byrequests_module": "mod_lbmethod_byrequests.c"}, "lbmethod=byrequests", ()),
    Module({"lbmethod_bytraffic_module": "mod_lbmethod_bytraffic.c"}, "lbmethod=bytraffic", ()),
    Module({"lbmethod_bybusyness_module": "mod_lbmethod_bybusyness.c"}, "lbmethod=bybusyness", ()),
    Module(
        {"lbmethod_heartbeat_module": "mod_lbmethod_heartbeat.c"},
        "lbmethod=heartbeat",
        (stops("HeartbeatStorage 1", "Members are not chosen by heartbeats; choose another lbmethod."),),
    ),
    Module(
        {"heartmonitor_module": "mod_heartmonitor.c", "heartbeat_module": "mod_heartbeat.c"},
        "heartbeats of servers",
        (
            stops("HeartbeatListen 1, HeartbeatMaxServers 1", "panolb does not listen for heartbeats."),
            lost("HeartbeatAddress 1", "panolb sends no heartbeats."),
        ),
    ),
    Module(
        {"proxy_hcheck_module": "mod_proxy_hcheck.c"},
        "health checks",
        (
            run("ProxyHCExpr 2", "Names a condition on the answer to a health check."),
            run("ProxyHCTemplate 2+", "Names a set of health check parameters."),
            harmless("ProxyHCTPsize 1", "panolb's checks need no threads."),
        ),
    ),
    Module({"proxy_http_module": "mod_proxy_http.c"}, "http:// and https:// members", ()),
    Module(
        {"proxy_wstunnel_module": "mod_proxy_wstunnel.c"},
        "ws:// and wss:// members",
        (
            harmless(
                "ProxyWebsocketFallbackToProxyHttp flag",
                "WebSockets and plain requests share members in panolb, as with On.",
            ),
        ),
    ),
    Module({"proxy_http2_module": "mod_proxy_http2.c"}, "h2:// members", ()),
    Module({"proxy_ajp_module": "mod_proxy_ajp.c"}, "ajp:// members", ()),
    Module({"proxy_uwsgi_module": "mod_proxy_uwsgi.c"}, "uwsgi:// members", ()),
    Module({"proxy_fdpass_module": "mod_proxy_fdpass.c"}, "handing connections over", ()),
    Module(
        {"proxy_connect_module": "mod_proxy_connect.c"},
        "CONNECT through a forward proxy",
        (harmless("AllowCONNECT 1+", "CONNECT is for forward proxies; panolb refuses it."),),
    ),
    Module(
        {"proxy_express_module": "mod_proxy_express.c"},
        "hosts and servers from a database",
        (
            stops("ProxyExpressEnable flag", "Servers are not looked up in a database.", same="off"),
            lost("ProxyExpressDBMFile 1, ProxyExpressDBMType 1", "Servers are not looked up in a database."),
        ),
    ),
    Module(
        {"proxy_fcgi_module": "mod_proxy_fcgi.c"},
        "fcgi:// members",
        (lost("ProxyFCGIBackendType 1, ProxyFCGISetEnvIf 2-3", "panolb speaks no FastCGI."),),
    ),
    Module(
        {"proxy_scgi_module": "mod_proxy_scgi.c"},
        "scgi:// members",
        (lost("ProxySCGISendfile 1, ProxySCGIInternalRedirect 1", "panolb speaks no SCGI."),),
    ),
    Module(
        {"proxy_ftp_module": "mod_proxy_ftp.c"},
        "FTP through a forward proxy",
        (
            harmless(
                "ProxyFtpListOnWildcard flag, ProxyFtpEscapeWildcards flag, ProxyFtpDirCharset 1",
                "Only a forward proxy needs it; panolb is none.",
            ),
        ),
    ),
    Module(
        {"proxy_html_module": "mod_proxy_html.c"},
        "rewriting links in HTML",
        (
            stops("ProxyHTMLEnable flag", "Links in pages are not rewritten.", same="off"),
            stops("ProxyHTMLURLMap 1+", "Links in pages are not rewritten."),
            harmless(
                "ProxyHTMLEvents 1+, ProxyHTMLLinks 2+, ProxyHTMLDoctype 1-2, ProxyHTMLFixups 1+, ProxyHTMLMeta flag, "
                "ProxyHTMLInterp flag, ProxyHTMLExtended flag, ProxyHTMLStripComments flag, ProxyHTMLBufSize 1, "
                "ProxyHTMLCharsetOut 1",
                "It says how ProxyHTMLEnable and ProxyHTMLURLMap work, and does nothing alone.",
            ),
        ),
    ),
    Module(
        {"xml2enc_module": "mod_xml2enc.c"},
        "character sets of pages",
        (harmless("xml2EncDefault 1, xml2EncAlias 2+, xml2StartParse 1+", "panolb does not change pages."),),
    ),
)
