"""The decision: may this call be made, who pays, at which rate, and which gateways are tried in which order.

One path serves live calls, every explanation and every simulation, so the explanation is the truth.  `Decider.decide`
takes nothing and changes nothing: lines and money are taken by who acts on the decision.  A question that has to wait
(`vosswitch.call.deciding.porting`) leaves a decision incomplete; `Decider.resume` completes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.accounts.portability import NO_JURISDICTION
from vosswitch.call.deciding import emergency
from vosswitch.call.deciding.decision import Decision, Refused
from vosswitch.call.deciding.dialling import call_attempt, check_numbers, numbers
from vosswitch.call.deciding.pooled import shown_caller
from vosswitch.call.deciding.porting import judge, settle, wait
from vosswitch.call.deciding.rating import rate
from vosswitch.call.deciding.screening import own_caller, screen
from vosswitch.call.deciding.steps import tell_caller, tell_rate
from vosswitch.call.deciding.where import where
from vosswitch.call.deciding.who import account, bound, who
from vosswitch.model.causes import cause
from vosswitch.numbers.pools import Turns
from vosswitch.routing.order import Orders

if TYPE_CHECKING:
    from vosswitch.call.deciding.means import Ask, Means
    from vosswitch.call.deciding.porting import Reply
    from vosswitch.call.snapshot import Snapshot


class Decider:
    """Decides calls on one node."""

    __slots__ = ("_means",)

    def __init__(self, means: Means) -> None:
        orders = means.orders or Orders(means.plugins.routing_strategies)
        self._means = means._replace(orders=orders, turns=means.turns or Turns())

    def decide(self, ask: Ask, snapshot: Snapshot) -> Decision:
        """The decision on one call; a refusal is in its `cause`, with the reason in its notes."""
        means = self._means
        decision = Decision(ask.offered, snapshot, means.modes, ask.wall_ms)
        decision.explaining = ask.explain
        try:
            who(ask, decision)
            account(ask, decision, means)
            if decision.explaining:
                tell_caller(decision)
            numbers(ask, decision, means)
            bound(decision)
            own_caller(decision)
            if snapshot.emergency:
                emergency.look(decision)
            attempt = call_attempt(ask, decision)
            if decision.emergency is None:
                check_numbers(decision)
                screen(decision, attempt, means)
                attempt = shown_caller(decision, attempt, means)
                gateway = decision.gateway
                if gateway is not None and gateway.jurisdiction is not NO_JURISDICTION:
                    if wait(ask, decision, attempt, means, gateway.jurisdiction):
                        return decision
                    judge(decision, gateway.jurisdiction)
            rate(decision, means)
            if decision.explaining:
                tell_rate(decision)
            where(ask, decision, attempt, means)
        except Refused as refusal:
            _refuse(decision, refusal)
        return decision

    def resume(self, decision: Decision, reply: Reply) -> None:
        """Complete a decision that waited (`Decision.pending`) with what came of its question."""
        pending, decision.pending = decision.pending, None
        assert pending is not None
        assert decision.gateway is not None
        means = self._means
        try:
            settle(decision, pending, reply, means)
            judge(decision, decision.gateway.jurisdiction)
            rate(decision, means)
            if decision.explaining:
                tell_rate(decision)
            where(pending.ask, decision, pending.attempt, means)
        except Refused as refusal:
            _refuse(decision, refusal)


def _refuse(decision: Decision, refusal: Refused) -> None:
    reason = str(refusal)
    decision.cause = cause(reason)
    decision.note("refused", reason)
