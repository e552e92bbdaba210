"""Billing mode ``grace``: a call that ends within its first increment's grace is free, a longer one is charged whole.

Unlike SERVER_BILLING_FREE_TIME, which is taken off every call, the grace only forgives calls that were over at once
(voice mail picked up, wrong number).  The rate's own increments price everything beyond it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from vosswitch.hooks import hookimpl
from vosswitch.hooks.interfaces import IBillingMode
from vosswitch.model.rating import longest_funded

if TYPE_CHECKING:
    from vosswitch.hooks import PluginContext
    from vosswitch.model.rating import Fee, Terms

GRACE = 3
"""Charged seconds that are forgiven when nothing comes after them."""


@implementer(IBillingMode)
class Grace:
    """The mode; name it in a rate group's ``billing_mode``."""

    name = "grace"

    def billed_seconds(self, ms: int, terms: Terms) -> int:
        """First and next increments, nothing within the grace."""
        seconds = terms.chargeable(ms)
        if seconds <= GRACE:
            return 0
        if seconds <= terms.first:
            return terms.first
        return terms.first - (terms.first - seconds) // terms.next * terms.next

    def fee(self, ms: int, terms: Terms) -> Fee:
        """The price of *ms* raw milliseconds."""
        return terms.fee(self.billed_seconds(ms, terms))

    def funded_until(self, money: int, terms: Terms) -> int | None:
        """The longest raw length that *money* covers."""
        longest = longest_funded(lambda ms: self.fee(ms, terms).fee, money)
        return longest if longest is None else max(longest, 0)


class Plugin:
    """What the switch registers."""

    @hookimpl
    def billing_modes(self) -> list[Grace]:
        """The one mode."""
        return [Grace()]


def make_plugin(context: PluginContext) -> Plugin:
    """Called once at start."""
    return Plugin()
