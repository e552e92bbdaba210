"""Packages: what an account is given for its rent, and the purses that hold it.

A purse is an account of its own that no call is routed by and nobody pays into by hand: grants, reservations, ledger
and what happens after a crash are those of every account.  Seconds are counted as whole units of currency would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.values import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vosswitch.model.calendar import Calendar

SECOND = UNITS
"""Units of 10^-7 in a purse that are one second."""

MARK = "#"
"""What numbers of purses begin with."""

MOST_GIFTS = 16
"""Kinds of gift minutes of one package, and packages of one account."""

_WIDTH = 64


def is_purse(number: str) -> bool:
    """Whether that is the number of a purse."""
    return number.startswith(MARK)


def seconds_purse(account: str, package: str, row: int) -> str:
    """The number of the purse of an account's gift minutes; *row* is counted from 1."""
    return _short(f"{MARK}{account}/{package}/{row}")


def money_purse(account: str, package: str) -> str:
    """The number of the purse of an account's gift money."""
    return _short(f"{MARK}{account}/{package}/money")


def limit_purse(phone: str) -> str:
    """The number of the purse that a phone's spending limit is kept in."""
    return _short(f"{MARK}phone/{phone}")


def purses_of(account: str, package: str) -> list[str]:
    """Every purse that an account can have of a package."""
    rows = [seconds_purse(account, package, row) for row in range(1, MOST_GIFTS + 1)]
    return [*rows, money_purse(account, package)]


def _short(number: str) -> str:
    """A number that fits its column; what does not is known by its hash."""
    return number if len(number) <= _WIDTH else MARK + sha256(number.encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class GiftMinutes:
    """Seconds for some calls.

    :ivar seconds: of one period.
    :ivar prefixes: beginnings of the called numbers; none = every number.
    :ivar calendar: only at its times, "" = always; *when*: which of them.
    """

    seconds: int
    prefixes: tuple[str, ...] = ()
    calendar: str = ""
    when: str = "working"

    def fit(self, number: str, at_ms: int, calendars: Mapping[str, Calendar]) -> bool:
        """Whether they are for a call to *number* that is answered at a moment, epoch ms."""
        if self.prefixes and not number.startswith(self.prefixes):
            return False
        if not self.calendar:
            return True
        calendar = calendars.get(self.calendar)
        return calendar is not None and calendar.admits(at_ms, self.when)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> GiftMinutes:
        """Read one row of a package."""
        when = body.get("when", "working")
        return cls(body["seconds"], tuple(body.get("prefixes", ())), body.get("calendar", ""), when)


class Gift(NamedTuple):
    """A purse that may pay for a call.

    :ivar unit: units of 10^-7 that are taken together: `SECOND`, or 1 for money.
    """

    purse: str
    package: str
    unit: int

    @property
    def is_seconds(self) -> bool:
        """Whether it gives seconds; else it gives money."""
        return self.unit == SECOND


@dataclass(frozen=True, slots=True)
class Package:
    """What calls need to know of a package.

    :ivar priority: the smallest is used first.
    :ivar gift_money: units of 10^-7 of a period.
    :ivar valid_from: epoch ms, 0 = always; *valid_to* is the first moment that is too late, 0 = never.
    """

    name: str
    priority: int = 0
    gift_minutes: tuple[GiftMinutes, ...] = ()
    gift_money: int = 0
    valid_from: int = 0
    valid_to: int = 0

    def in_force(self, at_ms: int) -> bool:
        """Whether it is valid at a moment."""
        return self.valid_from <= at_ms and (not self.valid_to or at_ms < self.valid_to)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Package:
        """Read a configuration body with every key present."""
        return cls(
            body["name"],
            body["priority"],
            tuple(map(GiftMinutes.from_body, body["gift_minutes"])),
            body["gift_money"],
            body["valid_from"] or 0,
            body["valid_to"] or 0,
        )


def in_order(names: Iterable[str], packages: Mapping[str, Package], at_ms: int) -> list[Package]:
    """The packages of an account that are in force, the one to be used first before the others."""
    found = [packages[name] for name in names if name in packages and packages[name].in_force(at_ms)]
    return sorted(found, key=lambda package: (package.priority, package.name))


def gifts_for(
    account: str, ordered: Iterable[Package], number: str, at_ms: int, calendars: Mapping[str, Calendar]
) -> Iterator[Gift]:
    """The purses that may pay for a call, in the order of their use: all seconds before all money."""
    packages = list(ordered)
    for package in packages:
        for row, gift in enumerate(package.gift_minutes, 1):
            if gift.fit(number, at_ms, calendars):
                yield Gift(seconds_purse(account, package.name, row), package.name, SECOND)
    for package in packages:
        if package.gift_money:
            yield Gift(money_purse(account, package.name), package.name, 1)
