"""Locked accounts: by lack of balance and by expiry of themselves, else by operators and fraud rules.

A lock has one reason, the first that came.  Money lifts a lock of reason ``balance``, a later expiry one of reason
``expiry``; the others stay until somebody lifts them.  Everything here is in the caller's transaction and in the log of
changes, which is what makes it live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select, update

from vosswitch.model.values import money_text
from vosswitch.store import changes
from vosswitch.store.fields import MONEY_LIMIT
from vosswitch.store.schema import account
from vosswitch.store.types import Money

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

_STAY = ("operator", "fraud")
"""Reasons that only a person lifts."""

LATEST_EXPIRY = 253_370_764_800_000
"""Payments do not extend an expiry beyond the beginning of the year 9999."""

_DAY_MS = 86_400_000
_SLICE = 500
_KEPT_OPEN = ("clearing", "purse")
"""Kinds of accounts that no lack of balance locks."""

COLUMNS = (
    account.c.number,
    account.c.kind,
    account.c.balance,
    account.c.overdraft_limit,
    account.c.locked,
    account.c.lock_reason,
    account.c.expires,
    account.c.settings,
)


class Standing(NamedTuple):
    """An account before or after a change of its money.

    :ivar reason: "" = it is not locked.
    """

    reason: str
    expires: int | None


def at_limit(balance: int, overdraft_limit: int | None) -> bool:
    """Whether nothing is left down to the limit; without one there is that of what the database can hold."""
    return balance + (MONEY_LIMIT if overdraft_limit is None else overdraft_limit) <= 0


def locks_itself(row: Any) -> bool:
    """Whether lack of balance locks the account: not a vendor's, nor one whose packages may still have something."""
    return row.kind not in _KEPT_OPEN and not (row.settings or {}).get("packages")


def settle(
    connection: Connection, number: str, gained: int, paid: int, days: int, now: int
) -> tuple[Standing, Standing]:
    """Bring an account's lock in line with its money, after bookings.

    :param gained: what they added to the balance, units; *paid*: what of it was payments.
    :param days: by which a payment extends the expiry.
    :param now: epoch milliseconds.
    :returns: how it stood, and how it stands.
    """
    row = connection.execute(select(*COLUMNS).where(account.c.number == number)).one()
    before = Standing(row.lock_reason if row.locked else "", row.expires)
    after = Standing(before.reason, _extended(row.expires, now, days) if paid > 0 else row.expires)
    empty = at_limit(row.balance, row.overdraft_limit)
    extended = after.expires != before.expires and (after.expires or 0) > now
    if extended if before.reason == "expiry" else before.reason == "balance" and not empty:
        after = after._replace(reason="")
    if not after.reason and empty and (gained < 0 or before.reason) and locks_itself(row):
        after = after._replace(reason="balance")
    if after != before:
        values = {"locked": bool(after.reason), "lock_reason": after.reason, "expires": after.expires}
        connection.execute(update(account).where(account.c.number == number).values(**values))
    return before, after


def _extended(expires: int | None, now: int, days: int) -> int | None:
    if expires is None or not days:
        return expires
    return max(expires, min(max(expires, now) + days * _DAY_MS, LATEST_EXPIRY))


def lock(connection: Connection, number: str, reason: str, who: str, why: str = "") -> int | None:
    """Lock an account; one that is locked by an operator or for fraud keeps its reason, and None is returned.

    These two take the place of a reason that money or time could lift.

    :returns: the number of the change; None = nothing changed, or there is no such account.
    """
    changes.lock(connection)
    row = connection.execute(select(*COLUMNS).where(account.c.number == number).with_for_update()).first()
    if row is None or (row.locked and (reason not in _STAY or row.lock_reason in _STAY)):
        return None
    connection.execute(update(account).where(account.c.number == number).values(locked=True, lock_reason=reason))
    return _recorded(connection, [row], row.lock_reason, reason, who, why)


def unlock(connection: Connection, number: str, who: str, why: str = "") -> int | None:
    """Lift an account's lock, whatever its reason; None = it is not locked, or there is no such account."""
    changes.lock(connection)
    row = connection.execute(select(*COLUMNS).where(account.c.number == number).with_for_update()).first()
    if row is None or not row.locked:
        return None
    connection.execute(update(account).where(account.c.number == number).values(locked=False, lock_reason=""))
    return _recorded(connection, [row], row.lock_reason, "", who, why)


def relieve(connection: Connection, numbers: Collection[str], who: str) -> int | None:
    """Lift locks of reason ``balance`` of those of *numbers* that have something above their limit again."""
    some = account.c.number.in_(sorted(numbers)) & (account.c.lock_reason == "balance")
    rows = connection.execute(select(*COLUMNS).where(some).order_by(account.c.number).with_for_update()).all()
    rows = [row for row in rows if not at_limit(row.balance, row.overdraft_limit)]
    lifted = account.c.number.in_([row.number for row in rows])
    connection.execute(update(account).where(lifted).values(locked=False, lock_reason=""))
    return _recorded(connection, rows, "balance", "", who, "")


def reached(connection: Connection, numbers: Collection[str]) -> list[str]:
    """Those of *numbers* that have reached their limit and are not locked for it yet."""
    found: list[str] = []
    wanted = sorted(numbers)
    limit = func.coalesce(account.c.overdraft_limit, bindparam(None, MONEY_LIMIT, type_=Money), type_=Money)
    for start in range(0, len(wanted), _SLICE):
        some = account.c.number.in_(wanted[start : start + _SLICE])
        open_ = account.c.locked.is_(False) & account.c.kind.not_in(_KEPT_OPEN)
        rows = connection.execute(
            select(*COLUMNS).where(some, open_, account.c.balance + limit <= bindparam(None, 0, type_=Money))
        )
        found += [row.number for row in rows if locks_itself(row)]
    return found


def lock_for_balance(connection: Connection, numbers: Sequence[str], who: str) -> int | None:
    """Lock those that have reached their limit; the caller holds `vosswitch.store.changes.lock`."""
    return _recorded(connection, _lock_all(connection, numbers, "balance"), "", "balance", who, "")


def due(connection: Connection, now: int) -> list[str]:
    """Accounts that have expired and are not locked for anything."""
    query = select(account.c.number).where(account.c.expires <= now, account.c.locked.is_(False))
    return list(connection.scalars(query.order_by(account.c.number).limit(_SLICE)))


def expire(connection: Connection, numbers: Sequence[str], now: int, who: str) -> int | None:
    """Lock those of *numbers* that have expired; the number of the change, None = another node was first."""
    changes.lock(connection)
    late = account.c.number.in_(numbers) & (account.c.expires <= now)
    still = connection.scalars(select(account.c.number).where(late).order_by(account.c.number)).all()
    return _recorded(connection, _lock_all(connection, still, "expiry"), "", "expiry", who, "")


def _lock_all(connection: Connection, numbers: Sequence[str], reason: str) -> Sequence[Any]:
    open_ = account.c.number.in_(numbers) & account.c.locked.is_(False)
    rows = connection.execute(select(*COLUMNS).where(open_).order_by(account.c.number).with_for_update()).all()
    if rows:
        some = account.c.number.in_([row.number for row in rows])
        connection.execute(update(account).where(some).values(locked=True, lock_reason=reason))
    return rows


def _recorded(connection: Connection, rows: Sequence[Any], before: str, after: str, who: str, why: str) -> int | None:
    if not rows:
        return None
    told = {"why": why[:255]} if why else {}
    done = [
        changes.Change("account", row.number, logged(row.balance, before), logged(row.balance, after) | told)
        for row in rows
    ]
    return changes.record(connection, who, done)


def logged(balance: int, lock_reason: str) -> dict[str, Any]:
    """How the log of changes says that money or a lock has changed, and nothing else of the account."""
    return {"balance": money_text(balance), "lock_reason": lock_reason}
