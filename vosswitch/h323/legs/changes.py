"""Changes of an answered call that the peer wants: hold and its end, another mode; and whether two sessions differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vosswitch.model.signals import Offer
from vosswitch.sdp.codecs import codecs, first_audio
from vosswitch.sdp.events import event_payload, with_events

if TYPE_CHECKING:
    from vosswitch.h323.legs.leg import Leg
    from vosswitch.h323.legs.media import Media
    from vosswitch.model.session import SessionDescription

_BUSY, _RETRIES, _RETRY = 491, 3, 2.1
"""A far side that is busy with a change of its own: how often it is asked again, after how many seconds."""


class PeerChanges:
    """The changes that the peer of one leg wants, one at a time.

    :ivar running: the call has not answered the last one yet.
    :ivar _asked: that one; *_next* what waits behind it, *_retries* how often it was asked again.
    """

    __slots__ = ("_asked", "_leg", "_media", "_next", "_retries", "running")

    def __init__(self, leg: Leg, media: Media) -> None:
        self._leg = leg
        self._media = media
        self._asked: SessionDescription | None = None
        self._next: SessionDescription | None = None
        self._retries = 0
        self.running = False

    def ask(self, session: SessionDescription) -> None:
        """A change of the peer's goes to the far side; the last one behind the one that runs."""
        if self.running:
            self._next = session
            return
        self.running, self._asked = True, session
        self._leg.report(Offer(session))

    def accepted(self, answer: SessionDescription | None) -> None:
        """The far side takes the peer's change."""
        if not self.running:
            return
        self.running, self._retries = False, 0
        if self._goes_on():
            return
        if answer is not None:
            self._media.settle(answer)

    def declined(self, status: int) -> None:
        """The far side does not; one that is busy with a change of its own (491) is asked again (RFC 3261 14.1)."""
        if not self.running:
            return
        self.running = False
        if self._goes_on():
            return
        if status == _BUSY and self._retries < _RETRIES and self._asked is not None:
            self._retries += 1
            self.running, self._next = True, self._asked
            self._leg.later(_RETRY, self._ask_again)
        else:
            self._retries = 0
            self._media.settle(None)

    def _ask_again(self) -> None:
        self.running = False
        self._goes_on()

    def _goes_on(self) -> bool:
        """Whether another change of the peer's has waited; it goes to the far side now."""
        session, self._next = self._next, None
        if session is not None:
            self.ask(session)
        return session is not None


def is_inactive(session: SessionDescription) -> bool:
    """Whether nothing of it is to be sent: hold."""
    media = first_audio(session)
    return media is not None and "a=inactive" in media.lines


def alike(one: SessionDescription, other: SessionDescription) -> bool:
    """Whether two descriptions of the same side ask for the same channels, whatever else they say."""
    return _essence(one) == _essence(other)


def _essence(session: SessionDescription) -> list[tuple[Any, ...]]:
    """Of each section: kind, address, port, codecs in order, direction."""
    found = []
    for media in session.media:
        plain = [replace(codec, payload=0, fmtp="") for codec in codecs(media)] if media.kind == "audio" else []
        direction = [line for line in (*session.lines, *media.lines) if line in _DIRECTIONS]
        found.append((media.kind, media.host or session.host, media.port, plain, direction))
    return found


def learn_events(
    said: SessionDescription, told: SessionDescription | None, heard: SessionDescription | None
) -> SessionDescription | None:
    """A peer's side with the events that its capabilities *said*, where it had none and our side has; else None."""
    payload = event_payload(said)
    if payload is None or heard is None or told is None or event_payload(told) is None:
        return None
    return with_events(heard, payload)[0] if event_payload(heard) is None else None


_DIRECTIONS = frozenset({"a=sendonly", "a=recvonly", "a=inactive"})
