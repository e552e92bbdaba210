"""System parameters of billing, queries, CDRs, security, alarms, accounts and reports (``SERVER_*``)."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import Parameter, endpoint, exact, mailbox, numbers, optional, switch, text, whole

_billing = partial(Parameter, "server.billing")
_query = partial(Parameter, "server.query")
_cdr = partial(Parameter, "server.cdr")
_security = partial(Parameter, "server.security")
_alarm = partial(Parameter, "server.alarm")
_account = partial(Parameter, "server.account")
_report = partial(Parameter, "server.report")

PARAMETERS: tuple[Parameter, ...] = (
    _billing(
        "SERVER_BILLING_FEE_PRECISTION",
        "4",
        whole(0, 7),
        "decimals",
        "Decimal places that fees are kept to; rates are stored exactly (the spelling PRECISTION is the real name)",
        aliases=("SERVER_BILLING_FEE_PRECISION",),
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_FEE_UNIT",
        "0.0001",
        exact("0.0000001", "1000"),
        "currency",
        (
            "Smallest amount a fee is rounded to after calculation, half up; a multiple of "
            "10^-SERVER_BILLING_FEE_PRECISTION (0.001 is usual in wholesale: 0.00456 becomes 0.005)"
        ),
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_FREE_TIME",
        "0",
        whole(0),
        "s",
        "Seconds subtracted from the call length before rating; length <= value is free; CDR keeps raw hold time",
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_HOLD_TIME_PRECISION",
        "50",
        whole(0, 999),
        "ms",
        (
            "Fraction of a second at or above which the length is rounded up to the next second (21.049 -> 21, "
            "21.050 -> 22)"
        ),
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME",
        "0",
        whole(0, 3600),
        "s",
        "Reserve: seconds of talk at the call's rate that must be affordable for a new call to be accepted",
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_FREE_E164S",
        "",
        numbers(),
        "",
        "Numbers never charged, comma list, prefix* allowed",
        aliases=("BILLING_FREE_E164S",),
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_NO_CDR_E164S",
        "",
        numbers(),
        "",
        "Numbers for which no CDR is written",
        aliases=("BILLING_NO_CDR_E164S",),
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_RECORD_ILLEGAL_CALL",
        "On",
        switch(),
        "",
        "Write CDRs for calls from unauthorised addresses",
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_RECORD_SERVER_HANG_UP",
        "On",
        switch(),
        "",
        "Write a CDR when the server ends the call",
        wired=True,
    ),
    _billing(
        "SERVER_BILLING_RECORD_ZERO_HOLD_TIME", "On", switch(), "", "Write CDRs for zero-length calls", wired=True
    ),
    _billing(
        "SERVER_BILLING_GATEWAY_ROUTE_PREFIX",
        "Off",
        switch(),
        "",
        (
            "Strip the gateway routing prefix before rate lookup: the rate is looked up for the callee without "
            "the prefix that was added or matched for the gateway"
        ),
        wired=True,
    ),
    _billing(
        "SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT",
        "None",
        optional(exact("-1000000000")),
        "currency",
        "A clearing account's balance must be above this for its routing gateways to be used; None = not checked",
        wired=True,
    ),
    _query("SERVER_QUERY_ONE_PAGE_SIZE", "10000", whole(1), "rows", "Rows per page in client queries"),
    _query("SERVER_QUERY_CDR_MAX_DAY_INTERVAL", "31", whole(1), "days", "Longest range of one CDR query"),
    _cdr(
        "SERVER_CDR_FILE_WRITE_INTERVAL", "60", whole(1), "s", "Interval at which a CDR text file is closed", wired=True
    ),
    _cdr("SERVER_CDR_FILE_WRITE_MAX", "2048", whole(1), "files", "CDR files kept", wired=True),
    _cdr(
        "SERVER_CDR_REAL_TIME_REPORT_SERVER",
        "",
        endpoint("udp"),
        "",
        "Extra target to which every CDR is pushed at once",
        wired=True,
    ),
    _cdr(
        "SERVER_MAX_CDR_PENDING_LIST_LENGTH",
        "100000",
        whole(1),
        "records",
        "Longest queue of CDRs waiting for the database: then there is an alarm, and VS_CDR_PENDING_POLICY begins",
        aliases=("SS_MAX_CDR_PENDING_LIST_LENGTH",),
        wired=True,
    ),
    _cdr(
        "SS_CDR_RECORD_TO_FILE",
        "Off",
        switch(),
        "",
        "Softswitch writes pipe-delimited CDR text files cdr/YYYYMMDDHH.txt, hourly",
        wired=True,
    ),
    _cdr("SS_CDR_RECORD_NONCONNECT", "Off", switch(), "", "Include not connected calls in that text file", wired=True),
    _cdr("EXTERNAL_SEND_CDR", "Off", switch(), "", "Interface: send CDR to external system"),
    _cdr("EXTERNAL_WEB_SEND_PHONE_ONLINE", "Off", switch(), "", "Interface: push phone on/offline (PhoneOnline page)"),
    _cdr(
        "SS_CDR_WRITE_INTERVAL",
        "1",
        whole(1, 60),
        "s",
        "Longest wait before pending CDRs are written to the database",
        wired=True,
    ),
    _cdr(
        "SS_CDR_BUFFER_SIZE", "1000", whole(1, 100000), "records", "Largest batch written to the database", wired=True
    ),
    _security("SERVER_PASSWORD_LENGTH", "8", whole(1), "chars", "Minimum password length"),
    _security(
        "SERVER_LOGIN_FAILED_DISABLE_TIME", "300", whole(0, 86400), "s", "Lock time after repeated failed client logins"
    ),
    _security(
        "SERVER_TERMINAL_ADDITIONAL_CHARACTERS",
        "",
        text(),
        "",
        "Extra characters in generated phone and gateway passwords",
    ),
    _alarm("SERVER_ALARM_EMAIL", "", mailbox(), "", "Alarm mail recipient"),
    _alarm("SERVER_ALARM_ENABLE_EMAIL", "Off", switch(), "", "Alarm mails"),
    _account(
        "SERVER_PAY_DELAY_CUSTOMER_EXPIRE_DAY",
        "365",
        whole(0, 36_500),
        "days",
        "Days added to account expiry on payment",
        wired=True,
    ),
    _report("SERVER_REPORT_CUSTOMER", "On", switch(), "", "Nightly report: account fees"),
    _report("SERVER_REPORT_CLEARING", "On", switch(), "", "Nightly report: clearing (vendor) fees"),
    _report("SERVER_REPORT_GATEWAY_MAPPING", "On", switch(), "", "Nightly report: mapping gateway fees and ASR/ACD"),
    _report("SERVER_REPORT_GATEWAY_ROUTING", "On", switch(), "", "Nightly report: routing gateway fees and ASR/ACD"),
    _report("SERVER_REPORT_PHONE", "On", switch(), "", "Nightly report: phone fees"),
    _report("SERVER_REPORT_AGENT", "On", switch(), "", "Nightly report: agent income"),
    _report("SERVER_REPORT_AREA", "On", switch(), "", "Nightly report: fees by area"),
)
