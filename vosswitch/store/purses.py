"""Purses: accounts that hold what a package gives or a phone may spend (`vosswitch.billing.packages` names them).

They never go below zero, nobody provisions them and nobody pays into them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, insert, select

from vosswitch.billing.packages import purses_of
from vosswitch.store.changes import now_ms
from vosswitch.store.schema import PURSE, account, subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

_SLICE = 500
_WIDTH = 64


class Held(NamedTuple):
    """A purse, units of 10^-7.

    :ivar granted: the part of *balance* that nodes hold for calls.
    """

    balance: int
    granted: int

    @property
    def free(self) -> int:
        """What can be taken out now."""
        return self.balance - self.granted


def ensure(connection: Connection, number: str, name: str) -> None:
    """Make a purse if it is not there.

    :param name: what it is, for people.
    """
    if held(connection, [number]):
        return
    values = {
        "number": number,
        "name": name[:_WIDTH],
        "kind": PURSE,
        "balance": 0,
        "overdraft_limit": 0,
        "granted": 0,
        "anti_overdraft": True,
        "locked": False,
        "lock_reason": "",
        "created": now_ms(),
    }
    connection.execute(insert(account).values(**values))


def held(connection: Connection, numbers: Collection[str]) -> dict[str, Held]:
    """Those of *numbers* that are there."""
    found: dict[str, Held] = {}
    wanted = sorted(numbers)
    for at in range(0, len(wanted), _SLICE):
        some = account.c.number.in_(wanted[at : at + _SLICE])
        query = select(account.c.number, account.c.balance, account.c.granted).where(some, account.c.kind == PURSE)
        found |= {row.number: Held(row.balance, row.granted) for row in connection.execute(query)}
    return found


def of_account(connection: Connection, number: str) -> list[str]:
    """Every purse of an account's packages, those that it has not any more too."""
    packages = connection.scalars(select(subscription.c.package).where(subscription.c.account == number)).all()
    names = [purse for package in packages for purse in purses_of(number, package)]
    return sorted(held(connection, names))


def forget(connection: Connection, number: str, close: Callable[[str], None]) -> None:
    """An account is about to be deleted, and what its packages gave with it.

    :param close: books out what is left of an account.
    """
    for purse in of_account(connection, number):
        close(purse)
        connection.execute(delete(account).where(account.c.number == purse))
    connection.execute(delete(subscription).where(subscription.c.account == number))
