"""Telephone events (RFC 4733) of one direction of a session: taken out and told, or put in, without I/O.

A side has a `Stream` only where one side of its call signals digits and the other has them in the media (H.323);
nobody else's packets come here.

A digit that is put in stands in the place of speech: what the speaker sends meanwhile is left out, and the sequence
numbers behind it go on without a gap.  It has the speaker's SSRC and time stamps that go on with the clock, so that
its receiver has one stream (section 2.1).

A key that is taken out is told when it ends, with the time that it was held.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from vosswitch.media.rtp import HEADER, RtpPacket, build, is_rtcp

SIGNS = "0123456789*#ABCD!"
"""Event codes (RFC 4733 section 3.2); ``!`` is hook flash."""
STEP = 0.02
"""Seconds between two packets of an event."""
MOST = 32
"""Digits that wait to be put in."""
TWIN = 0.4
"""Seconds within which the same digit, signalled and in the media, is one key."""

_RATE = 8000
_END, _VOLUME, _ENDS = 0x80, 10, 3
_GAP = 0.06
"""Seconds between two digits that are put in."""
_SHORTEST, _LONGEST = 0.06, 6.0
_AGAIN = 0.1
"""The same digit so short a time later, before its end was said, is the same key: some senders renew the time stamp."""
_LOST = 0.2
"""Seconds without a packet of a running event after which it has ended: its ends are lost."""
_NEVER = float("inf")


class _Digit(NamedTuple):
    code: int
    seconds: float
    payload: int


class _Key(NamedTuple):
    """A key that is held.

    :ivar stamp: time stamp of its first packet; *begun* when that came.
    :ivar units: how long it was held, in units of the time stamp.
    """

    code: int
    stamp: int
    begun: float
    units: int = 0


class Stream:
    """What one side sends to the other.

    :param ssrc: of what is put in before the speaker has said anything; *number* its sequence number.
    :ivar payloads: payload types of its events.
    :ivar takes: its events are told and go no further; else they pass.
    :ivar renamed: payload type that events go on with, None = their own.
    :ivar told: digits that were heard and are still to be told, with milliseconds.
    """

    __slots__ = (
        "_at",
        "_begun",
        "_due",
        "_ended",
        "_ends",
        "_event",
        "_gapped",
        "_key",
        "_lost",
        "_mute",
        "_number",
        "_offset",
        "_queue",
        "_seen",
        "_ssrc",
        "_stamp",
        "_twins",
        "_work",
        "payloads",
        "renamed",
        "takes",
        "told",
    )

    def __init__(self, ssrc: int, number: int) -> None:
        self.payloads: frozenset[int] = frozenset()
        self.takes = False
        self.renamed: int | None = None
        self.told: list[tuple[str, int]] = []
        self._due = _NEVER  # when there is something to put in
        self._key: _Key | None = None
        self._lost = _NEVER  # when the key that is held has ended without a word
        self._ssrc, self._number, self._stamp, self._at = ssrc, number, 0, 0.0
        self._offset = 0  # between the speaker's sequence numbers and ours
        self._gapped = False  # something was put in: the next packet of the speaker follows on it
        self._event: tuple[int, int] | None = None  # code and time stamp of the event that was heard last
        self._seen, self._mute, self._ended = 0.0, False, False
        self._queue: deque[_Digit] = deque()
        self._work: _Digit | None = None
        self._begun, self._ends = 0.0, 0
        self._twins: dict[tuple[int, bool], float] = {}

    @property
    def due(self) -> float:
        """When `step` has something to do."""
        return min(self._due, self._lost)

    # What comes from the speaker.

    def hear(self, data: bytes, now: float) -> bytes | None:
        """What is to be relayed of a packet, None = nothing."""
        if len(data) < HEADER or data[0] >> 6 != 2 or is_rtcp(data):
            return data
        if (data[1] & 127) in self.payloads:
            if not self._passes(data, now):
                self._offset -= 1
                return None
            if self.renamed is not None:
                data = bytes((data[0], data[1] & 0x80 | self.renamed)) + data[2:]
        return None if self._work is not None else self._numbered(data, now)

    def _passes(self, data: bytes, now: float) -> bool:
        """Note the event of a packet; whether it goes on to the other side."""
        at = HEADER + 4 * (data[0] & 15)
        if data[0] & 0x10 or len(data) < at + 4 or data[at] >= len(SIGNS):
            return not self.takes
        event, before = (data[at], int.from_bytes(data[4:8], "big")), self._event
        goes_on = before is not None and before[0] == event[0] and not self._ended and now - self._seen < _AGAIN
        if event != before and not goes_on:
            self._end_key()
            self._mute = not self.takes and self._is_twin(event[0], True, now)
            self._key = _Key(*event, now) if self.takes else None
        self._event, self._seen, self._ended = event, now, bool(data[at + 1] & _END)
        self._hold(event[1], int.from_bytes(data[at + 2 : at + 4], "big"), now)
        return not self.takes and not self._mute

    def _hold(self, stamp: int, units: int, now: float) -> None:
        """A packet of the key that is held: so long since its first time stamp."""
        key = self._key
        if key is not None:
            self._key = key._replace(units=max(key.units, (stamp - key.stamp & 0xFFFFFFFF) + units))
            self._lost = now + _LOST
            if self._ended or now - key.begun >= _LONGEST:
                self._end_key()

    def _end_key(self) -> None:
        """Tell the key that is held, if there is one."""
        key, self._key, self._lost = self._key, None, _NEVER
        if key is not None:
            seconds = min(max(key.units / _RATE, _SHORTEST), _LONGEST)
            self.told.append((SIGNS[key.code], round(1000 * seconds)))

    def _is_twin(self, code: int, in_media: bool, now: float) -> bool:
        """Whether the same key came the other way a moment ago; if not, it waits for its twin itself."""
        self._twins = {key: until for key, until in self._twins.items() if until > now}
        if self._twins.pop((code, not in_media), None) is not None:
            return True
        self._twins[code, in_media] = now + TWIN
        return False

    def _numbered(self, data: bytes, now: float) -> bytes:
        """A packet with its number in our stream."""
        number, ssrc = data[2] << 8 | data[3], int.from_bytes(data[8:12], "big")
        if ssrc != self._ssrc:
            is_other = self._at > 0 or self._gapped  # another source than before; the first has its offset already
            self._ssrc, self._offset = ssrc, 0 if is_other else self._offset
        elif self._gapped:
            self._offset = self._number + 1 - number
        self._gapped = False
        self._number = (number + self._offset) & 0xFFFF
        self._stamp, self._at = int.from_bytes(data[4:8], "big"), now
        return data if self._number == number else data[:2] + self._number.to_bytes(2, "big") + data[4:]

    # What is put in.

    def insert(self, sign: str, milliseconds: int, payload: int, now: float) -> None:
        """Put a digit in, unless it passed in the media just now."""
        code = SIGNS.find(sign)
        if len(sign) != 1 or code < 0 or len(self._queue) >= MOST or self._is_twin(code, False, now):
            return
        seconds = min(max(milliseconds / 1000, _SHORTEST), _LONGEST)
        self._queue.append(_Digit(code, seconds, payload))
        if self._due == _NEVER:  # else there is something to do before it
            self._due = now

    def step(self, now: float) -> bytes | None:
        """The packet that is due, if one is; `due` is when to come again."""
        if now >= self._lost:
            self._end_key()
        if now < self._due:
            return None
        if self._work is None:
            self._begin(now)
        if self._work is None:
            self._due = _NEVER
            return None
        return self._packet(self._work, now)

    def _begin(self, now: float) -> None:
        if self._queue:
            self._work, self._begun, self._ends = self._queue.popleft(), now, _ENDS
            since = min(now - self._at, _LONGEST) if self._at else 0.0
            self._stamp, self._at = (self._stamp + round(since * _RATE)) & 0xFFFFFFFF, now

    def _packet(self, digit: _Digit, now: float) -> bytes:
        lasts = now - self._begun + STEP
        is_first = lasts < 1.5 * STEP
        self._number, self._gapped = (self._number + 1) & 0xFFFF, True
        self._due = now + STEP
        flags = _VOLUME
        if lasts >= digit.seconds:
            lasts, flags, self._ends = digit.seconds, flags | _END, self._ends - 1
            if not self._ends:
                self._work = None
                self._due = now + _GAP
        body = bytes((digit.code, flags)) + round(lasts * _RATE).to_bytes(2, "big")
        return build(RtpPacket(digit.payload, self._number, self._stamp, self._ssrc, body, is_first))
