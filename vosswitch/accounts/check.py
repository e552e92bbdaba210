"""Whether an account may make calls at all, and which calls a phone may make."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.accounts.values import Account, Phone
    from vosswitch.model.values import Level


def check_account(account: Account, wall_ms: int) -> str | None:
    """The end reason that refuses every call of *account* now, or None.

    :param wall_ms: epoch milliseconds.
    """
    if account.locked:
        return "account_expired" if account.lock_reason == "expiry" else "account_locked"
    if account.expires is not None and wall_ms >= account.expires:
        return "account_expired"
    return None


def may_call(phone: Phone, level: Level) -> bool:
    """Whether *phone* may make calls that are rated as *level*."""
    return level.rank <= phone.level.rank
