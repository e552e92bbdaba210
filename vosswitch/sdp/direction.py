"""Directions of media (RFC 3264 section 5.1): what a held side said, as if it were not held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription

_DIRECTIONS = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})


def resumed(session: SessionDescription) -> SessionDescription:
    """*session* with every stream in both directions; the very same value when no direction is named."""
    streams = (session.lines, *[media.lines for media in session.media])
    if all(_DIRECTIONS.isdisjoint(lines) for lines in streams):
        return session
    media = tuple([replace(media, lines=_without(media.lines)) for media in session.media])
    return replace(session, lines=_without(session.lines), media=media)


def _without(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([line for line in lines if line not in _DIRECTIONS])
