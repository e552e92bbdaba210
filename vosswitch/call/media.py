"""The media side of one call: whether it is relayed, and what each side is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.signals import Accept, Answer, Confirm, Offer, Progress, Ring
from vosswitch.model.values import Side
from vosswitch.sdp.codecs import common_codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.cdr.record import Cdr
    from vosswitch.model.call import MediaReport
    from vosswitch.model.session import SessionDescription
    from vosswitch.model.signals import Signal

_WITH_SESSION = (Ring, Progress, Answer, Confirm, Offer, Accept)


class NoPort(Exception):
    """The media engine has no port pair left."""


def relays(caller_mode: str, callee_mode: str, default: str) -> bool:
    """Whether media is relayed: must_on over all, either side off over on, auto = the system's SS_MEDIA_PROXY_MODE.

    :param default: ``off``, ``on``, ``auto`` or ``must_on``; auto relays.
    """
    modes = [default if mode == "auto" else mode for mode in (caller_mode, callee_mode)]
    return "must_on" in modes or "off" not in modes


class CallMedia:
    """What one call's two sides know of each other's media.

    :ivar proxied: whether the media of the running attempt goes through us.
    """

    __slots__ = ("_call_id", "_callee", "_caller", "_default", "_engine", "_listener", "_offer", "_session", "proxied")

    def __init__(
        self, engine: Any, call_id: str, offer: SessionDescription | None, listener: Any, default: str
    ) -> None:
        self._engine = engine
        self._call_id = call_id
        self._offer = offer
        self._listener = listener
        self._default = default
        self._session: Any = None
        self._caller: SessionDescription | None = offer
        self._callee: SessionDescription | None = None
        self.proxied = False

    def offer_to(
        self, callee_mode: str, caller_mode: str, caller_local: str | None, callee_local: str | None
    ) -> SessionDescription | None:
        """The caller's offer as the next gateway shall see it.

        :raises NoPort: it has to be relayed, and no port is free.
        """
        self._callee = None
        self.proxied = relays(caller_mode, callee_mode, self._default)
        if not self.proxied:
            return self._offer
        if self._session is None:
            self._session = self._engine.open(self._call_id, caller_local, callee_local, self._listener)
            if self._session is None:
                raise NoPort
        else:
            self._session.reset(Side.CALLEE)
        return self._offer and self._session.forward(Side.CALLER, self._offer)

    def forward(self, side: Side, signal: Signal) -> Signal:
        """*signal* of *side* as the other side shall hear it."""
        if not isinstance(signal, _WITH_SESSION) or signal.session is None:
            return signal
        if side is Side.CALLER:
            self._caller = signal.session
        else:
            self._callee = signal.session
        if not self.proxied:
            return signal
        return type(signal)(self._session.forward(side, signal.session))

    def note_codecs(self, cdr: Cdr) -> None:
        """Write down the codecs of both sides as they stand."""
        cdr.media_proxied = self.proxied
        answer = self._callee or self._caller
        cdr.callee_codec = common_codec(answer) if answer is not None else ""
        cdr.caller_codec = cdr.callee_codec

    def close(self, done: Callable[[MediaReport | None], None]) -> None:
        """Give the ports back; ``done`` is called once, at once when nothing was relayed."""
        if self._session is None:
            done(None)
        else:
            self._session.close(done)
