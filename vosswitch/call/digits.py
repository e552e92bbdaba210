"""DTMF of a call with H.323: digits that one side signals and the other one has in its media (RFC 4733), and back.

A side that speaks SIP has telephone events in its media where its description names them, else INFO.  A side that
speaks H.323 has what its gateway is set to (`H323Profile.dtmf`, SS_H323_DTMF_METHOD); ``auto`` is in the media where
it has said that it can (RFC 2833 capability), else signalled.  So that a SIP side sends events at all, it is told of
them in the place of an H.323 side that signals; the relay takes them out.

Where both have them in the media each side keeps the payload type that it has named: a SIP side is told of an H.323
side's events under its own, and the relay renumbers them on the way.  (H.245 has one for each receiver; an answer in
SDP with another number than the offer's is more than some can do.)

A key counts once: what comes both signalled and in the media within `TWIN` is one.  Calls between SIP sides have none
of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.h323 import DTMF_METHODS, TRANSPORT, USUAL
from vosswitch.model.values import Side
from vosswitch.sdp.events import event_payload, renumbered, with_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.deciding.decision import Decision
    from vosswitch.model.h323 import H323Profile
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Digit
    from vosswitch.model.values import Address

TWIN = 0.4
"""Seconds within which the same digit, signalled and in the media, is one key."""
_LONGEST = 6.0
"""Seconds that a key in the media may be held; one signalled while it is held is its twin."""
_MOST = 32
_SIP = ""
_IN_MEDIA = "rfc2833"
_SIGNALLED = frozenset({"alphanumeric", "signal", "keypad"})


def digits_of(decision: Decision, route: Any, clock: Callable[[], float]) -> CallDigits | None:
    """What looks after the digits of an attempt; None when neither side speaks H.323."""
    source, target = decision.offered.source, route.target
    if TRANSPORT not in (source.transport, target.transport):
        return None
    default = DTMF_METHODS.get(str(decision.parameters["SS_H323_DTMF_METHOD"]), "alphanumeric")
    own = decision.gateway.profile.h323 if decision.gateway is not None else None
    return CallDigits(_party(source, own, default), _party(target, route.profile.h323, default), clock)


def _party(address: Address, profile: H323Profile | None, default: str) -> Party:
    if address.transport != TRANSPORT:
        return Party(_SIP)
    profile = profile or USUAL
    return Party(profile.dtmf or default, profile.dtmf_payload)


class Party:
    """One side.

    :ivar method: as `H323Profile.dtmf`, "" = it speaks SIP.
    :ivar own: payload type of events in its media when it has not told one.
    :ivar payload: what it has told; None = it has said that it has none, or nothing yet.
    :ivar added: what the other side was told in its place; *shown* what it was told in the place of *payload*.
    :ivar described: it has told what its media is.
    """

    __slots__ = ("added", "described", "method", "own", "payload", "shown")

    def __init__(self, method: str, own: int = 101) -> None:
        self.method = method
        self.own = own
        self.payload: int | None = None
        self.added: int | None = None
        self.shown: int | None = None
        self.described = False

    @property
    def signals(self) -> bool:
        """Whether digits go to it, and come from it, in signalling."""
        return self.method in _SIGNALLED or (self.method == "auto" and self.payload is None)

    @property
    def wants_none(self) -> bool:
        """Whether events of the other side's media are taken out: it wants signals, or no digits at all.

        A SIP side that has said that it has none gets them as INFO, whoever sends events unasked.
        """
        if not self.method:
            return self.described and self.payload is None
        return self.signals or self.method == "off"

    @property
    def number(self) -> int | None:
        """The payload type of events that go to it; None = as they come."""
        return self.own if self.payload is None and self.method == _IN_MEDIA else self.payload


class CallDigits:
    """The digits of one attempt.

    :ivar _keys: (side, digit, whether in the media) of keys without a twin -> when they came; in the media: ended.
    """

    __slots__ = ("_clock", "_keys", "_parties", "_session")

    def __init__(self, caller: Party, callee: Party, clock: Callable[[], float]) -> None:
        self._parties = {Side.CALLER: caller, Side.CALLEE: callee}
        self._clock = clock
        self._keys: dict[tuple[Side, str, bool], float] = {}
        self._session: Any = None

    def dress(self, side: Side, session: SessionDescription) -> SessionDescription:
        """What *side* says of its media as the relay shall take it: with events, where we stand in for them."""
        party, other = self._parties[side], self._parties[side.other]
        party.payload, party.added, party.described = event_payload(session), None, True
        if party.payload is not None:
            return session if other.method else self._renumbered(party, session, other.payload)
        in_media = party.method == _IN_MEDIA
        if not (party.signals or in_media) or (other.described and other.payload is None):
            return session
        number = party.own if in_media and other.payload is None else other.payload
        dressed, party.added = with_events(session, number)
        return dressed

    @staticmethod
    def _renumbered(party: Party, session: SessionDescription, theirs: int | None) -> SessionDescription:
        """The session with its events under the number that the other side, of SIP, has named or was told before."""
        wanted = party.shown or theirs
        if wanted is not None:
            session = renumbered(session, wanted)
        party.shown = event_payload(session)
        return session

    def watch(self, session: Any) -> None:
        """Have the relay look for what is to be signalled, and for twins of what is."""
        self._session = session
        for side, party in self._parties.items():
            other = self._parties[side.other]
            known = {party.number, party.added, other.payload, other.added, other.shown} - {None}
            taken = other.wants_none
            session.events(side, tuple(known), taken=taken, sent_as=None if taken else other.number)

    def signalled(self, side: Side, digit: Digit) -> Digit | None:
        """A digit that *side* has signalled: what to signal to the other one; None = nothing more."""
        party, other = self._parties[side], self._parties[side.other]
        if other.method == "off" or self._is_twin(side, digit.digit, in_media=False):
            return None
        payload = other.own if other.method and other.payload is None else other.payload
        as_signal = other.method and (other.signals or (other.method == "auto" and party.payload is None))
        if as_signal or payload is None or self._session is None:
            return digit  # auto: only who may send events as well has to have its keys in one place
        self._session.digit(side.other, digit, payload)
        return None

    def heard(self, side: Side, digit: Digit) -> bool:
        """Whether a digit out of the media of *side*, which has just ended, is to be signalled to the other one."""
        return not self._is_twin(side, digit.digit, in_media=True, lasted=digit.duration / 1000)

    def _is_twin(self, side: Side, digit: str, *, in_media: bool, lasted: float = 0.0) -> bool:
        now = self._clock()
        self._keys = {key: when for key, when in self._keys.items() if when > now - TWIN - _LONGEST}
        twin = self._keys.get((side, digit, not in_media))
        if twin is not None and twin > now - TWIN - min(lasted, _LONGEST):
            del self._keys[side, digit, not in_media]
            return True
        if len(self._keys) < _MOST or (side, digit, in_media) in self._keys:
            self._keys[side, digit, in_media] = now
        return False
