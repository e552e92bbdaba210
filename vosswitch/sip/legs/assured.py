"""Reliable provisional responses to a caller (RFC 3262 section 3): sent, repeated, acknowledged, and then the answer.

The first description goes out in a reliable response, so offer and answer are settled before the 2xx, which waits for
the PRACK and carries none.  What changes later (the next gateway, another fork) goes in an UPDATE, or in a re-INVITE
after the answer when the caller takes no UPDATE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch import sdp
from vosswitch.model.causes import cause
from vosswitch.model.signals import Confirm, Refuse
from vosswitch.sip.grammar.bodies import body_session
from vosswitch.sip.grammar.wire import allowed
from vosswitch.sip.legs.early_change import EarlyChanges
from vosswitch.sip.legs.reliable import REQUIRED, Sender, Word, names, read_rack

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Answer
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.legs.assured_leg import AssuredLeg
    from vosswitch.sip.transactions.layer import ServerTransaction
    from vosswitch.sip.transactions.timers import Timer


class Assured:
    """The reliable provisional responses of one incoming leg.

    :param request: its INVITE.
    :ivar told: the description that the caller was told last; *settled*: offer and answer are complete.
    :ivar later: a description that the caller is to be told when it has acknowledged the 2xx.
    :ivar _held: the answer, while a PRACK is awaited.
    """

    __slots__ = (
        "_deadline",
        "_held",
        "_late",
        "_leg",
        "_number",
        "_required",
        "_sender",
        "_timer",
        "_tries",
        "changes",
        "later",
        "settled",
        "told",
    )

    def __init__(self, leg: AssuredLeg, request: Request, late: bool) -> None:
        self._leg = leg
        self._late = late
        self._number = request.cseq.number
        self._required = names(request, "require", "100rel")
        self._sender = Sender(int(leg.stack.tokens.new()[:7], 16) + 1)
        self._timer: Timer | None = None
        self._deadline = 0.0
        self._tries = 0
        self._held: Answer | None = None
        self.changes = EarlyChanges(leg, names(request, "allow", "update"))
        self.told: SessionDescription | None = None
        self.settled = False
        self.later: SessionDescription | None = None

    # -- what the call says

    def tell(self, status: int, session: SessionDescription | None, extra: str) -> None:
        """A provisional response; without a description none is reliable while we owe the offer (RFC 3261 13.2.1)."""
        if session is not None and self.told is not None:
            if session != self.told:
                self._change(session)
            session = None
        if session is None and self._late and self.told is None:
            if not self._required:
                self._leg.say(status, extra, b"")
            return
        if session is not None:
            self.told = session
            self.settled = not self._late
        word = Word(status, session, extra)
        if self._sender.give(word):
            self._send(word)

    def _change(self, session: SessionDescription) -> None:
        self.told = session
        if self.settled and not self._sender.owes_session:
            self.changes.offer(session, quiet=True)
        else:
            self.later = session

    def holds(self, answer: Answer) -> bool:
        """Whether the 2xx has to wait for a PRACK; it goes out when that has come."""
        if self._sender.owes_session:
            self._held = answer
            return True
        self._still()
        self._sender.finish()
        return False

    def last(self, session: SessionDescription | None) -> SessionDescription | None:
        """What the 2xx carries of *session*: nothing once offer and answer are complete."""
        if not self.settled:
            return session
        if session is not None and session != self.told:
            self.later = session
        return None

    def offer(self, session: SessionDescription | None) -> None:
        """The far side wants a change before the answer."""
        if self._held is not None or self._sender.owes_session:
            self._leg.report(Refuse(491))
        elif not self.settled:
            self._leg.report(Refuse(504))
        else:
            self.told = session or self.told
            self.changes.offer(session)

    # -- the wire

    def updated(self, request: Request, transaction: ServerTransaction) -> None:
        """An UPDATE of the caller: with an offer only once the first one is settled (RFC 3311 section 5.2)."""
        self.changes.requested(request, transaction, 0 if self.settled else 491 if self.told is not None else 500)

    def _send(self, word: Word) -> None:
        body = b"" if word.session is None else sdp.render(word.session)
        self._leg.say(
            word.status, f"{REQUIRED}RSeq: {self._sender.rseq}\r\n{allowed(self._leg.profile)}{word.extra}", body
        )
        pace = self._leg.stack.layer.pace
        self._tries = 0
        self._deadline = self._leg.stack.timers.now() + 64 * pace.t1
        self._timer = self._leg.stack.timers.add(pace.t1, self._again)

    def _again(self) -> None:
        timers = self._leg.stack.timers
        left = self._deadline - timers.now()
        if left <= 0:
            self._leg.give_up(504, cause("session_timeout"))
            return
        self._leg.repeat_provisional()
        self._tries += 1
        self._timer = timers.add(min(left, self._leg.stack.layer.pace.t1 * (1 << self._tries)), self._again)

    def _still(self) -> None:
        self._leg.stack.timers.cancel(self._timer)
        self._timer = None

    def stop(self) -> None:
        """The leg has ended."""
        self._still()
        self._held = None
        self.changes.stop()

    def acknowledged(self, request: Request, transaction: ServerTransaction) -> None:
        """A PRACK."""
        word = self._sender.take(read_rack(request.get("rack")), self._number)
        if word is None:
            transaction.respond(481)
            return
        self._still()
        if self._late and not self.settled and word.session is not None:
            self._take_answer(request, transaction)
        elif request.body:
            self.changes.requested(request, transaction, 0 if self.settled else 500)
        else:
            transaction.respond(200)
        self._go_on()

    def _take_answer(self, request: Request, transaction: ServerTransaction) -> None:
        """The PRACK of our offer has to bear the caller's answer."""
        try:
            session = body_session(request)
        except sdp.BadSession:
            session = None
        transaction.respond(200 if session is not None else 400)
        if session is None:
            self._leg.give_up(400, cause("protocol_error"))
            return
        self.settled = True
        self._leg.heard = session
        self._leg.report(Confirm(session))

    def _go_on(self) -> None:
        """The next response that waits, or the answer."""
        held = self._held
        if held is not None and not self._sender.owes_session:
            self._held = None
            self._leg.answer(held)
            return
        word = self._sender.following() if self._leg.is_open else None
        if word is not None:
            self._send(word)
