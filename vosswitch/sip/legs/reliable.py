"""Reliable provisional responses (RFC 3262): who has to speak them, numbers and order, without I/O."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.sip.grammar.message import Message

OPTION = "100rel"
SUPPORTED = f"Supported: {OPTION}\r\n"
REQUIRED = f"Require: {OPTION}\r\n"
_MOST = 8
_LARGEST = (1 << 32) - 1


class RAck(NamedTuple):
    """What a PRACK acknowledges."""

    rseq: int
    number: int
    method: str


class Word(NamedTuple):
    """A provisional response to be sent.

    :ivar extra: more header lines, each with its end.
    """

    status: int
    session: SessionDescription | None
    extra: str = ""


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    number = int(text)
    return number if number <= _LARGEST else None


def read_rseq(text: str | None) -> int | None:
    """The number of an RSeq header, None when there is none to be had."""
    return _number(text.strip()) or None if text is not None else None


def read_rack(text: str | None) -> RAck | None:
    """A RAck header, None when it cannot be read."""
    fields = [] if text is None else text.split()
    if len(fields) != 3:
        return None
    rseq, number = _number(fields[0]), _number(fields[1])
    return None if rseq is None or number is None else RAck(rseq, number, fields[2])


def names(message: Message, header: str, option: str) -> bool:
    """Whether *option* stands in the list of option tags or methods that *header* is."""
    return any([item.strip().lower() == option for item in message.all(header)])  # noqa: C419 - short lists


def refusal(policy: str, *, required: bool, supported: bool) -> tuple[int, str] | None:
    """Status and header lines for a caller whose INVITE does not go with the policy of its gateway; None = it does.

    :param policy: `PeerProfile.reliable`.
    :param required: the caller's Require names 100rel; *supported*: its Supported does.
    """
    if required and policy == "off":
        return 420, f"Unsupported: {OPTION}\r\n"
    if policy == "required" and not (required or supported):
        return 421, REQUIRED
    return None


def invite_line(policy: str, answerable: bool) -> str:
    """The header line of our INVITE.

    :param answerable: an offer in a reliable response can be answered before the call is.
    """
    if policy == "off" or not answerable:
        return ""
    return REQUIRED if policy == "required" else SUPPORTED


class Sender:
    """The reliable provisional responses of one INVITE that we answer: one unacknowledged at a time, the others wait.

    :param first: RSeq of the first one.
    :ivar rseq: of the one that was sent last; *pending* is that one until it is acknowledged.
    """

    __slots__ = ("_queue", "pending", "rseq")

    def __init__(self, first: int) -> None:
        self.rseq = first - 1
        self.pending: Word | None = None
        self._queue: deque[Word] = deque()

    def give(self, word: Word) -> bool:
        """Whether *word* goes out now; else it waits.  Of too many that wait one without a session is dropped."""
        if self.pending is None:
            self._begin(word)
            return True
        if word not in self._queue and (len(self._queue) < _MOST or word.session is not None):
            self._queue.append(word)
        return False

    def _begin(self, word: Word) -> None:
        self.pending = word
        self.rseq += 1

    def take(self, rack: RAck | None, number: int) -> Word | None:
        """What a PRACK acknowledges; None when that is nothing.

        :param number: CSeq of the INVITE.
        """
        if self.pending is None or rack != (self.rseq, number, "INVITE"):
            return None
        word, self.pending = self.pending, None
        return word

    def following(self) -> Word | None:
        """The next one that waits, which goes out now."""
        if self.pending is not None or not self._queue:
            return None
        self._begin(self._queue.popleft())
        return self.pending

    @property
    def owes_session(self) -> bool:
        """Whether a session description is not acknowledged yet: no 2xx before that (RFC 3262 section 3)."""
        return (self.pending is not None and self.pending.session is not None) or any(
            [word.session is not None for word in self._queue]  # noqa: C419 - short lists
        )

    def finish(self) -> None:
        """The final response goes out: what waits is not sent any more; a PRACK on its way is still known."""
        self._queue.clear()


class Receiver:
    """The reliable provisional responses of one early dialog, as they come (RFC 3262 section 4)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def hear(self, rseq: int) -> bool:
        """Whether it is the first or the next one; a repeated one, or one behind a gap, is passed over."""
        if self._last is not None and rseq != self._last + 1:
            return False
        self._last = rseq
        return True
