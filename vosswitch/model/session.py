"""A session description (RFC 8866) as values; `vosswitch.sdp` parses and renders it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Origin:
    """The ``o=`` line."""

    username: str = "-"
    session_id: str = "0"
    version: str = "0"
    host: str = "0.0.0.0"  # noqa: S104 - RFC 3264 "unknown", nothing binds here


@dataclass(frozen=True, slots=True)
class Codec:
    """One format of a media description: payload type with its rtpmap and fmtp."""

    payload: int
    name: str
    rate: int
    channels: int = 1
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One ``m=`` section.

    :ivar host: its own ``c=`` address; None when the session's stands.
    :ivar formats: the format tokens in the order of preference.
    :ivar lines: every other line of the section, whole (``a=rtpmap:0 PCMU/8000``), in order.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str | None = None
    port_count: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """An offer or an answer.

    :ivar host: the session level ``c=`` address, None when absent.
    :ivar lines: every other session level line between ``s=`` and the first ``m=``, whole, in order (``t=0 0`` too).
    """

    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    host: str | None = None
    lines: tuple[str, ...] = ("t=0 0",)
    media: tuple[MediaDescription, ...] = ()
