"""What a call costs us where the vendor's account may not be overdrawn: it is reserved as the customer's money is.

Only clearing accounts with anti-overdraft are looked at here; what any other vendor gets is booked at the end of the
call, whatever its account has.  An emergency call passes the lack of money here, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.call.funding import Share

if TYPE_CHECKING:
    from vosswitch.accounts.values import Account
    from vosswitch.billing.balances import Balances
    from vosswitch.call.deciding.decision import Decision
    from vosswitch.call.deciding.pricing import Price
    from vosswitch.call.deciding.routes import Route
    from vosswitch.call.funding import Funding
    from vosswitch.model.rating import Fee


class CostShare(Share):
    """The vendor's part; a vendor whose leg is gone before the call's end (`Decision.cost_ms`) gets no more."""

    __slots__ = ("_decision",)

    def __init__(self, decision: Decision, balances: Balances, account: Account, price: Price) -> None:
        meter = decision.meter(price)
        super().__init__(
            balances, meter, account.number, account.overdraft_limit, bounded=True, kind="cost", mode=price.mode
        )
        self.lenient = account.goes_on(decision.parameters)
        self._decision = decision

    @property
    def funded_ms(self) -> int | None:
        """The call length in ms that is reserved; None = the vendor is not paid for more in any case."""
        return super().funded_ms if self._decision.cost_ms is None else None

    def extend(self, elapsed_ms: int) -> int | None:
        """See `Share.extend`."""
        return super().extend(elapsed_ms) if self._decision.cost_ms is None else None

    def keep(self, amount: int) -> None:
        """The attempt has failed: hold no more than its fee, which is owed at the end of the call."""
        more = self.reserved - amount
        if more > 0:
            self._balances.release(self.account, more)
            self.reserved = amount

    def settle(self, hold_ms: int | None) -> Fee:
        """See `Share.settle`."""
        gone = self._decision.cost_ms
        return super().settle(hold_ms if hold_ms is None or gone is None else min(hold_ms, gone))


class VendorShort(Exception):
    """The vendor's account does not have what the call costs at first; the text says so to people."""

    def __init__(self, share: CostShare) -> None:
        super().__init__(f"vendor: {share.lacking()}")
        self.share = share


def bounded_vendor(decision: Decision, route: Route | None) -> Account | None:
    """The clearing account of a route that may not be overdrawn; None = there is nothing to reserve."""
    number = route.account if route is not None else None
    account = decision.snapshot.accounts.get(number) if number is not None else None
    return account if account is not None and account.anti_overdraft and decision.emergency is None else None


def reserve_cost(decision: Decision, balances: Balances, route: Route) -> CostShare | None:
    """Before an attempt: hold what its vendor gets at first.

    :returns: None when nothing has to be held.
    :raises VendorShort: it is not there.
    """
    account = bounded_vendor(decision, route)
    price = decision.vendor_price(route, decision.now_ms) if account is not None else None
    if account is None or price is None:
        return None
    share = CostShare(decision, balances, account, decision.chargeable(price))
    if not share.open():
        raise VendorShort(share)
    return share


def join_cost(
    funding: Funding,
    share: CostShare | None,
    decision: Decision,
    balances: Balances,
    route: Route | None,
    price: Price | None,
) -> bool:
    """At the answer: the vendor's part is one of the call's shares, at the rate in force; False when it is short.

    :param share: what `reserve_cost` gave; *price* what the vendor charges now, None = nothing.
    """
    account = bounded_vendor(decision, route)
    if account is None or price is None:
        if share is not None:
            share.give_back()
        return True
    if share is None:
        share = CostShare(decision, balances, account, price)
        covered = share.open()
    else:
        covered = share.reprice(decision.meter(price), price.mode)
        if not covered:
            share.give_back()
    if covered:
        funding.join(share)
    return covered
