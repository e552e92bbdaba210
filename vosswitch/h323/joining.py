"""Joins the RAS side of the H.323 process (`vosswitch.h323.zone`) with its worker and its sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.h323.transport.ras import RasSockets
from vosswitch.h323.transport.world import seen_from
from vosswitch.h323.zone import Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.h323.worker import Worker
    from vosswitch.model.causes import Cause
    from vosswitch.model.values import Address


class _Timer:
    """One that may be cancelled when it is over already; what its function raises is written to the log."""

    __slots__ = ("_call", "_function", "_worker")

    def __init__(self, worker: Worker, seconds: float, function: Callable[[], None]) -> None:
        self._worker = worker
        self._function = function
        self._call: Any = worker.reactor.callLater(seconds, self._ring)

    def _ring(self) -> None:
        try:
            self._function()
        except Exception:  # noqa: BLE001 - one registration that fails must not end all calls
            self._worker.failed("a timer of RAS has failed")

    def cancel(self) -> None:
        """Stop it."""
        if self._call.active():
            self._call.cancel()


class _Process:
    """The worker as the RAS side sees it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.ask = worker.ask
        self.tell = worker.tell
        self.now = worker.world.now

    @property
    def settings(self) -> Mapping[str, Any]:
        """The parameters in force."""
        return self._worker.settings

    def later(self, seconds: float, function: Callable[[], None]) -> _Timer:
        """Call *function* after so long."""
        return _Timer(self._worker, seconds, function)

    def called_at(self, local: str) -> Address | None:
        """Where a peer that reaches us at the local IP *local* may call us."""
        found = self._worker.world.called_at(local)
        return found if found.port else None

    def end(self, leg: Any, why: Cause) -> None:
        """End a call from our side."""
        leg.step(leg.end, why)


def open_zone(worker: Worker) -> tuple[Zone, RasSockets]:
    """The RAS side of a worker, and its sockets, which do not listen yet."""

    def take(data: bytes, source: Address, local: Address) -> None:
        zone.heard(data, source, local)

    sockets = RasSockets(worker.reactor, worker.world.shown, seen_from, take, worker.failed)
    zone = Zone(_Process(worker), sockets)
    worker.does |= {
        "ras_wishes": zone.follow,
        "ras_endpoints": zone.restore,
        "ras_end": zone.end,
        "ras_resources": zone.resources,
    }
    return zone, sockets
