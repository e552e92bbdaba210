"""One call's money for one paying account, as pure arithmetic: how much to hold, how long it lasts, what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vosswitch.model.rating import NOTHING, Fee, at_most

if TYPE_CHECKING:
    from vosswitch.model.rating import Terms


class BillingMode(Protocol):
    """An `IBillingMode`, for type checkers."""

    name: str

    def billed_seconds(self, ms: int, terms: Terms, /) -> int:
        """See `IBillingMode`."""

    def fee(self, ms: int, terms: Terms, /) -> Fee:
        """See `IBillingMode`."""

    def funded_until(self, money: int, terms: Terms, /) -> int | None:
        """See `IBillingMode`."""


class Meter:
    """A billing mode applied to the terms of one call.

    :param anti_overdraft: the account pays only out of reservations.
    :param slice_ms: by how much the call is funded ahead.
    :param advance: SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME: seconds of talk that a new call must afford.
    """

    __slots__ = ("advance", "anti_overdraft", "mode", "slice_ms", "terms")

    def __init__(
        self, mode: BillingMode, terms: Terms, *, anti_overdraft: bool = False, slice_ms: int = 60_000, advance: int = 0
    ) -> None:
        self.mode = mode
        self.terms = terms
        self.anti_overdraft = anti_overdraft
        self.slice_ms = slice_ms
        self.advance = advance

    def first_amount(self) -> int:
        """Units to hold before the call is placed: attempt and connection fee, first increment, tax; *advance* seconds.

        A free time is passed over: what comes right after it has to be there from the beginning.
        """
        return self.mode.fee(self.first_ms, self.terms).fee

    @property
    def first_ms(self) -> int:
        """How long a call may last, raw ms, on what is held before it is placed."""
        return (self.terms.free_time + max(self.advance, 1)) * 1000

    def funded_ms(self, reserved: int) -> int | None:
        """How long, in raw ms, the call may last on *reserved* units; None = without end."""
        return self.mode.funded_until(reserved, self.terms)

    def next_amount(self, reserved: int, until_ms: int) -> int:
        """Units that are missing beside *reserved* for a call of *until_ms* raw ms; 0 when that is funded."""
        return max(self.mode.fee(until_ms, self.terms).fee - reserved, 0)

    def extension(self, reserved: int, elapsed_ms: int) -> int:
        """Units that are missing beside *reserved* to go on for one slice beyond *elapsed_ms*."""
        return self.next_amount(reserved, elapsed_ms + self.slice_ms)

    def fee(self, ms: int) -> Fee:
        """What the call costs at a raw length of *ms*."""
        return self.mode.fee(ms, self.terms)

    def nothing(self) -> Fee:
        """What a call costs that was placed and not answered: the attempt fee, unless the mode charges nothing."""
        if not self.terms.least:
            return NOTHING
        return at_most(self.terms.fee(0), self.mode.fee(0, self.terms).fee)
