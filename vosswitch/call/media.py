"""The media side of one call: whether it is relayed, and what each side is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vosswitch.call.shed import ShedMedia
from vosswitch.model.h323 import TRANSPORT, TRANSPORTS
from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Refuse, Ring
from vosswitch.model.values import Side
from vosswitch.sdp.codecs import common_codec
from vosswitch.sdp.rewrite import unnamed
from vosswitch.sdp.select import agrees, allow, meet, named

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.call.digits import CallDigits
    from vosswitch.cdr.record import Cdr
    from vosswitch.model.call import MediaReport
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Signal
    from vosswitch.model.values import Address

_WITH_SESSION = (Ring, Progress, Answer, Confirm, Offer, Accept)


class NoPort(Exception):
    """The media engine has no port pair left; the argument says where."""


class NoCodec(Exception):
    """The sides have no codec in common; the argument says what was compared."""


def relays(caller_mode: str, callee_mode: str, default: str) -> bool:
    """Whether media is relayed: must_on over all, either side off over on, auto = the system's SS_MEDIA_PROXY_MODE.

    :param default: ``off``, ``on``, ``auto`` or ``must_on``; auto relays.
    """
    modes = [default if mode == "auto" else mode for mode in (caller_mode, callee_mode)]
    return "must_on" in modes or "off" not in modes


def needs_relay(source: Address, target: Address) -> bool:
    """Whether media has to pass through us whatever the modes say.

    Where H.323 is spoken a side may be able to say only after the answer where its media is (`Located`).
    """
    return source.transport == TRANSPORT or target.transport in TRANSPORTS


def _apart(caller_local: str | None, callee_local: str | None) -> bool:
    """Whether one side is reached by IPv4 and the other by IPv6: nothing but a relay brings their media together."""
    return caller_local is not None and callee_local is not None and (":" in caller_local) != (":" in callee_local)


def _no_port(caller_local: str | None, callee_local: str | None) -> str:
    if _apart(caller_local, callee_local):
        return f"no media port is free from {caller_local} to {callee_local}: media needs an address of both families"
    return "no media port is free"


class CallMedia:
    """What one call's two sides know of each other's media.

    :param codecs: what the caller's gateway may use, () = all.
    :param private: the caller is not to be named, in his descriptions either.
    :ivar _changed: who has asked for the change that is not settled, and what it had said before.
    :ivar proxied: whether the media of the running attempt goes through us.
    :ivar _given: the caller's answer to a late offer, which it gives but once.
    :ivar _local: the local IP towards the callee that relayed media was opened for.
    :ivar _asked: the last offer, as the other side was asked; *_asker* made it.
    :ivar digits: what looks after the digits of the running attempt; None unless a side speaks H.323.
    """

    __slots__ = (
        "_allowed",
        "_asked",
        "_asker",
        "_call_id",
        "_callee",
        "_caller",
        "_changed",
        "_default",
        "_engine",
        "_given",
        "_listener",
        "_local",
        "_offer",
        "_private",
        "_session",
        "_shed",
        "digits",
        "proxied",
    )

    def __init__(
        self,
        engine: Any,
        call_id: str,
        offer: SessionDescription | None,
        listener: Any,
        default: str,
        codecs: tuple[str, ...] = (),
        private: bool = False,
    ) -> None:
        self._engine = engine
        self._call_id = call_id
        self._offer = offer
        self._listener = listener
        self._default = default
        self._private = private
        self._session: Any = None
        self._changed: tuple[Side, SessionDescription | None] | None = None
        self._caller: SessionDescription | None = offer
        self._callee: SessionDescription | None = None
        self._given: SessionDescription | None = None
        self._asked = offer
        self._asker = Side.CALLER
        self._allowed: tuple[tuple[str, ...], tuple[str, ...]] = (codecs, ())
        self._shed: ShedMedia | None = None
        self._local: str | None = None
        self.digits: CallDigits | None = None
        self.proxied = False

    def offer_to(
        self,
        callee_mode: str,
        caller_mode: str,
        caller_local: str | None,
        callee_local: str | None,
        codecs: tuple[str, ...] = (),
        always: bool = False,
    ) -> SessionDescription | None:
        """The caller's offer as the next gateway shall see it.

        :param always: it is relayed whatever the modes say.
        :param codecs: what that gateway may use, () = all.
        :raises NoPort: it has to be relayed, and no port is free.
        :raises NoCodec: nothing of the offer is allowed.
        """
        self._callee = None
        self._allowed = (self._allowed[0], codecs)
        self._asker = Side.CALLER
        told = self._offer or self._given
        self._asked = offer = told and self._permitted(told, Side.CALLER)
        self.proxied = always or relays(caller_mode, callee_mode, self._default) or _apart(caller_local, callee_local)
        if not self.proxied:
            return unnamed(offer) if offer is not None and self._private else offer
        if self._session is None:
            self._session = self._engine.open(self._call_id, caller_local, callee_local, self._listener)
            if self._session is None:
                raise NoPort(_no_port(caller_local, callee_local))
            self._local = callee_local
        elif callee_local is None or callee_local == self._local:
            self._session.reset(Side.CALLEE)
        elif self._session.reset(Side.CALLEE, callee_local):
            self._local = callee_local
        else:
            raise NoPort(_no_port(caller_local, callee_local))
        return offer and self._pass(Side.CALLER, offer)

    def _pass(self, side: Side, session: SessionDescription) -> SessionDescription:
        """What *side* says of relayed media, as the other side shall hear it."""
        digits = self.digits
        if digits is None:
            return self._session.forward(side, session)  # type: ignore[no-any-return]
        told = self._session.forward(side, digits.dress(side, session))
        digits.watch(self._session)
        return told  # type: ignore[no-any-return]

    def _permitted(self, session: SessionDescription, side: Side) -> SessionDescription:
        """What *side* said with the codecs that both gateways allow, in the order of the one that will hear it."""
        caller, callee = self._allowed
        found: SessionDescription | None = session
        for allowed in (callee, caller) if side is Side.CALLEE else (caller, callee):
            if allowed and found is not None:
                found = allow(found, allowed)
                if found is None:
                    raise NoCodec(f"no codec in common: {named(session)} of the {side}, allowed {', '.join(allowed)}")
        return found or session

    def fit(self, side: Side, signal: Signal) -> Signal:
        """*signal* of *side* with the codecs that may be used.

        :raises NoCodec: none is left, or an answer names nothing that was offered.  Where neither gateway has a list
            answers pass as they are: what a vendor makes of an offer is then between the sides.
        """
        if not isinstance(signal, _WITH_SESSION):
            return signal
        session = signal.session
        if session is None:
            if type(signal) is Offer:
                self._asked = None
            return signal
        said = self._permitted(session, side)
        if self._asked is None or self._asker is side or type(signal) is Offer:
            self._asked, self._asker = said, side
        elif any(self._allowed) and not agrees(said, self._asked):
            raise NoCodec(f"no codec in common: {named(said)} of the {side}, offered {named(self._asked)}")
        if type(signal) is Confirm and side is Side.CALLER:
            self._given = said
        return signal if said is session else replace(signal, session=said)

    def forward(self, side: Side, signal: Signal) -> Signal:
        """*signal* of *side* as the other side shall hear it."""
        kind = type(signal)
        if kind is Refuse or kind is Accept:
            self._end_change(kind is Refuse)
        elif kind is Confirm and signal.session is None and side is Side.CALLER and self._given is not None:  # type: ignore[union-attr]
            signal = Confirm(self._given)  # to an earlier branch or gateway: the caller does not say it again
        if not isinstance(signal, _WITH_SESSION) or signal.session is None:
            return signal
        if kind is Offer:
            self._changed = side, self._caller if side is Side.CALLER else self._callee
        if side is Side.CALLER:
            self._caller = signal.session
        else:
            self._callee = signal.session
        if self.proxied:
            return replace(signal, session=self._pass(side, signal.session))
        if self._private and side is Side.CALLER:
            return replace(signal, session=unnamed(signal.session))
        return signal

    def _end_change(self, refused: bool) -> None:
        """A change of the session is settled; a refused one leaves it as it was (RFC 3264 section 8)."""
        changed, self._changed = self._changed, None
        if changed is not None and refused:
            side, before = changed
            if side is Side.CALLER:
                self._caller = before
            else:
                self._callee = before
            if self.proxied and before is not None:
                self._pass(side, before)

    def located(self, side: Side, session: SessionDescription) -> None:
        """*side* tells where its media is, now that it knows; nobody else has to hear of it."""
        self.heard(side, session)
        if self.proxied and self._session is not None:
            self._pass(side, session)

    def redirected(self) -> None:
        """The callee's side is somebody else now."""
        self._callee = None
        if self.proxied and self._session is not None:
            self._session.reset(Side.CALLEE)

    def stand_in(self, asker: Side) -> Accept | None:
        """Our own answer to the last offer of *asker*, where the other side cannot be asked before the answer.

        What that side has said stands, as far as it fits.  None: it does not, or media does not pass through us.
        """
        standing = self._callee if asker is Side.CALLER else self._caller
        if not self.proxied or standing is None or self._asked is None or self._asker is not asker:
            return None
        answer = meet(self._asked, standing)
        return None if answer is None else Accept(self._pass(asker.other, answer))

    def note_codecs(self, cdr: Cdr) -> None:
        """Write down the codecs of both sides as they stand."""
        cdr.media_proxied = self.proxied
        answer = self._callee or self._caller
        cdr.callee_codec = common_codec(answer) if answer is not None else ""
        cdr.caller_codec = cdr.callee_codec

    # -- other partners

    def said(self, side: Side) -> SessionDescription | None:
        """What *side* said last, as it said it."""
        return self._caller if side is Side.CALLER else self._callee

    def heard(self, side: Side, session: SessionDescription | None) -> None:
        """Note what *side* said to somebody else."""
        if session is not None:
            if side is Side.CALLER:
                self._caller = session
            else:
                self._callee = session

    def move(self, caller_local: str | None, callee_local: str | None, relayed: bool) -> bool:
        """Take other ports for other partners; the old ones stay until `moved`. False: no port is free.

        :param relayed: the new partner's media was relayed so far: it stays so.
        """
        session, proxied = None, self.proxied or relayed or _apart(caller_local, callee_local)
        if proxied:
            session = self._engine.open(self._call_id, caller_local, callee_local, self._listener)
            if session is None:
                return False
        shed = self._shed = self._shed or ShedMedia()
        shed.former = (self._session, self.proxied, self._caller, self._callee)
        self._session, self.proxied = session, proxied
        return True

    def moved(self, *, kept: bool) -> None:
        """The move is settled: the old ports are given back, or the new ones."""
        shed = self._shed
        assert shed is not None
        assert shed.former is not None
        unused, (session, proxied, caller, callee) = self._session, shed.former
        shed.former = None
        if kept:
            unused = session
        else:
            self._session, self.proxied, self._caller, self._callee = session, proxied, caller, callee
        if unused is not None:
            shed.close(unused)

    def leave(self) -> None:
        """The media goes another way now: the ports are given back, descriptions pass as they are."""
        session, self._session = self._session, None
        self.proxied = False
        if session is not None:
            self._shed = self._shed or ShedMedia()
            self._shed.close(session)

    def forget(self) -> None:
        """The call is over: know it no more."""
        self._listener = self._session = self._shed = None

    def close(self, done: Callable[[MediaReport | None], None]) -> None:
        """Give the ports back; ``done`` is called once, at once when nothing was relayed."""
        if self._shed is not None:
            self._shed.finish(self._session, done)
        elif self._session is None:
            done(None)
        else:
            self._session.close(done)
