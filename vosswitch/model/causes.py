"""End reasons: why a call or an attempt ended, with stable names and codes, and their SIP and Q.850 mapping.

Names and codes never change meaning.  A positive code is the SIP status or the Q.850 cause as received from a
peer, a negative one is this table's own number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class EndReason:
    """One row of the table.

    :ivar code: the stable number; None when the code is the status as received.
    :ivar sip: what the caller gets; None when the status goes through as received; 0 when it is a BYE.
    :ivar q850: the Q.850 cause value.
    :ivar switch: whether the next routing gateway is tried after it; None where it cannot end an attempt.
    :ivar text: shown to people.
    """

    name: str
    code: int | None
    text: str
    sip: int | None
    q850: int
    switch: bool | None = None


_ROWS = (
    EndReason("normal", 0, "Normal release", 0, 16),
    EndReason("caller_abandoned", -1, "Caller gave up before answer", 487, 16),
    EndReason("busy", None, "User busy", 486, 17, switch=False),
    EndReason("no_answer", -2, "No answer: ringing or 183-with-SDP timer ran out", 480, 19, switch=False),
    EndReason("rejected", None, "Call rejected by the called side", None, 21, switch=True),
    EndReason("not_found", None, "Number does not exist", 404, 1, switch=False),
    EndReason("response_timeout", -3, "Something provisional came, then nothing in time", 408, 102, switch=True),
    EndReason("connection_timeout", -4, "Nothing came back at all, or the transport failed", 408, 102, switch=True),
    EndReason("service_unavailable", None, "The gateway answered 503 / congestion", 503, 34, switch=True),
    EndReason("server_failure", None, "Other 5xx or 6xx of the gateway", None, 41, switch=True),
    EndReason("client_error", None, "Other 4xx of the gateway", None, 127, switch=False),
    EndReason("codec_mismatch", -5, "No common codec", 488, 65, switch=True),
    EndReason("unauthorized", -6, "Illegal call: source unknown", 403, 21),
    EndReason("authentication_failed", -7, "Wrong credentials; suspended after retries", 403, 21),
    EndReason("not_registered", -8, "Caller device not registered", 403, 21),
    EndReason("callee_offline", -9, "Called phone not online, no other way", 480, 20),
    EndReason("account_locked", -10, "Account, gateway or phone locked", 403, 21),
    EndReason("account_expired", -11, "Account past its expiry", 403, 21),
    EndReason("insufficient_balance", -12, "Balance plus overdraft limit does not cover the call", 403, 21),
    EndReason("balance_exhausted", -13, "Call cut at the end of the funded time", 0, 16),
    EndReason("no_rate", -14, "No rate for this number", 403, 21),
    EndReason("level_not_allowed", -15, "Caller may not make this kind of call", 403, 55),
    EndReason("caller_restricted", -16, "Caller number refused by list, length, section or area", 403, 55),
    EndReason("callee_restricted", -17, "Called number refused by list, length, section or area", 403, 55),
    EndReason("blacklisted", -18, "Number on a static or dynamic blacklist", 403, 21),
    EndReason("empty_callee", -19, "Number empty or not dialable after transformation", 484, 28),
    EndReason("no_route", -20, "No routing gateway has the prefix, or the calendar excludes all", 503, 3),
    EndReason("all_gateways_busy", -21, "Gateways match, but line or CPS limits are reached", 503, 34),
    EndReason("profit_restricted", -22, "Every route costs more than the margin rule allows", 503, 21),
    EndReason("clearing_restricted", -23, "Vendor account's balance below its minimum", 503, 21),
    EndReason("line_limit", -24, "Lines of the caller's account, gateway or the system are full", 503, 34),
    EndReason("cps_limit", -25, "Calls per second of the caller's account, gateway or the system", 503, 34),
    EndReason("overload", -26, "The switch sheds load", 503, 42),
    EndReason("session_timeout", -27, "Session refresh failed or ended", 0, 102),
    EndReason("no_timer_limit", -28, "Longest call of a caller without session timer", 0, 102),
    EndReason("max_duration", -29, "Longest call (system, gateway or account)", 0, 102),
    EndReason("rtp_timeout", -30, "No media", 0, 102, switch=True),
    EndReason("operator_release", -31, "Disconnected by an operator", 0, 16),
    EndReason("switch_restart", -32, "The switch stopped while the call was up", 0, 41),
    EndReason("loop_detected", -33, "Max-Forwards ran out or the call came back", 482, 25),
    EndReason("protocol_error", -34, "A message of the peer could not be used", 400, 111, switch=True),
    EndReason("lrn_failed", -35, "Number query failed and the policy refuses", 503, 21),
    EndReason("verification_failed", -36, "Caller verification refused the call", 438, 21),
    EndReason("degraded", -37, "Refused by the degraded-mode policy (database away, journal full)", 503, 41),
    EndReason("fraud_blocked", -38, "A fraud rule blocks the account or destination", 403, 21),
)

END_REASONS: dict[str, EndReason] = {row.name: row for row in _ROWS}


class Cause(NamedTuple):
    """Why something ended.

    :ivar reason: a name of `END_REASONS`.
    :ivar code: the code of the record (see `EndReason.code`).
    :ivar status: the SIP status to pass to the caller before answer; 0 after answer (a BYE).
    :ivar q850: the Q.850 cause value.
    :ivar text: the peer's words or the table's, for people.
    :ivar sip: a SIP status that came as a reason (RFC 3326), such as 200 = taken elsewhere; 0 = none.
    :ivar told: *q850* is what a peer said, not what a table has for its status.
    """

    reason: str
    code: int
    status: int
    q850: int
    text: str = ""
    sip: int = 0
    told: bool = False

    @property
    def answerable(self) -> int:
        """A final SIP status to send before answer, for every cause (480 where the table says BYE)."""
        return self.status or _BEFORE_ANSWER.get(self.reason, 480)


_BEFORE_ANSWER = {"switch_restart": 503, "operator_release": 480}


def cause(reason: str) -> Cause:
    """The cause of an end reason of our own (one whose code the table fixes).

    :raises KeyError: no such reason, or one that needs the status as received: use `from_sip`.
    """
    return _OWN[reason]


def recorded(reason: str, status: int | None) -> Cause:
    """The cause of an attempt of a record: its end reason and its final SIP status, 0 or None = it had none."""
    row = END_REASONS.get(reason) or END_REASONS["server_failure"]
    code = row.code if row.code is not None else status or 500
    return Cause(row.name, code, row.sip if row.sip is not None else code, row.q850)


_OWN = {row.name: Cause(row.name, row.code, row.sip or 0, row.q850, row.text) for row in _ROWS if row.code is not None}

_FIXED = {
    400: "client_error",
    403: "rejected",
    404: "not_found",
    408: "client_error",
    410: "not_found",
    486: "busy",
    488: "codec_mismatch",
    503: "service_unavailable",
    600: "busy",
    603: "rejected",
    604: "rejected",
    606: "rejected",
}

_Q850_OF_STATUS = {  # RFC 3398 section 8.2.6.1
    400: 127, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
    488: 65, 500: 41, 501: 79, 502: 38, 503: 34, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 65,
}  # fmt: skip


_OF_THE_LEG = (420, 421, 422)
"""Refusals of the extensions that we want with a peer, or do not (Require, session interval): not of the callee."""


def from_sip(status: int, text: str = "") -> Cause:
    """The cause of a final SIP response 400-699 as received; its code is the status itself.

    488 keeps the status as received but is a `codec_mismatch`; statuses that the caller may not see raw go through
    the table (a vendor's 401 or 407 becomes 403, its 420, 421 or 422 becomes 500).
    """
    if status in _FIXED:
        reason = _FIXED[status]
    elif status < 500:
        reason = "client_error"
    else:
        reason = "server_failure"
    row = END_REASONS[reason]
    shown = row.sip if row.sip is not None else status
    if status in (401, 407):
        shown = 403
    elif status in _OF_THE_LEG:
        shown = 500  # what it names was between that peer and us
    return Cause(reason, status, shown, _Q850_OF_STATUS.get(status, row.q850), text or row.text)


_NORMAL_Q850 = frozenset({0, 16, 31})
_OF_Q850 = {1: "not_found", 17: "busy", 21: "rejected", 22: "not_found", 65: "codec_mismatch", 88: "codec_mismatch"}


def from_q850(value: int, text: str = "") -> Cause:
    """The cause of an answered call that a peer released with a Q.850 cause, which is its code as received.

    :param value: 0 = none was given: a normal release, as are 16 and 31.
    """
    if value in _NORMAL_Q850:
        return _OWN["normal"]._replace(q850=value or 16, text=text)
    if 34 <= value <= 47:
        reason = "service_unavailable"
    else:
        reason = _OF_Q850.get(value, "client_error" if value < 32 else "server_failure")
    return Cause(reason, value, 0, value, text or END_REASONS[reason].text)


def switches(reached: Cause) -> bool:
    """Whether the next routing gateway is tried after an attempt that ended so (before parameters and lists)."""
    row = END_REASONS[reached.reason]
    if reached.code <= 0:
        return bool(row.switch)
    if reached.code < 500:
        return reached.code in (408, 488) or reached.code in _OF_THE_LEG
    return reached.code != 600
