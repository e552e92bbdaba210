"""Changes of an answered session: re-INVITE and UPDATE from the peer, re-INVITE from us (RFC 3261 14, RFC 3311).

At most one change runs at a time on a leg; a second one from the peer gets 491 (500 when it is its own), one from the
call is refused with 491 at once, or waits while only a refresh of ours is running.  What a peer repeats word for word
to refresh its session (RFC 4028) is answered here, with what it was told last; the far side hears nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch import sdp
from vosswitch.model.signals import Accept, Confirm, Offer, Refuse
from vosswitch.sip.grammar.bodies import body_session
from vosswitch.sip.legs.refresh import agree, grant, refuses
from vosswitch.sip.legs.refusal import of_change
from vosswitch.sip.legs.session import MUTE, read

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.leg import Leg
    from vosswitch.sip.legs.session import Wish
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction
    from vosswitch.sip.transactions.timers import Timer

PATIENCE = 32.0
"""Seconds that a peer may think about a re-INVITE after a provisional response."""


class Unconfirmed:
    """A 2xx of ours to an INVITE, sent again until its ACK comes (13.3.1.4); calls *lost* after 64*T1 without."""

    __slots__ = ("_deadline", "_leg", "_timer", "_tries", "number", "transaction")

    def __init__(self, leg: Leg, transaction: ServerTransaction, number: int) -> None:
        self._leg = leg
        self.transaction = transaction
        self.number = number
        self._tries = 0
        timers = leg.stack.timers
        self._deadline = timers.now() + transaction.pace.accepted
        self._timer: Timer | None = timers.add(transaction.pace.t1, self._again)

    def _again(self) -> None:
        timers = self._leg.stack.timers
        left = self._deadline - timers.now()
        if left <= 0:
            self._leg.unconfirmed()
            return
        self.transaction.repeat()
        self._tries += 1
        self._timer = timers.add(min(left, self.transaction.pace.doubled(self._tries)), self._again)

    def stop(self) -> None:
        """The ACK came, or nobody wants it any more."""
        self._leg.stack.timers.cancel(self._timer)


class Changes:
    """The changes of one leg.

    :ivar _theirs: the peer's request that the call has not answered yet; *_offered* its offer, None = it asks for one;
        *_wish* what it says of the session timer.
    :ivar _ours: our re-INVITE without a final response, *_session* what it offers, *_refreshing* when that
        changes nothing.
    :ivar _waiting: a change of the call that waits for the end of our refresh.
    :ivar _sent: our 2xx to a re-INVITE that waits for its ACK.
    :ivar _ack: our ACK of the last 2xx to a re-INVITE, for its retransmissions.
    """

    __slots__ = (
        "_ack",
        "_guard",
        "_leg",
        "_number",
        "_offered",
        "_ours",
        "_refreshing",
        "_sent",
        "_session",
        "_theirs",
        "_unacked",
        "_waiting",
        "_wants_offer",
        "_wish",
    )

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._theirs: ServerTransaction | None = None
        self._number = 0
        self._wants_offer = False
        self._offered: SessionDescription | None = None
        self._wish = MUTE
        self._ours: ClientTransaction | None = None
        self._session: SessionDescription | None = None
        self._refreshing = False
        self._waiting: Offer | None = None
        self._sent: Unconfirmed | None = None
        self._unacked = 0
        self._ack = b""
        self._guard: Timer | None = None

    def busy(self) -> int:
        """What a request that would change the session is refused with; 0 = nothing is running."""
        if self._theirs is not None:
            return 500
        return 491 if self._ours is not None or self._unacked or self._sent is not None else 0

    # -- the peer asks

    def requested(self, request: Request, transaction: ServerTransaction) -> None:
        """A re-INVITE or UPDATE of the peer."""
        changes = bool(request.body) or request.method == "INVITE"
        busy = self.busy() if changes else self._overtaken()
        if busy:
            transaction.respond(busy, "Retry-After: 1\r\n" if busy == 500 else "")
            return
        session, wish = self._read(request, transaction), read(request)
        if isinstance(session, bool) or refuses(self._leg, wish, transaction):
            return
        assert self._leg.dialog is not None
        self._leg.dialog.refresh(request)
        if not changes:
            transaction.respond(200, self._leg._contact + grant(self._leg, wish))
            return
        self._take(request, transaction, session, wish)

    def _overtaken(self) -> int:
        """RFC 3311 5.2: an UPDATE that changes nothing may come at any time but before the answer to the last one."""
        return 500 if self._theirs is not None and self._theirs.method == "UPDATE" else 0

    def _take(
        self, request: Request, transaction: ServerTransaction, session: SessionDescription | None, wish: Wish
    ) -> None:
        transaction.respond(100)
        self._theirs = transaction
        self._number = request.cseq.number
        self._wants_offer = session is None
        self._offered, self._wish = session, wish
        if session is not None and session == self._leg.heard and self._leg.told is not None:
            self.accept(self._leg.told)
        else:
            self._leg.report(Offer(session))

    def _read(self, request: Request, transaction: ServerTransaction) -> SessionDescription | bool | None:
        try:
            return body_session(request)
        except sdp.BadSession:
            transaction.respond(488)
            return False

    def accept(self, session: SessionDescription | None) -> None:
        """The far side takes the peer's change."""
        transaction, self._theirs = self._theirs, None
        if transaction is None:
            return
        leg = self._leg
        session = session or leg.told
        body = b"" if session is None else sdp.render(session)
        leg.told, leg.heard = session, self._offered
        if transaction.method == "INVITE":
            self._sent = Unconfirmed(leg, transaction, self._number)
        transaction.respond(200, leg._contact + grant(leg, self._wish), body)

    def refuse(self, status: int) -> None:
        """The far side does not take it."""
        transaction, self._theirs = self._theirs, None
        if transaction is not None:
            transaction.respond(of_change(status))

    def acknowledged(self, request: Request) -> None:
        """The ACK of our 2xx to a re-INVITE."""
        sent = self._sent
        if sent is None or request.cseq.number != sent.number:
            return
        sent.stop()
        self._sent = None
        if self._wants_offer:
            try:
                self._leg.heard = body_session(request)
            except sdp.BadSession:
                self._leg._lost()
                return
            self._leg.report(Confirm(self._leg.heard))

    # -- the call asks

    def offer(self, offer: Offer) -> None:
        """Send a re-INVITE; without a session the peer shall offer."""
        if self._refreshing and self._waiting is None:
            self._waiting = offer
        elif self.busy():
            self._leg.report(Refuse(491))
        else:
            self._session = offer.session
            self._invite(())

    def refresh(self) -> bool:
        """Send a re-INVITE that changes nothing; False when that cannot be now."""
        if self.busy() or self._leg.told is None:
            return False
        self._session, self._refreshing = self._leg.told, True
        self._invite(())
        return True

    def _invite(self, proof: tuple[str, ...]) -> None:
        body = b"" if self._session is None else sdp.render(self._session)
        timer = self._leg.session
        self._ours = self._leg.ask("INVITE", proof if timer is None else (*proof, *timer.lines()), body)

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to our re-INVITE."""
        if transaction is not self._ours:
            if self._ack and transaction.method == "INVITE" and 200 <= response.status < 300:
                self._leg.repeat(self._ack)
            return
        if response.status < 200:
            if self._guard is None:
                self._guard = self._leg.stack.timers.add(PATIENCE, transaction.cancel)
            return
        self._settle()
        if response.status < 300:
            self._agreed(response)
        else:
            self._refused(transaction, response)

    def _refused(self, transaction: ClientTransaction, response: Response) -> None:
        leg, timer = self._leg, self._leg.session
        proof = leg.prove(transaction, response)
        if proof or (not self._refreshing and timer is not None and timer.raised(response)):
            self._invite(proof)
        elif response.status in {408, 481}:
            leg._lost()
        elif not self._refreshing:
            leg.report(Refuse(response.status))
        else:
            self._go_on()
            if timer is not None:
                timer.refused(response)

    def _settle(self) -> None:
        self._ours = None
        self._leg.stack.timers.cancel(self._guard)
        self._guard = None

    def _go_on(self) -> None:
        """Our refresh is over: what the call wanted meanwhile goes out."""
        self._refreshing = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.offer(waiting)

    def _agreed(self, response: Response) -> None:
        leg = self._leg
        assert leg.dialog is not None
        leg.dialog.refresh(response)
        agree(leg, response)
        number = response.cseq.number
        try:
            session = body_session(response)
        except sdp.BadSession:
            self._ack = leg.acknowledge(number, None)
            leg._lost()
            return
        if self._session is None:
            self._unacked = number
            self._ack = b""
        else:
            self._ack = leg.acknowledge(number, None)
            leg.told = self._session
        if self._refreshing:
            self._refreshed(session)
        else:
            if self._session is not None:
                session = session or leg.heard  # an answer that is missing: what the peer said before stands
            leg.heard = session
            leg.report(Accept(session))

    def _refreshed(self, session: SessionDescription | None) -> None:
        """An answer to our refresh that differs from the last one changes where the peer's media is."""
        leg = self._leg
        if session is not None and session != leg.heard and self._waiting is None:
            leg.heard = session
            leg.report(Accept(session))
        self._go_on()

    def confirm(self, session: SessionDescription | None) -> None:
        """The call's answer to what the peer offered in its 2xx."""
        if self._unacked:
            number, self._unacked = self._unacked, 0
            self._leg.told = session
            self._ack = self._leg.acknowledge(number, session)

    def failed(self, transaction: ClientTransaction) -> None:
        """Our re-INVITE got no final response: the dialog is lost (12.2.1.2)."""
        if transaction is self._ours:
            self._settle()
            self._leg._lost()

    def stop(self) -> None:
        """The leg has ended."""
        if self._ours is not None:
            self._ours.expire()
        self._settle()
        self._waiting = None
        if self._sent is not None:
            self._sent.stop()
        if self._theirs is not None:
            self._theirs.respond(487)
            self._theirs = None
