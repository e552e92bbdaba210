"""Our own system parameters (``VS_*``)."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import (
    Parameter,
    card_accesses,
    choice,
    currency,
    exact,
    least_profit,
    most_rate,
    optional,
    seconds,
    switch,
    text,
    whole,
)

_own = partial(Parameter, "vs")

PARAMETERS: tuple[Parameter, ...] = (
    _own(
        "VS_AREA_TABLE",
        "",
        text(),
        "",
        "Number table of kind area: names, and time zones, of the areas of callers and called numbers; empty = none",
        wired=True,
    ),
    _own(
        "VS_MOBILE_TABLE",
        "",
        text(),
        "",
        "Number table of kind area with the areas of mobile numbers, by the beginning of the number; empty = none",
        wired=True,
    ),
    _own(
        "VS_CARD_ACCESS",
        "",
        card_accesses(),
        "",
        (
            "Access numbers of phone cards with the length of the PIN, such as 0900123:10, for phones and for mapping "
            "gateways without card_access: access number, PIN, * or # or nothing, called number"
        ),
        wired=True,
    ),
    _own(
        "VS_CARD_PIN_TRIES",
        "5",
        whole(1, 1000),
        "",
        "Wrong PINs within VS_CARD_PIN_WINDOW after which a caller (calling number at an address) is put off",
        wired=True,
    ),
    _own(
        "VS_CARD_SOURCE_TRIES",
        "100",
        whole(1, 1000000),
        "",
        "Wrong PINs within VS_CARD_PIN_WINDOW after which card calls of a whole source address are put off",
        wired=True,
    ),
    _own("VS_CARD_PIN_WINDOW", "600", whole(1, 86400), "s", "Time over which wrong PINs are counted", wired=True),
    _own(
        "VS_CARD_BLOCK_TIME",
        "900",
        whole(0, 86400),
        "s",
        "How long card calls are put off after too many wrong PINs; 0 = never",
        wired=True,
    ),
    _own(
        "VS_DRAIN_SECONDS",
        "0",
        whole(0, 86400),
        "s",
        "How long running calls may finish when the switch stops",
        wired=True,
    ),
    _own(
        "VS_CDR_PENDING_POLICY",
        "go on",
        choice("go on", "prepaid", "refuse"),
        "",
        (
            "New calls while SERVER_MAX_CDR_PENDING_LIST_LENGTH records and more wait for the database, until half of "
            "them are written: go on, prepaid (only those that are paid out of reservations) or refuse (503)"
        ),
        wired=True,
    ),
    _own(
        "VS_JOURNAL_SYNC_ANSWER",
        "Off",
        switch(),
        "",
        "Hold the 200 to the caller until its answer record is on disk",
        wired=True,
    ),
    _own(
        "VS_DIGEST_ALGORITHMS",
        "MD5,SHA-256",
        choice("MD5,SHA-256", "SHA-256,MD5", "SHA-256", "MD5"),
        "",
        (
            "Challenges to callers in their order: many devices read only the first one and know only MD5; "
            "RFC 8760 wants the better one first"
        ),
        wired=True,
    ),
    _own(
        "VS_DIGEST_MD5_AGENTS",
        "baresip v0,baresip v1,baresip v2,JsSIP",
        text(),
        "",
        "Beginnings of User-Agent values, separated by commas, of devices that fail on any challenge other than MD5",
        wired=True,
    ),
    _own(
        "VS_JOURNAL_SYNC_INTERVAL",
        "50",
        whole(1, 10000),
        "ms",
        "Longest time a journal record waits for its sync",
        wired=True,
    ),
    _own(
        "VS_LEAST_PROFIT",
        "0",
        least_profit(),
        "",
        "What is left of a call at least, where gateway and account say nothing: 5% of its cost, 0.002 a minute, none",
        wired=True,
    ),
    _own(
        "VS_MOST_RATE",
        "none",
        most_rate(),
        "",
        "Vendors whose price of a minute is above it are not used, where gateway and account say nothing",
        wired=True,
    ),
    _own(
        "VS_PROFIT_DURATION",
        "60",
        whole(1, 86400),
        "s",
        "Length of a call for which its profit is reckoned where the ACD to its destination is not known",
        wired=True,
    ),
    _own(
        "VS_RATE_MARGIN",
        "0",
        exact("0", "100"),
        "%",
        "Vendors' prices that are not dearer than the cheapest of them by more than this are equal for the order",
        wired=True,
    ),
    _own(
        "VS_REGISTERED_TRUNKS_ONLY",
        "Off",
        switch(),
        "",
        "Calls go to a routing gateway with register = true only while our registration with it is up",
        wired=True,
    ),
    _own(
        "VS_LOCKED_CALLS",
        "none",
        choice("none", "operator", "all"),
        "",
        (
            "Running calls that end when their account, or an agent above it, is locked: none (they go on within their "
            "funded time), those locked by an operator or a fraud rule, or all"
        ),
        wired=True,
    ),
    _own(
        "VS_RESERVE_SLICE",
        "60",
        seconds(1),
        "s",
        "Talk time by which the reservation of a prepaid call grows",
        wired=True,
    ),
    _own(
        "VS_WHEN_MONEY_ENDS",
        "cut",
        choice("cut", "refuse"),
        "",
        (
            "When the money of an account with anti_overdraft has ended: cut its calls at that moment, or let them go "
            "on beyond its limit and refuse new ones only"
        ),
        wired=True,
    ),
    _own(
        "VS_MEDIA_REPORT_DEADLINE",
        "500",
        whole(0, 60000),
        "ms",
        "Longest wait of a CDR for the media counts of its call",
        wired=True,
    ),
    _own(
        "VS_PHONE_TRANSFERS",
        "Off",
        switch(),
        "",
        "Whether phones may transfer calls (REFER), inside the switch; gateways have a setting of their own",
        wired=True,
    ),
    _own(
        "VS_OVERLOAD_DELAY",
        "200",
        whole(0, 10000),
        "ms",
        "New INVITEs and REGISTERs that wait longer for their turn are refused with 503; 0 = never",
        wired=True,
    ),
    _own(
        "VS_SOURCE_CPS",
        "None",
        optional(whole(1, 1_000_000)),
        "cps",
        "New INVITEs and REGISTERs per second of one source address (IPv6: /64 network); more are refused with 503",
        wired=True,
    ),
    _own(
        "VS_EMERGENCY_CHARGE",
        "free",
        choice("free", "rate"),
        "",
        "Calls to numbers of an emergency group: free, or at the rate whatever the account has",
        wired=True,
    ),
    _own(
        "VS_LIMITS_SHARED",
        "divided",
        choice("divided", "local"),
        "",
        "Limits where several nodes share a database: each has its part of them, or each the whole for itself",
        wired=True,
    ),
    _own(
        "VS_CONNECTIONS_PER_SOURCE",
        "500",
        whole(1, 100_000),
        "",
        "TCP, TLS and WebSocket connections of one IPv4 address or IPv6 /64; never more than half of all",
        wired=True,
    ),
    _own(
        "VS_GATEWAY_QUALITY_DIGITS",
        "0",
        whole(0, 15),
        "digits",
        "Destinations of quality figures are the gateway's prefix, or so many digits of the called number if more",
        wired=True,
    ),
    _own(
        "VS_ROUTING_TIME",
        "None",
        optional(seconds(1, 3600)),
        "s",
        "From the call's start: no gateway is tried after it, and one that has not even rung then is given up",
        wired=True,
    ),
    _own(
        "VS_GATEWAY_BACK_OFF",
        "30",
        seconds(0),
        "s",
        "A gateway that does not answer calls is put aside for so long, then twice as long, up to 16 times; 0 = never",
        wired=True,
    ),
    _own(
        "VS_DECISION_RECORD",
        "all",
        choice("all", "failed", "none"),
        "",
        "Which calls keep in their record how they were decided: all, those that were refused or not answered, or none",
        wired=True,
    ),
    _own(
        "VS_RATE_HISTORY_DAYS",
        "7",
        whole(0, 3650),
        "d",
        "How long the rates that a price list has replaced are kept, for simulations of a former configuration",
        wired=True,
    ),
    _own(
        "VS_CURRENCY",
        "",
        currency(),
        "",
        "The deployment's currency, such as EUR, that of accounts and price lists which name none; empty = no name",
        wired=True,
    ),
)
