"""The node that simulated calls meet: what it knows of gateways is what the record of the call says of that moment.

Where the record says nothing, lines and calls of the day are counted from the simulated calls themselves, and
everybody is registered and available.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from vosswitch.accounts.limits import Limits
from vosswitch.billing.balances import Balances
from vosswitch.call.deciding.means import Means
from vosswitch.call.deciding.view import NodeView
from vosswitch.call.tallies import Tallies
from vosswitch.model.call import Contact
from vosswitch.model.values import Address
from vosswitch.routing.availability import Aside
from vosswitch.routing.decision import NOT_REGISTERED, TRUNK_DOWN
from vosswitch.routing.gauges import NOTHING, Figures

if TYPE_CHECKING:
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.hooks.manager import Frozen
    from vosswitch.routing.gateways import RoutingGateway
    from vosswitch.routing.gauges import Gauges
    from vosswitch.simulation.past import Past

NOWHERE = Address("0.0.0.0", 0)  # noqa: S104 - nothing is sent there
_SOMEWHERE = (Contact("sip:simulated@invalid", NOWHERE, NOWHERE, 0.0),)


_POOR = Figures(attempts=1 << 40, asr=0.0, ner=0.0, pdd_ms=1 << 40, calls=1 << 40, acd=0.0)


class _Trunk:
    """A registration of ours that is up."""

    up = True
    route = ()


class SimulatedNode:
    """State of one simulation; `now` is the call that is being decided.

    :ivar now: None before the first one.
    :ivar limits: lines in use, of simulated calls.
    :ivar gauges: quality of gateways by what their past attempts came to; None = nothing is known.
    """

    def __init__(self) -> None:
        self.now: Past | None = None
        self.limits = Limits()
        self.tallies = Tallies()
        self.gauges: Gauges | None = None
        self.source = random.Random(0)  # noqa: S311 - repeatable, nothing secret

    def means(self, frozen: Frozen) -> Means:
        """What simulated calls are decided with."""
        return Means(frozen.billing_modes, frozen, Balances(), self._view, self, self.source)

    def begin(self, past: Past) -> None:
        """Take the next call; random choices are its own, whatever was decided before it."""
        self.now = past
        self.source.seed(past.row.flowno)

    def _view(self, decision: Decision) -> PastView:
        return PastView(self, decision)

    # `IRegistrations`.

    def contacts(self, number: str) -> tuple[Contact, ...]:
        """A phone was registered unless the call's record shows the contrary."""
        past = self.now
        assert past is not None
        tried = past.tried.get(f"phone:{number}")
        if tried is not None:
            return _SOMEWHERE * len(tried)
        return () if past.tried or past.row.end_reason == "callee_offline" else _SOMEWHERE

    def gateway(self, _username: str) -> tuple[Contact, ...]:
        """Gateways that register are registered."""
        return _SOMEWHERE

    def trunk(self, _name: str) -> type[_Trunk]:
        """And so are we."""
        return _Trunk


class PastView(NodeView):
    """Gateways as they were when the call was made."""

    __slots__ = ("_past",)

    def __init__(self, node: SimulatedNode, decision: Decision) -> None:
        past = node.now
        assert past is not None
        super().__init__(node.limits, node.tallies, decision, node, None, past.row.start / 1000, node.gauges)
        self._past = past

    quick = False
    """Each gateway is asked for: its figures are those of the record."""

    def figures(self, gateway: RoutingGateway, prefix: str) -> tuple[float | None, float | None, int, int]:
        """As they stood then; of one that the record does not show there are no ASR and ACD."""
        live = self._past.live.get(gateway.name)
        if live is None:
            return None, None, *super().figures(gateway, prefix)[2:]
        return live.asr, live.acd, live.lines, live.calls_today

    def away(self, gateway: RoutingGateway) -> str:
        """Whether it was not registered then."""
        why = self._past.out.get(gateway.name, "")
        return why if why in (NOT_REGISTERED, TRUNK_DOWN) else ""

    def quality(self, gateway: RoutingGateway, prefix: str, callee: str) -> tuple[Figures, str]:
        """By what its past attempts came to; while they are too few it misses every threshold when it did then."""
        found, destination = super().quality(gateway, prefix, callee)
        wanted = gateway.conduct.thresholds
        if wanted is not None and max(found.attempts, found.calls) >= wanted.attempts:
            return found, destination
        return (_POOR if gateway.name in self._past.poor else NOTHING), ""

    def aside(self, gateway: RoutingGateway) -> Aside | None:
        """Whether it was put aside then."""
        why = self._past.out.get(gateway.name)
        return None if why is None else Aside(why, absolute=True)
