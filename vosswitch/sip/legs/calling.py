"""An outgoing leg before its answer: early dialogs, and changes within them (`vosswitch.sip.legs.early`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.signals import Refuse
from vosswitch.sip.grammar.numberparameters import parameters_text
from vosswitch.sip.grammar.uri import host_text, parse_uri
from vosswitch.sip.grammar.wire import user_text
from vosswitch.sip.legs.early import Branches
from vosswitch.sip.legs.leg import Leg
from vosswitch.sip.legs.states import State
from vosswitch.sip.transactions.flow import TRANSPORT_TEXT

if TYPE_CHECKING:
    from vosswitch.model.call import Placement
    from vosswitch.model.causes import Cause
    from vosswitch.model.peer import PeerProfile
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Confirm, Headers, Offer
    from vosswitch.model.values import Address
    from vosswitch.sip.grammar.message import Request, Response
    from vosswitch.sip.legs.dialog import Dialog
    from vosswitch.sip.legs.stack import Stack
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.layer import ServerTransaction


class CallingLeg(Leg):
    """What `OutgoingLeg` does before the answer.

    :ivar is_late: the caller's answer to a late offer is still to be given.
    :ivar _branches: what was heard before the answer, None = nothing but status lines.
    :ivar _tag: our From tag.
    """

    __slots__ = ("_branches", "_tag", "is_late")

    def __init__(self, stack: Stack, flow: Flow | None, remote: Address, profile: PeerProfile) -> None:
        super().__init__(stack, flow, State.CALLING, remote, profile)
        self._tag = stack.tokens.new()
        self._branches: Branches | None = None
        self.is_late = False

    def dialog_of(self, response: Response) -> Dialog:
        """The dialog that a response makes."""
        raise NotImplementedError

    def early_lost(self) -> None:
        """No branch is left."""
        raise NotImplementedError

    def _is_new(self, response: Response, session: SessionDescription | None) -> bool:
        """Whether a provisional response says something: it is not repeated, and not out of order."""
        if session is None and "rseq" not in response.headers:
            return True
        if self._branches is None:
            self._branches = Branches(self)
        return self._branches.heard(response, session)

    def owns(self, request: Request) -> bool:
        """Whether a request belongs to the dialog, or to an early one."""
        if self.dialog is not None:
            return super().owns(request)
        return self._branches is not None and self._branches.find(request) is not None

    def requested(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog, or within an early one."""
        early = self._branches.find(request) if self.dialog is None and self._branches is not None else None
        if early is not None:
            early.requested(request, transaction)
        else:
            super().requested(request, transaction)

    def over(self, reached: Cause | None, headers: Headers = ()) -> None:
        """The leg has ended."""
        if self._branches is not None:
            self._branches.stop()
        if self.dialog is None:  # an early one may have been
            self.stack.dialogs.pop(self._tag, None)
        super().over(reached, headers)

    def _take_early_answer(self, confirm: Confirm) -> None:
        if self._branches is not None:
            self._branches.confirm(confirm.session)

    def _take_offer_before_answer(self, offer: Offer) -> None:
        if self._branches is not None:
            self._branches.offer(offer)
        else:
            self.report(Refuse(504))

    def _take_accept(self, accept: Any) -> None:
        if self._branches is None or not self._branches.accept(accept):
            super()._take_accept(accept)

    def _take_refuse(self, refuse: Any) -> None:
        if self._branches is None or not self._branches.refuse(refuse):
            super()._take_refuse(refuse)


def request_uri(placement: Placement) -> str:
    """What our INVITE asks for: the called number at the gateway, or within the URI that it has registered."""
    target, more = placement.target, ""
    if placement.number_parameters and placement.profile.number_parameters:
        more = parameters_text(placement.number_parameters, placement.profile.number_parameters)
    if placement.contact:
        return parse_uri(placement.contact).replace(user=placement.callee).text.replace("@", f"{more}@", 1)
    transport = TRANSPORT_TEXT.get(target.transport, "")
    return f"sip:{user_text(placement.callee)}{more}@{host_text(target.host, target.port or None)}{transport}"
