"""Who gets in: requests from outside dialogs whose sender's address proves nothing.

Nothing here keeps state for a stranger: challenges and refusals are answered without a transaction
(`vosswitch.sip.transactions.stateless`), and only a request that bears a proof goes on.  With SS_REPLY_UNAUTHORIZED off
whoever is not known gets no answer at all; a challenge goes only to where somebody may prove himself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from vosswitch.model.source import plain_host
from vosswitch.sip.gate.authentication import Verdict
from vosswitch.sip.grammar.message import BadMessage
from vosswitch.sip.grammar.wire import ALLOW
from vosswitch.sip.legs.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vosswitch.sip.gate.authentication import Authentication, Judgement
    from vosswitch.sip.gate.authevents import AuthEvents
    from vosswitch.sip.grammar.message import Request
    from vosswitch.sip.reception import Reception
    from vosswitch.sip.registrations.registrar import Registrar
    from vosswitch.sip.registrations.trunks import Trunks
    from vosswitch.sip.transactions.flow import Flow
    from vosswitch.sip.transactions.stateless import Stateless


class Guest(NamedTuple):
    """Who may go on.

    :ivar user: the name that digest has proved; None = the address proves it.
    """

    user: str | None


BY_ADDRESS = Guest(None)
_HERE = frozenset({"127.0.0.1", "::1"})


class Entrance:
    """Lets requests in, challenges, refuses, or stays silent.

    :param registrations: those with us, and ours with vendors.
    :param credentials: an `ICredentials`.
    :param parameters: gives the system parameters in force.
    """

    __slots__ = (
        "_authentication",
        "_credentials",
        "_events",
        "_parameters",
        "_reception",
        "_registrar",
        "_stateless",
        "_trunks",
    )

    def __init__(
        self,
        authentication: Authentication,
        reception: Reception,
        registrations: tuple[Registrar, Trunks],
        stateless: Stateless,
        events: AuthEvents,
        credentials: Any,
        parameters: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._authentication = authentication
        self._reception = reception
        self._registrar, self._trunks = registrations
        self._stateless = stateless
        self._events = events
        self._credentials = credentials
        self._parameters = parameters

    def admit(self, request: Request, flow: Flow) -> Guest | None:
        """Who sends a request outside dialogs; None when it has been answered, or left without an answer."""
        vendor = self._called(request, flow) if self._trunks.users and request.method == "INVITE" else None
        if request.method != "REGISTER" and self._credentials.trusts(flow.remote):
            return BY_ADDRESS
        try:
            self._reception.examine(request)
            if request.method in {"INVITE", "REGISTER"}:
                return self._vouched(request, flow, vendor) or self._proved(request, flow)
            self._other(request)
        except Refused as refused:
            self.refuse(request, flow, refused)
        except BadMessage as bad:
            self.refuse(request, flow, Refused(bad.status, reason=bad.reason))
        return None

    def is_known_at(self, user: Any, host: str) -> bool:
        """Whether the peer of a leg is one that has a live registration from that host under the leg's name."""
        name: str = getattr(user, "user", "")
        return bool(name) and self._registrar.registered_from(host, name)

    def has_moved(self, user: Any, request: Request, flow: Flow) -> bool:
        """Whether a request within a dialog, from where its peer was never seen, is that peer's all the same.

        If so the peer is there from now on; if not the request is answered.
        """
        found = self._recognised(user, request, flow)
        if found is Verdict.PROVEN:
            user.flow = flow
            return True
        if found is Verdict.STALE and self.answers(request, flow):
            status, lines = self._authentication.challenge(request, flow.remote.host, stale=True)
            self._stateless.answer(request, flow, status, lines, needed=1)
        else:
            self._events.tell("dialog_refused", request, flow, "not_the_peer")
            self.refuse(request, flow, Refused(481))
        return False

    def _recognised(self, user: Any, request: Request, flow: Flow) -> Verdict:
        """``proven``; ``stale``: it shows credentials in the peer's name, with a nonce that is not its source's."""
        name: str = getattr(user, "user", "")
        if not name:
            return Verdict.NONE
        if self.is_known_at(user, flow.remote.host):
            return Verdict.PROVEN
        try:
            judged = self._authentication.judge(request, flow.remote.host)
        except BadMessage:
            return Verdict.NONE
        self._tell_failure(request, flow, judged)
        known = judged.username == name and judged.verdict in {Verdict.PROVEN, Verdict.STALE}
        return judged.verdict if known else Verdict.NONE

    def refuse(self, request: Request, flow: Flow, refused: Refused, tag: str = "") -> None:
        """A final answer to a stranger, or none; who is known gets it in any case."""
        if self.answers(request, flow):
            lines = refused.lines.splitlines(keepends=True)
            self._stateless.answer(request, flow, refused.status, lines, refused.reason, tag)
        else:
            self._stateless.silent()

    def answers(self, request: Request, flow: Flow) -> bool:
        """Whether this source gets answers at all: SS_REPLY_UNAUTHORIZED is on, or it is one of ours."""
        if self._parameters()["SS_REPLY_UNAUTHORIZED"]:
            return True
        source = flow.remote
        if self._credentials.trusts(source) or self._credentials.known(source):
            return True
        if plain_host(source.host) in _HERE or source.host == flow.local.host:
            return True  # whoever looks after this machine
        try:
            return self._registrar.registered_from(source.host, request.from_.uri.user)
        except BadMessage:
            return False

    @staticmethod
    def _other(request: Request) -> None:
        if request.method == "OPTIONS":
            raise Refused(200, ALLOW)
        raise Refused(481)

    # -- INVITE and REGISTER

    def _called(self, request: Request, flow: Flow) -> str | None:
        """The vendor that was told our Contact, when an INVITE is to it."""
        try:
            return self._trunks.called(request, flow.remote.host)
        except BadMessage:
            return None

    def _vouched(self, request: Request, flow: Flow, vendor: str | None) -> Guest | None:
        """Whom a registration proves: a gateway registered from there, or the vendor that was told our Contact."""
        if request.method != "INVITE":
            return None
        username = self._registrar.username_at(flow.remote)
        if username is not None and self._credentials.dynamic(username, calling=True):
            return Guest(username)
        if vendor is not None and self._credentials.phone(vendor) is None and self._credentials.credentials(vendor):
            return Guest(vendor)
        return None

    def _proved(self, request: Request, flow: Flow) -> Guest | None:
        judged = self._authentication.judge(request, flow.remote.host)
        verdict = judged.verdict
        if verdict is Verdict.PROVEN:
            return Guest(judged.username)
        if verdict is Verdict.SUSPENDED:
            self._suspended(request, flow, judged)
        elif verdict is Verdict.NONE and not self._may_prove(request, flow):
            self._unknown(request, flow)
        else:
            self._challenge(request, flow, judged)
        return None

    def _may_prove(self, request: Request, flow: Flow) -> bool:
        """Whether somebody may prove himself from there; the name in the request is of no influence."""
        if self._parameters()["SS_REPLY_UNAUTHORIZED"]:
            return request.method == "REGISTER" or bool(self._credentials.challenges())
        if request.method == "REGISTER":
            return bool(self._credentials.challenges())
        source = flow.remote
        return self._credentials.asked(source) or self._registrar.registered_from(source.host, request.from_.uri.user)

    def _challenge(self, request: Request, flow: Flow, judged: Judgement) -> None:
        self._tell_failure(request, flow, judged)
        if judged.verdict is Verdict.WRONG and not self.answers(request, flow):
            self._stateless.silent()
            return
        stale = judged.verdict is Verdict.STALE
        status, lines = self._authentication.challenge(request, flow.remote.host, stale)
        self._stateless.answer(request, flow, status, lines, needed=1)

    def _tell_failure(self, request: Request, flow: Flow, judged: Judgement) -> None:
        if judged.verdict is Verdict.WRONG:
            self._events.tell("auth_failed", request, flow, "wrong_credentials", judged.username, proved=True)
        elif judged.verdict is not Verdict.SUSPENDED:
            return
        elif judged.began:
            seconds = self._parameters()["SS_AUTHENTICATION_FAILED_SUSPEND"]
            self._events.tell(
                "auth_suspended", request, flow, judged.began, judged.username, proved=True, seconds=seconds
            )
        else:
            self._events.tell("auth_refused", request, flow, "suspended", judged.username)

    def _suspended(self, request: Request, flow: Flow, judged: Judgement) -> None:
        self._tell_failure(request, flow, judged)
        self.refuse(request, flow, Refused(403))
        if request.method == "INVITE":
            self._reception.illegal(request, flow, judged.username, "authentication_failed")

    def _unknown(self, request: Request, flow: Flow) -> None:
        self._events.tell("auth_refused", request, flow, "unknown_source")
        self.refuse(request, flow, Refused(403))
        if request.method == "INVITE":
            self._reception.illegal(request, flow, None, "unauthorized")
