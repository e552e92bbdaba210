"""The switch's own implementations of the pluggable families, registered through the same hooks as everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.billing.modes import BUILT_IN as MODES
from vosswitch.hooks.specs import hookimpl
from vosswitch.routing.strategies import BUILT_IN as STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.hooks.specs import Named


class Billing:
    """The built-in billing modes."""

    @hookimpl
    def billing_modes(self) -> Sequence[Named]:
        """All of them."""
        return MODES


class Routing:
    """The built-in routing strategies."""

    @hookimpl
    def routing_strategies(self) -> Sequence[Named]:
        """All of them."""
        return STRATEGIES


def builtins() -> dict[str, object]:
    """The built-in plugins by name."""
    return {"billing": Billing(), "routing": Routing()}
