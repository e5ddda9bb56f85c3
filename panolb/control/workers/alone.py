"""A process without workers: what a `Crew` does for all processes together, done for the one there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from ...config import model
from ...config.overrides import Identity
from ..admin.websockets import Page, Query
from ..contents import FileContents
from ..ledger import Ledger
from ..plant import Plant

if TYPE_CHECKING:
    from ..listeners import Listener
    from ..metrics.sheet import Export
    from ..service import Panolb
    from ..sessions import Sessions


class Alone:
    """The one process, with the same calls as a `Crew`; a worker is one too.

    :param session_key: for the ids of sessions; ``None`` for a new one.
    """

    is_ready = True

    def __init__(self, session_key: bytes | None = None) -> None:
        self._session_key = session_key
        self._house: Panolb

    # -- parts of the load balancer ---------------------------------------------------------------------------------

    def ledger(self, clock: Callable[[], float], wall_clock: Callable[[], float]) -> Ledger:
        """The ledger of all WebSockets."""
        return Ledger(clock, wall_clock, {}, key=self._session_key)

    def resources(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What all processes hold."""
        return dict(own)

    def serve(self, house: Panolb) -> None:
        """Be that of a load balancer, which is still being made."""
        self._house = house

    @property
    def sessions(self) -> Sessions:
        """Those of users."""
        return self._house.sessions

    # -- what changes: there is nobody to be told of it -------------------------------------------------------------

    def check(self, config: model.Config) -> None:
        """See whether there is room for all members."""

    def watch(self, plant: Plant) -> None:
        """Tell what changes of these members."""

    def start(self, moving: Collection[Identity]) -> None:
        """Begin."""

    def try_out(
        self, config: model.Config, moving: Collection[Identity], contents: FileContents
    ) -> Deferred[None]:
        """See whether a configuration could take effect elsewhere."""
        return succeed(None)

    def become(self, config: model.Config, moving: Collection[Identity]) -> Deferred[None]:
        """Have it take effect there."""
        return succeed(None)

    def pass_sockets(self) -> Deferred[None]:
        """Have clients accepted where the listeners are open now."""
        return succeed(None)

    def adjust(self, config: model.Config, moving: Collection[Identity]) -> None:
        """Have members otherwise that stay where they are."""

    def show(self, listener: Listener) -> None:
        """Show the certificates that a listener shows now."""

    def reopen_logs(self) -> None:
        """The access logs were moved away."""

    def stop(self, grace: float) -> Deferred[None]:
        """Finish what is in flight."""
        return succeed(None)

    # -- what there is ----------------------------------------------------------------------------------------------

    def look(self) -> Deferred[None]:
        """Have the numbers that operators are told up to date."""
        return succeed(None)

    def exports(self) -> Deferred[Iterable[Export]]:
        """What was counted, for the metrics."""
        return succeed([self._house.traffic.export()])

    def find(self, query: Query) -> Deferred[Page]:
        """The WebSockets that are asked for; see `Query.answer`."""
        return succeed(query.answer(self._house.ledger))

    def recall(self, request_id: str) -> dict[str, Any]:
        """Why a request went where it went; see `Explainer.recall`.

        :raises Forgotten: when it is not known any more.
        """
        return self._house.explainer.recall(request_id)
