"""The money of one call while it is up: reserved before it is spoken, settled once at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.rating import Fee, at_most
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from vosswitch.billing.balances import Balances
    from vosswitch.billing.meter import Meter


_ASK_SLICES = 8


class Funding:
    """What the paying account has set aside for one call.

    An account with anti-overdraft pays only out of its reservation (``bounded``); any other account only has to be
    above its limit when the call begins.

    :param limit: how far below zero the account may go, units of 10^-7; None = without a bound.
    :ivar account: the account's number.
    :ivar reserved: units of 10^-7 held for this call now.
    """

    __slots__ = ("_balances", "_limit", "account", "bounded", "meter", "reserved")

    def __init__(self, balances: Balances, meter: Meter, account: str, limit: int | None, *, bounded: bool) -> None:
        self._balances = balances
        self._limit = limit
        self.meter = meter
        self.account = account
        self.bounded = bounded
        self.reserved = 0

    def affordable(self) -> bool:
        """Whether `open` would succeed now."""
        first = self.meter.first_amount()
        if self.bounded:
            return first <= max(self._balances.free(self.account), 0)
        if first == 0 or self._limit is None:
            return True
        least = first if self.meter.advance else 1
        return self._balances.spendable(self.account, self._limit) >= least

    def lacking(self) -> str:
        """Why the call is not affordable, for people."""
        first = self.meter.first_amount()
        if self.bounded:
            left = money_text(max(self._balances.free(self.account), 0))
            return f"the call reserves {money_text(first)} first, {left} of account {self.account} is free"
        left = money_text(self._balances.spendable(self.account, self._limit or 0))
        wanted = f"{money_text(first)} has to be there" if self.meter.advance else "something has to be there"
        return f"account {self.account} has {left} above its limit, {wanted}"

    def open(self) -> bool:
        """Before the first attempt: hold the first slice, or see that the account is above its limit."""
        first = self.meter.first_amount()
        if not self.bounded:
            return self.affordable()
        if not self._balances.reserve(self.account, first):
            return False
        self.reserved = first
        return True

    def reprice(self, meter: Meter) -> bool:
        """At the answer: another rate is in force; hold the difference. False when the account does not cover it."""
        self.meter = meter
        missing = meter.first_amount() - self.reserved
        if not self.bounded or missing <= 0:
            return True
        if not self._balances.reserve(self.account, missing):
            return False
        self.reserved += missing
        return True

    def extend(self, elapsed_ms: int) -> int | None:
        """Hold money for one slice beyond *elapsed_ms*, or whatever the account still has.

        :returns: the call length in ms that is funded now; None = no bound.
        """
        if not self.bounded:
            return None
        wanted = self.meter.extension(self.reserved, elapsed_ms)
        amount = min(wanted, max(self._balances.free(self.account), 0))
        if amount > 0 and self._balances.reserve(self.account, amount):
            self.reserved += amount
        return self.funded_ms

    @property
    def shortage(self) -> int:
        """Units to ask the recorder for when the grant does not do, so that it is not asked again for every slice."""
        return max(self.meter.first_amount(), self.meter.next_amount(0, _ASK_SLICES * self.meter.slice_ms))

    @property
    def funded_ms(self) -> int | None:
        """The call length in ms that the reservation covers; None = no bound."""
        return self.meter.funded_ms(self.reserved) if self.bounded else None

    def settle(self, hold_ms: int | None) -> Fee:
        """The end: give the reservation back and charge the fee in one step.

        :param hold_ms: raw length in ms; None when the call was never answered (nothing is charged).
        """
        fee = self.meter.fee(hold_ms) if hold_ms is not None else self.meter.nothing()
        if self.bounded:
            fee = at_most(fee, self.reserved)
        self._balances.charge(self.account, self.reserved, fee.fee)
        self.reserved = 0
        return fee
