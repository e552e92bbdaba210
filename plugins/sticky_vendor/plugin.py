"""Routing strategy ``sticky``: calls of one caller number keep going to the same vendor among equals.

Some destinations judge a caller by the network that the call comes from; a caller who arrives now over this carrier
and now over that one looks suspicious.  Rendezvous hashing gives every (caller, gateway) pair a fixed rank, so that a
gateway that leaves or joins moves only the callers that it had or gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from zope.interface import implementer

from vosswitch.hooks import hookimpl
from vosswitch.hooks.interfaces import IRoutingStrategy

if TYPE_CHECKING:
    from vosswitch.hooks import PluginContext
    from vosswitch.model.call import CallAttempt, Candidate


@implementer(IRoutingStrategy)
class Sticky:
    """The strategy; name it in a mapping gateway's ``routing_strategies``."""

    name = "sticky"

    def key(self, candidate: Candidate, request: CallAttempt) -> int:
        """A number fixed for this caller and this gateway."""
        return crc32(f"{request.caller}\0{candidate.gateway}".encode())


class Plugin:
    """What the switch registers."""

    @hookimpl
    def routing_strategies(self) -> list[Sticky]:
        """The one strategy."""
        return [Sticky()]


def make_plugin(context: PluginContext) -> Plugin:
    """Called once at start."""
    return Plugin()
