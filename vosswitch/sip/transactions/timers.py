"""One timer queue for thousands of short SIP timers over a single delayed call of the reactor.

A timer costs one list entry in a coarse bucket; cancelling only marks the entry, and buckets of nothing but such
entries wake nobody.  A timer never fires early and at most one bucket late, one that only forgets what is over at most
`COARSE` buckets: the many of these share few turns of the reactor.  When the last live timer is gone the reactor's
delayed call is cancelled too.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 0.016
"""Seconds that one bucket spans."""
COARSE = 16
"""Buckets that `Timers.linger` takes for one: a quarter of a second."""


class Cancellable(Protocol):
    """What `IReactorTime.callLater` returns, as far as it is used here."""

    def cancel(self) -> None:
        """Do not call any more."""


class ReactorTime(Protocol):
    """The part of Twisted's ``IReactorTime`` that the queue needs."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def callLater(self, delay: float, call: Callable[[], Any], /) -> Cancellable:  # noqa: N802 - Twisted's name
        """Call once after *delay* seconds."""


class Timer:
    """One running timer; `call` is None when it has fired or was cancelled."""

    __slots__ = ("args", "call")

    def __init__(self, call: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.call: Callable[..., None] | None = call
        self.args = args


class Timers:
    """All timers of the room.

    :param reactor: clock and the one delayed call.
    :param trouble: told an exception that escaped a timer's call; the others still fire.
    """

    __slots__ = ("_armed", "_buckets", "_due", "_live", "_order", "_reactor", "_trouble", "now")

    def __init__(self, reactor: ReactorTime, trouble: Callable[[Exception], None]) -> None:
        self._reactor = reactor
        self._trouble = trouble
        self._buckets: dict[int, list[Timer]] = {}
        self._order: list[int] = []
        self._armed: Cancellable | None = None
        self._due = 0
        self._live = 0
        self.now = reactor.seconds
        """Monotonic seconds of the injected clock."""

    def __len__(self) -> int:
        """How many timers are running."""
        return self._live

    def add(self, delay: float, call: Callable[..., None], *args: Any) -> Timer:
        """Call ``call(*args)`` after *delay* seconds."""
        return self._put(Timer(call, args), int((self.now() + delay) / WIDTH) + 1)

    def linger(self, delay: float, call: Callable[..., None], *args: Any) -> Timer:
        """The same for what may be late: to forget something."""
        return self._put(Timer(call, args), (int((self.now() + delay) / WIDTH) // COARSE + 1) * COARSE)

    def _put(self, timer: Timer, number: int) -> Timer:
        bucket = self._buckets.get(number)
        if bucket is None:
            self._buckets[number] = [timer]
            heappush(self._order, number)
            if self._armed is None or number < self._due:
                self._arm(number)
        else:
            bucket.append(timer)
        self._live += 1
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Stop *timer*; None and a timer that is over already are fine."""
        if timer is None or timer.call is None:
            return
        timer.call = None
        timer.args = ()
        self._live -= 1
        if not self._live:
            self._rest()

    def stop(self) -> None:
        """Cancel everything."""
        for bucket in self._buckets.values():
            for timer in bucket:
                timer.call = None
                timer.args = ()
        self._live = 0
        self._rest()

    def _rest(self) -> None:
        self._buckets.clear()
        self._order.clear()
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _arm(self, number: int) -> None:
        if self._armed is not None:
            self._armed.cancel()
        self._due = number
        self._armed = self._reactor.callLater(max(0.0, number * WIDTH - self.now()), self._fire)

    def _fire(self) -> None:
        self._armed = None
        limit = int(self.now() / WIDTH + 1e-6)
        order = self._order
        while order and order[0] <= limit:
            self._empty(self._buckets.pop(heappop(order)))
        self._go_on()

    def _go_on(self) -> None:
        """Arm for what is next; what was added while firing may have armed for something later."""
        if not self._live:
            self._rest()
            return
        order, buckets = self._order, self._buckets
        while order and not any(timer.call for timer in buckets[order[0]]):
            del buckets[heappop(order)]
        if order and (self._armed is None or order[0] < self._due):
            self._arm(order[0])

    def _empty(self, bucket: list[Timer]) -> None:
        for timer in bucket:
            call = timer.call
            if call is None:
                continue
            timer.call = None
            self._live -= 1
            try:
                call(*timer.args)
            except Exception as error:  # noqa: BLE001 - one timer must not take the others with it
                self._trouble(error)
