"""Why an H.323 call ended: Q.850 causes and ReleaseCompleteReason to and from `vosswitch.model.causes`.

Before answer a cause stands for a SIP status and the other way round, by the tables of RFC 3398 as the vendors of
gateways have them (section 7.2.4.1 and 8.2.6.1 there); an operator may set single entries of both.  A cause that a
peer has told itself goes through unchanged (RFC 3326, RFC 6432).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vosswitch.model.causes import Cause, cause, from_q850, from_sip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_REASON = {  # H.225.0 7.2.2.8, table 5
    "noBandwidth": 34, "gatekeeperResources": 47, "unreachableDestination": 3, "destinationRejection": 16,
    "invalidRevision": 88, "noPermission": 111, "unreachableGatekeeper": 38, "gatewayResources": 42,
    "badFormatAddress": 28, "adaptiveBusy": 41, "inConf": 17, "undefinedReason": 31, "facilityCallDeflection": 16,
    "securityDenied": 31, "calledPartyNotRegistered": 20, "callerNotRegistered": 31, "newConnectionNeeded": 47,
    "nonStandardReason": 127, "replaceWithConferenceInvite": 31, "genericDataReason": 31,
    "neededFeatureNotSupported": 31, "tunnelledSignallingRejected": 127, "hopCountExceeded": 25,
}  # fmt: skip
_UNSPECIFIED = 31
_NO_USER, _NOT_REGISTERED = 18, "calledPartyNotRegistered"
_PAIRS = {(_NO_USER, _NOT_REGISTERED): 20}
"""Cause and reason together: what they stand for.  480 is cause 18 and cause 18 is 408 (RFC 3398): with this reason
it was 480, and is 480 again behind us."""
CLEARED = frozenset({16, _UNSPECIFIED})
"""Causes of who just hangs up."""

_TO_SIP = {
    1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502,
    28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488,
    70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip
_OTHER_STATUS = 500

_TO_Q850 = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    488: 31, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
}  # fmt: skip
_OTHER_CAUSE = {4: 127, 5: 41, 6: 21}
"""By the first digit of a status that the table does not have."""


class Tables(NamedTuple):
    """Both directions.

    :ivar to_sip: Q.850 cause -> SIP status 300-699 to pass to the caller.
    :ivar to_q850: SIP status -> Q.850 cause.
    """

    to_sip: Mapping[int, int] = _TO_SIP
    to_q850: Mapping[int, int] = _TO_Q850


USUAL = Tables()


def tables(to_sip: Iterable[tuple[int, int]] = (), to_q850: Iterable[tuple[int, int]] = ()) -> Tables:
    """The usual tables with entries of an operator's before them.

    :param to_sip: VS_H323_CAUSE_TO_SIP as pairs; *to_q850* VS_H323_SIP_TO_CAUSE.
    """
    return Tables(_TO_SIP | dict(to_sip), _TO_Q850 | dict(to_q850))


def value_of(cause: int, reason: str) -> int:
    """The Q.850 value of a ReleaseComplete: its Cause element, else what its reason stands for, else 31."""
    return cause or _OF_REASON.get(reason, _UNSPECIFIED)


def cause_of(q850: int, reason: str = "", tables: Tables = USUAL, answered: bool = False) -> Cause:
    """The cause of a ReleaseComplete of a peer.

    Before answer its code and status are the SIP status that it stands for; a normal clearing is one, too, since a
    caller has to be answered with something.

    :param q850: of the Cause element, 0 = there was none; *reason* ``ReleaseCompleteReason``, "" = none.
    :param answered: the call was up: its code is the Q.850 value, as it is for SIP.
    """
    value = value_of(q850, reason)
    if answered:
        return from_q850(q850 or (value if reason else 0))
    words = f"Q.850 cause {value}" + (f", {reason}" if reason else "")
    status = tables.to_sip.get(_PAIRS.get((value, reason), value), _OTHER_STATUS)
    return from_sip(status, words)._replace(status=status, q850=value, told=True)


def no_media(why: str) -> Cause:
    """Connect was said, and no channel has opened since: *why*, for people."""
    return cause("rtp_timeout")._replace(text=f"answered without media: {why}")


def q850_of(cause: Cause, tables: Tables = USUAL) -> int:
    """The Q.850 value to tell a peer: what was told by the other side, else that of its SIP status or reason."""
    if cause.told or cause.code < 300:
        return cause.q850 or _UNSPECIFIED
    if cause.code in tables.to_q850:
        return tables.to_q850[cause.code]
    return _OTHER_CAUSE.get(cause.code // 100, _UNSPECIFIED)


def reason_of(cause: Cause, value: int) -> str:
    """The ``ReleaseCompleteReason`` to tell beside the Q.850 *value*, where that is not enough; "" = none."""
    return _NOT_REGISTERED if (cause.code, value) == (480, _NO_USER) else ""
