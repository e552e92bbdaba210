"""What becomes of running calls when their account is locked (VS_LOCKED_CALLS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.accounts.values import Account

POLICIES = ("none", "operator", "all")
"""Whose locks end running calls: nobody's, those of operators and fraud rules, every lock."""

_BY_PEOPLE = ("operator", "fraud")


def newly_locked(accounts: Mapping[str, Account], bodies: Mapping[str, Any] | None, policy: str) -> list[str]:
    """The accounts whose running calls have to end.

    :param accounts: as they were; *bodies*: the configuration bodies of those that change, None = gone.
    """
    if policy == "none" or not bodies:
        return []
    return [
        number
        for number, body in bodies.items()
        if body is not None
        and body["locked"]
        and (policy == "all" or body["lock_reason"] in _BY_PEOPLE)
        and number in accounts
        and not accounts[number].locked
    ]
