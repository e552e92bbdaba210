"""Offers before the answer of the call: UPDATE in an early dialog, both ways (RFC 3311), and offers in a PRACK.

One change runs at a time: an offer of the peer that crosses ours gets 491, a second one of its own 500.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vosswitch import sdp
from vosswitch.model.signals import Accept, Offer, Refuse
from vosswitch.sip.grammar.bodies import body_session
from vosswitch.sip.legs.refusal import of_change

if TYPE_CHECKING:
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Signal
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction

RETRY = "Retry-After: 2\r\n"


class Side(Protocol):
    """The leg or early dialog that the changes belong to."""

    dialog: Dialog | None
    told: SessionDescription | None
    heard: SessionDescription | None
    _contact: str

    def ask(self, method: str, extra: tuple[str, ...] = (), body: bytes = b"") -> ClientTransaction: ...  # noqa: D102
    def prove(self, transaction: ClientTransaction, response: Response) -> tuple[str, ...]: ...  # noqa: D102
    def report(self, signal: Signal) -> None: ...  # noqa: D102
    def early_lost(self) -> None: ...  # noqa: D102
    def unchanged(self, session: SessionDescription) -> None: ...  # noqa: D102


class EarlyChanges:
    """The changes of one early dialog.

    :param allowed: the peer's Allow names UPDATE.
    :ivar _quiet: our offer is not the far side's, which is not told when it fails.
    """

    __slots__ = ("_offered", "_ours", "_quiet", "_session", "_side", "_theirs", "allowed")

    def __init__(self, side: Side, allowed: bool) -> None:
        self._side = side
        self.allowed = allowed
        self._theirs: ServerTransaction | None = None
        self._ours: ClientTransaction | None = None
        self._offered: SessionDescription | None = None
        self._session: SessionDescription | None = None
        self._quiet = False

    @property
    def busy(self) -> bool:
        """Whether an offer of either side waits for its answer."""
        return self._theirs is not None or self._ours is not None

    @property
    def waiting(self) -> bool:
        """Whether the peer waits for the answer to its offer."""
        return self._theirs is not None

    # -- the peer asks

    def requested(self, request: Request, transaction: ServerTransaction, unsettled: int) -> None:
        """An UPDATE, or a PRACK with an offer, of the peer.

        :param unsettled: 491 or 500 while the first offer, ours or theirs, waits for its answer; else 0.
        """
        try:
            session = body_session(request)
        except sdp.BadSession:
            transaction.respond(488)
            return
        assert self._side.dialog is not None
        if session is not None:
            busy = unsettled or (500 if self._theirs is not None else 491 if self._ours is not None else 0)
            if busy:
                transaction.respond(busy, RETRY if busy == 500 else "")
                return
        self._side.dialog.refresh(request)
        if session is None:
            transaction.respond(200, self._side._contact)
            return
        self._theirs, self._offered = transaction, session
        self._side.report(Offer(session))

    def accept(self, session: SessionDescription | None) -> None:
        """The far side takes it."""
        transaction, self._theirs = self._theirs, None
        if transaction is not None:
            self._side.told, self._side.heard = session, self._offered
            contact = self._side._contact if transaction.method == "UPDATE" else ""
            transaction.respond(200, contact, b"" if session is None else sdp.render(session))

    def refuse(self, status: int) -> None:
        """The far side does not take it."""
        transaction, self._theirs = self._theirs, None
        if transaction is not None:
            transaction.respond(of_change(status))

    # -- we ask

    def offer(self, session: SessionDescription | None, quiet: bool = False) -> None:
        """Send an UPDATE; where that cannot be the far side hears 504, or 491 while another change runs."""
        if session is None or not self.allowed or self.busy:
            self._in_vain(491 if self.busy else 504, session, quiet)
            return
        self._session, self._quiet = session, quiet
        self._ours = self._side.ask("UPDATE", (), sdp.render(session))

    def _in_vain(self, status: int, session: SessionDescription | None, quiet: bool) -> None:
        if not quiet:
            self._side.report(Refuse(status))
        elif session is not None:
            self._side.unchanged(session)

    def answered(self, transaction: ClientTransaction, response: Response) -> bool:
        """A response; False when it is not to an UPDATE of ours."""
        if transaction is not self._ours:
            return False
        if response.status < 200:
            return True
        self._ours = None
        assert self._session is not None
        if response.status < 300:
            self._agreed(response)
            return True
        proof = self._side.prove(transaction, response)
        if proof:
            self._ours = self._side.ask("UPDATE", proof, sdp.render(self._session))
        elif response.status in {408, 481}:
            self._side.early_lost()
        else:
            self._in_vain(response.status, self._session, self._quiet)
        return True

    def _agreed(self, response: Response) -> None:
        assert self._side.dialog is not None
        self._side.dialog.refresh(response)
        try:
            session = body_session(response)
        except sdp.BadSession:
            session = None
        if session is None:
            self._in_vain(500, self._session, self._quiet)
        else:
            self._side.told, self._side.heard = self._session, session
            self._side.report(Accept(session))

    def failed(self, transaction: ClientTransaction) -> bool:
        """No final response; False when it is not ours."""
        if transaction is not self._ours:
            return False
        self._ours = None
        self._side.early_lost()
        return True

    def stop(self) -> None:
        """The leg has ended."""
        transaction, self._theirs = self._theirs, None
        if transaction is not None:
            transaction.respond(487)
