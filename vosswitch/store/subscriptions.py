"""What is booked by periods: rents and gifts of packages, minimum consumption, spending limits of phones.

Each is booked once by whichever node's recorder (or command) comes first: a row of ``subscription`` says how far an
account is, it is brought on in the transaction of the bookings, and those have references that are unique by account,
such as ``rent:basic:20261101``.  Moments are epoch milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from vosswitch.billing.packages import SECOND, Package, limit_purse, money_purse, purses_of, seconds_purse
from vosswitch.billing.periods import end_of, key
from vosswitch.store import accounts, changes, entities, purses
from vosswitch.store.books import Booking
from vosswitch.store.package_fields import PACKAGES
from vosswitch.store.provision_schema import ACCOUNTS, PHONES
from vosswitch.store.schema import account, ledger, subscription

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from sqlalchemy import Connection, Row

ACTIVE, RESTING = "active", "resting"
MOST_PERIODS = 60
"""Periods of a package that one transaction catches up; the next one goes on."""

_LIMIT = ""
_PHONE = "#phone/"


@dataclass(slots=True)
class Brought:
    """What one step did.

    :ivar booked: what was booked, for people: account, kind, amount, reference.
    :ivar short: what nodes would have to give back so that it goes on, units by account.
    :ivar more: there are periods left to be caught up.
    """

    booked: list[tuple[str, str, int, str]] = field(default_factory=list)
    short: dict[str, int] = field(default_factory=dict)
    more: bool = False


def wanted(connection: Connection) -> set[str]:
    """Every account that has packages or had some, and the phones with a spending limit (as ``#phone/NUMBER``)."""
    found = set(connection.scalars(select(subscription.c.account).distinct()))
    found |= {number for number, stored in entities.read_all(connection, ACCOUNTS) if stored.values["packages"]}
    for number, stored in entities.read_all(connection, PHONES):
        if stored.values["spending_limit"] is not None:
            found.add(_PHONE + number)
    return found


def concerned(connection: Connection, subjects: set[str]) -> set[str]:
    """Those of some accounts and phones that have, or had, something that is booked by periods."""
    phones = {subject.removeprefix(_PHONE) for subject in subjects if subject.startswith(_PHONE)}
    numbers = {subject for subject in subjects if not subject.startswith(_PHONE)}
    found = set(connection.scalars(select(subscription.c.account).distinct())) & subjects if subjects else set()
    for number, stored in entities.read_some(connection, ACCOUNTS, numbers).items():
        if stored.values["packages"]:
            found.add(number)
    for number, stored in entities.read_some(connection, PHONES, phones).items():
        if stored.values["spending_limit"] is not None:
            found.add(_PHONE + number)
    return found


def due(connection: Connection, now: int) -> set[str]:
    """Whose period is over."""
    return set(connection.scalars(select(subscription.c.account).where(subscription.c.ends <= now).distinct()))


def resting(connection: Connection) -> set[str]:
    """Who has a package that rests."""
    return set(connection.scalars(select(subscription.c.account).where(subscription.c.state == RESTING).distinct()))


def next_end(connection: Connection) -> int | None:
    """When the next period of anybody ends."""
    found = connection.scalar(select(func.min(subscription.c.ends)))
    return None if found is None else int(found)


def needs(connection: Connection, subject: str, now: int) -> dict[str, int]:
    """What nodes should give back before the next step of an account, units by account: purses that begin anew."""
    rows = [row for row in _rows(connection, subject) if row.ends is not None and row.ends <= now]
    if subject.startswith(_PHONE):
        names = [limit_purse(subject.removeprefix(_PHONE))] if rows else []
    else:
        names = [purse for row in rows for purse in purses_of(subject, row.package)]
    return {number: found.granted for number, found in purses.held(connection, names).items() if found.granted}


def bring(connection: Connection, subject: str, zone: tzinfo, now: int, who: str) -> Brought:
    """Book everything that is due for an account or a phone's limit, in the caller's transaction."""
    changes.lock(connection)
    if subject.startswith(_PHONE):
        return _Limit(connection, zone, now, who).bring(subject.removeprefix(_PHONE))
    return _Packages(connection, zone, now, who).bring(subject)


def standing(connection: Connection, number: str) -> list[dict[str, Any]]:
    """The packages of an account with what is left of each: package, state, until, seconds, money."""
    found = []
    for row in _rows(connection, number):
        held = purses.held(connection, purses_of(number, row.package))
        money = held.pop(money_purse(number, row.package), None)
        found.append(
            {
                "package": row.package,
                "state": row.state,
                "since": row.begins,
                "until": row.ends,
                "gift_seconds": sum(purse.balance for purse in held.values()) // SECOND,
                "gift_money": money.balance if money is not None else 0,
            }
        )
    return found


def left_of_limit(connection: Connection, phone: str) -> int | None:
    """What a phone may still spend, units; None = its limit was not set yet."""
    found = purses.held(connection, [limit_purse(phone)])
    return next((purse.balance for purse in found.values()), None)


def _rows(connection: Connection, subject: str) -> list[Row[Any]]:
    query = select(subscription).where(subscription.c.account == subject).order_by(subscription.c.package)
    return list(connection.execute(query).all())


class _Books:
    """The bookings of one step."""

    def __init__(self, connection: Connection, zone: tzinfo, now: int, who: str) -> None:
        self.connection = connection
        self.zone = zone
        self.now = now
        self.who = who
        self.done = Brought()

    def book(self, number: str, kind: str, amount: int, reference: str | None, why: str) -> None:
        """Book *amount* once; nothing when it is zero, or booked already."""
        if not amount:
            return
        if reference is not None and self._known(number, reference):
            return
        accounts.post(self.connection, [Booking(number, kind, amount, self.who, why, reference)], self.who, self.now)
        self.done.booked.append((number, kind, amount, reference or ""))

    def pay(self, number: str, kind: str, amount: int, reference: str, why: str) -> bool:
        """Take *amount* of an account unless it would go below its limit by that; whether it is paid."""
        if not amount or self._known(number, reference):
            return True
        columns = (account.c.balance, account.c.overdraft_limit, account.c.granted, account.c.anti_overdraft)
        row = self.connection.execute(select(*columns).where(account.c.number == number).with_for_update()).one()
        if row.overdraft_limit is not None:
            free = row.balance + row.overdraft_limit - (row.granted if row.anti_overdraft else 0)
            if free < amount:
                if row.anti_overdraft and row.balance + row.overdraft_limit >= amount:
                    self.done.short[number] = amount - free
                return False
        self.book(number, kind, -amount, reference, why)
        return True

    def empty(self, number: str, why: str) -> None:
        """Take out of a purse what no call holds."""
        held = purses.held(self.connection, [number]).get(number)
        if held is not None and held.free > 0:
            self.book(number, "limit" if number.startswith(_PHONE) else "gift", -held.free, None, why)

    def set(self, subject: str, package: str, row: Row[Any] | None, **values: Any) -> None:
        """Note how far a subscription is."""
        table = subscription
        if row is None:
            values = {"account": subject, "package": package, "amount": 0, "state": ACTIVE} | values
            self.connection.execute(insert(table).values(**values))
        else:
            own = (table.c.account == subject) & (table.c.package == package)
            self.connection.execute(update(table).where(own).values(**values))

    def drop(self, subject: str, package: str) -> None:
        """It is over."""
        table = subscription
        self.connection.execute(delete(table).where(table.c.account == subject, table.c.package == package))

    def row(self, subject: str, package: str) -> Row[Any] | None:
        """How far it is."""
        return next((row for row in _rows(self.connection, subject) if row.package == package), None)

    def _known(self, number: str, reference: str) -> bool:
        same = (ledger.c.reference == reference) & (ledger.c.account == number)
        return self.connection.scalar(select(ledger.c.id).where(same)) is not None


class _Packages(_Books):
    """The packages of one account."""

    def bring(self, number: str) -> Brought:
        """Everything that is due."""
        stored = entities.read_some(self.connection, ACCOUNTS, [number]).get(number)
        subscribed = {item["name"]: item["from"] for item in stored.values["packages"]} if stored is not None else {}
        names = dict.fromkeys([*subscribed, *(row.package for row in _rows(self.connection, number))])
        bodies = entities.read_some(self.connection, PACKAGES, names)
        for name in names:
            body = bodies[name].values if name in bodies else None
            begins = subscribed.get(name)
            steps = 0
            while steps < MOST_PERIODS and self._step(number, name, body, begins):
                steps += 1
            self.done.more |= steps == MOST_PERIODS
        return self.done

    def _step(self, number: str, name: str, body: Mapping[str, Any] | None, begins: int | None) -> bool:
        """Bring one package on by a step; whether there was one to do."""
        row = self.row(number, name)
        has = body is not None and begins is not None and begins <= self.now and _in_force(body, self.now)
        if row is None:
            if not has:
                return False
            assert body is not None
            self._open(number, body, self.now, None)
            return True
        if row.ends is not None and row.ends <= self.now:
            return self._close(number, body, row, has=has)
        if row.state == RESTING and body is not None and has and body["unpaid"] == "wait":
            return self._open(number, body, row.begins, row)
        return False

    def _open(self, number: str, body: Mapping[str, Any], begins: int, row: Row[Any] | None) -> bool:
        """Take the rent of a period and give its gifts; where the rent cannot be paid the package rests."""
        name, day = body["name"], key(begins, self.zone)
        ends = end_of(body["period"], begins, self.zone)
        paid = self.pay(number, "rent", body["rent"], f"rent:{name}:{day}", f"package {name}")
        changed = row is None or row.begins != begins or (row.state == RESTING) == paid
        self.set(number, name, row, begins=begins, ends=ends, state=ACTIVE if paid else RESTING)
        if paid and (ends is None or ends > self.now):
            self._give(number, body, day)
        return changed

    def _give(self, number: str, body: Mapping[str, Any], day: str) -> None:
        name = body["name"]
        for place, gift in enumerate(Package.from_body(body).gift_minutes, 1):
            purse = seconds_purse(number, name, place)
            purses.ensure(self.connection, purse, f"{name}: gift minutes {place} of {number}")
            self.book(purse, "gift", gift.seconds * SECOND, f"gift:{name}:{day}", f"package {name}")
        if body["gift_money"]:
            purse = money_purse(number, name)
            purses.ensure(self.connection, purse, f"{name}: gift money of {number}")
            self.book(purse, "gift", body["gift_money"], f"gift:{name}:{day}", f"package {name}")

    def _close(self, number: str, body: Mapping[str, Any] | None, row: Row[Any], *, has: bool) -> bool:
        """A period is over: what was not used lapses, and what is missing to the minimum is taken."""
        if not (body is not None and has and body["carries_over"]):
            for purse in purses.held(self.connection, purses_of(number, row.package)):
                self.empty(purse, f"package {row.package}: not used")
        if body is not None and row.state == ACTIVE and not self._minimum(number, body, row):
            return False
        if body is None or not has:
            self.drop(number, row.package)
        else:
            self._open(number, body, row.ends, row)
        return True

    def _minimum(self, number: str, body: Mapping[str, Any], row: Row[Any]) -> bool:
        if not body["minimum_consumption"]:
            return True
        missing = max(body["minimum_consumption"] - _consumed(self.connection, number, row.begins, row.ends), 0)
        reference = f"minimum:{row.package}:{key(row.begins, self.zone)}"
        return self.pay(number, "minimum", missing, reference, f"package {row.package}: minimum consumption")


class _Limit(_Books):
    """The spending limit of one phone."""

    def bring(self, phone: str) -> Brought:
        """Set it anew where a period is over; follow what is provisioned."""
        subject, purse = _PHONE + phone, limit_purse(phone)
        row = self.row(subject, _LIMIT)
        stored = entities.read_some(self.connection, PHONES, [phone]).get(phone)
        most = stored.values["spending_limit"] if stored is not None else None
        if stored is None or most is None:
            if row is not None:
                self.empty(purse, "no limit any more")
                self.drop(subject, _LIMIT)
            return self.done
        purses.ensure(self.connection, purse, f"spending limit of phone {phone}")
        ends = end_of(stored.values["spending_period"], self.now, self.zone)
        if row is None or (row.ends is not None and row.ends <= self.now):
            self.empty(purse, "begins anew")
            self.book(purse, "limit", most, None, f"limit of {key(self.now, self.zone)}")
            self.set(subject, _LIMIT, row, begins=self.now, ends=ends, state=ACTIVE, amount=most)
        else:
            self._follow(purse, subject, row, most, ends)
        return self.done

    def _follow(self, purse: str, subject: str, row: Row[Any], most: int, ends: int | None) -> None:
        """The limit was changed within its period: the difference is there at once, as far as no call holds it."""
        change = most - row.amount
        if change < 0:
            held = purses.held(self.connection, [purse])[purse]
            taken = min(-change, max(held.balance, 0))
            if taken > held.free:
                self.done.short[purse] = taken - held.free
                taken = max(held.free, 0)
            change = -taken if self.done.short else change
            self.book(purse, "limit", -taken, None, "limit lowered")
        else:
            self.book(purse, "limit", change, None, "limit raised")
        if change or ends != row.ends:
            self.set(subject, _LIMIT, row, amount=row.amount + change, ends=ends)


def _in_force(body: Mapping[str, Any], now: int) -> bool:
    return Package.from_body(body).in_force(now)


def _consumed(connection: Connection, number: str, since: int, until: int) -> int:
    """What calls that were booked within a period have cost an account."""
    total = func.sum(ledger.c.amount, type_=ledger.c.amount.type)
    query = select(total).where(ledger.c.account == number, ledger.c.kind == "call")
    return -(connection.scalar(query.where(ledger.c.at >= since, ledger.c.at < until)) or 0)


def all_standing(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every account with packages, and each of them as `standing` has it."""
    query = select(subscription.c.account).where(subscription.c.package != _LIMIT).distinct()
    for number in connection.scalars(query.order_by(subscription.c.account)).all():
        for row in standing(connection, number):
            yield number, row


def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """By package how many accounts have it in force, and how many have one that rests."""
    columns = subscription.c.package, subscription.c.state
    query = select(*columns, func.count()).where(subscription.c.package != _LIMIT).group_by(*columns)
    found: dict[str, tuple[int, int]] = {}
    for package, state, count in connection.execute(query):
        active, rests = found.get(package, (0, 0))
        found[package] = (active, rests + count) if state == RESTING else (active + count, rests)
    return found
