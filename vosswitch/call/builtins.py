"""The switch's own implementations of the pluggable families, registered through the same hooks as everybody's."""

from __future__ import annotations

from vosswitch.billing.modes import BUILT_IN as MODES
from vosswitch.call.screens import BUILT_IN as SCREENS
from vosswitch.hooks.offers import Offers
from vosswitch.routing.strategies import BUILT_IN as STRATEGIES


def builtins() -> dict[str, object]:
    """The built-in plugins by name."""
    return {
        "billing": Offers(billing_modes=MODES),
        "routing": Offers(routing_strategies=STRATEGIES),
        "screening": Offers(blacklists=SCREENS),
    }
