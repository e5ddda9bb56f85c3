"""From the configuration of a location to the object that serves it."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterable, Mapping
from secrets import token_hex

import attrs
from twisted.python.failure import Failure

from ..config import model
from ..core.admission import Admission
from ..core.exchange import Exchange
from ..core.filtering import FilterMaker
from ..core.location import Location
from ..core.reverse import ReverseMap, ReverseRules
from ..core.rules import ErrorPage, FixedAnswer, Rules
from ..core.terms import Terms
from ..core.tracing import Tracer
from ..events import EventLogger
from ..language import environment, headers
from ..language.patterns import compile_pattern
from .contents import NOTHING, Contents
from .plant import BalancerDraft
from .surroundings import FILE

log = EventLogger()


_COMPRESSION = {True: "pass", False: "refuse", "offload": "offload"}


@attrs.frozen
class Locations:
    """Makes locations.

    :ivar clock: reads a monotonic clock in seconds.
    :ivar wall_clock: reads the time of day in seconds since 1970.
    :ivar finished: told of every exchange that is over.
    :ivar opened: told of every exchange that has become a WebSocket.
    :ivar admission: who may open one, over all locations; ``None`` for everybody.
    :ivar run: begins the request ids of this run.
    """

    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    finished: Callable[[Exchange], None] | None
    opened: Callable[[Exchange], None] | None = None
    admission: Admission | None = None
    run: str = attrs.field(factory=lambda: token_hex(3))

    def build(
        self,
        config: model.Location,
        balancers: Mapping[str, BalancerDraft],
        websockets: model.WebSockets,
        filters: Iterable[FilterMaker] = (),
        contents: Contents = NOTHING,
    ) -> Location:
        """Make one.

        :param balancers: those that there will be, by name.
        :param websockets: what holds for the WebSockets of all locations.
        :param filters: those that it names.
        :param contents: of its files.
        :raises OSError: when one cannot be read.
        """
        path, target = config.path or "", config.target or ""
        if config.mapping == "verbatim":  # else slashes are joined as they stand, as in Apache
            path, target = path.rstrip("/"), target.rstrip("/")
        reverse = _reverse(config, balancers) or _worked_out(config, path, target, balancers)
        return Location(
            path.encode("ascii"),
            None if config.balancer is None else balancers[config.balancer].balancer,
            self.clock,
            pattern=None if config.match is None else compile_pattern(config.match),
            hosts=[host.lower().encode("ascii") for host in config.host],
            requests=config.requests,
            answer=_fixed_answer(config),
            target=target.encode("ascii"),
            mapping=config.mapping,
            slashes=config.encoded_slashes,
            wall_clock=self.wall_clock,
            finished=self.finished,
            run=self.run,
            broken=log_broken,
            server_name=(config.server_name or "").encode("ascii"),
            answers_expect=config.answer_expect,
            preserve_host=config.preserve_host,
            forwarded=config.forwarded,
            via=config.via,
            strip=frozenset(name.lower().encode("ascii") for name in config.strip_request_headers),
            rules=_rules(config),
            error_pages={
                int(status): _error_page(text, contents) for status, text in config.error_pages.items()
            },
            override=_statuses(config.error_override),
            timeout_status=config.timeout_status,
            reverse=reverse,
            websocket=_terms(config, websockets, filters),
            admission=self.admission,
            opened=self.opened,
            tracer=Tracer(lambda: token_hex(24)) if config.traceparent == "create" else None,
        )

    def redirect(self, url: str) -> Location:
        """Make one that sends all clients to the same path elsewhere, for good.

        308, since 301 would have browsers make a GET of a POST (RFC 9110 section 15.4.2).

        :param url: scheme and host.
        """
        config = model.Location(path="/", redirect=url, status=308)
        return self.build(config, {}, model.WebSockets())


def _fixed_answer(config: model.Location) -> FixedAnswer | None:
    if config.redirect is not None:
        return FixedAnswer(config.status or 302, config.redirect.encode())
    return None if config.status is None else FixedAnswer(config.status)


def _rules(config: model.Location) -> Rules | None:
    """The operator's rules; ``None``, which costs nothing, when there are none."""
    if not (config.environment or config.request_headers or config.response_headers):
        return None
    return Rules(
        environment.Environment([environment.parse(text) for text in config.environment]),
        headers.RequestRules([headers.parse_request_rule(text) for text in config.request_headers]),
        headers.ResponseRules([headers.parse_response_rule(text) for text in config.response_headers]),
        config.headers_on_upgrade,
    )


def _terms(
    config: model.Location, websockets: model.WebSockets, filters: Iterable[FilterMaker]
) -> Terms | None:
    """What holds for WebSockets; ``None`` when there are none."""
    if not config.websocket:
        return None
    return Terms(
        messages=config.takes_messages,
        compression=_COMPRESSION[config.websocket_compression],
        max_message=config.longest_message,
        filters=tuple(filters),
        ping_interval=config.websocket_ping_interval,
        ping_misses=config.websocket_ping_misses,
        idle_timeout=config.websocket_idle_timeout,
        lifetime=config.websocket_lifetime,
        close_code=config.websocket_close_code,
        close_reason=config.websocket_close_reason,
        lost_code=config.websocket_lost_code,
        close_timeout=websockets.close_timeout,
        backlog=config.websocket_backlog,
        slow_timeout=config.websocket_slow_timeout,
    )


def _statuses(ranges: list[str]) -> frozenset[int]:
    return frozenset(status for text in ranges for status in range(int(text[:3]), int(text[-3:]) + 1))


def _error_page(text: str, contents: Contents) -> ErrorPage:
    """Make a page of what the operator wrote.

    :raises OSError: when its file cannot be read.
    """
    if text.startswith(FILE):
        path = text.removeprefix(FILE)
        content_type = mimetypes.guess_type(path)[0] or "text/html"
        return ErrorPage(contents.file(path), content_type.encode("ascii"))
    if re.match(r"(?i)https?://", text):
        return ErrorPage(url=text.encode())
    return ErrorPage(text.encode(), b"text/html; charset=utf-8")


def _worked_out(
    config: model.Location, path: str, target: str, balancers: Mapping[str, BalancerDraft]
) -> ReverseMap:
    """What members say of themselves, by the path and the members that there will be."""
    specs = () if config.balancer is None else balancers[config.balancer].specs
    below = target.rstrip("/").encode("ascii")
    return ReverseMap(path.rstrip("/").encode("ascii"), ((spec.origin, spec.path + below) for spec in specs))


def _reverse(config: model.Location, balancers: Mapping[str, BalancerDraft]) -> ReverseRules | None:
    """ProxyPassReverse as written; ``None`` when it is to be worked out."""
    if config.reverse is None and not config.reverse_cookie_path and not config.reverse_cookie_domain:
        return None
    written = config.reverse
    if written is None:  # only the cookies' part was written
        written = [
            f"{(config.path or '').rstrip('/') or '/'} balancer://{config.balancer}{config.target or ''}"
        ]
    pairs: list[tuple[bytes, bytes]] = []
    for public, internal in map(str.split, written):
        for url in _internal(internal, balancers):
            # Two slashes must not meet.
            end = b"/" if public.endswith("/") and not url.endswith(b"/") else b""
            pairs.append((public.encode(), url + end))
    return ReverseRules(
        pairs,
        [_pair(text) for text in config.reverse_cookie_path],
        [_pair(text) for text in config.reverse_cookie_domain],
    )


def _pair(text: str) -> tuple[bytes, bytes]:
    first, second = text.encode().split()
    return first, second


def _internal(internal: str, balancers: Mapping[str, BalancerDraft]) -> list[bytes]:
    """What an internal URL stands for; a balancer's is that of each of its members."""
    if not internal.lower().startswith("balancer://"):
        return [internal.encode()]
    name, _, path = internal[len("balancer://") :].partition("/")
    draft = balancers.get(name)
    if draft is None:
        return []
    tail = f"/{path}".rstrip("/").encode()
    return [spec.origin + spec.path + tail for spec in draft.specs]


def log_broken(exchange: Exchange, error: Exception) -> None:
    """Say that a plugin raised; the request got a 502."""
    balancer = exchange.location.balancer
    assert balancer is not None
    log.failure(
        "request {id}: balancer {balancer}: {policy} or {resolver} raised; the request got a 502",
        Failure(error),
        event="plugin.failed",
        id=exchange.request_id,
        balancer=balancer.name,
        policy=type(balancer.policy).__qualname__,
        resolver=type(balancer.resolver).__qualname__,
    )
