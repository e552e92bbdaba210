"""First step: which mapping gateway or phone calls, and the account that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.check import check_account
from vosswitch.accounts.periods import in_force
from vosswitch.call.deciding.agents import name_chain
from vosswitch.call.deciding.decision import Refused
from vosswitch.call.deciding.payers import bound_account, card_account, dial_card

if TYPE_CHECKING:
    from vosswitch.accounts.callers import Identified, Read
    from vosswitch.accounts.values import Account, MappingGateway
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means
    from vosswitch.model.signals import Try


def who(ask: Ask, decision: Decision) -> None:
    """Name the caller's mapping gateway or phone."""
    if ask.subject is not None:
        found: Any = ask.subject
        if hasattr(found, "tech_prefix"):
            decision.callee = _without_tech_prefix(found, decision)
    else:
        identified = _identified(decision)
        found = identified.gateway or identified.phone
        decision.callee = identified.callee
    if hasattr(found, "tech_prefix"):
        decision.gateway = found
    else:
        decision.phone = found
    dial_card(decision)
    if found.locked:
        decision.note(found.name if decision.gateway else found.number, "locked")
        raise Refused("account_locked")


def _in_period(gateway: MappingGateway, decision: Decision) -> MappingGateway:
    """The gateway as it is now, by its periods; out of them it stays as it is, and only emergency calls pass."""
    period = in_force(gateway.periods, decision.snapshot, decision.wall_ms)
    if period is None:
        return gateway
    if decision.explaining:
        decision.note(gateway.name, str(period))
    return period.gateway  # type: ignore[no-any-return]


def _without_tech_prefix(gateway: MappingGateway, decision: Decision) -> str:
    """The called number of a question; a live call without the tech prefix would not be this gateway's."""
    if not decision.callee.startswith(gateway.tech_prefix):
        decision.note(gateway.name, f"its calls begin with the tech prefix {gateway.tech_prefix}")
        raise Refused("unauthorized")
    return decision.callee.removeprefix(gateway.tech_prefix)


def _identified(decision: Decision) -> Identified:
    offered = decision.offered
    identified = decision.snapshot.callers.identify(offered.source, offered.user, offered.callee, _read(offered))
    if identified is None:
        decision.note("caller", f"no mapping gateway or phone fits {offered.source}")
        raise Refused("unauthorized")
    return identified


def _read(offered: Try) -> Read:
    """What a gateway reads as the called number: only those that read it where the leg did can be meant."""
    return lambda place: offered.callee if place == offered.callee_source else None


def account(ask: Ask, decision: Decision, means: Means) -> None:
    """Name the account that pays, and see whether it may make calls at all."""
    subject: Any = decision.gateway or decision.phone
    by_card = decision.card is not None or ask.card
    number = card_account(ask, decision, means) if by_card else subject.account
    found = decision.snapshot.accounts.get(number)
    if found is None:
        decision.note("account", f"{number} does not exist")
        raise Refused("account_locked")
    _pays(decision, found)
    gateway = decision.gateway
    if gateway is not None and gateway.periods:
        decision.gateway = _in_period(gateway, decision)


def _pays(decision: Decision, found: Account) -> None:
    decision.account = found
    if found.agent is not None:
        name_chain(decision, found)
    _check(decision, "account", found)
    for agent in decision.agents:
        _check(decision, "agent", agent)


def bound(decision: Decision) -> None:
    """Let the account pay that the calling number as billed is bound to, if there is one."""
    found = bound_account(decision)
    if found is not None and found is not decision.account:
        decision.agents, decision.in_debt = (), False
        _pays(decision, found)


def _check(decision: Decision, what: str, found: Account) -> None:
    """Whether an account that pays may make calls at all; *what* names it in notes."""
    reason = check_account(found, decision.wall_ms)
    if reason is not None and found.lock_reason == "balance" and decision.snapshot.emergency:
        decision.in_debt = True  # an emergency call passes that; what this one is will be seen
        decision.note(what, f"{found.number}: balance")
    elif reason is not None:
        decision.note(what, f"{found.number}: {found.lock_reason or reason}")
        raise Refused(reason)
