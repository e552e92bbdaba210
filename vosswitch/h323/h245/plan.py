"""Descriptions of SDP as a session of H.245 needs them: what our side wants, and how what came out of it is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vosswitch.h323.h245 import audio, fax
from vosswitch.h323.h245.capabilities import EVENTS, Capabilities, events
from vosswitch.h323.h245.fax import FAX, Fax
from vosswitch.model.session import Codec, MediaDescription, SessionDescription
from vosswitch.sdp.codecs import UNSPECIFIED, codecs, receives, sends
from vosswitch.sdp.rewrite import transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vosswitch.h323.h245.addresses import Endpoint
    from vosswitch.h323.h245.audio import Audio

NOWHERE = ("0.0.0.0", 9)  # noqa: S104 - an address that is not known yet, nothing binds here
_EVENT = "telephone-event"


@dataclass(frozen=True, slots=True)
class Plan:
    """What our side wants of a session, read from its description.

    :ivar place: of the section that counts among *session*'s.
    :ivar image: it is fax by T.38, else audio.
    :ivar codecs: that H.245 knows, the preferred first.
    :ivar event: RFC 2833; *packet* milliseconds.
    :ivar rtp: where it wants media, None = nowhere; *rtcp* likewise.
    :ivar sends: it may send: a channel from us to the peer; *receives* the other way.
    """

    session: SessionDescription
    place: int = 0
    image: bool = False
    codecs: tuple[Codec, ...] = ()
    event: Codec | None = None
    packet: int = audio.USUAL_PACKET
    rtp: Endpoint | None = None
    rtcp: Endpoint | None = None
    sends: bool = False
    receives: bool = False

    @property
    def live(self) -> bool:
        """Whether there is media at all.  H.245 has no word for a side that only listens: its channel stays open."""
        return self.sends or self.receives

    def media(self, peer: Capabilities) -> list[Audio | Fax]:
        """What we could send to a peer with these capabilities, in our order."""
        if self.image:
            return [FAX] if peer.fax else []
        found = [audio.fit(codec, self.packet, peer.audio) for codec in self.codecs]
        return [item for item in found if item is not None]

    def takes(self, medium: Audio | Fax) -> bool:
        """Whether our side can receive that."""
        if isinstance(medium, Fax):
            return self.image
        return not self.image and any(codec.name.upper() == medium.codec for codec in self.codecs)

    def capabilities(self, *, t38: bool) -> Capabilities:
        """What our side can receive, as it is announced."""
        found = [item for codec in self.codecs for item in audio.types(codec, self.packet)]
        event = self.event
        payload = event.payload if event is not None and 96 <= event.payload <= 127 else None
        named = events(event.fmtp) if event is not None else EVENTS
        return Capabilities(tuple(dict.fromkeys(found)), payload, named, t38 or self.image)


def read(session: SessionDescription) -> Plan:
    """What *session* wants: its first live audio section, else its first live image section."""
    for kind in ("audio", "image"):
        for place, media in enumerate(session.media):
            if media.kind == kind and media.port:
                return _section(session, place, media)
    return Plan(session)


def _section(session: SessionDescription, place: int, media: MediaDescription) -> Plan:
    host, port, rtcp = transport(media, session)
    there = host not in UNSPECIFIED
    named = codecs(media)
    return Plan(
        session,
        place,
        media.kind == "image",
        tuple([codec for codec in named if audio.known(codec)]),
        next((codec for codec in named if codec.name.lower() == _EVENT and codec.rate == 8000), None),
        _packet(media),
        (host, port) if there else None,
        (host, rtcp) if there and rtcp < 65536 else None,
        sends(media, session),
        receives(media, session),
    )


def _packet(media: MediaDescription) -> int:
    for line in media.lines:
        if line.startswith("a=ptime:"):
            text = line[8:].strip()
            if text.isdecimal() and text.isascii() and 0 < len(text) <= 3 and int(text):
                return min(int(text), audio.LONGEST_PACKET)
    return audio.USUAL_PACKET


def usual(payload: int, *, t38: bool) -> Capabilities:
    """What we announce as long as nobody has said what our side can receive: every codec that has a name here."""
    found = [item for family in audio.FAMILIES.values() for item in audio.types(family.codec, audio.USUAL_PACKET)]
    return Capabilities(tuple(found), payload, EVENTS, t38)


def offer(peer: Capabilities, *, paused: bool = False) -> SessionDescription:
    """A peer's capabilities as an offer without address."""
    names = dict.fromkeys([item.codec for item in peer.audio])
    found = [audio.codec(name, peer.audio) for name in names]
    lines = ("a=inactive",) if paused else ()
    media = speech(found, _event(peer), NOWHERE[1], lines)
    return SessionDescription(host=NOWHERE[0], media=(media,))


def fax_offer() -> SessionDescription:
    """The wish for fax as an offer without address."""
    return SessionDescription(host=NOWHERE[0], media=(image(NOWHERE[1]),))


def _event(peer: Capabilities) -> Codec | None:
    return Codec(peer.event, _EVENT, 8000, 1, peer.events) if peer.event is not None else None


def image(port: int, lines: tuple[str, ...] = ()) -> MediaDescription:
    """The section of fax by T.38."""
    return MediaDescription("image", port, fax.PROTOCOL, (fax.FORMAT,), None, 1, fax.LINES + lines)


def speech(found: Sequence[Codec], event: Codec | None, port: int, lines: tuple[str, ...]) -> MediaDescription:
    """An audio section with these codecs."""
    said = [*found] if event is None else [*found, event]
    explained = [f"a=rtpmap:{item.payload} {item.name}/{item.rate}" for item in said]
    explained += [f"a=fmtp:{item.payload} {item.fmtp}" for item in said if item.fmtp]
    formats = tuple([str(item.payload) for item in said]) or ("0",)
    return MediaDescription("audio", port, "RTP/AVP", formats, None, 1, (*explained, *lines))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has come out of a session.

    :ivar sent: what our channel to the peer carries, *received* what the peer's channel does.
    :ivar where: the peer takes media there; None = not known.
    """

    sent: Audio | Fax | None
    received: Audio | Fax | None
    where: Endpoint | None


def describe(plan: Plan, peer: Capabilities, outcome: Outcome) -> SessionDescription:
    """The peer's answer to the description that *plan* is: its sections one by one.

    What the peer wants to receive comes first; where it sends another codec, that one follows: the answer names
    what may come either way (RFC 3264 6.1).
    """
    host, port = outcome.where or NOWHERE
    lines = _direction(plan, peer)
    if plan.image:
        section = image(port, lines)
    else:
        media = [item for item in (outcome.sent, outcome.received) if item is not None and not isinstance(item, Fax)]
        section = speech(_answered(plan, media), _agreed(plan, peer), port, packets(media) + lines)
    parts = [MediaDescription(item.kind, 0, item.protocol, item.formats) for item in plan.session.media] or [section]
    parts[plan.place] = section
    return SessionDescription(host=host, media=tuple(parts))


def _answered(plan: Plan, media: Sequence[Audio]) -> list[Codec]:
    """The codecs of *media* under the payload types of our side's description; all of it before media is known."""
    found = []
    for name in dict.fromkeys([item.codec for item in media]):
        ours = next((codec for codec in plan.codecs if codec.name.upper() == name), None)
        said = audio.codec(name, media)
        found.append(Codec(ours.payload if ours is not None else said.payload, said.name, said.rate, 1, said.fmtp))
    return found or list(plan.codecs)


def _agreed(plan: Plan, peer: Capabilities) -> Codec | None:
    """RFC 2833, when both sides take it: under the payload type that the peer wants."""
    return _event(peer) if plan.event is not None else None


def packets(media: Sequence[Audio]) -> tuple[str, ...]:
    """``a=ptime`` of what is sent; none where the figure can only be the most that a side takes."""
    if not media or media[0].milliseconds > audio.LONGEST_PACKET:
        return ()
    return (f"a=ptime:{media[0].milliseconds}",)


def _direction(plan: Plan, peer: Capabilities) -> tuple[str, ...]:
    """As the peer sees it: it receives what our side sends, unless it has said that it takes nothing now."""
    hears = plan.sends and not peer.empty
    if plan.receives and hears:
        return ()
    if plan.receives:
        return ("a=sendonly",)
    return ("a=recvonly",) if hears else ("a=inactive",)
