"""Every event: its name, its code, why it comes, and what to do about it.

Programs know an event by its name, people look it up by its code; neither is ever given another meaning.  A code that is
no longer used stays unused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID, uuid5

_OURS: Final = UUID("0f2f0e66-6a0e-4d0e-8f55-2b6c1d0f3c7a")  # of no meaning but to be ours

Level = Literal["info", "warn", "error", "critical"]


@dataclass(frozen=True, slots=True)
class Happening:
    """One kind of event.

    :ivar number: of its code; the first two digits are those of its group.
    :ivar level: of its line in the log; a member's change of state that costs nobody anything is ``info``.
    :ivar cause: why it comes.
    :ivar cure: what an operator can do.
    :ivar by_clients: whether clients can cause any number of it; of those the control API shows only some.
    """

    name: str
    number: int
    level: Level
    cause: str
    cure: str
    by_clients: bool = False

    @property
    def code(self) -> str:
        """As it stands in lines: ``PLB-1102``."""
        return f"PLB-{self.number}"

    @property
    def message_id(self) -> str:
        """As systemd's journal and its catalog know it: always the same for a code."""
        return uuid5(_OURS, self.code).hex


GROUPS: Final = {
    10: "The process",
    11: "Members and balancers",
    12: "Sessions",
    13: "Configuration",
    14: "Listeners and doors",
    15: "Limits",
    16: "Access log",
    17: "Certificates",
    18: "Workers",
    19: "Faults",
}

NOTHING: Final = "Nothing."
_REPORT: Final = "Report it with the traceback that stands in the log."

_TABLE: Final = (
    # -- the process
    Happening(
        "starting",
        1001,
        "info",
        "The process has read its configuration and opens its listeners.",
        NOTHING,
    ),
    Happening(
        "start.failed",
        1002,
        "critical",
        "An endpoint could not be opened: another process has the port or the socket, the address is not one of this "
        "machine, or the process lacks the right to a port below 1024. panolb ends with exit code 1.",
        "Read which one it is, and end the other process (ss -ltnp shows it), correct the endpoint, or start panolb as "
        "its systemd unit does.",
    ),
    Happening(
        "stopping",
        1003,
        "info",
        "SIGTERM or SIGINT: no new clients are accepted, and what is in flight ends within grace of [shutdown].",
        NOTHING,
    ),
    Happening(
        "stopping.cut",
        1004,
        "warn",
        "Connections did not end within grace of [shutdown], and were cut; their users may see an error.",
        "If that happens often, make grace longer; the unit needs no change for it.",
    ),
    Happening("stopped", 1005, "info", "The process has ended in order.", NOTHING),
    Happening(
        "ready.early",
        1006,
        "warn",
        "The first checks of some members take long, and systemd was told that panolb is ready all the same.",
        "Look at the members that are named; a check's timeout says how long one may take.",
    ),
    Happening(
        "events.skipped",
        1007,
        "warn",
        "Whoever reads /api/v1/events was too slow, and these events are kept no longer. It stands in the answer alone, "
        "and not in the log.",
        "Read faster, or look into the log.",
    ),
    # -- members and balancers
    Happening(
        "member.up",
        1101,
        "info",
        "A member can serve: its checks pass again, its time in error is over, or the operator has enabled it.",
        NOTHING,
    ),
    Happening(
        "member.down",
        1102,
        "warn",
        "As many checks in a row have failed as the balancer's health table says; the line has the last one's reason.",
        "Look at the member: whether it runs, whether it answers the check's uri, and whether a firewall stands between.",
    ),
    Happening(
        "member.error",
        1103,
        "warn",
        "Live traffic has failed at the member: it could not be connected to, or failonstatus, failontimeout or "
        "WebSockets that broke speak against it. It is tried again after retry.",
        "Read the reason in the line, and look at the member's own log of that time.",
    ),
    Happening(
        "member.drain",
        1104,
        "info",
        "The operator drains a member: it keeps its users and gets no new ones.",
        "panolb enable MEMBER ends it.",
    ),
    Happening(
        "member.disabled",
        1105,
        "warn",
        "The operator has disabled a member: it serves nobody, and is still checked.",
        "panolb enable MEMBER ends it.",
    ),
    Happening(
        "member.stopped",
        1106,
        "warn",
        "The operator has stopped a member: it serves nobody, and is not checked.",
        "panolb enable MEMBER ends it.",
    ),
    Happening(
        "member.added",
        1107,
        "info",
        "The operator, or a configuration that was read again, has added a member; the line says which of the two.",
        NOTHING,
    ),
    Happening(
        "member.removed",
        1108,
        "info",
        "The operator, or a configuration that was read again, has removed a member; the line says which of the two.",
        NOTHING,
    ),
    Happening("member.weight", 1109, "info", "The operator has given a member another weight.", NOTHING),
    Happening(
        "member.closing",
        1110,
        "info",
        "A member's WebSockets are being closed one after the other; the line says why, and where their users go.",
        "If no other member can take them, bring one up.",
    ),
    Happening(
        "member.drained",
        1111,
        "info",
        "A member's WebSockets are closed; the line says what is still under way with it.",
        "When nothing is, the member can be restarted.",
    ),
    Happening(
        "member.kept",
        1112,
        "info",
        "A member is drained, and keeps its WebSockets until their users leave.",
        "To have them move to other members now, drain it with close_websockets.",
    ),
    Happening(
        "member.insecure",
        1113,
        "warn",
        "A member is spoken to over TLS without being verified (tls_insecure): whoever is between can read and change "
        "everything.",
        "Give the balancer a tls_ca that has signed the member's certificate, and take tls_insecure out.",
    ),
    Happening(
        "member.unchecked",
        1114,
        "error",
        "A member could not be checked, because this machine is out of file descriptors, memory or local ports.",
        "Raise LimitNOFILE= of the unit, or ulimit -n.",
    ),
    Happening(
        "balancer.panic",
        1150,
        "warn",
        "So many members are in error by live traffic that panic_threshold keeps the others in service whatever happens: "
        "the cause is probably not the members.",
        "Look at the network between panolb and the members.",
    ),
    # -- sessions
    Happening(
        "session.moved", 1201, "info", "The operator has moved a user's session to another member.", NOTHING
    ),
    Happening(
        "session.closed", 1202, "info", "The operator has closed the WebSockets of a session.", NOTHING
    ),
    # -- configuration
    Happening("reload.applied", 1301, "info", "Another configuration is in effect.", NOTHING),
    Happening(
        "reload.refused",
        1302,
        "error",
        "The configuration that was read again is wrong, or something it wants cannot be opened. Nothing has changed.",
        "Correct what the line names; panolb check says whether the file is right, panolb plan what it would change.",
    ),
    Happening(
        "reload.unchanged", 1303, "info", "The configuration was read again, and says the same.", NOTHING
    ),
    Happening(
        "reload.failed",
        1304,
        "critical",
        "panolb itself failed at a reload.",
        _REPORT,
    ),
    Happening(
        "override.dropped",
        1310,
        "info",
        "What an operator changed of a member while panolb runs is no longer in effect, because the file now says the "
        "same, or something else, or the member is gone.",
        "Make the change again if it is still wanted.",
    ),
    Happening(
        "override.unkept",
        1311,
        "error",
        "What operators changed is in effect, but could not be written into the state file: a restart forgets it.",
        "Make room on the disk, or correct the rights of the file's directory; the next change is written with all "
        "others.",
    ),
    Happening(
        "state_file.refused",
        1312,
        "error",
        "The state file cannot be read or is damaged; it was set aside, and what operators changed is not in effect.",
        "Look at panolb status, and make the changes that are still wanted again.",
    ),
    # -- listeners and doors
    Happening("listener.open", 1401, "info", "Clients can connect to a listener.", NOTHING),
    Happening(
        "listener.closed", 1402, "info", "A reload has closed a listener; its WebSockets stay.", NOTHING
    ),
    Happening(
        "listener.lost",
        1403,
        "critical",
        "A reload failed, and a listener that it had closed for it could not be opened again.",
        "See which process has the port (ss -ltnp), end that, and reload.",
    ),
    Happening("door.open", 1410, "info", "The status page or the control API can be reached.", NOTHING),
    Happening(
        "door.refused",
        1411,
        "warn",
        "A client asks the control API without the right token, and gets 401. Said once a minute and client.",
        "If it is yours, give it the token of token_file; if not, keep it from the endpoint.",
        by_clients=True,
    ),
    Happening(
        "door.readable",
        1412,
        "warn",
        "Everybody on this machine can read a file with a secret of the control API.",
        "chmod o= FILE",
    ),
    Happening(
        "socket.unused",
        1413,
        "warn",
        "systemd has passed a socket that no listener uses: who connects there waits in vain.",
        "Give it a listener, or take it out of the socket unit.",
    ),
    # -- limits
    Happening(
        "limit.connections",
        1501,
        "warn",
        "A listener has its max_connections; new clients wait in the system's queue.",
        "Raise max_connections, and the limit of file descriptors with it, or find out who has so many.",
        by_clients=True,
    ),
    Happening(
        "limit.connections_over",
        1502,
        "info",
        "There is room for new clients again.",
        NOTHING,
        by_clients=True,
    ),
    Happening(
        "limit.client_connections",
        1503,
        "warn",
        "A client has its max_connections_per_client; further ones are closed. Said once a minute and client.",
        "Raise it if many users come from one address (a proxy: see trusted_proxies); else it does what it is for.",
        by_clients=True,
    ),
    Happening(
        "limit.request_rate",
        1504,
        "warn",
        "A client sends more than request_rate and request_burst allow; the rest gets 429. Said once a minute and client.",
        "Raise them if many users come from one address (a proxy: see trusted_proxies); else they do what they are for.",
        by_clients=True,
    ),
    Happening(
        "limit.descriptors",
        1505,
        "warn",
        "The process has nearly as many file descriptors as it may have; no listener accepts until some are free.",
        "Raise LimitNOFILE= of the unit, or ulimit -n, or set max_connections below it.",
        by_clients=True,
    ),
    Happening(
        "limit.descriptors_over",
        1506,
        "info",
        "Some descriptors are free again, and listeners accept.",
        NOTHING,
        by_clients=True,
    ),
    Happening(
        "limit.connecting",
        1507,
        "error",
        "No connection to a member could be opened, because this machine is out of file descriptors, memory or local "
        "ports; the request got 503. Said once in some seconds.",
        "Raise LimitNOFILE= of the unit, or net.ipv4.ip_local_port_range.",
        by_clients=True,
    ),
    Happening(
        "limit.queue",
        1508,
        "warn",
        "As many requests as queue says wait for one of a member's max_connections, or one waited for queue_timeout; "
        "they get 503. Said once a minute and member.",
        "See why the member is slow; or raise max_connections, if it can serve more at a time, or add a member.",
        by_clients=True,
    ),
    Happening(
        "limit.websockets",
        1509,
        "warn",
        "A WebSocket was not opened, but answered 503: max_open, max_per_client, max_websockets or websocket_rate. Said "
        "once a minute and limit.",
        "Raise the limit that is named if the members can serve more, or add a member.",
        by_clients=True,
    ),
    Happening(
        "limit.retries",
        1510,
        "warn",
        "retry_budget is used up: requests whose member cannot be connected to get 503 without another attempt. Said once "
        "a minute and balancer.",
        "Look at the members: too many attempts fail.",
        by_clients=True,
    ),
    Happening(
        "request.refused",
        1520,
        "warn",
        "A client sent what is not passed on, such as a broken or too large head. After a thousand of a client at once "
        "there is a line a second, which says how many more.",
        "Many from one address are a broken client or an attack. What is refused and why: the page on behaviour.",
        by_clients=True,
    ),
    Happening(
        "client.handshake",
        1521,
        "info",
        "A TLS handshake with a client came to nothing; the line says why, once a minute of each client and reason.",
        "Single ones are scanners and old programs. If it is a client of yours: the page on TLS says what is allowed, and "
        "how to allow more.",
        by_clients=True,
    ),
    Happening(
        "client.announcement",
        1522,
        "warn",
        "A connection to a listener with proxy_protocol was closed: it is from nobody among trusted_proxies, or did not begin "
        "with a header of the PROXY protocol. Said once a minute of each client and reason.",
        "If it is a proxy of yours, add it to trusted_proxies and have it send the header (HAProxy: send-proxy-v2); if it "
        "is to connect directly, add it to proxy_protocol_exceptions.",
        by_clients=True,
    ),
    # -- access log
    Happening(
        "access_log.failed",
        1601,
        "error",
        "An access log cannot be written or not be opened anew: the disk is full, or rights have changed.",
        "Make room, or correct the rights; panolb goes on, and writes again as soon as it can.",
    ),
    Happening(
        "access_log.lost",
        1602,
        "error",
        "Lines of an access log were lost: they cannot be written, or not as fast as they come. Said once a minute.",
        "As of access_log.failed; or see why the disk, or the reader of a pipe, is so slow.",
    ),
    Happening(
        "journal.lost",
        1603,
        "error",
        "systemd's journal did not take lines of the process log, or not as fast as they came: panolb does not wait for "
        "it. The line before has been the last one that it took.",
        "Look at systemctl status systemd-journald, and at RateLimitBurst= and the disk of the journal.",
    ),
    # -- certificates
    Happening(
        "certificate.renewed",
        1701,
        "info",
        "A certificate's file has changed, and new connections get it.",
        NOTHING,
    ),
    Happening(
        "certificate.refused",
        1702,
        "error",
        "A certificate's file has changed and cannot be used; the one before it stays in use.",
        "Correct what the line names: usually the key is another one's, or the file was read half-written.",
    ),
    Happening(
        "certificate.expiring",
        1703,
        "warn",
        "A certificate ends soon, or has ended.",
        "Renew it; the new file is taken without a restart.",
    ),
    Happening(
        "certificate.doubtful",
        1704,
        "warn",
        "Some or all clients will not accept a certificate: it is not valid yet, its chain is not in order, it has no "
        "subjectAltName, or a location has a host that none is for. Said at the start and once a day.",
        "Have it issued anew, or put the file in order: the certificate, then its issuer's, and so on.",
    ),
    Happening(
        "certificate.authorities",
        1705,
        "info",
        "The files of client_ca or client_crl have changed, and new connections are judged by them.",
        NOTHING,
    ),
    # -- workers
    Happening("worker.started", 1801, "info", "A worker process serves clients.", NOTHING),
    Happening(
        "worker.died",
        1802,
        "error",
        "A worker process has ended without being told to: its connections are lost. Another one takes its place.",
        "The line has its exit status; a signal 9 often is the kernel's, for want of memory (journalctl -k).",
    ),
    Happening(
        "worker.backoff",
        1803,
        "error",
        "A worker process ends again and again, and is started after a pause that grows.",
        "Look at the lines of worker.died before it.",
    ),
    Happening(
        "worker.hung",
        1804,
        "error",
        "The loop of a worker process has stood still for half a minute, or it has not begun within two: it is ended, and replaced.",
        "Look for a plugin that waits for something; report it with the log if there is none.",
    ),
    # -- faults
    Happening(
        "internal.error",
        1901,
        "critical",
        "A fault in panolb that nobody foresaw. It cost one request, connection or check, and nobody else anything.",
        _REPORT,
        by_clients=True,
    ),
    Happening(
        "plugin.failed",
        1902,
        "critical",
        "A plugin raised an exception: a balancing method or resolver (the request got 502), a message filter (the "
        "WebSocket was closed with 1011), or its settings (nothing has changed).",
        "Show the traceback in the log to whoever wrote it.",
        by_clients=True,
    ),
    Happening(
        "systemd.untold",
        1903,
        "warn",
        "systemd cannot be told how panolb is: NOTIFY_SOCKET leads nowhere, or nobody reads it.",
        "Look at systemctl status; if it takes panolb for dead, restart panolb.",
    ),
)

EVENTS: Final = {one.name: one for one in _TABLE}
"""All of them by their names, in the order of their codes."""
