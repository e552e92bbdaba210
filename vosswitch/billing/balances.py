"""The money of accounts on this node, in memory: grants, reservations and charges on their way to the database.

For an account that may not be overdrawn charges come only out of reservations and reservations only out of the grant
that this node holds; the recorder moves grants and balances (``money`` and ``drained`` messages).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Purse:
    """One account on this node, units of 10^-7.

    :ivar balance: as of the recorder's position in the journal.
    :ivar grant: what of it this node may spend.
    :ivar reserved: held by running calls.
    :ivar undrained: charged in the journal, not yet taken off *balance* and *grant*.
    """

    __slots__ = ("balance", "grant", "reserved", "undrained")

    def __init__(self) -> None:
        self.balance = 0
        self.grant = 0
        self.reserved = 0
        self.undrained = 0

    @property
    def free(self) -> int:
        """What a new reservation may take."""
        return self.grant - self.reserved - self.undrained


class Balances:
    """Every account that this node knows; an unknown one has nothing."""

    __slots__ = ("_purses",)

    def __init__(self) -> None:
        self._purses: dict[str, Purse] = {}

    def reserve(self, account: str, amount: int) -> bool:
        """Hold *amount* of the account's grant at once; False (and nothing held) when it does not cover it."""
        if amount <= 0:
            return amount == 0
        purse = self._purses.get(account)
        if purse is None or purse.free < amount:
            return False
        purse.reserved += amount
        return True

    def release(self, account: str, amount: int) -> None:
        """Give a reservation back."""
        if amount:
            self._purse(account).reserved -= amount

    def charge(self, account: str, reserved: int, fee: int) -> None:
        """The end of a call: its reservation comes back and its fee is spent, in one step."""
        if reserved or fee:
            purse = self._purse(account)
            purse.reserved -= reserved
            purse.undrained += fee

    def drained(self, account: str, balance: int, grant: int, drained: int) -> None:
        """The recorder has booked *drained* units of this node's charges and tells the state after it."""
        purse = self._purse(account)
        purse.balance = balance
        purse.grant = grant
        purse.undrained -= drained

    def money(self, account: str, balance: int, grant: int) -> None:
        """The recorder tells the account's state; nothing of ours was booked with it."""
        purse = self._purse(account)
        purse.balance = balance
        purse.grant = grant

    def heard(self, message: Mapping[str, Any]) -> None:
        """Apply a whole ``money`` or ``drained`` message of the recorder."""
        for account, body in message["accounts"].items():
            self.drained(account, body["balance"], body["grant"], body.get("drained", 0))

    def forget(self, account: str) -> None:
        """The account is gone from the configuration; one with money under way stays until that is settled."""
        purse = self._purses.get(account)
        if purse is not None and not purse.reserved and not purse.undrained:
            del self._purses[account]

    def free(self, account: str) -> int:
        """Units that a new reservation may take; may be negative after an operator lowered the account."""
        purse = self._purses.get(account)
        return purse.free if purse is not None else 0

    def spendable(self, account: str, overdraft_limit: int) -> int:
        """Units down to the limit, for an account without anti-overdraft."""
        purse = self._purses.get(account)
        return overdraft_limit + (purse.balance - purse.undrained if purse is not None else 0)

    def state(self, account: str) -> Purse:
        """The account's purse, for listings; do not change it."""
        return self._purses.get(account) or Purse()

    def __iter__(self) -> Iterator[str]:
        return iter(self._purses)

    def __len__(self) -> int:
        return len(self._purses)

    def _purse(self, account: str) -> Purse:
        purse = self._purses.get(account)
        if purse is None:
            purse = self._purses[account] = Purse()
        return purse
