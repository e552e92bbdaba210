"""Who pays a call beside the account's money: its packages, and the spending limit of the phone that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.billing.packages import SECOND, gifts_for, in_order, limit_purse
from vosswitch.call.packaged import LimitShare, PackagedShare
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from vosswitch.billing.balances import Balances
    from vosswitch.billing.packages import Gift
    from vosswitch.call.deciding.decision import Decision


def share(decision: Decision, balances: Balances) -> PackagedShare:
    """The share of an account with packages; which of them fit is decided again at the answer."""
    account = decision.account
    assert account is not None
    number, snapshot = decision.rated_number, decision.snapshot

    def choose(at_ms: int) -> tuple[Gift, ...]:
        ordered = in_order(account.packages, snapshot.packages, at_ms)
        return tuple(gifts_for(account.number, ordered, number, at_ms, snapshot.calendars))

    found = PackagedShare(
        balances,
        decision.meter(),
        account.number,
        account.overdraft_limit,
        bounded=account.anti_overdraft,
        mode=decision.mode,
        choose=choose,
        at_ms=decision.wall_ms,
    )
    if decision.explaining:
        _explain(decision, balances, found.gifts)
    return found


def limit(decision: Decision, balances: Balances) -> LimitShare:
    """The share of the phone's spending limit."""
    assert decision.phone is not None
    number = decision.phone.number
    purse = limit_purse(number)
    if decision.explaining:
        left = money_text(max(balances.free(purse), 0))
        decision.note("spending limit", f"phone {number}: {left} is left")
    return LimitShare(balances, decision.meter(), purse, number, decision.mode)


def _explain(decision: Decision, balances: Balances, gifts: tuple[Gift, ...]) -> None:
    if not gifts:
        decision.note("package", "none of the account's packages is for this call")
    for gift in gifts:
        free = max(balances.free(gift.purse), 0)
        left = f"{free // SECOND} gift seconds" if gift.is_seconds else f"{money_text(free)} of gift money"
        pays = "pays" if free else "would pay"
        decision.note("package", f"{gift.package} {pays} before the account: {left} left")
