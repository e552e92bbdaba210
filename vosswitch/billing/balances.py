"""The money of accounts on this node, in memory: grants, reservations and charges on their way to the database.

For an account that may not be overdrawn charges come only out of reservations and reservations only out of the grant
that this node holds; the recorder moves grants and balances (``money`` and ``drained`` messages).  What the node gives
back is off its hands at once, long before the database knows: nothing can be reserved of it meanwhile.
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
    :ivar giving: given back, not yet taken off *grant*.
    :ivar low: a reservation that leaves less free than this makes the node ask for more; 0 = it never does.
    :ivar elsewhere: what the database or other living nodes had of it when that was looked up last.
    :ivar spent: all that was ever charged here, for the burn.
    """

    __slots__ = ("balance", "elsewhere", "giving", "grant", "low", "reserved", "spent", "undrained")

    def __init__(self) -> None:
        self.balance = 0
        self.grant = 0
        self.reserved = 0
        self.undrained = 0
        self.giving = 0
        self.low = 0
        self.elsewhere = 0
        self.spent = 0

    @property
    def free(self) -> int:
        """What a new reservation may take."""
        return self.grant - self.reserved - self.undrained - self.giving


class Balances:
    """Every account that this node knows; an unknown one has nothing.

    :ivar short: accounts of which less than `Purse.low` is left since somebody looked last.
    """

    __slots__ = ("_purses", "short")

    def __init__(self) -> None:
        self._purses: dict[str, Purse] = {}
        self.short: set[str] = set()

    def reserve(self, account: str, amount: int) -> bool:
        """Hold *amount* of the account's grant at once; False (and nothing held) when it does not cover it."""
        if amount <= 0:
            return amount == 0
        purse = self._purses.get(account)
        if purse is None:
            return False
        free = purse.free
        if free < amount:
            return False
        purse.reserved += amount
        if free - amount < purse.low:
            self.short.add(account)
        return True

    def give(self, account: str, most: int) -> int:
        """Give up to *most* unreserved units back; they are nobody's here from now on.

        :returns: how much that is; `heard` says when the grant is lower by it.
        """
        purse = self._purses.get(account)
        amount = min(most, purse.free) if purse is not None else 0
        if purse is None or amount <= 0:
            return 0
        purse.giving += amount
        return amount

    def purse(self, account: str) -> Purse | None:
        """The account as this node has it; None = it knows nothing of it."""
        return self._purses.get(account)

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
            purse.spent += fee

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
        self.told(message["accounts"])

    def told(self, rows: Mapping[str, Mapping[str, int]]) -> None:
        """The recorder tells how accounts are.

        :param rows: by account ``balance`` and ``grant``; ``drained``: what of this node's charges was booked since;
            ``giving``: what was given back and is still in that grant; ``elsewhere``: as `Purse` has it.
        """
        for account, row in rows.items():
            purse = self._purse(account)
            purse.balance = row["balance"]
            purse.grant = row["grant"]
            purse.undrained -= row.get("drained", 0)
            purse.giving = row.get("giving", 0)
            purse.elsewhere = row.get("elsewhere", purse.elsewhere)

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
