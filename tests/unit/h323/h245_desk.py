"""A leg for tests of H.245: it notes what its session says, and keeps a clock of its own."""

from __future__ import annotations

import itertools
from typing import Any

from vosswitch.h323 import per
from vosswitch.h323.h245.session import Session, Settings
from vosswitch.model.session import MediaDescription, SessionDescription


class Clock:
    """Timers that a test fires."""

    def __init__(self):
        self.now = 0.0
        self.timers = []
        self._serial = itertools.count()

    def later(self, seconds, function):
        timer = Timer(self, self.now + seconds, next(self._serial), function)
        self.timers.append(timer)
        return timer

    def advance(self, seconds):
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.at <= until]:
            timer = min(due, key=lambda item: (item.at, item.serial))
            self.now = timer.at
            timer.cancel()
            timer.function()
        self.now = until


class Timer:
    """One of them."""

    def __init__(self, clock, at, serial, function):
        self._clock, self.at, self.serial, self.function = clock, at, serial, function

    def cancel(self):
        if self in self._clock.timers:
            self._clock.timers.remove(self)


class FakeDesk:
    """A `Desk`: every message goes through the codec, as on the wire, and has to come out the same."""

    def __init__(self, clock=None, chances=(1000,), **settings):
        self.clock = clock or Clock()
        self.sent: list[Any] = []
        self.capables, self.askeds, self.openeds, self.digits = [], [], [], []
        self.refusals, self.failures, self.ends = [], [], 0
        self.mismatch = None
        self._chances = itertools.cycle(chances)
        self.session = Session(self, Settings(**settings))

    def send(self, message):
        assert not self.ends, message
        wire = per.encode_h245(message)
        assert per.decode_h245(wire) == plain(message)
        self.sent.append(plain(message))

    def later(self, seconds, function):
        return self.clock.later(seconds, function)

    def chance(self):
        return next(self._chances)

    def capable(self, session):
        self.capables.append(session)

    def asked(self, session):
        self.askeds.append(session)

    def opened(self, session):
        self.openeds.append(session)

    def refused(self, why):
        self.refusals.append(why)

    def heard_digit(self, digit):
        self.digits.append(digit)

    def answered(self):
        self.answers_heard = getattr(self, "answers_heard", 0) + 1

    def failed(self, why, *, mismatch):
        self.failures.append(why)
        self.mismatch = mismatch

    def ended(self):
        self.ends += 1

    def said(self):
        """What was sent since the last time: the names of the messages."""
        names = [message[1][0] for message in self.sent]
        self.sent.clear()
        return names


def plain(value):
    """A value as the decoder gives it: no tuple of numbers differs from a list."""
    return value


def description(*names, host="192.0.2.1", port=4000, lines=(), event=None, ptime=None):
    """An offer of our side: ``PCMA``, ``G729 annexb=no`` ..."""
    known = {"PCMA": (8, "PCMA/8000"), "PCMU": (0, "PCMU/8000"), "G729": (18, "G729/8000"), "G723": (4, "G723/8000")}
    formats, said = [], []
    for name in names:
        bare, _, fmtp = name.partition(" ")
        payload, mapped = known.get(bare, (97, f"{bare}/8000"))
        formats.append(str(payload))
        said.append(f"a=rtpmap:{payload} {mapped}")
        if fmtp:
            said.append(f"a=fmtp:{payload} {fmtp}")
    if event is not None:
        formats.append(str(event))
        said += [f"a=rtpmap:{event} telephone-event/8000", f"a=fmtp:{event} 0-15"]
    if ptime is not None:
        said.append(f"a=ptime:{ptime}")
    media = MediaDescription("audio", port, "RTP/AVP", tuple(formats), None, 1, (*said, *lines))
    return SessionDescription(host=host, media=(media,))


def fax(host="192.0.2.1", port=4000):
    """Our side wants fax."""
    return SessionDescription(host=host, media=(MediaDescription("image", port, "udptl", ("t38",)),))


def names_of(session):
    """The codecs of a description's first section, in order."""
    return [line.split()[1].split("/")[0] for line in session.media[0].lines if line.startswith("a=rtpmap:")]


def where(session):
    """Its address."""
    return session.host, session.media[0].port
