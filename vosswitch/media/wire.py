"""What switch and media worker tell each other: one-way messages, several to a datagram of a local socket.

A message is a JSON array whose first item is its name; a datagram is an array of messages.  *session* is a number of
the switch's, *pair* the number of a port pair: its even port, plus 65536 for each
local address before its own (*place*, 0 for the first); *side* is 0 for the caller and 1 for the callee.

switch to worker:

========  ====================================================================================================
lease     count, place: bind that many pairs ahead; instead of what is still to come of an earlier question
claim     [pairs]: bind these again, they were leased by a former life of the worker
return    [pairs]: leased pairs that will not be used
range     low, high: lease from this range from now on
open      session, caller's pair, callee's pair, timeout in seconds (0 = never), ToS byte
say       session, side, host or null, RTP port, RTCP port, [payload types], sends, receives
reset     session, side
move      session, side, pair: that side has another pair from now on
events    session, side, [payload types], taken: look for telephone events of that side; taken ones are told, and go
          no further, others pass
digit     session, side, digit, milliseconds, payload type: put this event into what that side hears
close     session
========  ====================================================================================================

worker to switch:

========  ====================================================================================================
leases    [pairs], place, count, held, tried, reason: bound; that many more are to come (0 = that was all there is now);
          of the pairs that were tried so far so many cannot be had, and what the system says of the last one
lost      [pairs]: claimed ones that are in other hands now
started   session, side: the first RTP packet of that side
timeout   session, side: it should send, and was silent
digit     session, side, digit: heard in what that side sends
flood     session, side: it sends more than any call does; nothing of the session is relayed any more
counts    [[session, caller's counts, callee's counts], ...]; counts = packets, octets, lost, address
closed    session, caller's counts, callee's counts: ports are released
alive     once a second
========  ====================================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Message = tuple[Any, ...] | list[Any]

DATAGRAM = 200_000
"""Bytes that a reader has to be ready for."""

_TOGETHER = 100


def datagrams(messages: Sequence[Message]) -> Iterator[bytes]:
    """Pack messages, in order, into as many datagrams as they need (a message is at most some 2 kB)."""
    for start in range(0, len(messages), _TOGETHER):
        yield orjson.dumps(messages[start : start + _TOGETHER])


def messages(datagram: bytes) -> list[list[Any]]:
    """Unpack a datagram.

    :raises ValueError: it does not come from us.
    """
    found = orjson.loads(datagram)
    if not isinstance(found, list):
        raise ValueError("expected an array of messages")
    return found
