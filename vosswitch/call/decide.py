"""The decision: may this call be made, who pays, at which rate, and which gateways are tried in which order.

One path serves live calls and every explanation, so the explanation is the truth.  `Decider.decide` takes nothing and
changes nothing: lines and money are taken by who acts on the decision.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.accounts.check import check_account, may_call
from vosswitch.accounts.limits import Limit
from vosswitch.call.decision import Decision
from vosswitch.call.funding import Funding
from vosswitch.call.registered import over_registrations
from vosswitch.call.routes import gateway_routes, phone_routes
from vosswitch.model.call import CallAttempt
from vosswitch.model.causes import cause
from vosswitch.model.values import Level
from vosswitch.numbers.e164 import BadNumber, dialable, dialled
from vosswitch.routing.plan import plan

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from vosswitch.accounts.callers import Identified, Read
    from vosswitch.accounts.values import MappingGateway, Phone
    from vosswitch.billing.balances import Balances
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.call.view import NodeView
    from vosswitch.hooks.manager import Frozen
    from vosswitch.model.signals import Try


class Ask(NamedTuple):
    """A call to decide.

    :ivar wall_ms: its start, epoch milliseconds.
    :ivar subject: who calls, when that is known already (an explanation); None = the source and the user say it.
    :ivar explain: list every gateway that was looked at, not only those that match.
    """

    call_id: str
    offered: Try
    wall_ms: int
    subject: MappingGateway | Phone | None = None
    explain: bool = False


class Refused(Exception):
    """The call may not go on; the argument is the end reason's name."""


class Decider:
    """Decides calls on one node.

    :param modes: billing modes by name.
    :param plugins: the hot callers of the plugins.
    :param view: what the node knows of its gateways now.
    :param registrations: the `IRegistrations`.
    :param source: of every random choice.
    """

    __slots__ = ("_balances", "_modes", "_plugins", "_registrations", "_source", "_view")

    def __init__(
        self,
        modes: Mapping[str, Any],
        plugins: Frozen,
        balances: Balances,
        view: Callable[[Decision], NodeView],
        registrations: Any,
        source: random.Random,
    ) -> None:
        self._modes = modes
        self._plugins = plugins
        self._balances = balances
        self._view = view
        self._registrations = registrations
        self._source = source

    def decide(self, ask: Ask, snapshot: Snapshot) -> Decision:
        """The decision on one call; a refusal is in its `cause`, with the reason in its notes."""
        decision = Decision(ask.offered, snapshot, self._modes, ask.wall_ms)
        try:
            self._who(ask, decision)
            self._account(decision)
            self._numbers(ask, decision)
            attempt = self._attempt(ask, decision)
            self._screen(decision, attempt)
            self._rate(decision)
            self._where(ask, decision, attempt)
        except Refused as refusal:
            reason = str(refusal)
            decision.cause = cause(reason)
            decision.note("refused", reason)
        return decision

    def _who(self, ask: Ask, decision: Decision) -> None:
        """Which mapping gateway or phone calls."""
        if ask.subject is not None:
            found: Any = ask.subject
            if hasattr(found, "tech_prefix"):
                decision.callee = self._without_tech_prefix(found, decision)
        else:
            identified = self._identified(decision)
            found = identified.gateway or identified.phone
            decision.callee = identified.callee
        if hasattr(found, "tech_prefix"):
            decision.gateway = found
        else:
            decision.phone = found
        if found.locked:
            decision.note(found.name if decision.gateway else found.number, "locked")
            raise Refused("account_locked")

    @staticmethod
    def _without_tech_prefix(gateway: MappingGateway, decision: Decision) -> str:
        """The called number of a question; a live call without the tech prefix would not be this gateway's."""
        if not decision.callee.startswith(gateway.tech_prefix):
            decision.note(gateway.name, f"its calls begin with the tech prefix {gateway.tech_prefix}")
            raise Refused("unauthorized")
        return decision.callee.removeprefix(gateway.tech_prefix)

    @staticmethod
    def _identified(decision: Decision) -> Identified:
        offered = decision.offered
        identified = decision.snapshot.callers.identify(offered.source, offered.user, offered.callee, _read(offered))
        if identified is None:
            decision.note("caller", f"no mapping gateway or phone fits {offered.source}")
            raise Refused("unauthorized")
        return identified

    @staticmethod
    def _account(decision: Decision) -> None:
        subject: Any = decision.gateway or decision.phone
        account = decision.snapshot.accounts.get(subject.account)
        if account is None:
            decision.note("account", f"{subject.account} does not exist")
            raise Refused("account_locked")
        decision.account = account
        reason = check_account(account, decision.wall_ms)
        if reason is not None:
            decision.note("account", f"{account.number}: {account.lock_reason or reason}")
            raise Refused(reason)

    def _numbers(self, ask: Ask, decision: Decision) -> None:
        """The numbers as billed: dial plans of the incoming side, then its number transforms."""
        subject: Any = decision.gateway or decision.phone
        try:
            decision.callee, decision.caller = dialled(decision.callee), dialled(decision.caller)
        except BadNumber as why:
            decision.note("numbers", str(why))
            raise Refused("empty_callee") from None
        if subject.callee_dial_plan:
            decision.callee = subject.callee_dial_plan.apply(decision.callee, self._source)
        if decision.gateway is not None:
            if decision.gateway.caller_dial_plan:
                decision.caller = decision.gateway.caller_dial_plan.apply(decision.caller, self._source)
            decision.caller, decision.callee = self._transformed(
                ask, decision, decision.gateway.number_transforms, decision.caller, decision.callee
            )
        else:
            decision.caller = subject.number
        if not dialable(decision.callee):
            decision.note("callee", "nothing that can be dialled is left of the called number")
            raise Refused("empty_callee")

    def _transformed(
        self, ask: Ask, decision: Decision, names: tuple[str, ...], caller: str, callee: str
    ) -> tuple[str, str]:
        """The numbers after the named transforms, in order."""
        for name in names:
            transform = self._plugins.number_transforms.get(name)
            if transform is None:
                decision.note("number transform", f"{name} is not loaded")
                continue
            attempt = dataclasses.replace(self._attempt(ask, decision), caller=caller, callee=callee)
            caller, callee = transform.transform(caller, callee, attempt)
        return caller, callee

    @staticmethod
    def _attempt(ask: Ask, decision: Decision) -> CallAttempt:
        assert decision.account is not None
        gateway, phone = decision.gateway, decision.phone
        subject = f"mapping_gateway:{gateway.name}" if gateway is not None else f"phone:{phone.number}"  # type: ignore[union-attr]
        offered = decision.offered
        return CallAttempt(
            ask.call_id,
            decision.caller,
            decision.callee,
            offered.caller,
            offered.callee,
            decision.account.number,
            subject,
            offered.source,
            ask.wall_ms,
        )

    def _screen(self, decision: Decision, attempt: CallAttempt) -> None:
        """Blacklists that the gateway names, then the screening hooks, then credit and fraud rules."""
        lists = decision.gateway.blacklists if decision.gateway is not None else ()
        for name in lists:
            blacklist = self._plugins.blacklists.get(name)
            if blacklist is None:
                decision.note("blacklist", f"{name} is not loaded")
                continue
            self._heed(decision, name, blacklist.screen(attempt))
        self._heed(decision, "screen_call", self._plugins.screen_call(attempt))
        self._heed(decision, "approve_call", self._plugins.approve_call(attempt))

    @staticmethod
    def _heed(decision: Decision, who: str, answer: Any) -> None:
        if answer is not None:
            decision.note(who, f"{answer.reason}: {answer.detail}")
            raise Refused(answer.reason)

    def _rate(self, decision: Decision) -> None:
        """The customer's rate for the callee as billed, and whether a phone may make calls of its level."""
        account = decision.account
        assert account is not None
        parameters = decision.snapshot.parameters
        decision.free = decision.callee in parameters["SERVER_BILLING_FREE_E164S"]
        hidden = parameters["SERVER_BILLING_NO_CDR_E164S"]
        decision.no_cdr = decision.callee in hidden or decision.caller in hidden
        decision.price = decision.find_price(account.number, account.rate_group, decision.wall_ms)
        if decision.price is None:
            decision.note("rate", f"{decision.callee}: no rate in group {account.rate_group or 'none'}")
            raise Refused("no_rate")
        if decision.price.mode not in self._modes:  # its plugin is gone: better no call than one at a wrong price
            decision.note("rate", f"billing mode {decision.price.mode} is not loaded")
            raise Refused("no_rate")
        if decision.phone is not None and not may_call(decision.phone, Level(decision.price.rate.level)):
            decision.note("level", f"{decision.phone.level} may not call {decision.price.rate.level}")
            raise Refused("level_not_allowed")
        decision.funding = Funding(
            self._balances,
            decision.meter(),
            account.number,
            account.overdraft_limit,
            bounded=account.anti_overdraft,
        )
        decision.limits = _limits(decision)

    def _where(self, ask: Ask, decision: Decision, attempt: CallAttempt) -> None:
        """A registered phone of that number, or the routing gateways in order."""
        called = decision.snapshot.phones.get(decision.callee)
        if called is not None and self._to_phone(decision, called):
            return
        gateway, price = decision.gateway, decision.price
        decision.plan = plan(
            attempt,
            decision.snapshot.gateways,
            self._view(decision),
            self._plugins.routing_strategies,
            gateway.routing_strategies if gateway is not None else (),
            sell=price.per_minute if price is not None else None,
            explain=ask.explain,
        )
        decision.had_candidates = bool(decision.plan.candidates)
        if not decision.had_candidates:
            raise Refused("no_route")
        routes = gateway_routes(
            decision, decision.plan.candidates, self._source, partial(self._transformed, ask, decision)
        )
        decision.routes = over_registrations(decision, routes, self._registrations)

    def _to_phone(self, decision: Decision, called: Phone) -> bool:
        if called.locked:
            decision.note(f"phone:{called.number}", "locked")
            raise Refused("account_locked")
        contacts = self._registrations.contacts(called.number)
        if contacts:
            decision.had_candidates = True
            decision.routes = phone_routes(decision, called.number, called.lines, contacts)
            return True
        decision.note(f"phone:{called.number}", "not registered")
        if not decision.snapshot.parameters["SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY"]:
            raise Refused("callee_offline")
        return False


def _read(offered: Try) -> Read:
    """What a gateway reads as the called number: only those that read it where the leg did can be meant."""
    return lambda place: offered.callee if place == offered.callee_source else None


def _limits(decision: Decision) -> tuple[Limit, ...]:
    """The counters of the incoming side: the system, the account, the gateway or phone."""
    parameters = decision.snapshot.parameters
    account = decision.account
    assert account is not None
    subject: Any = decision.gateway
    if subject is not None:
        own = Limit(f"mapping:{subject.name}", subject.lines, subject.cps)
    else:
        subject = decision.phone
        own = Limit(f"phone:{subject.number}", subject.lines, None)
    return (
        Limit("system", parameters["SS_MAX_CONCURRENT_CALLS"], parameters["SS_MAX_CPS"]),
        Limit(f"account:{account.number}", account.lines, account.cps),
        own,
    )
