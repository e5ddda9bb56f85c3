"""mod_log_config: ``CustomLog``, ``TransferLog`` and ``LogFormat`` become access logs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from attrs import define, field

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope
from panolb.config.model import AccessLog
from panolb.language.logformat import PRESETS, explain

COMMON: Final = '%h %l %u %t "%r" %>s %b'
COMBINED: Final = COMMON + ' "%{Referer}i" "%{User-Agent}i"'

_FORMATS: Final = {
    "clf": COMMON,
    "common": COMMON,
    "combined": COMBINED,
    "combinedio": COMBINED + " %I %O",
    "vhost_common": "%v " + COMMON,
    "vhost_combined": PRESETS["vhost_combined"],
}
"""What every httpd.conf defines by these names; one that forgets it means the same."""


@define(eq=False)
class Log:
    """An access log on its way into the model, with the servers that write it."""

    node: Directive
    path: str
    format: str
    condition: str | None
    servers: list[Scope] = field(factory=list)


def logs(servers: list[Scope], root: Path, remarks: Remarks) -> list[Log]:
    """Return the logs that the servers write.

    A virtual host with a log of its own does not write the main server's.

    :param root: where relative file names begin.
    """
    found: dict[int, Log | None] = {}
    for server in servers:
        own = server.own("CustomLog", "TransferLog")
        for node in own or (server.main.own("CustomLog", "TransferLog") if server.main else []):
            if id(node) not in found:
                found[id(node)] = _log(node, server, root, remarks)
            log = found[id(node)]
            if log is not None:
                log.servers.append(server)
    return [log for log in found.values() if log is not None]


def _log(node: Directive, server: Scope, root: Path, remarks: Remarks) -> Log | None:
    target, *rest = node.args
    if target.startswith(("|", "syslog")):
        remarks.lost(node, "panolb writes logs to files only; no line is written.")
        return None
    written = _format(node, server, rest)
    wrong = explain(written)
    if wrong is not None:
        remarks.lost(node, f"No line is written: the format {wrong}.")
        return None
    condition: str | None = None
    for word in rest[1:]:
        name, _, value = word.partition("=")
        if name.lower() != "env":
            remarks.lost(node, f"A line is written for every request, whatever {name}= says.")
        else:
            condition = value
    path = os.path.normpath(root / target)
    if not os.path.isdir(os.path.dirname(path)):
        remarks.lost(node, f"There is no directory {os.path.dirname(path)}; no line is written.")
        return None
    remarks.say(node, Verdict.RUN, f"Writes to {path}.")
    return Log(node, path, written, condition)


def _format(node: Directive, server: Scope, rest: list[str]) -> str:
    """Return the format of a log: its own, one by its name, or for TransferLog the latest without a name."""
    defined = dict(_FORMATS)
    latest = COMMON
    for line in server.all("LogFormat"):
        if len(line.args) == 2:
            defined[line.args[1].lower()] = line.args[0]
        else:
            latest = defined.get(line.args[0].lower(), line.args[0])
    if not rest:
        return latest
    return defined.get(rest[0].lower(), rest[0])


def build(log: Log, names: list[str], condition: str | None) -> AccessLog:
    """Make the model's log.

    :param names: the server_name of those that write it; none for all.
    :param condition: of the log, or what takes its place.
    """
    return AccessLog(path=log.path, format=log.format, condition=condition, servers=names, websockets="end")
