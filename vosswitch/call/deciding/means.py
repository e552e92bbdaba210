"""What a decision is made of and with: the question, and what the node knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from vosswitch.accounts.values import MappingGateway, Phone
    from vosswitch.billing.balances import Balances
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.view import NodeView
    from vosswitch.call.fraud.guard import Guard
    from vosswitch.call.pins import Pins
    from vosswitch.hooks.manager import Frozen
    from vosswitch.model.signals import Try


class Ask(NamedTuple):
    """A call to decide.

    :ivar wall_ms: its start, epoch milliseconds.
    :ivar subject: who calls, when that is known already (an explanation); None = the source and the user say it.
    :ivar explain: list every gateway that was looked at, not only those that match.
    :ivar card: the account of the card that pays, for a call that a card's caller has transferred; "" = none.
    :ivar payer: the account that paid then, for a call that was made with a card (a simulation).
    :ivar lrn: what was found out about the called number then, "" = not ported (a simulation); None = find it out.
    """

    call_id: str
    offered: Try
    wall_ms: int
    subject: MappingGateway | Phone | None = None
    explain: bool = False
    lrn: str | None = None
    payer: str | None = None
    card: str = ""


class Means(NamedTuple):
    """What a node, or a simulation of one, decides with; the same for all its calls.

    :ivar modes: billing modes by name.
    :ivar plugins: the hot callers of the plugins.
    :ivar view: what the node knows of its gateways now.
    :ivar registrations: the `IRegistrations`.
    :ivar source: of every random choice.
    :ivar orders: of the routing gateways (`vosswitch.routing.order.Orders`); the decider makes them when left out.
    :ivar turns: where the number pools go on (`vosswitch.numbers.pools.Turns`), likewise.
    :ivar asks: questions about numbers can wait for their answer; otherwise they are not asked.
    :ivar pins: looks PINs of phone cards up; None = they cannot be.
    :ivar guard: dynamic lists and fraud rules; None = no calls are watched.
    """

    modes: Mapping[str, Any]
    plugins: Frozen
    balances: Balances
    view: Callable[[Decision], NodeView]
    registrations: Any
    source: random.Random
    orders: Any = None
    turns: Any = None
    asks: bool = False
    guard: Guard | None = None
    pins: Pins | None = None
