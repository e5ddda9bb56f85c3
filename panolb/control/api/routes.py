"""The calls of the API behind their paths."""

from __future__ import annotations

import re
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest

from ...events import EventLogger
from ..listeners import Routed
from .answers import BODY, EXPECTED, JSON, PREFIX, answer, as_body, read_body, read_query, refusal
from .calls import Asked, Call
from .openapi import PATH, document
from .parts import Parts
from .site import ApiSite
from .table import CALLS

log = EventLogger()


class Api:
    """What can be asked and said."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def site(self, reactor: Any) -> ApiSite:
        """All of it, to be served."""
        too_large = as_body({"error": f"the body is larger than {BODY} bytes"})
        return ApiSite(Routed(self._routes()), reactor, max_body=BODY, too_large=too_large, page_type=JSON)

    def end(self) -> None:
        """End the answers that would go on."""
        self._parts.followers.end()

    def _routes(self) -> Klein:
        routes = Klein()
        routes.url_map.merge_slashes = False  # it would redirect
        for call in CALLS:
            self._route(routes, call)

        described = document(CALLS)

        @routes.route(PREFIX + PATH, methods=["GET"])
        def openapi(request: IRequest) -> bytes:
            read_query(request, {})
            return answer(request, described)

        @routes.handle_errors(*EXPECTED)
        def refused(request: IRequest, failure: Failure) -> bytes:
            assert isinstance(failure.value, Exception)
            return refusal(request, failure.value)

        @routes.handle_errors
        def failed(request: IRequest, failure: Failure) -> bytes:
            log.failure("the control API failed", failure, event="internal.error")
            return answer(request, {"error": "panolb failed; the process log says more"}, 500)

        return routes

    def _route(self, routes: Klein, call: Call) -> None:
        path = re.sub(r"{(\w+)}", lambda match: _converter(call, match[1]), call.path)

        @routes.route(PREFIX + path, methods=[call.method], endpoint=call.name)
        def run(request: IRequest, **names: str) -> Any:
            asked = Asked(
                request=request,
                names={name: call.names[name].read(text, name) for name, text in names.items()},
                query=read_query(request, call.query),
                body={} if call.body is None else read_body(request, call.body),
            )
            if call.lines:
                return call.do(self._parts, asked)
            value = self._parts.look().addCallback(lambda _: call.do(self._parts, asked))
            return _detached(value).addCallback(lambda found: answer(request, found, call.status))


def _converter(call: Call, name: str) -> str:
    """A name in a path as werkzeug wants it.  One that may have slashes in it stands last, or before no more than a word."""
    return f"<{'path' if call.names[name].slashes else 'string'}:{name}>"


def _detached(work: Deferred[Any]) -> Deferred[Any]:
    """The same result.  Work goes on when the client that ordered it goes away, with which klein would cancel it."""
    result: Deferred[Any] = Deferred(lambda _: None)
    work.addBoth(lambda found: None if result.called else result.callback(found))
    return result
