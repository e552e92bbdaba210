"""The incoming leg of a caller that takes reliable provisional responses (RFC 3262), and changes before the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.model.causes import Cause, cause
from vosswitch.model.signals import Accept, Answer, Offer, Refuse
from vosswitch.sip.legs.assured import Assured
from vosswitch.sip.legs.incoming import IncomingLeg
from vosswitch.sip.legs.states import State, Takes
from vosswitch.sip.transactions.transaction import Input

if TYPE_CHECKING:
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Headers, Progress, Ring
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ClientTransaction, ServerTransaction


class AssuredLeg(IncomingLeg):
    """A caller's side whose provisional responses are acknowledged."""

    __slots__ = ("_assured",)

    def __init__(
        self,
        stack: Stack,
        request: Request,
        transaction: ServerTransaction,
        flow: Flow,
        remote: Address,
        late: bool,
        profile: PeerProfile,
    ) -> None:
        super().__init__(stack, request, transaction, flow, remote, late, profile)
        self._assured = Assured(self, request, late)

    # -- what `Assured` asks for

    def repeat_provisional(self) -> None:
        """Send the last provisional response again."""
        if self._invite is not None:
            self._invite.feed(Input.PROVISIONAL)

    def give_up(self, status: int, reached: Cause) -> None:
        """The caller does not play its part before the answer."""
        if self._invite is not None:
            self._refuse(status, "")
            self.over(reached)

    @property
    def is_open(self) -> bool:
        """Whether the INVITE has no final response yet."""
        return self._invite is not None

    # -- signals of the call

    def _provisional(self, status: int, signal: Ring | Progress) -> None:
        self._assured.tell(status, signal.session, self._extra(signal))

    def answer(self, answer: Answer) -> None:
        """Send the 2xx, as soon as it may go."""
        if self.state is not State.OFFERED or self._assured.holds(answer):
            return
        told = self._assured.last(answer.session)
        self._take_answer(replace(answer, session=told))
        if self._assured.settled:
            self.told = self._assured.told

    def _take_offer_before_answer(self, offer: Offer) -> None:
        self._assured.offer(offer.session)

    def _take_accept(self, accept: Any) -> None:
        if self._assured.changes.waiting:
            self._assured.changes.accept(accept.session)
        else:
            super()._take_accept(accept)

    def _take_refuse(self, refuse: Any) -> None:
        if self._assured.changes.waiting:
            self._assured.changes.refuse(refuse.status)
        else:
            super()._take_refuse(refuse)

    # -- what the peer does

    def _hear_change(self, request: Request, transaction: ServerTransaction) -> None:
        if self.state is State.OFFERED and request.method == "UPDATE":
            self._assured.updated(request, transaction)
        else:
            super()._hear_change(request, transaction)

    def _hear_prack(self, request: Request, transaction: ServerTransaction) -> None:
        self._assured.acknowledged(request, transaction)

    def _confirmed(self, request: Request) -> None:
        self._late = self._late and not self._assured.settled
        super()._confirmed(request)
        later, self._assured.later = self._assured.later, None
        if later is not None and self.state is State.CONNECTED:
            self.changes.offer(Offer(later))

    def answered(self, transaction: ClientTransaction, response: Response) -> None:
        """A response to a request of ours within the dialog."""
        if not self._assured.changes.answered(transaction, response):
            super().answered(transaction, response)

    def failed(self, transaction: ClientTransaction) -> None:
        """A request of ours within the dialog got no final response."""
        if not self._assured.changes.failed(transaction):
            super().failed(transaction)

    def early_lost(self) -> None:
        """The caller no longer knows the dialog."""
        if self._invite is not None:
            self.give_up(500, cause("session_timeout"))
        else:
            self._lost()

    def unchanged(self, session: SessionDescription) -> None:
        """The caller takes no UPDATE now: it is told after the answer."""
        self._assured.later = session

    def over(self, reached: Cause | None, headers: Headers = ()) -> None:
        """The leg has ended."""
        self._assured.stop()
        super().over(reached, headers)

    TAKES: ClassVar[Takes] = {
        **IncomingLeg.TAKES,
        State.OFFERED: {
            **IncomingLeg.TAKES[State.OFFERED],
            Answer: answer,
            Offer: _take_offer_before_answer,
            Accept: _take_accept,
            Refuse: _take_refuse,
        },
        State.ANSWERED: {**IncomingLeg.TAKES[State.ANSWERED], Accept: _take_accept, Refuse: _take_refuse},
        State.CONNECTED: {**IncomingLeg.TAKES[State.CONNECTED], Accept: _take_accept, Refuse: _take_refuse},
    }
