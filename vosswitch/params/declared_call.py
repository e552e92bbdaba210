"""System parameters of media, traces, routing, system limits and dynamic blacklists."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import Parameter, choice, ip, octet, optional, port_range, switch, whole

_media = partial(Parameter, "ss.media")
_qos = partial(Parameter, "ss.qos")
_trace = partial(Parameter, "ss.trace")
_route = partial(Parameter, "ss.route")
_system = partial(Parameter, "ss.system")
_blacklist = partial(Parameter, "ss.blacklist")

PARAMETERS: tuple[Parameter, ...] = (
    _media(
        "SS_MEDIA_PROXY_MODE",
        "Auto",
        choice("Off", "On", "Auto", "Must On"),
        "",
        (
            "Media proxy where the gateways say auto. Auto decides in steps, first match wins: a side Must On: "
            "proxy; a side Off: none; a side On: proxy; callee local ring: proxy; dynamic registration with "
            "encryption: proxy; different networks and SS_MEDIA_PROXY_BETWEEN_NET: proxy; NAT "
            "(SS_MEDIA_PROXY_BEHIND_NAT): same NAT and SS_MEDIA_PROXY_SAME_NAT, or different NATs with one side "
            "private: proxy; else none"
        ),
        aliases=("SS_MEDIAPROXYMODE",),
        wired=True,
    ),
    _media(
        "SS_MEDIA_PROXY_BETWEEN_NET",
        "Off",
        switch(),
        "",
        "Auto mode: proxy when networks differ",
        aliases=("SS_MEDIAPROXYBETWEENNET",),
    ),
    _media(
        "SS_MEDIA_PROXY_BEHIND_NAT",
        "On",
        switch(),
        "",
        "Auto mode: proxy for NAT endpoints",
        aliases=("SS_MEDIAPROXYBEHINDNAT",),
    ),
    _media(
        "SS_MEDIA_PROXY_SAME_NAT",
        "Off",
        switch(),
        "",
        "Auto mode: proxy inside the same NAT",
        aliases=("SS_MEDIAPROXYSAMENAT",),
    ),
    _media(
        "SS_MEDIA_PROXY_PORT_RANGE",
        "10000,39999",
        port_range(),
        "port",
        (
            "RTP ports; a proxied call takes two RTP/RTCP pairs (four ports); overlaps the kernel's ephemeral "
            "range, so a taken port is skipped"
        ),
        aliases=("SS_RTP_PORT_RANGE",),
        wired=True,
    ),
    _media(
        "SS_MEDIA_CHECK_TIMEOUT",
        "60",
        whole(0, 3600),
        "s",
        "RTP silence that ends a call: seconds without RTP from a side that should send; 0 = never",
        wired=True,
    ),
    _media(
        "SS_RTP_EXTERNAL_IP",
        "",
        ip(),
        "",
        "Advertised media address where it differs from the local one (overrides the listen section)",
        wired=True,
    ),
    _qos("SS_QOS_SIGNAL", "0xa0", octet(), "", "ToS of signalling", wired=True),
    _qos("SS_QOS_RTP", "0xa0", octet(), "", "ToS of RTP", wired=True),
    _trace("SS_TRACE_FILE_LENGTH", "40960", whole(1), "KB", "Softswitch debug file size, two files rotate"),
    _trace("SS_TRACE_CALL_FILE_SIZE", "16", whole(16, 2048), "MB", "Call trace file size"),
    _trace("SS_TRACE_REGISTER_FILE_SIZE", "16", whole(16, 2048), "MB", "Registration trace file size"),
    _trace("SS_TRACE_MASK", "ERROR", choice("ERROR", "DEBUG"), "", "Debug level"),
    _trace("SS_TRACETOFILE", "On", switch(), "", "Write debug to file"),
    _route("SS_GATEWAY_ASR_CALCULATE", "Off", switch(), "", "Real-time ASR per gateway", wired=True),
    _route(
        "SS_GATEWAY_ASR_RESERVE_TIME",
        "600",
        whole(300, 86400),
        "s",
        "Window",
        aliases=("SS_GATEWAY_QUALITY_RESERVE_TIME",),
        wired=True,
    ),
    _route(
        "SS_GATEWAY_ASR_RESERVE_SEPARATE",
        "10",
        whole(5, 24),
        "segments",
        "Segments of the window; mean of segments",
        aliases=("SS_GATEWAY_QUALITY_RESERVE_SEPARATE",),
        wired=True,
    ),
    _route("SS_GATEWAY_ACD_CALCULATE", "Off", switch(), "", "Real-time ACD", wired=True),
    _route("SS_GATEWAY_ACD_RESERVE_TIME", "600", whole(300, 86400), "s", "Window", wired=True),
    _route("SS_GATEWAY_ACD_RESERVE_SEPARATE", "10", whole(5, 24), "segments", "Segments", wired=True),
    _route(
        "SS_GATEWAY_ASR_ROUTE_SORT_CONFIG",
        "Before line usage",
        choice("Before line usage", "Before gateway ID"),
        "",
        "Where ASR enters the sort",
        aliases=("SS_GATEWAYASRROUTESORTCONFIG",),
        wired=True,
    ),
    _route(
        "SS_GATEWAY_FEE_RATE_ROUTE_SORT_CONFIG",
        "Before line usage",
        choice("Before line usage", "Before gateway ID"),
        "",
        "Where lowest rate enters the sort",
        aliases=("SS_GATEWAYFEERATEROUTESORTCONFIG",),
        wired=True,
    ),
    _route("SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR", "Off", switch(), "", "Rate before ASR", wired=True),
    _route(
        "SS_GATEWAY_SWITCH_LIMIT",
        "None",
        optional(whole(1)),
        "attempts",
        "Attempts in all per call: 3 = three gateways tried, then stop; None = all",
        wired=True,
    ),
    _route("SS_GATEWAY_SWITCH_STOP_AFTER_RTP_START", "On", switch(), "", "Stop switching after RTP", wired=True),
    _route("SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", "On", switch(), "", "Stop switching on busy", wired=True),
    _route(
        "SS_GATEWAY_SWITCH_UNTIL_CONNECT", "Off", switch(), "", "Switch until answered (even after ringing)", wired=True
    ),
    _system("SS_MAX_CALL_DURATION", "None", optional(whole(1)), "s", "Global longest call", wired=True),
    _system(
        "SS_MAX_CPS",
        "None",
        optional(whole(0)),
        "cps",
        "New calls per second of the whole system; None = unlimited",
        wired=True,
    ),
    _system(
        "SS_MAX_CONCURRENT_CALLS",
        "None",
        optional(whole(0)),
        "calls",
        "Calls at the same time of the whole system; None = unlimited",
        wired=True,
    ),
    _system(
        "SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY",
        "Off",
        switch(),
        "",
        "Offline called phone is tried on routing gateways",
        wired=True,
    ),
    _system(
        "SS_ACCOUNT_INDICATION_METHOD",
        "Off",
        choice("Off", "balance", "duration"),
        "",
        "Remaining money or minutes announcement",
    ),
    _blacklist(
        "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_CHECK_INTERVAL",
        "60",
        whole(0, 86400),
        "s",
        "Malicious caller dynamic blacklist: monitoring cycle",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_EXPIRE",
        "3600",
        whole(0, 86400),
        "s",
        "Malicious caller dynamic blacklist: block time",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_CALLER_MALICIOUS_CALL_LIMIT",
        "0",
        whole(0, 1000000),
        "calls",
        "Malicious caller dynamic blacklist: calls per cycle that trigger; 0 = off",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_NO_ANSWER_LIMIT",
        "0",
        whole(0, 1000000),
        "calls",
        "Unanswered calls to one callee per check interval that block it; 0 = off",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_NO_ANSWER_CHECK_INTERVAL",
        "600",
        whole(0, 86400),
        "s",
        "Window of the count of SS_BLACK_LIST_NO_ANSWER_LIMIT",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_NO_ANSWER_EXPIRE",
        "3600",
        whole(0, 86400),
        "s",
        "Block time of a callee that does not answer",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT",
        "0",
        whole(0, 1000000),
        "calls",
        "Simultaneous calls of one caller number that block it; 0 = off",
        wired=True,
    ),
    _blacklist(
        "SS_BLACK_LIST_CALLER_CONCURRENT_EXPIRE",
        "3600",
        whole(0, 86400),
        "s",
        "Block time of a caller with too many calls at once",
        wired=True,
    ),
)
