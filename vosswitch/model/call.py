"""What the rooms tell each other about one call: the question, the candidates, the outgoing leg, the media."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vosswitch.model.identity import NOBODY, Identity
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.session import SessionDescription
from vosswitch.model.values import Address, Level


class CallAttempt(NamedTuple):
    """A call whose account is known, as hooks and blacklists see it; immutable.

    :ivar caller: as billed (after the dial plans of the incoming side); likewise *callee*.
    :ivar subject: ``"mapping_gateway:NAME"`` or ``"phone:NUMBER"``.
    :ivar wall_ms: wall clock of the call's start, epoch milliseconds.
    """

    call_id: str
    caller: str
    callee: str
    caller_in: str
    callee_in: str
    account: str
    subject: str
    source: Address
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A refusal by a plugin.

    :ivar reason: an end reason of our own, such as ``"blacklisted"``.
    :ivar detail: one line for the decision record.
    """

    reason: str
    detail: str = ""


class Candidate(NamedTuple):
    """A routing gateway that matches, as routing strategies see it.

    :ivar prefix: the gateway prefix that matched, may be empty.
    :ivar price: vendor's price in units of 10^-7 of currency per minute; None when unknown.
    :ivar asr: percent, None when there is no value; likewise *acd* in seconds.
    :ivar lines: calls now on it; *line_limit* None = unlimited.
    :ivar calls_today: attempts of the server's current day.
    :ivar prefix_priority: of the prefix that matched.
    """

    gateway: str
    prefix: str
    priority: int
    weight: int
    price: int | None = None
    asr: float | None = None
    acd: float | None = None
    lines: int = 0
    line_limit: int | None = None
    calls_today: int = 0
    prefix_priority: int = 0


@dataclass(frozen=True, slots=True)
class LegTimers:
    """How long an outgoing leg waits, seconds (SS_SIP_TIMEOUT_* family and SS_SIP_RESEND_INTERVAL).

    :ivar authentication: how long it answers challenges of one request (SS_SIP_AUTHENTICATION_TIMEOUT), and how many
        of them: *authentications* (SS_SIP_AUTHENTICATION_RETRY).
    """

    invite: float = 10.0
    trying: float = 20.0
    progress: float = 20.0
    progress_session: float = 120.0
    ringing: float = 120.0
    resend: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
    authentication: float = 10.0
    authentications: int = 6


@dataclass(slots=True)
class Placement:
    """All that an outgoing leg needs to know; a value, not frozen only because one is made per attempt.

    :ivar target: where the request is sent: IP literal or host name, port (0 = by the name service), transport.
    :ivar local_address: the local IP to send from, with a port or not; None = the listener that fits the target.
    :ivar request_uri: a registered contact's whole URI; None = built from callee and target.
    :ivar username: for digest when the far side challenges; None = a challenge ends the attempt.
    :ivar realm: only this realm is answered; None = any.
    :ivar max_forwards: what the outgoing INVITE carries.
    :ivar early: without a session: the caller can answer the peer's offer before the call is answered.
    :ivar profile: how we speak with this peer.
    :ivar identity: who calls, as the caller's side asserted it (`Try.identity`), with the numbers as sent.
    :ivar privacy: whether the caller is hidden, as in `PeerProfile.privacy`, with the system's choice in place.
    :ivar headers: of the caller's INVITE, those that its gateway passes on (`Try.headers`).
    :ivar number_parameters: of the called number (`Try.number_parameters`).
    :ivar account: number of the account that pays: a private caller's passed headers do not tell it.
    :ivar route: Route values of the request, nearest hop first: a device's Path, or a registrar's Service-Route.
    :ivar contact: URI of a registered gateway: with the callee as its user it is To, and the Request-URI if there is
        no *request_uri*.
    :ivar registered: phone number or user name under which the peer has registered with us, "" = it has not.
    """

    call_id: str
    caller: str
    callee: str
    target: Address
    session: SessionDescription | None
    display: str = ""
    local_address: str | None = None
    request_uri: str | None = None
    username: str | None = None
    password: str | None = None
    realm: str | None = None
    max_forwards: int = 69
    early: bool = False
    timers: LegTimers = field(default_factory=LegTimers)
    profile: PeerProfile = PLAIN
    identity: Identity = NOBODY
    headers: tuple[tuple[str, str], ...] = ()
    account: str = ""
    number_parameters: tuple[tuple[str, str], ...] = ()
    privacy: str = "pass"
    route: tuple[str, ...] = ()
    contact: str = ""
    registered: str = ""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What one side sent into a relayed session: packets, bytes of RTP with header, packets lost on the way to us."""

    packets: int = 0
    octets: int = 0
    lost: int = 0
    address: str = ""


@dataclass(frozen=True, slots=True)
class MediaReport:
    """Both directions of a relayed session at its end."""

    caller: StreamReport = field(default_factory=StreamReport)
    callee: StreamReport = field(default_factory=StreamReport)


@dataclass(frozen=True, slots=True)
class Contact:
    """One registered device of a phone.

    :ivar uri: the Contact URI as registered.
    :ivar target: where requests go: the address that it gives, or behind NAT where its REGISTER came from (RFC 3581).
    :ivar local: the local address it registered on.
    :ivar expires: monotonic seconds.
    :ivar q: preference among the devices of a phone, 0 to 1.
    :ivar path: Route values that lead to it, nearest hop first (RFC 3327).
    """

    uri: str
    target: Address
    local: Address
    expires: float
    user_agent: str = ""
    q: float = 1.0
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves one user name.

    :ivar ha1: ``H(user:realm:password)`` in lower-case hex.
    :ivar algorithm: ``MD5`` or ``SHA-256``.
    """

    ha1: str
    algorithm: str


class NumberQuestion(NamedTuple):
    """What a number query is asked: whether a number is ported.

    :ivar number: as the dial plan of the question makes it.
    :ivar settings: the `vosswitch.accounts.portability.Portability` that asks.
    """

    number: str
    caller: str
    call_id: str
    settings: Any


LEVELS = tuple(Level)
