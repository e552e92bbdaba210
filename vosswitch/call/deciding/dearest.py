"""What a vendor's price list can cost at most beside its minute price: most calls pay even so, and ask for no more.

A list in memory has few kinds of rates (connection fee and increments); what the dearest of them takes is worked out
once for each length of call.  The exact look-up of a rate touches a dozen objects that are in no
cache of the processor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.billing.modes import Increments
from vosswitch.model.rating import Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.billing.rates import Kinds
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.routing.gateways import RoutingGateway

MOST_KINDS = 32
MOST_LENGTHS = 64
"""Lengths of calls that are kept for one list; then it begins anew."""


class Bound(NamedTuple):
    """The most of a list.

    :ivar seconds: that are charged; *connect* is the connection fee, units of 10^-7, rounded up.
    """

    seconds: int
    connect: int


class Dearest:
    """The bounds of one vendor's list.

    :param kinds: connection fee, first and further increments of its rates.
    """

    __slots__ = ("_bounds", "_kinds", "_mode")

    def __init__(self, kinds: Kinds, mode: Increments) -> None:
        self._kinds = [Terms("0", first, more, fee, hold_precision=0) for fee, first, more in kinds]
        self._mode = mode
        self._bounds: dict[int, Bound] = {}

    def at(self, ms: int) -> Bound:
        """Of a call of that length."""
        found = self._bounds.get(ms)
        if found is None:
            if len(self._bounds) >= MOST_LENGTHS:
                self._bounds.clear()
            seconds = max((self._mode.billed_seconds(ms, terms) for terms in self._kinds), default=0)
            fees = [terms.flat_fee(1).net + terms.step for terms in self._kinds]
            found = self._bounds[ms] = Bound(seconds, max(fees, default=0))
        return found


def bound_of(decision: Decision, gateway: RoutingGateway, ms: int, modes: Mapping[str, Any]) -> Bound | None:
    """The bound of the list that a gateway's vendor is paid by; None = it has none that could be told quickly."""
    if decision.jurisdiction:
        return None
    known = decision.snapshot.dearest
    name = gateway.name
    found = known[name] if name in known else known.setdefault(name, _of(decision, gateway, modes))
    return None if found is None else found.at(ms)


def _of(decision: Decision, gateway: RoutingGateway, modes: Mapping[str, Any]) -> Dearest | None:
    snapshot = decision.snapshot
    account = snapshot.accounts.get(gateway.account) if gateway.account else None
    name = (gateway.privileges.rate_group or account.rate_group) if account is not None else None
    group = snapshot.rate_groups.get(name) if name is not None else None
    mode = modes.get(group.mode) if group is not None else None
    if (
        group is None
        or not group.table.plain
        or not isinstance(mode, Increments)
        or len(group.table.kinds) > MOST_KINDS
    ):
        return None
    return _dearest(group.table.kinds, mode)


_dearest = lru_cache(maxsize=256)(Dearest)
