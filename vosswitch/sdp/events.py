"""Telephone events (RFC 4733) in a description: which payload type they have, and adding them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vosswitch.sdp.codecs import codecs, first_audio, payload_types

if TYPE_CHECKING:
    from vosswitch.model.session import MediaDescription, SessionDescription

NAME, RATE = "telephone-event", 8000
_USUAL = 101
_DYNAMIC = range(96, 128)


def event_payload(session: SessionDescription) -> int | None:
    """The payload type of telephone events in the first live audio section, None = it has none."""
    media = first_audio(session)
    if media is None:
        return None
    for codec in codecs(media):
        if codec.name.lower() == NAME:
            return codec.payload
    return None


def with_events(session: SessionDescription, payload: int | None = None) -> tuple[SessionDescription, int | None]:
    """*session* with telephone events in its first live audio section.

    :param payload: the type they shall have; None = the usual one, or another that is free.
    :returns: the type they have as well; None: there is no such section, or the type means something else there.
    """
    audio = first_audio(session)
    if audio is None:
        return session, None
    there = payload_types(audio)
    if payload is None:
        payload = next((number for number in (_USUAL, *_DYNAMIC) if number not in there), None)
    if payload is None or payload in there:
        return session, None
    media = tuple([_with(item, payload) if item is audio else item for item in session.media])
    return replace(session, media=media), payload


def renumbered(session: SessionDescription, payload: int) -> SessionDescription:
    """*session* with its telephone events under another payload type, unless that means something else there."""
    audio, events = first_audio(session), event_payload(session)
    if audio is None or events is None or payload in payload_types(audio):
        return session
    media = tuple([_under(item, str(events), str(payload)) if item is audio else item for item in session.media])
    return replace(session, media=media)


def _under(media: MediaDescription, old: str, new: str) -> MediaDescription:
    formats = tuple([new if item == old else item for item in media.formats])
    lines = []
    for line in media.lines:
        name, _, rest = line.partition(":")
        number, _, value = rest.partition(" ")
        is_its = name in ("a=rtpmap", "a=fmtp") and number == old
        lines.append(f"{name}:{new} {value}" if is_its else line)
    return replace(media, formats=formats, lines=tuple(lines))


def _with(media: MediaDescription, payload: int) -> MediaDescription:
    lines = (*media.lines, f"a=rtpmap:{payload} {NAME}/{RATE}", f"a=fmtp:{payload} 0-15")
    return replace(media, formats=(*media.formats, str(payload)), lines=lines)
