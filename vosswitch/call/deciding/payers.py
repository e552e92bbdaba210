"""Cards and bound numbers: the account that pays in place of that of the gateway or phone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vosswitch.accounts.payers import BOUND, CARD, NOBODY_ELSE
from vosswitch.call.deciding.decision import Refused
from vosswitch.model.cards import PIN, take_apart
from vosswitch.numbers.e164 import BadNumber, dialled

if TYPE_CHECKING:
    from vosswitch.accounts.values import Account
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.means import Ask, Means


def dial_card(decision: Decision) -> None:
    """Take a called number with a PIN apart; from here on nothing shows the PIN, neither record nor note nor hook."""
    gateway = decision.gateway
    access = gateway.cards.access if gateway is not None else ()
    if not access:
        if decision.snapshot.payers is NOBODY_ELSE:
            return
        access = decision.parameters["VS_CARD_ACCESS"]
    try:
        card = take_apart(access, dialled(decision.callee)) if access else None
    except BadNumber:
        return  # it will be refused
    if card is None:
        return
    decision.card, decision.callee = card, card.callee
    offered = decision.offered
    decision.offered = replace(offered, callee=_masked(offered.callee, card.masked, card.pin))


def _masked(received: str, whole: str, pin: str) -> str:
    """The number as received without its PIN; *whole* is what there is of it when the PIN does not stand in a row."""
    return received.replace(pin, "*" * len(pin)) if pin and pin in received else whole


def card_account(ask: Ask, decision: Decision, means: Means) -> str:
    """The account of the card that was dialled, now or for the call that is transferred.

    :raises Refused: no card has this PIN, or its source has tried too many wrong ones.
    """
    card = decision.card
    decision.billed_as = CARD
    if card is None:
        return ask.card
    decision.card = card._replace(pin="")
    if ask.payer is not None:  # a call that was made with a card, again
        return ask.payer
    if means.pins is None:
        decision.note("card", "PINs cannot be looked up here")
        raise Refused("authentication_failed")
    held = means.pins.held(decision)
    if held:
        decision.note("card", held)
        raise Refused("authentication_failed")
    number = decision.snapshot.payers.cards.get(means.pins.keyed(card.pin)) if PIN.fullmatch(card.pin) else None
    if number is None:
        decision.card = card._replace(pin="", wrong=True)
        decision.note("card", "no card has the PIN that was dialled")
        raise Refused("authentication_failed")
    return number


def bound_account(decision: Decision) -> Account | None:
    """The account that the calling number as billed is bound to; None = the caller's own stays."""
    payers = decision.snapshot.payers
    if payers is NOBODY_ELSE:
        return None
    number, gateway = payers.bound.get(decision.caller), decision.gateway
    if number is None or decision.billed_as or (gateway is not None and not gateway.cards.bound):
        return None
    found = decision.snapshot.accounts.get(number)
    if found is None:
        return None
    decision.billed_as = BOUND
    if decision.explaining:
        decision.note("account", f"{decision.caller} is bound to account {number}, which pays")
    return found
