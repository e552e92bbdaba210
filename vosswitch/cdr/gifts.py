"""What packages pay of a call whose end the switch did not live to see: as the call itself would have done it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.cdr.record import Cdr, Charge
from vosswitch.model.gifts import split
from vosswitch.model.rating import Fee, Terms, at_most
from vosswitch.model.values import UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.cdr.recovery import PricedCall

    Row = tuple[dict[str, Any], int | None]
    """A row of ``charges_terms``, and what it cannot exceed, units of 10^-7; None = no bound."""

_NAME = 64


def bill_gifts(cdr: Cdr, rows: Sequence[Row], price: PricedCall) -> list[Row]:
    """Bill the caller's account and its packages.

    :param cdr: with the length of the call.
    :returns: the rows of everybody else; all of them when there are no packages.
    """
    gifts = [(charge, most or 0) for charge, most in rows if charge["kind"] == "gift"]
    if not gifts:
        return list(rows)
    own, bound = next(row for row in rows if row[0]["kind"] == "call")
    gifts.sort(key=lambda row: row[0]["gives"] != "seconds")

    def priced(ms: int) -> Fee:
        amount, tax, billed = price(own["mode"], own["terms"], ms)
        return Fee(amount, tax, billed, amount - tax)

    seconds = [most // UNITS for charge, most in gifts if charge["gives"] == "seconds"]
    money = [most for charge, most in gifts if charge["gives"] == "money"]
    found = split(priced, cdr.hold_time_ms, seconds, money, Terms.from_data(own["terms"]).step)
    paid = found.own if bound is None else at_most(found.own, bound)
    cdr.fee, cdr.tax, cdr.billed_seconds = paid.fee, paid.tax, paid.billed_seconds
    if paid.fee:
        cdr.charges.append(Charge(own["account"], paid.fee, "call"))
    used = [*(one * UNITS for one in found.seconds), *found.money]
    given = [(charge, amount) for (charge, _), amount in zip(gifts, used, strict=True) if amount]
    if given:
        names = ", ".join(dict.fromkeys(charge["package"] for charge, _ in given))
        cdr.package, cdr.package_fee, cdr.package_seconds = names[:_NAME], found.worth, sum(found.seconds)
    cdr.charges += [Charge(charge["account"], amount, "gift") for charge, amount in given]
    return [row for row in rows if row[0]["kind"] not in ("gift", "call")]
