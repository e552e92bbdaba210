"""The codecs that a gateway may use, applied to what is said to it and by it (RFC 3264 sections 5.1, 6.1 and 8.3).

Payload type numbers stay as they are.  telephone-event and comfort noise are no choice of codec and always stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.session import MediaDescription, SessionDescription
from vosswitch.sdp.codecs import codecs

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPANIONS = frozenset({"TELEPHONE-EVENT", "CN"})
"""Formats that accompany speech."""
_OF_A_FORMAT = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")


def allow(session: SessionDescription, allowed: Sequence[str]) -> SessionDescription | None:
    """*session* with the allowed codecs only, in the order of *allowed*; None when no audio stream is left.

    Streams that are refused already (port 0) and those of other kinds stay; an audio stream without an allowed codec is
    refused as long as another one is left.  Where there is no live audio at all there is nothing to choose.

    :param allowed: names in upper case, the preferred first.
    """
    places = {name: place for place, name in enumerate(allowed)}
    media = tuple([_allowed(item, places) if _is_live(item) else item for item in session.media])
    if media == session.media:
        return session
    if not any([_is_live(item) for item in media]):  # noqa: C419 - a list is faster for so few
        return None
    return SessionDescription(session.origin, session.name, session.host, session.lines, media)


def _is_live(media: MediaDescription) -> bool:
    return media.kind == "audio" and media.port != 0


def _allowed(media: MediaDescription, places: dict[str, int]) -> MediaDescription:
    speech: list[tuple[int, str]] = []
    companions: list[str] = []
    for codec in codecs(media):
        name = codec.name.upper()
        if name in places:
            speech.append((places[name], str(codec.payload)))
        elif name in COMPANIONS:
            companions.append(str(codec.payload))
    if not speech:
        return MediaDescription(media.kind, 0, media.protocol, media.formats)
    speech.sort(key=lambda item: item[0])
    formats = tuple([payload for _, payload in speech] + companions)
    lines = tuple([line for line in media.lines if _belongs(line, formats)])
    return MediaDescription(media.kind, media.port, media.protocol, formats, media.host, media.port_count, lines)


def _belongs(line: str, formats: tuple[str, ...]) -> bool:
    if not line.startswith(_OF_A_FORMAT):
        return True
    payload = line.partition(":")[2].partition(" ")[0]
    return payload in formats or payload == "*"


def agrees(answer: SessionDescription, offer: SessionDescription) -> bool:
    """Whether every live audio stream of *answer* has at least one codec that *offer* named at that place."""
    for said, asked in zip(answer.media, offer.media, strict=False):
        if not _is_live(said) or said.formats[0] in asked.formats:
            continue
        names = {codec.name.upper() for codec in codecs(asked)} - COMPANIONS
        if names.isdisjoint([codec.name.upper() for codec in codecs(said)]):
            return False
    return True


def named(session: SessionDescription) -> str:
    """The codecs of the live audio streams, for people: ``PCMA, G729``; unexplained formats by their number."""
    found: list[str] = []
    for media in session.media:
        if _is_live(media):
            known = {str(codec.payload): codec.name for codec in codecs(media)}
            found += [known.get(item, item[:16]) for item in media.formats]
    return ", ".join(dict.fromkeys(found)) or "none"


_MIRRORED = {"a=sendonly": "a=recvonly", "a=recvonly": "a=sendonly", "a=inactive": "a=inactive"}
_DIRECTED = frozenset({"a=sendrecv", *_MIRRORED})


def meet(offer: SessionDescription, standing: SessionDescription) -> SessionDescription | None:
    """An answer to *offer* in the name of a side whose description stands; None when it has nothing in common.

    Each stream keeps the formats that were offered, under their offered numbers, and the offer's direction mirrored.
    """
    media = []
    for place, asked in enumerate(offer.media):
        said = standing.media[place] if place < len(standing.media) else None
        media.append(_met(asked, said, offer))
    if not any([item.port for item in media]):  # noqa: C419 - short lists
        return None
    lines = tuple([line for line in standing.lines if line not in _DIRECTED])
    return SessionDescription(standing.origin, standing.name, standing.host, lines, tuple(media))


def _met(asked: MediaDescription, said: MediaDescription | None, offer: SessionDescription) -> MediaDescription:
    names = {codec.name.upper() for codec in codecs(said)} if said is not None else frozenset()
    formats = tuple([str(codec.payload) for codec in codecs(asked) if codec.name.upper() in names])
    refused = said is None or not said.port or not asked.port or said.kind != asked.kind or not formats
    if refused or said is None:
        return MediaDescription(asked.kind, 0, asked.protocol, asked.formats)
    kept = [line for line in said.lines if not line.startswith(_OF_A_FORMAT) and line not in _DIRECTED]
    kept += [line for line in asked.lines if line.startswith(_OF_A_FORMAT) and _belongs(line, formats)]
    directed = next((line for line in (*asked.lines, *offer.lines) if line in _DIRECTED), "")
    if directed in _MIRRORED:
        kept.append(_MIRRORED[directed])
    return MediaDescription(asked.kind, said.port, asked.protocol, formats, said.host, 1, tuple(kept))
