"""What a running call needs of its node, in one value that the composition root fills."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vosswitch.call.fraud.guard import Guard
from vosswitch.call.loops import Loops
from vosswitch.call.pins import Pins
from vosswitch.routing.availability import Availability
from vosswitch.routing.gauges import Gauges
from vosswitch.routing.throttling import Throttling

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.accounts.limits import Limits
    from vosswitch.billing.balances import Balances
    from vosswitch.call.bridge import Call
    from vosswitch.call.funding import Funding
    from vosswitch.call.tallies import Tallies


@dataclass(slots=True)
class Switchboard:
    """The node, as its calls see it.

    :ivar clock: monotonic `IReactorTime`.
    :ivar journal: ``append(kind, payload)`` and ``synced(callback)``.
    :ivar legs: the `ILegFactory` of the outgoing protocol.
    :ivar media: the `IMediaEngine`.
    :ivar want: asks for more money of an account for this node.
    :ivar ended: takes a call whose record is complete; *broken* is told, while the exception is being handled, that
        a step of a call failed.
    :ivar originate: makes the new call of a transfer: its caller's leg, what it asks for, who makes it (None = the
        source says it), what its record says of the transfer, and whether its media has to be relayed.
    :ivar snapshot: the configuration in force.
    :ivar loops: the unanswered attempts, to know calls that come back.
    :ivar availability: which gateways are put aside; *gauges*: their quality; *throttling*: whose calls fail.
    :ivar degraded: the policy for new calls while too many records wait for the database, "" = none do.
    :ivar guard: whom dynamic lists and fraud rules hold off; *pins*: who has dialled wrong PINs.
    """

    clock: Any
    journal: Any
    balances: Balances
    limits: Limits
    legs: Any
    media: Any
    tallies: Tallies
    want: Callable[[Funding], None]
    ended: Callable[[Call], None]
    originate: Callable[..., None] = lambda *_: None
    snapshot: Callable[[], Any] = lambda: None
    broken: Callable[[Call], None] = lambda call: None
    loops: Loops = field(default_factory=Loops)
    availability: Availability = field(default_factory=Availability)
    gauges: Gauges = field(default_factory=Gauges)
    throttling: Throttling = field(default_factory=Throttling)
    degraded: str = ""
    guard: Guard = field(default_factory=Guard)
    pins: Pins = field(default_factory=lambda: Pins(lambda _pin: "", float))
