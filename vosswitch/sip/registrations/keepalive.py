"""Keep-alives that hold NATs and firewalls open: SS_SIP_NAT_KEEP_ALIVE_MESSAGE to every registered UDP device.

Each SS_SIP_NAT_KEEP_ALIVE_PERIOD all of them get one, in batches SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL apart that are as
small as the period allows and never larger than SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME.  Gateways whose configuration asks
for it (`PeerProfile.keep_alive`) get theirs with each period's first batch.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vosswitch.model.values import Address
    from vosswitch.sip.registrations.registrar import Registrar
    from vosswitch.sip.transactions.timers import Timer, Timers

_IDLE = 5.0
"""Seconds until it is looked again whether there is anything to do."""


class KeepAlive:
    """Sends them.

    :param send: sends a datagram from the local address given to host and port; raises nothing.
    :ivar static: gateways that want them: target, and the local address that they are spoken with from.
    :ivar sent: packets sent.
    """

    __slots__ = ("_batch", "_left", "_next_lap", "_parameters", "_registrar", "_send", "_timer", "_timers", "sent",
                 "static")  # fmt: skip

    def __init__(
        self,
        registrar: Registrar,
        send: Callable[[Address | str | None, Address, bytes], None],
        timers: Timers,
        parameters: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._registrar = registrar
        self._send = send
        self._timers = timers
        self._parameters = parameters
        self._left: Iterator[str] = iter(())
        self._next_lap = 0.0
        self._batch = 0
        self._timer: Timer | None = None
        self.static: tuple[tuple[Address, str | None], ...] = ()
        self.sent = 0

    def start(self) -> None:
        """Begin."""
        self._timer = self._timers.add(_IDLE, self._turn)

    def stop(self) -> None:
        """Send no more."""
        self._timers.cancel(self._timer)
        self._timer = None

    def _turn(self) -> None:
        parameters, now = self._parameters(), self._timers.now()
        message = parameters["SS_SIP_NAT_KEEP_ALIVE_MESSAGE"].encode()
        if not message or not (len(self._registrar) or self.static):
            self._left = iter(())
            self._timer = self._timers.add(_IDLE, self._turn)
            return
        if now >= self._next_lap:
            self._begin_lap(now, parameters, message)
        names = list(islice(self._left, self._batch))
        for name in names:
            self._to_devices(name, message)
        pause = parameters["SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL"] / 1000
        if not names:
            pause = max(min(self._next_lap - now, _IDLE), pause)
        self._timer = self._timers.add(pause, self._turn)

    def _begin_lap(self, now: float, parameters: Mapping[str, Any], message: bytes) -> None:
        """Everybody anew; who has been left over since the last time goes first."""
        late = list(self._left)
        names = dict.fromkeys(late)
        names.update(dict.fromkeys(self._registrar.names()))
        period = parameters["SS_SIP_NAT_KEEP_ALIVE_PERIOD"]
        turns = max(1, int(period * 1000 / parameters["SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL"]) - 1)
        self._batch = min(-(-len(names) // turns), parameters["SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME"])
        self._left = iter(names)
        self._next_lap = now + period
        for target, local in self.static:
            self._send(local, target, message)
            self.sent += 1

    def _to_devices(self, name: str, message: bytes) -> None:
        for binding in self._registrar.live(name):
            contact = binding.contact
            if contact.target.transport == "udp" and not contact.path:
                self._send(contact.local, contact.target, message)
                self.sent += 1


class Sweep:
    """Goes through all registrations once in `LAP` seconds and forgets what is over.

    :param allowed: whether a name may be registered by the configuration in force.
    """

    LAP = 30

    __slots__ = ("_allowed", "_left", "_registrar", "_timer", "_timers")

    def __init__(self, registrar: Registrar, timers: Timers, allowed: Callable[[str], bool]) -> None:
        self._registrar = registrar
        self._timers = timers
        self._allowed = allowed
        self._left: Iterator[str] = iter(())
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin."""
        self._timer = self._timers.add(1.0, self._turn)

    def stop(self) -> None:
        """Sweep no more."""
        self._timers.cancel(self._timer)
        self._timer = None

    def _turn(self) -> None:
        registrar = self._registrar
        names = list(islice(self._left, len(registrar) // self.LAP + 50))
        if not names:
            self._left = iter(registrar.names())
        registrar.sweep(names, self._allowed)
        self._timer = self._timers.add(1.0, self._turn)
