"""What a call costs beside its length: attempts at vendors' gateways, and nothing at all where none was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.billing.meter import Meter
from vosswitch.cdr.record import Charge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vosswitch.billing.balances import Balances
    from vosswitch.call.deciding.pricing import Price
    from vosswitch.call.funding import Funding, Paid
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.rating import Fee


def settled(funding: Funding, cdr: Cdr, held: int | None) -> Iterable[Paid]:
    """What everyone pays; a call that was tried nowhere costs no attempt fee.

    :param held: raw length in ms, None = not answered.
    """
    if held is not None or cdr.attempts:
        return funding.settle(held)
    for share in funding.shares:
        share.give_back()
    return ()


def vendor_fee(cost: Price, modes: Mapping[str, Any], held: int | None, vendor_ms: int | None) -> Fee:
    """What a vendor gets whose gateway has answered: of an answer that nobody heard the attempt fee alone.

    :param held: as in `settled`; *vendor_ms* as `Decision.cost_ms`.
    """
    if held is None:
        return Meter(modes[cost.mode], cost.terms).nothing()
    fee: Fee = modes[cost.mode].fee(held if vendor_ms is None else min(held, vendor_ms), cost.terms)
    return fee


def charge_vendor(cost: Price, paid: Fee, cdr: Cdr, balances: Balances) -> None:
    """Book what a vendor gets, and add it to the record's cost where that is in the same currency."""
    note_vendor(cost, paid, cdr)
    if paid.fee:
        cdr.charges.append(Charge(cost.account, paid.fee, "cost"))
        balances.charge(cost.account, 0, paid.fee)


def note_vendor(cost: Price | None, paid: Fee, cdr: Cdr) -> None:
    """Add what a vendor gets to the record's cost."""
    if cost is None:
        return
    if not cdr.clearing_account:
        cdr.clearing_account, cdr.cost_prefix, cdr.cost_currency = cost.account, cost.rate.prefix, cost.currency
    if cost.currency == cdr.cost_currency:
        cdr.cost, cdr.cost_tax = cdr.cost + paid.fee, cdr.cost_tax + paid.tax


def charge_attempts(prices: Iterable[Price], modes: Mapping[str, Any], cdr: Cdr, balances: Balances) -> None:
    """Charge vendors' attempt fees; the record's cost has those of its own currency, the ledger all of them."""
    for price in prices:
        fee = Meter(modes.get(price.mode, modes["increment"]), price.terms).nothing()
        if fee.fee:
            charge_vendor(price, fee, cdr, balances)


def attempt_terms(prices: Iterable[Price]) -> list[dict[str, Any]]:
    """The same as rows of the `answer` record's ``charges_terms``: what no length makes dearer."""
    return [
        {
            "account": price.account,
            "kind": "cost",
            "mode": price.mode,
            "terms": price.terms.to_data(),
            "attempt": price.currency,
        }
        for price in prices
    ]
