"""What comes before the answer of our INVITE: early dialogs, one for each branch that answers (RFC 3261, RFC 3262).

A forking proxy lets several phones ring; each has a To tag of its own, and so a dialog, a count of reliable responses
and a session of its own.  The media follows the branch that was heard last, and with the 2xx the one that answers.
A dialog object is made for the first reliable response of a branch; of others only the session is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch import sdp
from vosswitch.model.signals import Refuse
from vosswitch.sdp.select import meet
from vosswitch.sip.legs.early_change import EarlyChanges
from vosswitch.sip.legs.leg import Leg
from vosswitch.sip.legs.reliable import Receiver, names, read_rseq
from vosswitch.sip.legs.states import State

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Accept, Offer, Signal
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.calling import CallingLeg
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction

MOST = 16
"""Branches of one INVITE that are followed."""


class EarlyDialog(Leg):
    """One branch that sends reliable responses.

    :ivar settled: offer and answer are complete.
    :ivar _rack: what the PRACK that waits for the caller's answer acknowledges, "" = none waits.
    :ivar _pracks: our PRACKs on the way, with what is sent again after a challenge.
    """

    __slots__ = ("_pracks", "_rack", "_received", "branches", "offered", "settled", "updates")

    def __init__(self, branches: Branches, dialog: Dialog, response: Response) -> None:
        leg = branches.leg
        super().__init__(leg.stack, leg.flow, State.PROCEEDING, leg.remote, leg.profile)
        self._proof = leg._proof
        self._contact = leg._contact
        self.branches = branches
        self.dialog = dialog
        self.settled = False
        self.offered: SessionDescription | None = None
        self.updates = EarlyChanges(self, names(response, "allow", "update"))
        self._received = Receiver()
        self._rack = ""
        self._pracks: dict[ClientTransaction, tuple[str, bytes]] = {}

    def report(self, signal: Signal) -> None:
        """Tell the call."""
        self.branches.leg.report(signal)

    # -- reliable responses

    def hear(self, response: Response, rseq: int, session: SessionDescription | None) -> bool:
        """Whether a reliable response is new; it is acknowledged, now or with the caller's answer."""
        if not self._received.hear(rseq):
            return False
        self.updates.allowed = self.updates.allowed or names(response, "allow", "update")
        rack = f"RAck: {rseq} {response.cseq.number} INVITE"
        if session is not None and not self.settled and self.branches.leg.is_late:
            self.offered, self._rack = session, rack
            if self.branches.given is not None:
                self.confirm(self.branches.given)
            return True
        self.settled = self.settled or session is not None
        self._acknowledge(rack, b"", ())
        return True

    def _acknowledge(self, rack: str, body: bytes, proof: tuple[str, ...]) -> None:
        self._pracks[self.ask("PRACK", (rack, *proof), body)] = rack, body

    def confirm(self, answer: SessionDescription) -> None:
        """The caller's answer to what this branch offers; for a further branch, as far as it fits its offer."""
        if not self._rack or self.offered is None:
            return
        fitting = meet(self.offered, answer)
        if fitting is None:
            self.early_lost()
            return
        rack, self._rack = self._rack, ""
        self.settled = True
        self.told, self.heard = fitting, self.offered
        self._acknowledge(rack, sdp.render(fitting), ())

    # -- the wire

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to a PRACK or an UPDATE."""
        if response.status < 200 or self.updates.answered(transaction, response):
            return
        sent = self._pracks.pop(transaction, None)
        if sent is None or response.status < 300:
            return
        proof = self.prove(transaction, response)
        if proof:
            self._acknowledge(*sent, proof)
        elif sent[1] or response.status in {408, 481}:
            self.early_lost()

    def failed(self, transaction: ClientTransaction) -> None:
        """No final response came."""
        if not self.updates.failed(transaction) and self._pracks.pop(transaction, None) is not None:
            self.early_lost()

    def early_lost(self) -> None:
        """The peer no longer knows the branch."""
        self.branches.lost(self)

    def unchanged(self, session: SessionDescription) -> None:
        """Never asked for: every change is the far side's."""

    def _hear_change(self, request: Request, transaction: ServerTransaction) -> None:
        if request.method == "UPDATE":
            self.updates.requested(request, transaction, 0 if self.settled else 500 if self.offered else 491)
        else:
            transaction.respond(491)

    def _hear_bye(self, _request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(481)  # the called side has no BYE before its answer (RFC 3261 section 15)


class Branches:
    """The branches of one INVITE of ours.

    :ivar given: the caller's answer to a late offer.
    :ivar last: tag of the branch whose session was reported last.
    """

    __slots__ = ("_dialogs", "_sessions", "given", "last", "leg")

    def __init__(self, leg: CallingLeg) -> None:
        self.leg = leg
        self._dialogs: dict[str, EarlyDialog] = {}
        self._sessions: dict[str, SessionDescription] = {}
        self.given: SessionDescription | None = None
        self.last = ""

    @property
    def is_spent(self) -> bool:
        """Whether nothing in it outlives the answer."""
        return not self._dialogs and self.given is None

    # -- what comes

    def heard(self, response: Response, session: SessionDescription | None) -> bool:
        """A provisional response; False when it is to be passed over (repeated, out of order, of too many branches)."""
        tag = response.to.tag
        if "rseq" in response.headers and names(response, "require", "100rel"):
            rseq = read_rseq(response.get("rseq"))
            dialog = self._dialog(tag, response) if rseq is not None and tag else None
            if rseq is None or dialog is None or not dialog.hear(response, rseq, session):
                return False
        if session is not None:
            self.note(tag, session)
        return True

    def _dialog(self, tag: str, response: Response) -> EarlyDialog | None:
        found = self._dialogs.get(tag)
        if found is None and len(self._dialogs) < MOST:
            found = self._dialogs[tag] = EarlyDialog(self, self.leg.dialog_of(response), response)
            self.leg.stack.dialogs[found.dialog.local_tag] = self.leg  # type: ignore[union-attr]
        return found

    def note(self, tag: str, session: SessionDescription) -> None:
        """A branch has said what its session is."""
        if tag in self._sessions or len(self._sessions) < MOST:
            self._sessions[tag] = session
            self.last = tag

    def find(self, request: Request) -> EarlyDialog | None:
        """The branch that a request belongs to."""
        found = self._dialogs.get(request.from_.tag)
        return found if found is not None and found.owns(request) else None

    def lost(self, dialog: EarlyDialog) -> None:
        """A branch is gone; with the last one the attempt is over."""
        tag = dialog.dialog.remote_tag if dialog.dialog is not None else ""
        self._sessions.pop(tag, None)
        if self._dialogs.pop(tag, None) is not None and not self._dialogs and not self._sessions:
            self.leg.early_lost()

    def stop(self) -> None:
        """The leg has ended: what the peer has asked in a branch gets an answer."""
        for dialog in self._dialogs.values():
            dialog.updates.stop()

    # -- what the call says before the answer

    def confirm(self, session: SessionDescription | None) -> None:
        """The caller's answer to a late offer goes to every branch that waits for it."""
        if session is None:
            return
        self.given = session
        for dialog in list(self._dialogs.values()):
            dialog.confirm(session)

    def offer(self, offer: Offer) -> None:
        """The caller wants a change: the branch that was heard last is asked."""
        dialog = self._dialogs.get(self.last)
        if dialog is not None and dialog.settled:
            dialog.updates.offer(offer.session)
        else:
            self.leg.report(Refuse(504))

    def accept(self, accept: Accept) -> bool:
        """The caller takes a change; False when no branch waits for that."""
        for dialog in self._dialogs.values():
            if dialog.updates.waiting:
                dialog.updates.accept(accept.session)
                return True
        return False

    def refuse(self, refuse: Refuse) -> bool:
        """The caller takes it not; False when no branch waits for that."""
        for dialog in self._dialogs.values():
            if dialog.updates.waiting:
                dialog.updates.refuse(refuse.status)
                return True
        return False

    # -- the answer

    def winner(self, tag: str, session: SessionDescription | None) -> tuple[bool, SessionDescription | None]:
        """Whether the answer of branch *tag* is complete, and what of it the call has to be told.

        A peer that answers with a tag never heard before and without a session is taken for the branch heard last.
        """
        dialog = self._dialogs.get(tag)
        if dialog is not None and dialog.settled:
            session = None  # what a 2xx repeats behind a settled exchange changes nothing (RFC 6337 section 2.2)
        elif session is not None or self.leg.is_late:
            return session is not None, session
        told = self._sessions.get(tag) or self._sessions.get(self.last)
        return told is not None, None if tag == self.last or tag not in self._sessions else told

    def settle(self, tag: str) -> None:
        """The leg knows what was agreed in the branch that has answered."""
        early = self._dialogs.get(tag)
        if early is not None and early.settled:
            self.leg.told = early.told or self.leg.told
            self.leg.heard = early.heard or self.leg.heard

    def take_over(self, dialog: Dialog) -> bool:
        """The dialog of the 2xx goes on from the early one: its counters; whether offer and answer are settled."""
        early = self._dialogs.get(dialog.remote_tag)
        if early is None or early.dialog is None:
            return False
        dialog.local_seq = max(dialog.local_seq, early.dialog.local_seq)
        dialog.remote_seq = early.dialog.remote_seq
        early.dialog = dialog
        return early.settled
