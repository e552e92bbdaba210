"""The sound of one end of a test call: a tone in G.711 that is sent, and an ear for the other end's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import DatagramProtocol

from vosswitch.media import rtp
from vosswitch.media.tone import PCMA, PCMU, decode, strength, tone
from vosswitch.model.session import MediaDescription, Origin, SessionDescription
from vosswitch.sdp.codecs import codecs, first_audio

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKET = 0.02
"""Seconds of sound in one packet."""
BREATH = 0.05
"""Seconds before the first and after the last word: within them the way of the media is open at both ends."""
_HEARD = 0.5
"""The part of the power that has to lie in the other side's tone for it to be heard."""
_PAYLOADS = {PCMA: "PCMA", PCMU: "PCMU"}


@dataclass(slots=True)
class Audio:
    """What one side sent and heard.

    :ivar tone: the frequency it sent, Hz.
    :ivar heard: whether the other side's tone arrived; None when nothing did.
    """

    codec: str | None
    tone: int
    sent: int
    received: int
    heard: bool | None


class Stream(DatagramProtocol):
    """The sound of one side, over one UDP socket.

    :param sends: frequency of its tone, *expects* of the other side's, Hz.
    """

    noisy = False

    def __init__(self, reactor: Any, host: str, sends: int, expects: int) -> None:
        self._reactor = reactor
        self._expects = expects
        self.tone = sends
        self.sent = self.received = 0
        self._strengths = 0.0
        self._codec: int | None = None
        self._timer: Any = None
        self._port: Any = reactor.listenUDP(0, self, host)
        self.host = host

    def description(self, offer: SessionDescription | None = None) -> SessionDescription:
        """Our offer, or our answer to *offer*."""
        chosen = tuple(_PAYLOADS) if offer is None else (_chosen(offer),)
        lines = tuple(f"a=rtpmap:{payload} {_PAYLOADS[payload]}/8000" for payload in chosen)
        audio = MediaDescription(
            "audio", self._port.getHost().port, "RTP/AVP", tuple(map(str, chosen)), lines=(*lines, "a=ptime:20")
        )
        return SessionDescription(Origin("testcall", "1", "1", self.host), "testcall", self.host, media=(audio,))

    def talk(self, peer: SessionDescription, seconds: float) -> None:
        """Send the tone to where *peer* wants it, in a call that is *seconds* long from now on."""
        media = first_audio(peer)
        if media is None or self._timer is not None:
            return
        self._codec = _chosen(peer)
        to = (media.host or peer.host or "", media.port)
        packets = tone(self.tone, self._codec, int.from_bytes(os.urandom(4), "big"))
        count = max(int((seconds - 2 * BREATH) / PACKET), 1)
        begun = self._reactor.seconds() + BREATH
        self._timer = self._reactor.callLater(BREATH, self._send, packets, to, begun, count)

    def _send(self, packets: Iterator[rtp.RtpPacket], to: tuple[str, int], begun: float, count: int) -> None:
        """Send what is due by the clock, and come back for the rest."""
        due = int((self._reactor.seconds() - begun) / PACKET) + 1
        while self.sent < min(due, count):
            self.transport.write(rtp.build(next(packets)), to)  # type: ignore[union-attr]
            self.sent += 1
        self._timer = None
        if self.sent < count:
            wait = max(begun + self.sent * PACKET - self._reactor.seconds(), 0.0)
            self._timer = self._reactor.callLater(wait, self._send, packets, to, begun, count)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Count a packet and listen to it."""
        try:
            packet = rtp.parse(datagram)
        except rtp.BadPacket:
            return
        self.received += 1
        if packet.payload_type in _PAYLOADS:
            self._strengths += strength(decode(packet.payload_type, packet.payload), self._expects)

    def rest(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> Any:
        """Give the socket back."""
        self.rest()
        return self._port.stopListening()

    @property
    def audio(self) -> Audio:
        """What there was."""
        codec = None if self._codec is None else _PAYLOADS[self._codec]
        heard = self._strengths / self.received >= _HEARD if self.received else None
        return Audio(codec, self.tone, self.sent, self.received, heard)


def _chosen(session: SessionDescription) -> int:
    """The first payload type of a peer that we speak; A-law when it names none."""
    media = first_audio(session)
    known = [codec.payload for codec in codecs(media) if codec.payload in _PAYLOADS] if media is not None else []
    return known[0] if known else PCMA
