"""The money of one call while it is up: reserved before it is spoken, settled once at the end.

A call has one *share* for everyone who pays by its length: the caller's account first, then whoever pays beside it.
All of them hold their money or none does, and the call may last as long as the shortest of them lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.rating import Fee, at_most, longest_funded
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vosswitch.billing.balances import Balances
    from vosswitch.billing.meter import Meter
    from vosswitch.cdr.record import Cdr


ASK_SLICES = 8
"""How many slices are asked for at once when a grant does not do."""


class Paid(NamedTuple):
    """What one account pays of an ended call.

    :ivar kind: as `vosswitch.cdr.record.Charge` has it.
    """

    account: str
    kind: str
    fee: Fee


class Share:
    """What one account has set aside for one call.

    An account with anti-overdraft pays only out of its reservation (``bounded``); any other account only has to be
    above its limit when the call begins.

    :param limit: how far below zero the account may go, units of 10^-7; None = without a bound.
    :param mode: the name of the meter's billing mode, for the journal.
    :ivar account: the account's number.
    :ivar kind: as `vosswitch.cdr.record.Charge` has it.
    :ivar lenient: a call that runs goes on when its money has ended (`Account.goes_on`).
    :ivar reserved: units of 10^-7 held for this call now.
    """

    __slots__ = ("_balances", "_limit", "account", "bounded", "kind", "lenient", "meter", "mode", "reserved")

    def __init__(
        self,
        balances: Balances,
        meter: Meter,
        account: str,
        limit: int | None,
        *,
        bounded: bool,
        kind: str = "call",
        mode: str = "",
    ) -> None:
        self._balances = balances
        self._limit = limit
        self.meter = meter
        self.account = account
        self.bounded = bounded
        self.kind = kind
        self.mode = mode or meter.mode.name
        self.lenient = False
        self.reserved = 0

    def affordable(self) -> bool:
        """Whether `open` would succeed now."""
        first = self.meter.first_amount()
        if self.bounded:
            return first <= max(self._balances.free(self.account), 0)
        if first == 0 or self._limit is None:
            return True
        least = first if self.meter.advance else 1
        return self._balances.spendable(self.account, self._limit) >= least

    def lacking(self) -> str:
        """Why the call is not affordable, for people."""
        first = self.meter.first_amount()
        if self.bounded:
            left = money_text(max(self._balances.free(self.account), 0))
            return f"the call reserves {money_text(first)} first, {left} of account {self.account} is free"
        left = money_text(self._balances.spendable(self.account, self._limit or 0))
        wanted = f"{money_text(first)} has to be there" if self.meter.advance else "something has to be there"
        return f"account {self.account} has {left} above its limit, {wanted}"

    def open(self) -> bool:
        """Before the first attempt: hold the first slice, or see that the account is above its limit."""
        first = self.meter.first_amount()
        if not self.bounded:
            return self.affordable()
        if not self._balances.reserve(self.account, first):
            return False
        self.reserved = first
        return True

    def give_back(self) -> None:
        """Let go of what is held; the call is not placed."""
        self._balances.release(self.account, self.reserved)
        self.reserved = 0

    def reprice(self, meter: Meter, mode: str = "") -> bool:
        """At the answer: another rate is in force; hold the difference. False when the account does not cover it."""
        self.meter, self.mode = meter, mode or meter.mode.name
        missing = meter.first_amount() - self.reserved
        if not self.bounded or missing <= 0:
            return True
        if not self._balances.reserve(self.account, missing):
            return False
        self.reserved += missing
        return True

    def extend(self, elapsed_ms: int) -> int | None:
        """Hold money for one slice beyond *elapsed_ms*, or whatever the account still has.

        :returns: the call length in ms that is funded now; None = no bound.
        """
        if not self.bounded:
            return None
        wanted = self.meter.extension(self.reserved, elapsed_ms)
        amount = min(wanted, max(self._balances.free(self.account), 0))
        if amount > 0 and self._balances.reserve(self.account, amount):
            self.reserved += amount
        return self.funded_ms

    @property
    def shortage(self) -> int:
        """Units to ask the recorder for when the grant does not do, so that it is not asked again for every slice."""
        return max(self.meter.first_amount(), self.meter.next_amount(0, ASK_SLICES * self.meter.slice_ms))

    @property
    def funded_ms(self) -> int | None:
        """The call length in ms that the reservation covers; None = no bound."""
        return self.meter.funded_ms(self.reserved) if self.bounded else None

    @property
    def next_ms(self) -> int | None:
        """The call length in ms before which `extend` has something to do; None = never."""
        return self.funded_ms

    @property
    def free(self) -> int:
        """Units of its account that nobody holds."""
        return self._balances.free(self.account)

    def hold(self, amount: int) -> None:
        """Hold *amount* units, no more and no less; what is missing has to be there."""
        more = amount - self.reserved
        if more < 0:
            self._balances.release(self.account, -more)
        elif not self._balances.reserve(self.account, more):
            return
        self.reserved = amount

    def wants(self) -> Iterator[tuple[str, int, int]]:
        """What a node should hold for such calls, by account: units for some slices, and units for a call to begin."""
        if self.bounded:
            yield self.account, self.shortage, self.meter.first_amount()

    def moved(self, at_ms: int) -> bool:
        """At the answer, epoch ms: whether something else than the rate has changed since the call began."""
        return False

    def spent(self, ms: int) -> int:
        """What it comes to when the call has lasted *ms*, units of 10^-7."""
        fee = self.meter.fee(ms).fee
        return min(fee, self.reserved) if self.bounded else fee

    def settle(self, hold_ms: int | None) -> Fee:
        """The end: give the reservation back and charge the fee in one step.

        :param hold_ms: raw length in ms; None when the call was never answered (nothing is charged).
        """
        fee = self.meter.fee(hold_ms) if hold_ms is not None else self.meter.nothing()
        if self.bounded:
            fee = at_most(fee, self.reserved)
        self._balances.charge(self.account, self.reserved, fee.fee)
        self.reserved = 0
        return fee

    def paid(self, hold_ms: int | None) -> Iterator[Paid]:
        """As `settle`, by account."""
        yield Paid(self.account, self.kind, self.settle(hold_ms))

    def describe(self, cdr: Cdr) -> None:
        """What the record says of the share beside its fee, after the end."""

    def terms(self) -> list[dict[str, Any]]:
        """How it is charged, rows of the `answer` record's ``charges_terms``."""
        return [{"account": self.account, "kind": self.kind, "mode": self.mode, "terms": self.meter.terms.to_data()}]

    def held(self) -> list[int | None]:
        """What each row of `terms` cannot exceed, units; None = no bound."""
        return [self.reserved if self.bounded else None]


class Funding:
    """The shares of one call, the caller's account first."""

    __slots__ = ("_twins", "bounded", "shares")

    def __init__(self, shares: Sequence[Share]) -> None:
        self.shares = tuple(shares)
        self._twins: tuple[Share, ...] = ()
        self.bounded = any(share.bounded for share in self.shares)

    @property
    def own(self) -> Share:
        """The caller's account's."""
        return self.shares[0]

    def join(self, share: Share) -> None:
        """One more share pays from now on; it holds its money already."""
        self._twins = tuple([one for one in self.shares if one.account == share.account and type(one) is Share])
        self.shares = (*self.shares, share)
        if self._twins:
            self._twins += (share,)
        self.bounded = self.bounded or share.bounded

    def go_on(self) -> bool:
        """The funded time is over: let the call go on without a bound, where all those allow it whose money has ended.

        :returns: False when one does not; nothing has changed then.
        """
        end = self.funded_ms
        ended = [share for share in self.shares if share.bounded and share.funded_ms == end]
        if not all(share.lenient for share in ended):
            return False
        for share in ended:
            share.bounded = False
        return True

    def affordable(self) -> bool:
        """Whether `open` would succeed now."""
        return all(share.affordable() for share in self.shares)

    def lacking(self) -> str:
        """Why the call is not affordable, for people."""
        return next((share.lacking() for share in self.shares if not share.affordable()), "nothing")

    def open(self) -> bool:
        """Before the first attempt: all shares hold their first slice, or none does."""
        for place, share in enumerate(self.shares):
            if not share.open():
                for opened in self.shares[:place]:
                    opened.give_back()
                return False
        return True

    def reprice(self, meters: Sequence[tuple[Meter, str]]) -> bool:
        """At the answer: other rates are in force; False when an account does not cover the difference.

        :param meters: by share, the new meter and the name of its billing mode.
        """
        return all(share.reprice(*meter) for share, meter in zip(self.shares, meters, strict=True))

    def extend(self, elapsed_ms: int) -> int | None:
        """Hold money for one slice beyond *elapsed_ms*, or whatever the accounts still have.

        :returns: the call length in ms that is funded now; None = no bound.
        """
        for share in self.shares:
            share.extend(elapsed_ms)
        if self._twins:
            self._even_out(elapsed_ms)
        return self.funded_ms

    def _even_out(self, elapsed_ms: int) -> None:
        """Shares of one account: what it has is divided so that all of them last as long."""
        twins = [share for share in self._twins if share.bounded]
        lasting = [ms for share in twins if (ms := share.funded_ms) is not None]
        if not len(lasting) == len(twins) > 1 or min(lasting) >= elapsed_ms + twins[0].meter.slice_ms:
            return
        total = sum([share.reserved for share in twins]) + max(twins[0].free, 0)
        until = longest_funded(lambda ms: sum([share.meter.fee(ms).fee for share in twins]), total)
        if until is None or until < elapsed_ms:
            return
        wanted = [share.meter.fee(min(until, elapsed_ms + share.meter.slice_ms)).fee for share in twins]
        for share, amount in sorted(zip(twins, wanted, strict=True), key=lambda pair: pair[1] - pair[0].reserved):
            share.hold(amount)

    @property
    def funded_ms(self) -> int | None:
        """The call length in ms that all reservations cover; None = no bound."""
        if len(self.shares) == 1:
            return self.shares[0].funded_ms
        return min((ms for share in self.shares if (ms := share.funded_ms) is not None), default=None)

    @property
    def next_ms(self) -> int | None:
        """The call length in ms before which `extend` has something to do; None = never."""
        if len(self.shares) == 1:
            return self.shares[0].next_ms
        return min((ms for share in self.shares if (ms := share.next_ms) is not None), default=None)

    def wants(self) -> Iterator[tuple[str, int, int]]:
        """As `Share.wants`, of all shares."""
        for share in self.shares:
            yield from share.wants()

    @property
    def reserved(self) -> int:
        """Units of 10^-7 held of the caller's account."""
        return self.shares[0].reserved

    def spent(self, ms: int) -> int:
        """What the caller's account pays when the call has lasted *ms*, units of 10^-7."""
        return self.shares[0].spent(ms)

    def settle(self, hold_ms: int | None) -> list[Paid]:
        """The end: every share is charged, the caller's account first.

        :param hold_ms: raw length in ms; None when the call was never answered (nothing is charged).
        """
        return [paid for share in self.shares for paid in share.paid(hold_ms)]

    def terms(self) -> list[dict[str, Any]]:
        """How the shares are charged, rows of the `answer` record's ``charges_terms``."""
        return [row for share in self.shares for row in share.terms()]

    def held(self) -> list[int | None]:
        """What each row of `terms` cannot exceed, units; None = no bound."""
        return [row for share in self.shares for row in share.held()]
