"""What changes of certificates while panolb runs: renewed ones are taken, and keys of session tickets are made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.task import LoopingCall

from ..errors import ConfigError
from ..events import EventLogger
from . import tls
from .contents import Contents, Stamp, stamp

if TYPE_CHECKING:
    from .listeners import Listener
    from .listening import Listening

log = EventLogger()

LOOK = 2.0  # seconds between two looks at the files
DAY = 86400.0


@attrs.define
class Watch:
    """What is known of the files of one listener.

    :ivar tried: as they were when they were last read.
    :ivar seen: as they were at the last look.
    """

    tried: Stamp
    seen: Stamp


class Renewals:
    """Takes renewed certificates when the files of listeners change, and asks for them when they do not.

    :param renewed: told which listener shows others.
    :param wall_clock: reads the time of day in seconds since 1970.
    """

    def __init__(
        self,
        reactor: Any,
        listening: Listening,
        renewed: Callable[[Listener], object],
        wall_clock: Callable[[], float],
    ) -> None:
        self._listening = listening
        self._renewed = renewed
        self._wall_clock = wall_clock
        self._watches: dict[Listener, Watch] = {}
        self._looking, self._daily = LoopingCall(self._look), LoopingCall(self._judge_all)
        self._looking.clock = self._daily.clock = reactor

    def start(self) -> None:
        """Begin."""
        self._looking.start(LOOK).addErrback(_say_broken)
        self._daily.start(DAY).addErrback(_say_broken)

    def stop(self) -> None:
        """Look no more."""
        for one in (self._looking, self._daily):
            if one.running:
                one.stop()

    def _look(self) -> None:
        """Take what has changed, and has stopped changing: certificate and key are not written in the same moment."""
        listeners = [one for one in self._listening.listeners.values() if one.tls is not None]
        self._watches = {one: self._watches.get(one) or self._watch(one) for one in listeners}
        for listener, watch in self._watches.items():
            now = self._stamp_of(listener)
            if now == watch.seen != watch.tried:
                watch.tried = now
                self._renew(listener)
            watch.seen = now

    def _watch(self, listener: Listener) -> Watch:
        """Begin with a listener: its files may have changed since they were read."""
        assert listener.tls is not None
        return Watch(listener.tls.contents.stamp(self._files_of(listener)), self._stamp_of(listener))

    def _stamp_of(self, listener: Listener) -> Stamp:
        return stamp(self._files_of(listener))

    def _files_of(self, listener: Listener) -> Iterator[str]:
        return tls.files(self._listening.config.listener[listener.name])

    def _renew(self, listener: Listener) -> None:
        try:
            found = tls.listener_tls(listener.name, self._listening.config, Contents())
        except ConfigError as error:
            log.error(
                "listener {name}: what is in the files of its certificates now is refused, and clients are still shown "
                "{shown}: {problems}; put it right, it is read again as soon as it changes",
                event="certificate.refused",
                name=listener.name,
                shown=listener.tls,
                problems="; ".join(map(str, error.problems)),
            )
            return
        if found is not None and found != listener.tls:
            self._listening.renew(listener, found)
            self._renewed(listener)
            self._judge(listener)

    def _judge(self, listener: Listener) -> None:
        """Say what clients will not like, soon or now."""
        name, shown, now = listener.name, listener.tls, self._wall_clock()
        assert shown is not None
        for words in tls.expiries(shown, now):
            log.warn("listener {name}: {words}", event="certificate.expiring", name=name, words=words)
        for words in tls.doubts(name, self._listening.config, shown, now):
            log.warn("listener {name}: {words}", event="certificate.doubtful", name=name, words=words)

    def _judge_all(self) -> None:
        for listener in self._listening.listeners.values():
            if listener.tls is not None:
                self._judge(listener)


class TicketKeys:
    """Has new keys for session tickets once a day.

    Whoever has the key of a ticket can read all that was said in its session, and those of OpenSSL last as long as the
    context.
    """

    def __init__(self, reactor: Any, listening: Listening) -> None:
        self._listening = listening
        self._daily = LoopingCall(self._make_anew)
        self._daily.clock = reactor

    def start(self) -> None:
        """Begin; the first ones are as old as the listeners."""
        self._daily.start(DAY, now=False).addErrback(_say_old)

    def stop(self) -> None:
        """Keep those that there are."""
        if self._daily.running:
            self._daily.stop()

    def _make_anew(self) -> None:
        for listener in self._listening.listeners.values():
            if listener.tls is not None:
                listener.show(listener.tls.with_new_ticket_keys())


def _say_broken(failure: Any) -> None:
    log.failure("renewed certificates are not noticed any more", failure)


def _say_old(failure: Any) -> None:
    log.failure("the keys of session tickets are not made anew any more", failure)
