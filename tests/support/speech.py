"""Media of a SIP peer that speaks and presses keys (RFC 4733), and knows what it heard."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

from vosswitch.media.rtp import RtpPacket, build, parse

EVENTS = 101
SPEECH = 8


class Media(threading.Thread):
    """The media of a peer: speaks every 20 ms, presses keys, and knows what it heard."""

    def __init__(self, payload: int = EVENTS) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.payload = self.says = payload  # what it wants to hear, and what the other side does
        self.target: tuple[str, int] | None = None
        self.heard: list[RtpPacket] = []
        self.keys: list[int] = []
        self.ends = False

    def description(self, *, events: bool = True) -> bytes:
        port = self.socket.getsockname()[1]
        formats, lines = "8", "a=rtpmap:8 PCMA/8000\r\n"
        if events:
            formats, lines = f"8 {self.payload}", f"{lines}a=rtpmap:{self.payload} telephone-event/8000\r\n"
        head = "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        return f"{head}m=audio {port} RTP/AVP {formats}\r\n{lines}".encode()

    def run(self) -> None:
        number = 0
        while not self.ends:
            number += 1
            if self.keys:
                for place in range(8):
                    body = bytes((self.keys[0], 0x8A if place > 4 else 10)) + (160 * min(place + 1, 5)).to_bytes(
                        2, "big"
                    )
                    self._say(RtpPacket(self.says, number + place, number * 160, 7, body, place == 0))
                    time.sleep(0.02)
                number += 7
                del self.keys[0]
            else:
                self._say(RtpPacket(SPEECH, number, number * 160, 7, b"s" * 160))
                time.sleep(0.02)
            with suppress(BlockingIOError):
                while True:
                    self.heard.append(parse(self.socket.recv(2048)))

    def _say(self, packet: RtpPacket) -> None:
        if self.target is not None:
            self.socket.sendto(build(packet), self.target)

    @property
    def digits(self) -> list[int]:
        """Event codes heard, each key once."""
        return [packet.payload[0] for packet in self.heard if packet.payload_type == self.payload and packet.marker]

    def stop(self) -> None:
        self.ends = True
        if self.is_alive():
            self.join(5)
        self.socket.close()
