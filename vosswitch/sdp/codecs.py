"""What a description says about codecs and direction (RFC 3264, RFC 3551, RFC 8866 section 6)."""

from __future__ import annotations

from vosswitch.model.session import Codec, MediaDescription, SessionDescription

STATIC = {
    codec.payload: codec
    for codec in (
        Codec(0, "PCMU", 8000),
        Codec(3, "GSM", 8000),
        Codec(4, "G723", 8000),
        Codec(5, "DVI4", 8000),
        Codec(6, "DVI4", 16000),
        Codec(7, "LPC", 8000),
        Codec(8, "PCMA", 8000),
        Codec(9, "G722", 8000),
        Codec(10, "L16", 44100, 2),
        Codec(11, "L16", 44100),
        Codec(12, "QCELP", 8000),
        Codec(13, "CN", 8000),
        Codec(14, "MPA", 90000),
        Codec(15, "G728", 8000),
        Codec(16, "DVI4", 11025),
        Codec(17, "DVI4", 22050),
        Codec(18, "G729", 8000),
        Codec(25, "CelB", 90000),
        Codec(26, "JPEG", 90000),
        Codec(28, "nv", 90000),
        Codec(31, "H261", 90000),
        Codec(32, "MPV", 90000),
        Codec(33, "MP2T", 90000),
        Codec(34, "H263", 90000),
    )
}
"""Payload types whose meaning needs no rtpmap (RFC 3551 tables 4 and 5)."""

DIRECTIONS = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})
UNSPECIFIED = frozenset({"0.0.0.0", "::", "0:0:0:0:0:0:0:0"})  # noqa: S104 - RFC 2543 hold, nothing binds here
DISCARD = 9
"""With an unspecified address: where media is to go is not known yet (RFC 8840 4.1.1), which is no hold."""

_NO_CALL_CODEC = frozenset({"telephone-event", "cn", "red"})


def codecs(media: MediaDescription) -> tuple[Codec, ...]:
    """The formats of a section in the order of preference; formats that nothing explains are left out."""
    maps: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for line in media.lines:
        if line.startswith("a=rtpmap:"):
            payload, _, value = line[9:].partition(" ")
            maps.setdefault(payload, value)
        elif line.startswith("a=fmtp:"):
            payload, _, value = line[7:].partition(" ")
            parameters.setdefault(payload, value)
    found = [_codec(item, maps.get(item), parameters.get(item, "")) for item in media.formats]
    return tuple([codec for codec in found if codec is not None])


def _codec(payload: str, mapped: str | None, parameters: str) -> Codec | None:
    if not (payload.isdecimal() and payload.isascii() and len(payload) <= 3 and int(payload) < 128):
        return None
    number = int(payload)
    if mapped is None:
        known = STATIC.get(number)
        return known and (Codec(number, known.name, known.rate, known.channels, parameters) if parameters else known)
    name, _, rest = mapped.strip().partition("/")
    rate, _, channels = rest.partition("/")
    if not name or not _number(rate) or (channels and not _number(channels)):
        return None
    return Codec(number, name, int(rate), int(channels or 1), parameters)


def _number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= 7


def payload_types(media: MediaDescription) -> frozenset[int]:
    """The RTP payload types that a section names, explained or not."""
    return frozenset(
        [int(item) for item in media.formats if item.isdecimal() and item.isascii() and len(item) <= 3]
    ).intersection(range(128))


def first_audio(session: SessionDescription) -> MediaDescription | None:
    """The first audio section that is not refused (port 0), None when there is none."""
    for media in session.media:
        if media.kind == "audio" and media.port:
            return media
    return None


def first_stream(session: SessionDescription) -> MediaDescription | None:
    """What a session relays: its first live audio section, without one its first live fax (T.38 over UDPTL)."""
    audio = first_audio(session)
    if audio is not None:
        return audio
    for media in session.media:
        if is_fax(media) and media.port:
            return media
    return None


def is_fax(media: MediaDescription) -> bool:
    """Whether a section is fax by T.38 over UDPTL (RFC 7345)."""
    return media.kind == "image" and media.protocol.lower() == "udptl"


def common_codec(answer: SessionDescription) -> str:
    """The name that goes into the call's record: the first codec of the answer's audio; "" when there is none.

    An answer names what it takes of the offer, the preferred codec first (RFC 3264 section 6.1), so the offer need
    not be asked.  telephone-event and comfort noise carry no speech and are passed over.  Fax is ``T38``.
    """
    media = first_stream(answer)
    if media is None:
        return ""
    if is_fax(media):
        return "T38"
    for codec in codecs(media):
        if codec.name.lower() not in _NO_CALL_CODEC:
            return codec.name
    return ""


def direction(media: MediaDescription, session: SessionDescription) -> str:
    """``sendrecv``, ``sendonly``, ``recvonly`` or ``inactive``, as the side that wrote it sees it.

    A section's own attribute stands over the session's; an unspecified address (the hold of RFC 2543) turns what
    its writer wants to hear off: ``sendonly`` or ``inactive``.
    """
    written = _direction(media.lines) or _direction(session.lines) or "sendrecv"
    if is_held(media, session):
        return "sendonly" if written in ("sendrecv", "sendonly") else "inactive"
    return written


def is_held(media: MediaDescription, session: SessionDescription) -> bool:
    """Whether the address of a section says that its writer wants to hear nothing (RFC 2543 hold)."""
    return (media.host or session.host) in UNSPECIFIED and media.port != DISCARD


def _direction(lines: tuple[str, ...]) -> str:
    for line in lines:
        if line in DIRECTIONS:
            return line[2:]
    return ""


def sends(media: MediaDescription, session: SessionDescription) -> bool:
    """Whether the side that wrote the section may send media."""
    return bool(media.port) and direction(media, session) in ("sendrecv", "sendonly")


def receives(media: MediaDescription, session: SessionDescription) -> bool:
    """Whether the side that wrote the section wants to hear media."""
    return bool(media.port) and direction(media, session) in ("sendrecv", "recvonly")
