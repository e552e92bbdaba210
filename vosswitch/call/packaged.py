"""The share of an account with packages: given seconds and given money pay first, the account pays the rest.

What is given is held like money, call by call and ahead of time, so that calls side by side and on several nodes never
take more than there is; the arithmetic is `vosswitch.model.gifts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.billing.packages import SECOND
from vosswitch.call.funding import ASK_SLICES, Paid, Share
from vosswitch.model.gifts import longest_billed, split, worth
from vosswitch.model.rating import Fee, at_most
from vosswitch.model.values import money_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vosswitch.billing.balances import Balances
    from vosswitch.billing.meter import Meter
    from vosswitch.billing.packages import Gift
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.gifts import Split

    Choose = Callable[[int], tuple[Gift, ...]]
    """The purses that may pay for the call when it is answered at a moment, epoch ms, in the order of their use."""

_NAME = 64


class PackagedShare(Share):
    """What an account and its packages have set aside for one call.

    An account without anti-overdraft holds only what is given; what it pays itself has no bound, as without packages.

    :param choose: see there.
    :param at_ms: for when the purses are chosen at first.
    """

    __slots__ = ("_choose", "_gifts", "_held", "_next", "_settled", "_short", "_worth")

    def __init__(
        self,
        balances: Balances,
        meter: Meter,
        account: str,
        limit: int | None,
        *,
        bounded: bool,
        mode: str,
        choose: Choose,
        at_ms: int,
    ) -> None:
        super().__init__(balances, meter, account, limit, bounded=bounded, mode=mode)
        self._choose = choose
        self._gifts = self._next = choose(at_ms)
        self._held = [0] * len(self._gifts)
        self._short = False
        self._worth: int | None = 0
        self._settled: tuple[str, int, int] | None = None

    @property
    def gifts(self) -> tuple[Gift, ...]:
        """The purses that may pay, in the order of their use."""
        return self._gifts

    # Holding.

    def affordable(self) -> bool:
        """Whether `open` would succeed now."""
        done = self.open()
        self.give_back()
        return done

    def lacking(self) -> str:
        """Why the call is not affordable, for people."""
        self._hold_gifts(self.meter.first_ms)
        first = self._missing(self.meter.first_ms)
        self.give_back()
        if self.bounded:
            left = money_text(max(self._balances.free(self.account), 0))
            return f"the call reserves {money_text(first)} first beside its packages, {left} of {self.account} is free"
        left = money_text(self._balances.spendable(self.account, self._limit or 0))
        return f"account {self.account} has {left} above its limit, and its packages do not pay the first seconds"

    def open(self) -> bool:
        """Before the first attempt: hold the first slice, of what is given first."""
        self._hold_gifts(self.meter.first_ms)
        first = self._missing(self.meter.first_ms)
        if self._covers(first):
            return True
        self.give_back()
        return False

    def give_back(self) -> None:
        """Let go of what is held; the call is not placed."""
        super().give_back()
        for place, gift in enumerate(self._gifts):
            self._balances.release(gift.purse, self._held[place])
            self._held[place] = 0
        self._count()

    def moved(self, at_ms: int) -> bool:
        """At the answer: whether other purses fit; `reprice` takes them then."""
        self._next = self._choose(at_ms)
        return self._next != self._gifts

    def reprice(self, meter: Meter, mode: str = "") -> bool:
        """At the answer: another rate is in force, or others fit; hold the difference. False when it is not there."""
        self.meter, self.mode = meter, mode or meter.mode.name
        if self._next != self._gifts:
            self._change_purses()
        self._count()
        self._hold_gifts(meter.first_ms)
        missing = self._missing(meter.first_ms)
        return not self.bounded or self._take_own(missing)

    def extend(self, elapsed_ms: int) -> int | None:
        """Hold what one slice beyond *elapsed_ms* needs, or whatever there still is.

        :returns: the call length in ms that is funded now; None = no bound.
        """
        until = elapsed_ms + self.meter.slice_ms
        self._hold_gifts(until)
        if self.bounded:
            self._take_own(min(self._missing(until), max(self._balances.free(self.account), 0)))
        return self.funded_ms

    @property
    def funded_ms(self) -> int | None:
        """The call length in ms that is held; None = no bound."""
        return self._held_ms(self.reserved) if self.bounded else None

    @property
    def next_ms(self) -> int | None:
        """The call length in ms before which `extend` has something to do; None = never."""
        if self.bounded:
            return self.funded_ms
        return None if self._short else self._held_ms(0)

    def wants(self) -> Iterator[tuple[str, int, int]]:
        """What a node should hold for such calls: of the purses, too, but no call depends on those."""
        slices = ASK_SLICES * self.meter.slice_ms
        money = self.meter.next_amount(0, slices)
        for gift in self._gifts:
            yield gift.purse, slices // 1000 * SECOND if gift.is_seconds else money, 0
        yield from super().wants()

    # What it comes to.

    def spent(self, ms: int) -> int:
        """What the account pays itself when the call has lasted *ms*, units of 10^-7."""
        own = self._split(ms).own.fee
        return min(own, self.reserved) if self.bounded else own

    def settle(self, hold_ms: int | None) -> Fee:
        """The end: charge every purse and the account, and give the rest back, in one step."""
        return self._settle(hold_ms)[0].fee

    def paid(self, hold_ms: int | None) -> Iterator[Paid]:
        """As `settle`, by account, the account itself first."""
        yield from self._settle(hold_ms)

    def describe(self, cdr: Cdr) -> None:
        """What the record says of packages, after the end."""
        if self._settled is not None:
            cdr.package, cdr.package_fee, cdr.package_seconds = self._settled

    def terms(self) -> list[dict[str, Any]]:
        """The account's row, then one for each purse that may pay."""
        mode, terms = self.mode, self.meter.terms.to_data()
        return [
            *super().terms(),
            *(
                {"account": gift.purse, "kind": "gift", "mode": mode, "terms": terms, "package": gift.package,
                 "gives": "seconds" if gift.is_seconds else "money"}
                for gift in self._gifts
            ),
        ]  # fmt: skip

    def held(self) -> list[int | None]:
        """What each row of `terms` cannot exceed, units; None = no bound."""
        return [*super().held(), *self._held]

    # Steps.

    @property
    def _seconds(self) -> int:
        return sum([held for held, gift in zip(self._held, self._gifts, strict=True) if gift.is_seconds]) // SECOND

    @property
    def _money(self) -> int:
        return sum([held for held, gift in zip(self._held, self._gifts, strict=True) if not gift.is_seconds])

    def _count(self) -> None:
        """What the seconds that are held now are worth."""
        self._worth = worth(self.meter.fee, self._seconds, self.meter.terms.step)

    def _covers(self, first: int) -> bool:
        if self.bounded:
            return self._take_own(first)
        if first == 0 or self._limit is None:
            return True
        least = first if self.meter.advance else 1
        return self._balances.spendable(self.account, self._limit) >= least

    def _take_own(self, amount: int) -> bool:
        if amount <= 0:
            return True
        if not self._balances.reserve(self.account, amount):
            return False
        self.reserved += amount
        return True

    def _hold_gifts(self, until_ms: int) -> None:
        """Hold of what is given as much as a call of *until_ms* can use."""
        before = self._seconds
        seconds = self.meter.fee(until_ms).billed_seconds - before
        for place, gift in enumerate(self._gifts):
            if gift.is_seconds and seconds > 0:
                seconds -= self._take(place, gift, seconds * SECOND) // SECOND
        if self._seconds != before:
            self._count()
        missing = self._cost(until_ms) - self._money if seconds > 0 else 0
        for place, gift in enumerate(self._gifts):
            if not gift.is_seconds and missing > 0:
                missing -= self._take(place, gift, missing)
        self._short = missing > 0

    def _take(self, place: int, gift: Gift, wanted: int) -> int:
        free = max(self._balances.free(gift.purse), 0)
        amount = min(wanted, free - free % gift.unit)
        if amount > 0:
            self._balances.reserve(gift.purse, amount)
            self._held[place] += amount
        return max(amount, 0)

    def _change_purses(self) -> None:
        """Other purses fit now: what is held of the others goes back."""
        held = dict(zip(self._gifts, self._held, strict=True))
        for gift, amount in held.items():
            if gift not in self._next:
                self._balances.release(gift.purse, amount)
        self._gifts = self._next
        self._held = [held.get(gift, 0) for gift in self._gifts]

    def _cost(self, ms: int) -> int:
        """What the seconds that are held leave of the price of *ms*."""
        return split(self.meter.fee, ms, (self._seconds,), (), self.meter.terms.step).own.fee

    def _missing(self, until_ms: int) -> int:
        """What the account has to hold beside what is held, for a call of *until_ms*."""
        return max(self._cost(until_ms) - self._money - self.reserved, 0)

    def _held_ms(self, own: int) -> int | None:
        """How long the call may last on what is given and *own* units."""
        if self._worth is None:
            return None
        if own == 0 and self._money == 0:  # nothing but seconds: a fee below one step is none of them
            return longest_billed(self.meter.fee, self._seconds)
        return self.meter.funded_ms(self._worth + self._money + own)

    def _split(self, ms: int | None) -> Split:
        """Who pays what of a call of *ms*; None = it was not answered."""
        pairs = list(zip(self._held, self._gifts, strict=True))
        nothing = self.meter.nothing()
        return split(
            self.meter.fee if ms is not None else lambda _ms: nothing,
            ms or 0,
            [held // SECOND for held, gift in pairs if gift.is_seconds],
            [held for held, gift in pairs if not gift.is_seconds],
            self.meter.terms.step,
        )

    def _settle(self, hold_ms: int | None) -> list[Paid]:
        used = [0] * len(self._gifts)
        if hold_ms is not None:
            self._hold_gifts(hold_ms)  # what other calls have given back in the meantime
        found = self._split(hold_ms)
        own = found.own
        parts = iter((*[one * SECOND for one in found.seconds], *found.money))
        order = sorted(range(len(used)), key=lambda place: not self._gifts[place].is_seconds)
        for place in order:
            used[place] = next(parts)
        self._note(used, found.worth, sum(found.seconds))
        if self.bounded:
            own = at_most(own, self.reserved)
        self._balances.charge(self.account, self.reserved, own.fee)
        self.reserved = 0
        for place, gift in enumerate(self._gifts):
            self._balances.charge(gift.purse, self._held[place], used[place])
            self._held[place] = 0
        gifts = [
            Paid(gift.purse, "gift", Fee(amount, 0, 0, amount)) for gift, amount in zip(self._gifts, used, strict=True)
        ]
        return [Paid(self.account, self.kind, own), *gifts]

    def _note(self, used: list[int], given: int, seconds: int) -> None:
        names = dict.fromkeys(gift.package for gift, amount in zip(self._gifts, used, strict=True) if amount)
        if names:
            self._settled = ", ".join(names)[:_NAME], given, seconds


class LimitShare(Share):
    """What a phone may spend: its calls count against its limit at the price that they have for its account."""

    __slots__ = ("_phone",)

    def __init__(self, balances: Balances, meter: Meter, purse: str, phone: str, mode: str) -> None:
        super().__init__(balances, meter, purse, 0, bounded=True, kind="limit", mode=mode)
        self._phone = phone

    def lacking(self) -> str:
        """Why the call is not affordable, for people."""
        left = money_text(max(self._balances.free(self.account), 0))
        first = money_text(self.meter.first_amount())
        return f"the call reserves {first} first, {left} of the spending limit of phone {self._phone} is left"
