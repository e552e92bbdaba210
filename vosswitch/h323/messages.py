"""The messages of H.225.0 call signalling as plain values: what legs see instead of octets and ASN.1.

`vosswitch.h323.h225` reads and writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vosswitch.h323.elements import GATEWAY_BEARER, NO_PARTY, Party
from vosswitch.h323.versions import H225_VERSION

if TYPE_CHECKING:
    from vosswitch.model.values import Address

Aliases = tuple[tuple[str, str], ...]
"""(kind, text): ``dialledDigits``, ``h323-ID``, ``email-ID``, ``url-ID``, ``partyNumber``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What every message has.

    :ivar reference: call reference value, 15 bits.
    :ivar call_identifier: 16 octets, the same for all legs and registrations of a call; None = not told.
    :ivar h245_address: where its sender waits for the H.245 connection.
    :ivar fast_start: decoded ``OpenLogicalChannel`` values (see `vosswitch.h323.per`); None = there are none.
    :ivar fast_connect_refused: its sender will not answer the fast start.
    :ivar tunnelling: H.245 messages may be in call signalling.
    :ivar tells_tunnelling: the message has that flag at all; one without it ends no tunnelling.
    :ivar control: decoded tunnelled H.245 messages, in order.
    :ivar display: name of its sender, or words for people.
    :ivar protocol: version of H.225.0 that its sender speaks, 0 = not told.
    """

    reference: int
    call_identifier: bytes | None = None
    h245_address: Address | None = None
    fast_start: tuple[dict[str, Any], ...] | None = None
    fast_connect_refused: bool = False
    tunnelling: bool = False
    tells_tunnelling: bool = True
    control: tuple[tuple[Any, ...], ...] = ()
    display: str = ""
    protocol: int = H225_VERSION[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described(Message):
    """A message whose sender says what it is.

    :ivar vendor: product and version, for people; we always write ours.
    :ivar gateway: it is a gateway, and no terminal.
    :ivar multiple_calls: several calls may go by the connection; *maintain_connection* it may stay when the last call
        on it is over (H.225.0 7.3).
    """

    vendor: str = field(default="", compare=False)
    gateway: bool = True
    multiple_calls: bool = False
    maintain_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup(Described):
    """A new call.

    :ivar caller: the Calling Party Number; presentation and screening are those of the UUIE when it has none.
    :ivar callee: the Called Party Number.
    :ivar source_aliases: who calls; *destination_aliases* who is called.
    :ivar source_address: the caller's call signalling address, as it says; *destination_address* the callee's.
    :ivar redirecting: who has diverted the call to here.
    :ivar bearer: content of the Bearer Capability element.
    :ivar wait_for_connect: the caller sends no media before Connect.
    :ivar can_overlap: the caller can send more digits later; *complete* = it says that there are no more.
    :ivar endpoint_identifier: what its gatekeeper has given it, "" = not told.
    :ivar tokens: ``ClearToken`` values, which a gatekeeper's ACF gives for the Setup.
    """

    caller: Party = NO_PARTY
    callee: Party = NO_PARTY
    source_aliases: Aliases = ()
    destination_aliases: Aliases = ()
    source_address: Address | None = None
    destination_address: Address | None = None
    redirecting: Party | None = None
    conference_id: bytes = bytes(16)
    bearer: bytes = GATEWAY_BEARER
    wait_for_connect: bool = False
    can_overlap: bool = False
    complete: bool = False
    endpoint_identifier: str = ""
    tokens: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallProceeding(Described):
    """The called side is working on it.

    :ivar in_band: there are tones or announcements in the media.
    """

    in_band: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting(Described):
    """The called side is ringing.

    :ivar in_band: there are tones or announcements in the media.
    :ivar party: who is called, as his side says.
    """

    in_band: bool = False
    party: Party = NO_PARTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Described):
    """Call progress.

    :ivar in_band: there are tones or announcements in the media.
    :ivar cause: Q.850 value of the failure that is being announced, 0 = none.
    """

    in_band: bool = False
    cause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect(Described):
    """The called side has answered.

    :ivar in_band: there are tones or announcements in the media.
    :ivar party: who answered.
    """

    conference_id: bytes = bytes(16)
    in_band: bool = False
    party: Party = NO_PARTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility(Message):
    """Carries tunnelled H.245, asks for an H.245 connection, sends the call elsewhere.

    :ivar reason: such as ``startH245``, ``transportedInformation``, ``callForwarded``; "" with an empty body.
    :ivar empty_body: the UUIE's body is ``empty``: the other of the two styles that carry tunnelled H.245.
    :ivar alternative_address: where the call shall go instead; *alternative_aliases* to whom.
    """

    reason: str = "transportedInformation"
    empty_body: bool = False
    alternative_address: Address | None = None
    alternative_aliases: Aliases = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseComplete(Message):
    """The call is over.

    :ivar cause: Q.850 value, 0 = none.
    :ivar reason: ``ReleaseCompleteReason``, "" = none.
    """

    cause: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Information(Message):
    """Digits: DTMF (keypad), or more of the called number.

    :ivar callee: of overlap sending.
    """

    keypad: str = ""
    callee: Party = NO_PARTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Message):
    """Any other message.

    :ivar name: such as ``Status``, ``StatusInquiry``, ``SetupAcknowledge``, ``Notify``; of one that Q.931 as used here
        does not have ``message 0x45``, which cannot be written.
    :ivar cause: Q.850 value, 0 = none; *state* the call state of a Status (Q.931 4.5.7), None = not told.
    """

    name: str
    cause: int = 0
    state: int | None = None
