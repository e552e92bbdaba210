"""A plugin that is nothing but its lists of objects; the switch's own are made so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.hooks.specs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.hooks.specs import Named


class Offers:
    """Registers what it is given, family by family."""

    __slots__ = ("_billing_modes", "_blacklists", "_cdr_sinks", "_number_transforms", "_routing_strategies")

    def __init__(
        self,
        *,
        routing_strategies: Sequence[Named] = (),
        billing_modes: Sequence[Named] = (),
        blacklists: Sequence[Named] = (),
        number_transforms: Sequence[Named] = (),
        cdr_sinks: Sequence[Named] = (),
    ) -> None:
        self._routing_strategies = routing_strategies
        self._billing_modes = billing_modes
        self._blacklists = blacklists
        self._number_transforms = number_transforms
        self._cdr_sinks = cdr_sinks

    @hookimpl
    def routing_strategies(self) -> Sequence[Named]:
        """As given."""
        return self._routing_strategies

    @hookimpl
    def billing_modes(self) -> Sequence[Named]:
        """As given."""
        return self._billing_modes

    @hookimpl
    def blacklists(self) -> Sequence[Named]:
        """As given."""
        return self._blacklists

    @hookimpl
    def number_transforms(self) -> Sequence[Named]:
        """As given."""
        return self._number_transforms

    @hookimpl
    def cdr_sinks(self) -> Sequence[Named]:
        """As given."""
        return self._cdr_sinks
