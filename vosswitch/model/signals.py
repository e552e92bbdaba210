"""The neutral vocabulary between a call and its legs, whatever protocol a leg speaks.

The same words go both ways: what one leg reports, the call tells the other one.  Signals are immutable and hold
plain values only, so that a leg may live in another process.
"""

from __future__ import annotations

from dataclasses import dataclass

from vosswitch.model.causes import Cause
from vosswitch.model.identity import NOBODY, Identity
from vosswitch.model.session import SessionDescription
from vosswitch.model.values import Address

Headers = tuple[tuple[str, str], ...]
"""Header names in lower case with their values."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """An answered leg, named by what its peer knows of it (RFC 3891).

    :ivar to_tag: our tag as a rule, *from_tag* the peer's.
    :ivar early_only: only one that is not answered is meant.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


@dataclass(slots=True)
class Try:
    """A new call as it came in, before any decision; a value, not frozen only because one is made per call.

    :ivar caller: number as received (user part of From, or of what its gateway is set to), may be empty.
    :ivar callee: number as received, unescaped: the user part of the Request-URI, or what *callee_source* names.
    :ivar number_parameters: of the called number, those that its gateway passes on.
    :ivar callee_source: where it was read, as in `PeerProfile.callee_source`.
    :ivar user: the name the caller has proved by digest; None when the source address has to speak for it.
    :ivar source: where it came from, as the socket saw it.
    :ivar local: the local address it came in on.
    :ivar peer_call_id: the peer's own Call-ID, shown in records and never used as a key.
    :ivar session: the offer; None when the caller wants the offer in the answer (late offer).
    :ivar early: the caller can answer an offer before the call is answered (SIP: reliable provisional responses).
    :ivar identity: what else is known of the caller, by the rules of its gateway.
    :ivar headers: other headers (name in lower case, value) that its gateway passes on.
    :ivar timer: refreshes keep the session with the caller alive (RFC 4028), so that a dead one is noticed.
    :ivar replaces: the caller takes the place of this leg in its call (RFC 3891).
    """

    caller: str
    callee: str
    source: Address
    local: Address
    peer_call_id: str
    display: str = ""
    user: str | None = None
    user_agent: str = ""
    max_forwards: int = 70
    session: SessionDescription | None = None
    identity: Identity = NOBODY
    headers: Headers = ()
    callee_source: str = "request_uri"
    number_parameters: Headers = ()
    timer: bool = False
    replaces: Replaces | None = None
    early: bool = False


@dataclass(frozen=True, slots=True)
class Proceed:
    """The far side is working on it (100 Trying, CallProceeding)."""


@dataclass(frozen=True, slots=True)
class Ring:
    """The far side is ringing (180, Alerting), with early media when *session* is there.

    :ivar identity: who is called, as his side asserts it; *headers* that his gateway passes on.
    """

    session: SessionDescription | None = None
    identity: Identity = NOBODY
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Call progress (183), with early media when *session* is there.

    :ivar identity: who is called, as his side asserts it; *headers* that his gateway passes on.
    """

    session: SessionDescription | None = None
    identity: Identity = NOBODY
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The far side answered (200 to INVITE, Connect).

    :ivar session: the answer, or the offer when the call began without one; None when an earlier 183 held it already.
    :ivar identity: who answered, as his side asserts it; *headers* that his gateway passes on.
    """

    session: SessionDescription | None = None
    identity: Identity = NOBODY
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Confirm:
    """The side that had asked took the answer (ACK); *session* is its answer to a late offer."""

    session: SessionDescription | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A change of the session of an answered call (re-INVITE); *session* None asks the far side to offer."""

    session: SessionDescription | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """The far side takes the last `Offer`; *session* is its answer (or its offer when none was made)."""

    session: SessionDescription | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """The far side does not take the last `Offer`; the session stays as it was.

    :ivar status: SIP status, such as 488 or 491.
    """

    status: int


@dataclass(frozen=True, slots=True)
class Digit:
    """One DTMF digit signalled outside the media.

    :ivar duration: milliseconds.
    """

    digit: str
    duration: int = 160


@dataclass(frozen=True, slots=True)
class Located:
    """Where this side's media is, which its last description could not tell yet; nothing else has changed.

    For the relay only: the far side hears nothing of it (H.323: the address comes with the logical channel).
    """

    session: SessionDescription


@dataclass(frozen=True, slots=True)
class Redirected:
    """The attempt goes on elsewhere: its vendor has named another place (SIP: a 3xx that is followed).

    :ivar number: the called number as sent there.
    :ivar uri: for people.
    """

    target: Address
    number: str
    uri: str


@dataclass(frozen=True, slots=True)
class Release:
    """This side is gone or has to go: refusal, CANCEL, BYE, timeout.

    :ivar headers: of the peer's refusal or BYE, those that its gateway passes on.
    """

    cause: Cause
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """This side wants the other one to be connected with somebody else (REFER), while its own leg goes.

    :ivar number: whom, as dialled by this side.
    :ivar replaces: an answered call whose far side is meant instead (attended transfer).
    """

    number: str
    replaces: Replaces | None = None


@dataclass(frozen=True, slots=True)
class Transferred:
    """How far the `Transfer` that this side has asked for is.

    :ivar status: SIP status of the new call: below 200 it is coming, 2xx done, above it has failed.
    """

    status: int


@dataclass(frozen=True, slots=True)
class Carry:
    """A request that concerns only the two peers (INFO, MESSAGE, an unknown method, a REFER that is passed on).

    :ivar number: names it in its `Carried`.
    :ivar kind: content type of *body*.
    :ivar headers: the few that go along, name and value; *passed* those that its gateway passes on.
    """

    number: int
    method: str
    body: bytes = b""
    kind: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    passed: Headers = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """The far side's answer to a `Carry`."""

    number: int
    status: int


Signal = (
    Try
    | Proceed
    | Ring
    | Progress
    | Answer
    | Confirm
    | Offer
    | Accept
    | Refuse
    | Digit
    | Located
    | Redirected
    | Release
    | Transfer
    | Transferred
    | Carry
    | Carried
)
