"""The bookkeeping of relayed sessions, without sockets and clocks: who sends from where, how much came, what was lost.

A session has two sides; each side has a port for RTP and one for RTCP that *its* peer sends to.  What arrives on a
port leaves through the same kind of port of the other side, to that port's target.  The worker's loop handles the
packets of a known source itself and asks `Port.admit` about every other one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.media.rtp import is_rtcp

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.media.events import Stream

MAX_DROPOUT = 3000  # RFC 3550 appendix A.1
MAX_MISORDER = 100
MOST = 2_000
"""Packets that one port may take in a second, ten times as many as speech has: more is a flood, or a loop of ports of
ours that two peers were told and name as their own."""

Source = tuple[Any, ...]
"""A peer's address as the socket gives it: host and port first."""


class Description(NamedTuple):
    """What signalling says about one side.

    :ivar rtp: where it wants RTP; None = nowhere (hold, or a host that is no IP literal); *rtcp* likewise.
    :ivar payloads: the payload types its description names.
    :ivar sends: whether it may send; *receives*: whether it wants to hear.
    """

    rtp: Source | None
    rtcp: Source | None
    payloads: frozenset[int]
    sends: bool
    receives: bool


class Port:
    """One socket of a session: what came in by it and where it sends to.

    :ivar source: the locked source; packets from it need no further look.
    :ivar target: where this port sends: the locked source, before that the signalled address.
    :ivar expected: the next sequence number in order; -1 before the first packet.
    :ivar taken: everything relayed since the last look at it.
    :ivar lost: packets missing so far, as cumulative number lost of RFC 3550 appendix A.3 (late ones are taken off).
    """

    __slots__ = (
        "counts",
        "expected",
        "lost",
        "octets",
        "other",
        "packets",
        "receive",
        "resync",
        "send",
        "side",
        "signalled",
        "source",
        "ssrc",
        "strangers",
        "taken",
        "target",
        "unsent",
    )

    def __init__(self, side: SideState, counts: bool, receive: Any = None, send: Any = None) -> None:
        self.side = side
        self.counts = counts
        self.receive: Callable[[int], tuple[bytes, Source]] = receive
        self.send: Callable[[bytes, Source], int] = send
        self.other: Port = self
        self.source: Source | None = None
        self.target: Source | None = None
        self.signalled: Source | None = None
        self.packets = self.octets = self.lost = self.strangers = self.unsent = self.taken = 0
        self._unsynchronised()

    def _unsynchronised(self) -> None:
        self.expected = self.resync = -1
        self.ssrc = b""

    def point(self, signalled: Source | None) -> None:
        """A description names another address: forget the lock and send there."""
        self.signalled = self.target = signalled
        self.source = None
        self._unsynchronised()

    def admit(self, data: bytes, source: Source) -> bool:
        """Whether a packet of a source that is not the locked one is relayed; locks on it when it may be.

        The signalled address may always speak, and takes the lock from any other one; what it sends is relayed even
        when it is not RTP (DTLS).  Any other source has to prove itself by a packet that fits, and only while there
        is no lock.  Nobody is heard before the side is described.
        """
        if source == self.signalled:
            if self._fits(data):
                self._lock(source)
            return True
        if self.source is None and self.side.described and self._fits(data) and self._plausible(source):
            self._lock(source)
            return True
        self.strangers += 1
        return False

    def _fits(self, data: bytes) -> bool:
        if not self.counts:
            return is_rtcp(data)
        return len(data) >= 12 and data[0] >> 6 == 2 and not is_rtcp(data) and (data[1] & 127) in self.side.acceptable

    def _plausible(self, source: Source) -> bool:
        if self.counts:
            return True
        media = self.side.rtp.source  # RTCP comes from where the media comes from
        return media is not None and media[0] == source[0]

    def _lock(self, source: Source) -> None:
        self.source = source
        if self.signalled is not None or self.side.hears:  # who is on hold with 0.0.0.0 wants nothing
            self.target = source
        if self.counts:
            self.side.locked(source)

    def sequence(self, data: bytes) -> None:
        """Account for an RTP packet that is not simply the next one (RFC 3550 appendix A.1).

        A jump of `MAX_DROPOUT` or more is believed when the packet behind it follows; a new SSRC at once.
        """
        number = data[2] << 8 | data[3]
        ssrc = data[8:12]
        if ssrc != self.ssrc:
            self.ssrc = ssrc
        else:
            ahead = (number - self.expected) & 0xFFFF
            if ahead < MAX_DROPOUT:
                self.lost += ahead
            elif ahead >= 0x10000 - MAX_MISORDER:
                self.lost -= 1  # late: it was counted as lost; or twice, which RFC 3550 nets off likewise
                return
            elif number != self.resync:
                self.resync = (number + 1) & 0xFFFF
                return
        self.resync = -1
        self.expected = (number + 1) & 0xFFFF


class SideState:
    """One side of a session.

    :ivar acceptable: payload types that its packets may carry: those of both descriptions, since each side sends
        what the other one named (RFC 3264 section 5.1).
    :ivar awaited: whether it should be sending now: nobody holds the call, or the call has been one-way all along.
    :ivar stream: what looks after telephone events in what it sends; None = nothing does.
    """

    __slots__ = (
        "acceptable",
        "awaited",
        "description",
        "rtcp",
        "rtp",
        "seen",
        "session",
        "silent_since",
        "started",
        "stream",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rtp = Port(self, counts=True)
        self.rtcp = Port(self, counts=False)
        self.description: Description | None = None
        self.stream: Stream | None = None
        self.acceptable: frozenset[int] = frozenset()
        self.awaited = self.started = False
        self.silent_since = 0.0
        self.seen = 0

    @property
    def described(self) -> bool:
        """Whether signalling has told about it."""
        return self.description is not None

    @property
    def hears(self) -> bool:
        """Whether it wants to be sent anything."""
        return self.description is not None and self.description.receives

    @property
    def speaks(self) -> bool:
        """Whether it may send."""
        return self.description is not None and self.description.sends

    def locked(self, source: Source) -> None:
        """Its RTP comes from *source*: RTCP is expected beside it until it shows itself."""
        rtcp = self.rtcp
        if rtcp.source is not None and rtcp.source[0] != source[0]:
            rtcp.point(rtcp.signalled)
        away = rtcp.signalled is not None and rtcp.signalled[0] != source[0]
        if rtcp.source is None and away and source[1] < 65535:
            rtcp.target = (source[0], source[1] + 1, *source[2:])

    def report(self) -> tuple[int, int, int, str]:
        """Packets, octets, lost, and where they came from (``host:port``, ``""`` = nothing came)."""
        rtp = self.rtp
        where = ""
        if rtp.source is not None:
            host, port = rtp.source[:2]
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return rtp.packets, rtp.octets, max(rtp.lost, 0), where


CALLER, CALLEE = 0, 1


class Session:
    """The relayed media of one call.

    :param timeout: seconds of silence after which a side is reported; 0 = never.
    :param tos: the ToS byte of what is sent.
    """

    __slots__ = ("_counted", "_talked", "number", "pairs", "sides", "timeout", "tos")

    def __init__(self, number: int, pairs: tuple[int, int], timeout: float, tos: int = 0) -> None:
        self.number = number
        self.pairs = pairs
        self.timeout = timeout
        self.tos = tos
        self._counted = 0
        self._talked = False  # whether both sides have sent and heard: what is one-way behind that is a hold
        self.sides = (SideState(self), SideState(self))
        caller, callee = self.sides
        for one, two in ((caller, callee), (callee, caller)):
            one.rtp.other = two.rtp
            one.rtcp.other = two.rtcp

    def describe(self, which: int, description: Description, now: float) -> None:
        """A side has been described (again).

        The same transport as before keeps the lock, so that a session refresh of a peer behind NAT is not sent to an
        address that cannot be reached.
        """
        side = self.sides[which]
        was = side.description
        side.description = description
        if was is None or was.rtp != description.rtp:
            side.rtp.point(description.rtp)
            side.rtcp.point(description.rtcp)
        elif was.rtcp != description.rtcp:
            side.rtcp.point(description.rtcp)
        self._settle(now)

    def reset(self, which: int, now: float) -> None:
        """Forget a side: its description, its lock and what it has sent."""
        side = self.sides[which]
        side.description = None
        side.started = False
        side.seen = 0
        self._talked = False
        for port in (side.rtp, side.rtcp):
            port.point(None)
            port.packets = port.octets = port.lost = port.strangers = 0
        self._settle(now)

    def _settle(self, now: float) -> None:
        known = [side.description for side in self.sides if side.description is not None]
        acceptable = frozenset().union(*[each.payloads for each in known])
        complete = len(known) == len(self.sides)
        both = complete and all([each.sends and each.receives for each in known])  # noqa: C419 - a list of two
        self._talked = self._talked or both
        for side, other in zip(self.sides, reversed(self.sides), strict=True):
            side.acceptable = acceptable
            # many phones send nothing while they hold a call, whatever they say; an announcement is one-way at once
            awaited = both or (complete and not self._talked and side.speaks and other.hears)
            if awaited and not side.awaited:
                side.silent_since = now
            side.awaited = awaited

    def flooded(self, seconds: float) -> int | None:
        """The side that has sent more than `MOST` packets a second since the last look; None = none has."""
        found = None
        for which, side in enumerate(self.sides):
            if side.rtp.taken > MOST * seconds or side.rtcp.taken > MOST * seconds:
                found = which
            side.rtp.taken = side.rtcp.taken = 0
        return found

    def silent(self, now: float) -> tuple[int, ...]:
        """The sides that should have sent within the timeout and did not; each is named again after another one."""
        found = []
        for which, side in enumerate(self.sides):
            if side.rtp.packets != side.seen:
                side.seen = side.rtp.packets
                side.silent_since = now
            elif self.timeout and side.awaited and now - side.silent_since >= self.timeout:
                side.silent_since = now
                found.append(which)
        return tuple(found)

    def news(self) -> bool:
        """Whether packets came since this was asked last."""
        before = self._counted
        self._counted = sum([side.rtp.packets for side in self.sides])
        return self._counted != before

    def report(self) -> tuple[tuple[int, int, int, str], tuple[int, int, int, str]]:
        """`SideState.report` of caller and callee."""
        return self.sides[CALLER].report(), self.sides[CALLEE].report()
