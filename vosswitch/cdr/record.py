"""The record of one finished call, as the journal's ``end`` carries it and the database keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Attempt:
    """One routing gateway that was tried.

    :ivar status: the final SIP status of the attempt, 0 when none came.
    :ivar reason: the end reason's name; ``"answered"`` for the one that connected.
    :ivar duration_ms: from its INVITE to its end (or its answer).
    :ivar redirects: where its 3xx have led, in order.
    :ivar pdd_ms: from its INVITE to the first ringing, progress or answer; None = there was none.
    :ivar prefix: of the gateway, that matched.
    :ivar cost_prefix: of the vendor's rate in force when it was tried; *price* is that, per minute, decimal text;
        "" = none.
    :ivar protocol: what it was spoken to with, "" = SIP.
    """

    gateway: str
    caller_out: str
    callee_out: str
    status: int = 0
    reason: str = ""
    duration_ms: int = 0
    pdd_ms: int | None = None
    redirects: list[str] = field(default_factory=list)
    prefix: str = ""
    cost_prefix: str = ""
    price: str = ""
    protocol: str = ""


@dataclass(slots=True)
class Charge:
    """Money that one account pays for the call: one ledger row, unique by (call, account).

    :ivar amount: units of 10^-7, positive = the balance goes down by it.
    :ivar kind: ``"call"`` (the customer's fee), ``"agent"`` (what an agent pays), ``"gift"`` and ``"limit"`` (out of a
        purse) or ``"cost"`` (on the vendor's clearing account).
    """

    account: str
    amount: int
    kind: str


@dataclass(slots=True)
class Cdr:
    """A finished call. Times are epoch milliseconds, money is units of 10^-7, empty text where nothing applies.

    :ivar flowno: the call id as a number (``call_id`` in APIs is its decimal text).
    :ivar day: ``YYYYMMDD`` of the call's start in the deployment's time zone: the day table.
    :ivar caller: as billed; *caller_in* as received; *caller_out* as sent; likewise for the callee.
    :ivar hold_time_ms: raw; *hold_time* whole seconds by SERVER_BILLING_HOLD_TIME_PRECISION.
    :ivar fee: what the account pays, *tax* contained; *cost* the vendor's, *cost_tax* contained.
    :ivar currency: of *fee*, ``""`` = the deployment's; *cost_currency* likewise.
    :ivar package: what gave *package_fee* (the worth of gifts, no part of *fee*) and *package_seconds*.
    :ivar agent_account: the agent right above the account, and what it pays: *agent_fee* with *agent_tax* contained.
    :ivar agents: all above it, the nearest first: account, name, fee, tax (decimal text), billed seconds and income of
        each, which is what the level below pays less its own fee.
    :ivar end_direction: 0 caller, 1 callee, 2 server.
    :ivar billing_mode: -1 none, 0 phone, 1 mapping gateway.
    :ivar caller_area: name of the caller's area, by the area data.
    :ivar media: packets, octets, lost and address per side, when the media was relayed.
    :ivar decision: the decision record, JSON-able.
    """

    flowno: int
    day: str
    start: int
    stop: int
    caller: str = ""
    callee: str = ""
    caller_in: str = ""
    callee_in: str = ""
    caller_out: str = ""
    callee_out: str = ""
    mapping_gateway: str = ""
    phone: str = ""
    routing_gateway: str = ""
    callee_phone: str = ""
    account: str = ""
    account_name: str = ""
    clearing_account: str = ""
    answer: int | None = None
    pdd_ms: int | None = None
    hold_time_ms: int = 0
    hold_time: int = 0
    billed_seconds: int = 0
    rate_group: str = ""
    rate_prefix: str = ""
    cost_prefix: str = ""
    level: int = 0
    fee: int = 0
    tax: int = 0
    cost: int = 0
    cost_tax: int = 0
    currency: str = ""
    cost_currency: str = ""
    package: str = ""
    package_fee: int = 0
    package_seconds: int = 0
    agent_account: str = ""
    agent_name: str = ""
    agent_fee: int = 0
    agent_tax: int = 0
    agent_billed_seconds: int = 0
    end_reason: str = "normal"
    code: int = 0
    end_direction: int = 2
    sip_status: int = 0
    sip_reason: str = ""
    caller_sip_call_id: str = ""
    callee_sip_call_id: str = ""
    caller_ip: str = ""
    callee_ip: str = ""
    caller_rtp: str = ""
    callee_rtp: str = ""
    caller_user_agent: str = ""
    callee_user_agent: str = ""
    caller_codec: str = ""
    callee_codec: str = ""
    media_proxied: bool = False
    billing_mode: int = -1
    caller_area: str = ""
    hidden: bool = False
    """Suppressed in day tables and sinks by a parameter; the journal has it all the same."""
    attempts: list[Attempt] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    agents: list[dict[str, Any]] | None = None
    media: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None
