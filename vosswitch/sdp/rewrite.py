"""Putting our own address and origin into what one side said, so that the other side sees nothing of it."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from vosswitch.model.session import MediaDescription, Origin, SessionDescription
from vosswitch.sdp.codecs import first_stream, is_held
from vosswitch.sdp.text import family

_HARMLESS_NAMES = (
    "rtpmap fmtp ptime maxptime mptime sendrecv sendonly recvonly inactive rtcp-fb rtcp-mux rtcp-rsize crypto key-mgmt "
    "fingerprint setup connection silenceSupp extmap extmap-allow-mixed quality lang sdplang charset type cat keywds "
    "framerate label content gpmd ecan curr des conf 3gOoBTC"
)
_HARMLESS = frozenset(_HARMLESS_NAMES.split())
_TELLING_NAMES = (
    "candidate remote-candidates end-of-candidates ice-ufrag ice-pwd ice-options ice-lite ice-mismatch ice-pacing "
    "ice2 rtcp source-filter altc alt ccap acap tcap pcfg acfg csup creq group mid msid msid-semantic bundle-only "
    "ssrc ssrc-group nortpproxy direction tool path connectivity"
)
_TELLING = frozenset(_TELLING_NAMES.split())
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*")
_PERSONAL = "ipue"  # information, phone, URI and mail of whoever wrote it


@lru_cache(maxsize=4096)
def carried(line: str) -> bool:
    """Whether a line may reach the other side: it cannot name an address, or looks as if it did not.

    Attributes of ICE, alternative addresses, source filters, capability negotiation and bundling belong to the
    transport that is replaced; an unknown attribute goes through unless an address stands in it.
    """
    if not line.startswith("a="):
        return line[:1] not in _PERSONAL
    name = line[2:].partition(":")[0]
    if name in _HARMLESS:
        return True
    return name not in _TELLING and _ADDRESS.search(line, 2) is None


def replace_transport(
    session: SessionDescription, host: str, port: int, rtcp_port: int, origin: Origin
) -> SessionDescription:
    """*session* with our address, ports and *origin*, for the other side.

    The first audio section that is not refused, or the fax that has taken its place (`first_stream`), is kept with its
    formats, direction and codec attributes; every other section is refused with port 0, so that offer and answer still
    match section by section (RFC 3264 section 6).
    An unspecified address (the hold of RFC 2543) stays one, but for one that is not known yet (`is_held`).

    :param host: our IP literal towards the other side.
    :param rtcp_port: named by ``a=rtcp`` (RFC 3605) only where it is not *port* + 1.
    """
    kept = first_stream(session)
    media = tuple([_ours(m, host, port, rtcp_port) if m is kept else _refused(m) for m in session.media])
    shown = host if kept is None else _shown(kept, session, host)
    lines = tuple([line for line in session.lines if carried(line)])
    return SessionDescription(origin, "-", shown, lines, media)


def unnamed(session: SessionDescription) -> SessionDescription:
    """*session* without what names its author: user name in ``o=``, ``s=``, information, URI, mail and phone lines."""
    origin = session.origin
    origin = Origin("-", origin.session_id, origin.version, origin.host)
    media = tuple([replace(m, lines=tuple([line for line in m.lines if line[:1] != "i"])) for m in session.media])
    lines = tuple([line for line in session.lines if line[:1] not in _PERSONAL])
    return SessionDescription(origin, "-", session.host, lines, media)


def _ours(media: MediaDescription, host: str, port: int, rtcp_port: int) -> MediaDescription:
    lines = [line for line in media.lines if carried(line)]
    if rtcp_port != port + 1:
        lines.append(f"a=rtcp:{rtcp_port} IN {family(host)} {host}")
    return MediaDescription(media.kind, port, media.protocol, media.formats, None, 1, tuple(lines))


def _shown(media: MediaDescription, session: SessionDescription, host: str) -> str:
    if not is_held(media, session):
        return host
    return "::" if ":" in host else "0.0.0.0"  # noqa: S104 - RFC 2543 hold, nothing binds here


def _refused(media: MediaDescription) -> MediaDescription:
    return MediaDescription(media.kind, 0, media.protocol, media.formats)


def transport(media: MediaDescription, session: SessionDescription) -> tuple[str, int, int]:
    """Where a section wants its media: host as written, RTP port, RTCP port (``a=rtcp``, else the next one).

    An ``a=rtcp`` with an address of its own is taken for its port only: RTCP goes where RTP goes.
    """
    host = media.host or session.host or ""
    rtcp = media.port + 1
    for line in media.lines:
        if line.startswith("a=rtcp:"):
            text = line[7:].partition(" ")[0]
            if text.isdecimal() and text.isascii() and len(text) <= 5 and 0 < int(text) < 65536:
                rtcp = int(text)
    return host, media.port, rtcp


class Author:
    """Who we are in the descriptions of one session towards one side: one session id, a version that rises by one
    when what we say differs from what we said last (RFC 3264 section 8).

    :param session_id: digits, the same for the whole session.
    :param host: our address towards that side.
    """

    __slots__ = ("_last", "_origin")

    def __init__(self, username: str, session_id: str, host: str) -> None:
        self._origin = Origin(username, session_id, "0", host)
        self._last: SessionDescription | None = None

    def rewrite(self, session: SessionDescription, host: str, port: int, rtcp_port: int) -> SessionDescription:
        """`replace_transport` under our name; the very same value as last time when nothing has changed."""
        fresh = replace_transport(session, host, port, rtcp_port, self._origin)
        if fresh == self._last:
            return self._last
        was = self._origin
        self._origin = Origin(was.username, was.session_id, str(int(was.version) + 1), was.host)
        said = SessionDescription(self._origin, fresh.name, fresh.host, fresh.lines, fresh.media)
        self._last = said
        return said
