"""What the H.323 process asks the switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.model.values import Address


class Caller(NamedTuple):
    """Who calls, and how is it spoken with?  Answered by a `PeerProfile` and the name by which it is registered.

    :ivar source: the peer's IP with the port of its call signalling address.
    :ivar callee: the called number; *numbers* by where it stands (``called_party``, ``destination``).
    :ivar aliases: the names that the caller gives itself.
    :ivar endpoint: what our gatekeeper has called it, "" = not told.
    :ivar sure: that is certain (an admission, or the caller's own number); else only its address says so.
    """

    source: Address
    callee: str
    numbers: Mapping[str, str]
    aliases: tuple[str, ...] = ()
    endpoint: str = ""
    sure: bool = True
