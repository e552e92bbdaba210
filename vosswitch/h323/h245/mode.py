"""Mode request (H.245 C.8): the peer is asked to send something else, here fax by T.38 or audio again."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from vosswitch.h323.h245 import fax
from vosswitch.h323.h245.entity import SignallingEntity, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.h323.h245.desk import Desk, Settings

_MOST_MODES = 16
"""Modes of one request, and elements of one mode, that are looked at."""
_AUDIO = {"PCMA": "g711Alaw64k", "PCMU": "g711Ulaw64k", "G729": "g729AnnexA"}


class State(StrEnum):
    """Of our own request (C.8.3.1)."""

    IDLE = "idle"
    AWAITING = "awaiting-response"


class Input(StrEnum):
    """What can happen to it."""

    ASK = "ask"
    ACK = "ack"
    REJECT = "reject"
    TIMEOUT = "timeout"  # T109


class ModeRequest(SignallingEntity):
    """Both ends of mode requests.

    :ivar wanted: what the peer asks for and nobody has answered yet: True = fax, False = audio, None = nothing.
    :param answered: called with whether the peer will do what we have asked.
    """

    __slots__ = (
        "_answered",
        "_codec",
        "_image",
        "_number",
        "_settings",
        "_theirs",
        "wanted",
    )

    def __init__(self, desk: Desk, settings: Settings, answered: Callable[[bool], None]) -> None:
        super().__init__(desk, State.IDLE)
        self._settings, self._answered = settings, answered
        self.wanted: bool | None = None
        self._number = self._theirs = 0
        self._image, self._codec = False, "PCMA"

    @property
    def pending(self) -> bool:
        """Whether the peer has not answered ours yet."""
        return self.state is State.AWAITING

    def ask(self, *, image: bool, codec: str = "PCMA") -> None:
        """Ask the peer to send fax, or audio.

        :param codec: of audio, as SDP names it.
        """
        self._image, self._codec = image, codec
        self._feed(Input.ASK)

    def acknowledged(self, body: dict[str, Any]) -> None:
        """``requestModeAck``."""
        if body["sequenceNumber"] == self._number:
            self._feed(Input.ACK)

    def rejected(self, body: dict[str, Any]) -> None:
        """``requestModeReject``."""
        if body["sequenceNumber"] == self._number:
            self._feed(Input.REJECT)

    def unknown(self) -> None:
        """The peer does not know the request."""
        self._feed(Input.REJECT)

    def requested(self, body: dict[str, Any]) -> bool | None:
        """``requestMode`` of the peer: what it wants (`wanted`); what cannot be had at all is refused here."""
        self._theirs = body["sequenceNumber"]
        self.wanted = _read(body["requestedModes"])
        if self.wanted is None:
            cause = {"sequenceNumber": self._theirs, "cause": ("modeUnavailable", 0)}
            self._desk.send(("response", ("requestModeReject", cause)))
        return self.wanted

    def withdrawn(self) -> None:
        """``requestModeRelease``."""
        self.wanted = None

    def grant(self) -> None:
        """Do what the peer asks for."""
        if self.wanted is not None:
            self.wanted = None
            said = {"sequenceNumber": self._theirs, "response": ("willTransmitMostPreferredMode", 0)}
            self._desk.send(("response", ("requestModeAck", said)))

    def deny(self) -> None:
        """Do not."""
        if self.wanted is not None:
            self.wanted = None
            said = {"sequenceNumber": self._theirs, "cause": ("requestDenied", 0)}
            self._desk.send(("response", ("requestModeReject", said)))

    def _ask(self) -> None:
        self._number = (self._number + 1) % 256
        kind: tuple[str, Any] = ("dataMode", fax.mode()) if self._image else ("audioMode", _audio(self._codec))
        body = {"sequenceNumber": self._number, "requestedModes": [[{"type": kind}]]}
        self._after(self._settings.patience, Input.TIMEOUT)
        self._desk.send(("request", ("requestMode", body)))

    def _taken(self) -> None:
        self.stop()
        self._answered(True)

    def _refused(self) -> None:
        self.stop()
        self._answered(False)

    def _expired(self) -> None:
        self._desk.send(("indication", ("requestModeRelease", {})))
        self._refused()

    TABLE: ClassVar[Table] = {
        State.IDLE: {
            Input.ASK: (State.AWAITING, _ask),
        },
        State.AWAITING: {
            Input.ASK: (State.AWAITING, _ask),
            Input.ACK: (State.IDLE, _taken),
            Input.REJECT: (State.IDLE, _refused),
            Input.TIMEOUT: (State.IDLE, _expired),
        },
    }


def _audio(codec: str) -> tuple[str, Any]:
    """``AudioMode``."""
    if codec == "G723":
        return "g7231", ("noSilenceSuppressionHighRate", 0)
    return _AUDIO.get(codec, "g711Alaw64k"), 0


def _read(modes: list[list[dict[str, Any]]]) -> bool | None:
    """The first mode that we know: True = fax, False = audio."""
    for elements in modes[:_MOST_MODES]:
        for element in elements[:_MOST_MODES]:
            kind, body = element["type"]
            if kind == "dataMode" and fax.is_fax(body):
                return True
            if kind == "audioMode":
                return False
    return None
