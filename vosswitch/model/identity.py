"""Who calls, as a peer asserts it and as another peer is told (RFC 3323, 3325, 5806, 7044)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diversion:
    """One redirection that the call has gone through, from a Diversion or a History-Info header.

    :ivar number: user part of the diverting address.
    :ivar reason: such as ``unconditional``, ``user-busy``, ``no-answer``; ``unknown`` when not told.
    :ivar private: the diverting party wants not to be shown.
    """

    number: str
    reason: str = "unknown"
    counter: int = 1
    host: str = ""
    display: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of the caller beyond number and display name; read from a trusted peer only, else empty.

    :ivar asserted: the network's number of the caller (P-Asserted-Identity, else Remote-Party-ID), "" = none.
    :ivar asserted_display: the display name that came with it.
    :ivar private: the caller asked not to be shown (Privacy ``id``, ``user`` or ``header``, RPID ``privacy=full``,
        or an anonymous From); true whoever says it: the wish needs no trust.
    :ivar privacy: the values of the Privacy header, lower case.
    :ivar charge: number of P-Charge-Info, "" = none.
    :ivar diversions: the latest first, as in Diversion headers.
    """

    asserted: str = ""
    asserted_display: str = ""
    private: bool = False
    privacy: tuple[str, ...] = ()
    charge: str = ""
    diversions: tuple[Diversion, ...] = ()


NOBODY = Identity()
"""A caller of whom nothing is asserted."""
