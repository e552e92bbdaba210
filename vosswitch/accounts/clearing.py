"""Vendors' accounts and the least that has to be left on them for calls to go to their gateways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vosswitch.model.values import money

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Clearing:
    """What has to be left; `UNCHECKED` when nothing is.

    :ivar own: units of 10^-7 by account, of those that have something of their own (``least_balance``).
    :ivar usual: that of all others (SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT); None = they are not checked.
    """

    own: Mapping[str, int] = field(default_factory=dict)
    usual: int | None = None

    def least(self, account: str) -> int | None:
        """The balance that the account has to be above; None = it is not checked."""
        return self.own.get(account, self.usual)

    def changed(self, bodies: Mapping[str, Any] | None, parameters: Mapping[str, Any]) -> Clearing:
        """After some accounts are new or different (their configuration bodies, None = gone)."""
        limit = parameters["SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT"]
        usual = None if limit is None else money(limit)
        own = self.own
        for number, body in (bodies or {}).items():
            least = body.get("least_balance") if body is not None else None
            if own.get(number) != least:
                own = {key: value for key, value in own.items() if key != number} if own is self.own else own
                _set(own, number, least)
        if own is self.own and usual == self.usual:
            return self
        return Clearing(own, usual) if own or usual is not None else UNCHECKED


def _set(own: Any, number: str, least: int | None) -> None:
    if least is None:
        own.pop(number, None)
    else:
        own[number] = least


UNCHECKED = Clearing()
