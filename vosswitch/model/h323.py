"""How we speak H.323 with one gateway or terminal: what an operator sets beside `vosswitch.model.peer`.

The fields are those of the provisioning tables.  Where a field says *system*, None stands for the system parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vosswitch.model.values import Address

TRANSPORT = "h323"
"""Transport of an `Address` that is reached by H.225.0 call signalling (TCP)."""
RAS = "ras"
"""Transport of an `Address` that is reached by RAS (UDP)."""
TRANSPORTS = frozenset({TRANSPORT, RAS})
"""Of addresses that calls go to by H.323: at once, or as a gatekeeper says."""
SIGNALLING_PORT, RAS_PORT = 1720, 1719

DTMF_METHODS = {
    "Auto": "auto",
    "RFC 2833": "rfc2833",
    "H.245 alphanumeric": "alphanumeric",
    "H.245 signal": "signal",
    "Q.931 keypad": "keypad",
    "Off": "off",
}
"""Values of SS_H323_DTMF_METHOD as `H323Profile.dtmf` has them."""


@dataclass(frozen=True, slots=True)
class H323Profile:
    """H.323 settings of one peer.

    :ivar fast_start: offered in our Setup, and taken when the peer offers it.
    :ivar tunnelling: H.245 in call signalling, as long as the peer does the same.
    :ivar h245_in_setup: with slow start and tunnelling: capabilities and master/slave determination in Setup already.
    :ivar auto_call_proceeding: CallProceeding as soon as its Setup came; else when the far side is working on it.
    :ivar alerting_from_progress: progress with media of the far side is told as Alerting.
    :ivar callee_source: where its called number is read: ``called_party`` (Q.931) or ``destination`` (alias).
    :ivar caller_source: likewise: ``calling_party``, ``source`` or ``display``.
    :ivar callee_type: type of number sent: ``unknown``, ``international``, ``national``, ``network``, ``subscriber``
        or ``abbreviated``; *callee_plan* ``unknown``, ``isdn``, ``data``, ``telex``, ``national`` or ``private``;
        likewise *caller_type*, *caller_plan*.
    :ivar presentation: of the caller: ``pass`` (as the caller asked), ``allowed`` or ``restricted``.
    :ivar screening: ``pass``, ``user``, ``user_passed``, ``user_failed`` or ``network``.
    :ivar dtmf: how digits are sent: ``auto``, ``rfc2833``, ``alphanumeric``, ``signal``, ``keypad`` or ``off``;
        None = system (SS_H323_DTMF_METHOD).
    :ivar dtmf_payload: RTP payload type of RFC 2833.
    :ivar t38: its capability is offered.
    :ivar keep_alive: signs of life in answered calls: ``auto`` (it is dead when it answers no longer), ``strict`` (or
        has never answered) or ``off``.
    :ivar addresses: networks that it may register from, of one that registers with us.
    :ivar prefixes: with `PeerProfile.register`: prefixes of numbers that its gatekeeper sends us.
    :ivar timeout_setup: seconds, None = system (SS_H323_TIMEOUT_SETUP); likewise the other timeouts.
    """

    fast_start: bool = True
    tunnelling: bool = True
    h245_in_setup: bool = False
    auto_call_proceeding: bool = True
    alerting_from_progress: bool = False
    callee_source: str = "called_party"
    caller_source: str = "calling_party"
    callee_type: str = "unknown"
    callee_plan: str = "isdn"
    caller_type: str = "unknown"
    caller_plan: str = "isdn"
    presentation: str = "pass"
    screening: str = "pass"
    dtmf: str | None = None
    dtmf_payload: int = 101
    t38: bool = True
    keep_alive: str = "auto"
    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    timeout_setup: float | None = None
    timeout_call_proceeding: float | None = None
    timeout_call_proceeding_olc: float | None = None
    timeout_alerting: float | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> H323Profile | None:
        """Read a configuration body; None when its ``protocol`` is another one."""
        if body.get("protocol") != TRANSPORT:
            return None
        values: dict[str, Any] = {name: body[f"h323_{name}"] for name in _NAMES if f"h323_{name}" in body}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        found = cls(**values)
        return USUAL if found == USUAL else found


_NAMES = tuple(item.name for item in fields(H323Profile))

USUAL = H323Profile()
"""A peer that speaks H.323 and of which nothing special is set."""


def protocol(address: Address) -> str:
    """What is spoken with a peer there, as records name it: ``h323``, or "" for SIP."""
    return TRANSPORT if address.transport in TRANSPORTS else ""
