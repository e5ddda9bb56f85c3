"""``twistd panolb``: the composition root.  Only here the global reactor and the clocks are known by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from twisted.application.service import IService
from twisted.internet import reactor as global_reactor
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.selectreactor import SelectReactor
from twisted.python import usage
from twisted.python.failure import Failure

import panolb.plugins

from . import __version__
from .config import model, toml
from .config.httpd.imported import Imported
from .config.httpd.report import Report, Verdict
from .config.rules import Workers
from .control import journal
from .control.changes import Changes
from .control.configuration import Configuration, fixed
from .control.descriptors import raise_limit
from .control.registry import Registry
from .control.reporting import Reporting
from .control.service import Panolb
from .control.systemd import take_notifier, take_watchdog
from .control.workers.dividing import number
from .control.workers.duties import ALL, SUPERVISOR
from .demo.run import demo
from .errors import ConfigError, Problem
from .events import EventLogger
from .reading import HttpdOptions, names, read

if TYPE_CHECKING:
    from .control.workers.crew import Crew

log = EventLogger()

SELECT_MOST = 1024  # FD_SETSIZE: the descriptors that select(2) can watch, where somebody chose that reactor


class Options(usage.Options):
    """What may stand behind ``twistd panolb``."""

    synopsis = "[--config FILE | --httpd-conf FILE | --demo]"
    longdesc = "A sticky load balancer for stateful, WebSocket-heavy dashboards."
    optParameters: ClassVar = [
        ["config", "c", None, "Run the configuration in this TOML file."],
        ["httpd-conf", None, None, "Run the configuration in this httpd.conf of Apache."],
        [
            "admin",
            None,
            None,
            "With --httpd-conf: serve the status page at this endpoint, tcp:10088:interface=127.0.0.1",
        ],
        ["control", None, None, "With --httpd-conf: serve the control API on a UNIX socket at this path."],
        ["state", None, None, "With --control: keep what operators change while panolb runs in this file."],
        ["workers", None, None, "With --httpd-conf: so many processes share the listeners, or auto."],
    ]
    optFlags: ClassVar = [
        ["demo", None, "Run a demonstration: two members of our own behind 127.0.0.1:10080 and 10081."],
        ["apache-compat", None, "With --httpd-conf: do exactly as Apache, also where panolb does better."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self.allowed: list[str] = []
        self.defines: list[str] = []

    def opt_version(self) -> None:
        """Print the version and exit."""
        print(f"panolb {__version__}")
        sys.exit(0)

    def opt_allow_unsupported(self, names: str) -> None:
        """With --httpd-conf: go on without these directives (names with commas), although traffic would go elsewhere."""
        self.allowed.append(names)

    def opt_define(self, define: str) -> None:
        """With --httpd-conf: NAME or NAME=VALUE, like httpd's -D."""
        self.defines.append(define)

    def postOptions(self) -> None:
        """Exactly one of the ways to run."""
        if sum(map(bool, (self["config"], self["httpd-conf"], self["demo"]))) != 1:
            raise usage.UsageError("say one of --config FILE, --httpd-conf FILE and --demo")
        own = (
            self["apache-compat"],
            self["admin"],
            self["control"],
            self["state"],
            self["workers"],
            self.allowed,
            self.defines,
        )
        if not self["httpd-conf"] and any(own):
            options = (
                "--apache-compat, --allow-unsupported, --define, --admin, --control, --state and --workers"
            )
            raise usage.UsageError(f"{options} are for --httpd-conf")
        if self["workers"] not in (None, "auto") and not self["workers"].isdigit():
            raise usage.UsageError("--workers needs a number, or auto")
        if self["state"] and not self["control"]:
            raise usage.UsageError("--state needs --control")
        self._log_to_journal()

    def _log_to_journal(self) -> None:
        """Where twistd would write its log to the journal as plain lines, give the journal more than that."""
        twistd = getattr(self, "parent", None)
        if twistd is None or not twistd["nodaemon"] or any(map(twistd.get, ("logger", "logfile", "syslog"))):
            return
        if journal.is_stdout(os.environ) and journal.is_there():
            twistd["logger"] = "panolb.control.journal.observer"

    @property
    def httpd(self) -> HttpdOptions | None:
        """How to read the file as an httpd.conf; None when it is TOML."""
        if not self["httpd-conf"]:
            return None
        return HttpdOptions(
            compat=bool(self["apache-compat"]), allowed=names(self.allowed), defines=tuple(self.defines)
        )

    def with_doors(self, config: model.Config) -> model.Config:
        """A configuration with the doors for operators that the command line names.

        Apache's own pages are part of a server; ours have doors of their own.

        :raises ConfigError: when a path cannot be one.
        """
        if self["admin"]:
            config = attrs.evolve(config, admin=model.Admin(endpoint=self["admin"]))
        if self["control"]:
            config = attrs.evolve(config, control=control(self["control"], self["state"]))
        if self["workers"]:
            config = attrs.evolve(config, workers=workers(self["workers"]))
        return config


def wall_time(ago: float) -> str:
    """So many seconds ago, as Apache's logs write it."""
    return time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(time.time() - ago))


def service(
    config: model.Config | Configuration, registry: Registry, reactor: Any = global_reactor
) -> Panolb:
    """The service for a configuration, on a reactor."""
    if isinstance(config, model.Config):
        config = fixed(config, registry.known, time.time)
    crew = make_crew(config.config, reactor)
    duties = ALL if crew is None else SUPERVISOR
    return Panolb(reactor, config, registry, time.monotonic, wall_time, time.time, duties, crew)


def make_crew(config: model.Config, reactor: Any) -> Crew | None:
    """The workers of a configuration; ``None`` when this process does everything by itself."""
    wanted = number(config.workers)
    if wanted == 1:
        return None
    if os.name != "posix" or not IReactorSocket.providedBy(reactor):
        log.warn(
            "workers: processes cannot share listeners on this system, or with this reactor; one process does everything",
        )
        return None
    from .control.workers.crew import Crew  # noqa: PLC0415  # other systems cannot import it

    return Crew(reactor, wanted, time.monotonic)


def configuration(options: Options, registry: Registry) -> Configuration:
    """What the command line names, and reads again.

    :raises ConfigError: when the file is wrong.
    """
    file = Path(options["config"] or options["httpd-conf"]).absolute()  # a daemon goes to another directory
    plugins, httpd = registry.known, options.httpd

    def read_file(instead: Mapping[str, bytes]) -> Imported:
        imported = read(file, plugins, httpd, instead)
        return attrs.evolve(imported, config=options.with_doors(imported.config))

    state = os.environ.get("STATE_DIRECTORY")  # systemd's; the first one of several
    directory = Path(state.partition(":")[0]) if state else None
    return Configuration(str(file), read_file, plugins, time.time, directory)


def makeService(options: Options) -> IService:
    """What twistd calls.

    :raises SystemExit: with 1 when the configuration is wrong; every problem has been printed then.
    """
    reactor: Any = global_reactor
    try:
        registry = Registry(panolb.plugins)
        if options["demo"]:
            made: IService = demo(
                reactor, lambda text: service(toml.loads(text, registry.known, "demo"), registry)
            )
        else:
            wanted = configuration(options, registry)
            made = house = service(wanted, registry)
            report_to_systemd(reactor, house)
            reactor.callWhenRunning(log_differences, wanted.now.imported.report)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        sys.exit(1)
    reactor.callWhenRunning(take_signals, reactor, made)
    reactor.callWhenRunning(take_descriptors, reactor)
    return made


def control(path: str, state: str | None) -> model.Control:
    """The control API at a path, relative to where the command is given.

    :param state: the path of the state file.
    :raises ConfigError: when no socket can have it.
    """
    try:
        return model.Control(
            socket=str(Path(path).absolute()), state_file=str(Path(state).absolute()) if state else None
        )
    except ValueError as error:
        raise ConfigError([Problem("--control", str(error))]) from None


def workers(text: str) -> Workers:
    """How many processes share the listeners.

    :raises ConfigError: when there cannot be so many.
    """
    wanted: Workers = "auto" if text == "auto" else int(text)
    try:
        return model.Config(workers=wanted).workers
    except ValueError as error:
        raise ConfigError([Problem("--workers", str(error))]) from None


def log_differences(report: Report) -> None:
    """Say once what of an ``httpd.conf`` is left out, and what goes better than in Apache."""
    for entry in report.of(Verdict.UNSUPPORTED):
        log.warn("not supported: {entry}", entry=entry)
    for entry in report.of(Verdict.IMPROVED):
        log.info("better than in Apache: {entry}", entry=entry)


def report_to_systemd(reactor: Any, made: Panolb) -> None:
    """Keep systemd up to date, if it has started us and wants to be."""
    notifier = take_notifier(os.environ)
    watchdog = take_watchdog(os.environ, os.getpid())
    if notifier is not None:
        Reporting(reactor, made, notifier, watchdog).setServiceParent(made)


def take_descriptors(reactor: Any) -> None:
    """Make room for many clients: the limit that a process starts with is meant for programs that use select(2)."""
    raise_limit(SELECT_MOST if isinstance(reactor, SelectReactor) else None)


def take_signals(reactor: Any, made: Any) -> None:
    """SIGTERM and SIGINT end the process in peace and with 0, a second one at once.

    twistd by itself would end with the signal that stopped it, which a supervisor takes for a failure.  SIGUSR1
    reopens the access log; SIGHUP reads the configuration again.
    """

    def at_once(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def in_peace(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, at_once)
        reactor.callFromThread(reactor.stop)

    def reopen(number: int, frame: FrameType | None) -> None:
        reactor.callFromThread(getattr(made, "reopen_logs", lambda: None))

    asked = False  # to read the configuration again, which has not begun: one reload does for all signals that come meanwhile

    def reload(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            reactor.callFromThread(begin_reload)

    def begin_reload() -> None:
        nonlocal asked
        asked = False
        read_again(made)

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, in_peace)
    if hasattr(signal, "SIGHUP"):  # not on Windows
        signal.signal(signal.SIGUSR1, reopen)
        signal.signal(signal.SIGHUP, reload)


def read_again(made: Any) -> None:
    """Read the configuration again; what comes of it is in the log."""
    changes: Changes | None = getattr(made, "changes", None)  # a demonstration has none
    if changes is not None:
        changes.reload().addErrback(_not_reloaded)


def _not_reloaded(failure: Failure) -> None:
    if failure.check(ConfigError) is None:  # which is in the log already
        log.failure("the configuration was not reloaded", failure, event="reload.failed")
