"""Currencies: whose money is what, and what one is in another at a moment, exactly."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one of a currency is in another, by date.

    :ivar name: both, such as EUR/USD: how many USD one EUR is.
    :ivar begins: epoch ms from which each of *values* is in force, ascending.
    """

    name: str
    begins: tuple[int, ...]
    values: tuple[Fraction, ...]

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> ExchangeRate:
        """Read a configuration body with every key present."""
        rows = sorted((item["from"], Fraction(item["rate"])) for item in body["values"])
        return cls(body["name"], tuple([begin for begin, _ in rows]), tuple([value for _, value in rows]))

    def at(self, at_ms: int) -> Fraction | None:
        """The value in force at a moment; None before the first one."""
        place = bisect_right(self.begins, at_ms)
        return self.values[place - 1] if place else None


class Currencies:
    """The currencies of a deployment and of its accounts, and what they are in each other; immutable.

    :ivar own: the deployment's (VS_CURRENCY), "" = it has no name.
    :ivar mixed: some account or price list is in another one; otherwise nothing is ever converted.
    :param exchange_rates: by name.
    :param accounts: those of accounts that name one, by number.
    :param groups: rate groups by name.
    """

    __slots__ = ("_accounts", "_groups", "_rates", "mixed", "own")

    def __init__(
        self,
        exchange_rates: Mapping[str, ExchangeRate] | None = None,
        own: str = "",
        accounts: Mapping[str, str] | None = None,
        groups: Mapping[str, Any] | None = None,
    ) -> None:
        self._rates = exchange_rates if exchange_rates is not None else {}
        self._accounts = accounts or {}
        self._groups = groups if groups is not None else {}
        self.own = own
        there = {*self._accounts.values(), *(group.currency for group in self._groups.values())}
        self.mixed = bool(there - {"", own})

    def after(
        self, accounts: Any, exchange_rates: Mapping[str, ExchangeRate], groups: Mapping[str, Any], own: str
    ) -> Currencies:
        """The currencies after a change of the configuration.

        :param accounts: bodies of the accounts that change, by number, None = gone.
        """
        known = self._with(accounts or {})
        same = known is self._accounts and exchange_rates is self._rates and groups is self._groups
        return self if same and own == self.own else Currencies(exchange_rates, own, known, groups)

    def _with(self, accounts: Mapping[str, Any]) -> Mapping[str, str]:
        found = {number: (body or {}).get("currency") or "" for number, body in accounts.items()}
        if all(self._accounts.get(number, "") == currency for number, currency in found.items()):
            return self._accounts
        merged = {**self._accounts, **found}
        return {number: currency for number, currency in merged.items() if currency}

    def of(self, account: str) -> str:
        """The currency of an account, "" = the deployment's, which has no name."""
        return self._accounts.get(account) or self.own

    def rate(self, source: str, target: str, at_ms: int) -> Fraction | None:
        """What one of *source* is in *target* at a moment, "" = the deployment's own; None = it is not known.

        As a rate of the two says it, or by that of *target* to *source*, or by those of both to the deployment's.
        """
        source, target = source or self.own, target or self.own
        if source == target:
            return Fraction(1)
        direct = self._direct(source, target, at_ms)
        if direct is not None or not self.own or self.own in (source, target):
            return direct
        first, second = self._direct(source, self.own, at_ms), self._direct(self.own, target, at_ms)
        return None if first is None or second is None else first * second

    def _direct(self, source: str, target: str, at_ms: int) -> Fraction | None:
        if (named := self._rates.get(f"{source}/{target}")) is not None and (value := named.at(at_ms)) is not None:
            return value
        turned = self._rates.get(f"{target}/{source}")
        value = turned.at(at_ms) if turned is not None else None
        return None if value is None else 1 / value


NO_CURRENCIES = Currencies()
