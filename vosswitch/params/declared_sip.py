"""System parameters of signalling: SIP, endpoints and H.323."""

from __future__ import annotations

from functools import partial

from vosswitch.params.kinds import (
    Parameter,
    choice,
    coded,
    intervals,
    optional,
    port_range,
    seconds,
    switch,
    text,
    whole,
)

_sip_session = partial(Parameter, "ss.sip.session")
_sip_nat = partial(Parameter, "ss.sip.nat")
_sip_timeout = partial(Parameter, "ss.sip.timeout")
_sip_auth = partial(Parameter, "ss.sip.auth")
_sip_ua = partial(Parameter, "ss.sip.ua")
_endpoint = partial(Parameter, "ss.endpoint")
_h323 = partial(Parameter, "ss.h323")

PARAMETERS: tuple[Parameter, ...] = (
    _sip_session(
        "SS_SIP_SESSION_TTL",
        "600",
        whole(60, 86400),
        "s",
        "Session-Expires value; refresh every TTL/segment",
        wired=True,
    ),
    _sip_session(
        "SS_SIP_SESSION_UPDATE_SEGMENT", "2", whole(2, 10), "divisor", "Refresh interval = TTL / segment", wired=True
    ),
    _sip_session(
        "SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP",
        "0",
        whole(0, 3600),
        "s",
        "Hang up this long before the real session timeout",
        wired=True,
    ),
    _sip_session("SS_SIP_SESSION_MIN_SE", "90", whole(90, 3600), "s", "Min-SE; 422 below it", wired=True),
    _sip_session(
        "SS_SIP_NO_TIMER_REINVITE_INTERVAL",
        "7200",
        whole(0, 86400),
        "s",
        (
            "Longest call of a caller without timer support, then BYE; the smaller of it and SS_MAX_CALL_DURATION "
            "counts; 0 disables"
        ),
        wired=True,
    ),
    _sip_nat(
        "SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "HELLO", text(), "", "UDP keep-alive payload; empty disables", wired=True
    ),
    _sip_nat("SS_SIP_NAT_KEEP_ALIVE_PERIOD", "30", whole(10, 86400), "s", "Keep-alive period", wired=True),
    _sip_nat(
        "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL",
        "500",
        whole(1, 10000),
        "ms",
        "Pause between batches (not between packets)",
        wired=True,
    ),
    _sip_nat(
        "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "3000", whole(1, 10000), "packets", "Keep-alives per batch", wired=True
    ),
    _sip_timeout(
        "SS_SIP_TIMEOUT_INVITE",
        "10",
        seconds(),
        "s",
        "No answer at all to INVITE: next gateway",
        aliases=("SS_SIP_TIMEOUT",),
        wired=True,
    ),
    _sip_timeout("SS_SIP_TIMEOUT_TRYING", "20", seconds(), "s", "Longest wait after 100 Trying", wired=True),
    _sip_timeout(
        "SS_SIP_TIMEOUT_SESSION_PROGRESS", "20", seconds(), "s", "Longest wait after 183 without SDP", wired=True
    ),
    _sip_timeout(
        "SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", "120", seconds(), "s", "Longest wait after 183 with SDP", wired=True
    ),
    _sip_timeout("SS_SIP_TIMEOUT_RINGING", "120", seconds(), "s", "Longest wait after 180", wired=True),
    _sip_timeout(
        "SS_SIP_RESEND_INTERVAL",
        "0.5,1,2,4,4,4,4,4,4,4",
        intervals(),
        "s",
        "Retransmission intervals; after the last one the message has failed",
        wired=True,
    ),
    _sip_timeout("SS_SIP_STOP_SWITCH_AFTER_SDP", "On", switch(), "", "Stop gateway switching after SDP", wired=True),
    _sip_timeout(
        "SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT",
        "Off",
        switch(),
        "",
        "Registered-trunk gateways: stop switching after INVITE timeout",
        wired=True,
    ),
    _sip_timeout("SS_SIP_OPTIONS_CHECK_PERIOD", "60", whole(1), "s", "OPTIONS online check period", wired=True),
    _sip_auth(
        "SS_SIP_AUTHENTICATION_CODE",
        "Unauthorized(401)",
        coded({"Unauthorized(401)": 401, "Proxy Authentication Required(407)": 407}),
        "",
        "Challenge code",
        aliases=("SS_AUTHCHALLENGEMODE",),
        wired=True,
    ),
    _sip_auth("SS_SIP_AUTHENTICATION_TIMEOUT", "10", whole(1), "s", "Authentication timeout", wired=True),
    _sip_auth("SS_SIP_AUTHENTICATION_RETRY", "6", whole(0), "times", "Retries on 401/407 received", wired=True),
    _sip_auth(
        "SS_AUTHENTICATION_MAX_RETRY",
        "6",
        whole(0, 999),
        "times",
        "Failed password attempts before suspension; 0 = never suspend",
        wired=True,
    ),
    _sip_auth("SS_AUTHENTICATION_FAILED_SUSPEND", "180", whole(60, 3600), "s", "Suspension length", wired=True),
    _sip_auth(
        "SS_REPLY_UNAUTHORIZED",
        "On",
        switch(),
        "",
        "Answer (401/403) or silently drop unknown sources; Off = drop silently",
        wired=True,
    ),
    _sip_auth("SS_TCP_CLOSE_RESET", "Off", switch({"rst": True, "fin": False}), "", "Close TCP with reset", wired=True),
    _sip_ua(
        "SS_SIP_USER_AGENT_EXPIRE",
        "Auto negotiation",
        optional(whole(20, 7200), "Auto negotiation"),
        "s",
        "Expiry of outgoing registrations",
        wired=True,
    ),
    _sip_ua(
        "SS_SIP_USER_AGENT_RETRY_DELAY",
        "60",
        whole(30, 600),
        "s",
        "Retry after failed outgoing registration",
        wired=True,
    ),
    _sip_ua("SS_SIP_USER_AGENT_SEND_UNREGISTER", "On", switch(), "", "Send unregister on stop/restart", wired=True),
    _sip_ua(
        "SS_SIP_USER_AGENT_PRIVACY",
        "Ignore",
        choice("Ignore", "Id", "None"),
        "",
        "Privacy header of outgoing-registered trunks",
        wired=True,
    ),
    _sip_ua(
        "SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT",
        "Off",
        switch(),
        "",
        "INVITEs to registered routing gateways have their Contact as the request line, and the callee in To only",
        wired=True,
    ),
    _sip_ua(
        "SS_SIP_E164_DISPLAY_FROM",
        "Ignore",
        choice("Ignore", "Caller", "Account"),
        "",
        "What goes in From display",
        wired=True,
    ),
    _endpoint("SS_ENDPOINT_EXPIRE", "3600", whole(1), "s", "Registration expiry given to endpoints", wired=True),
    _endpoint(
        "SS_ENDPOINTTIMETOLIVE",
        "60",
        whole(1),
        "s",
        "Light registration interval (H.323 TTL, endpoint heartbeat)",
        wired=True,
    ),
    _endpoint(
        "SS_ENDPOINT_REGISTER_REPLACE", "On", switch(), "", "New registration replaces the current one", wired=True
    ),
    _h323("SS_H323_TIMEOUT_SETUP", "5", seconds(), "s", "Setup -> CallProceeding", wired=True),
    _h323("SS_H323_TIMEOUT_CALLPROCEEDING", "20", seconds(), "s", "CallProceeding -> Alerting", wired=True),
    _h323("SS_H323_TIMEOUT_CALLPROCEEDING_OLC", "20", seconds(), "s", "CallProceeding with OLC", wired=True),
    _h323("SS_H323_TIMEOUT_ALERTING", "120", seconds(), "s", "Alerting -> Connect", wired=True),
    _h323("SS_H323_STOP_SWITCH_AFTER_OLC", "Off", switch(), "", "Stop switching after OLC", wired=True),
    _h323(
        "SS_H323_DTMF_METHOD",
        "H.245 alphanumeric",
        choice("Auto", "RFC 2833", "H.245 alphanumeric", "H.245 signal", "Q.931 keypad", "Off"),
        "",
        "Default DTMF method",
        wired=True,
    ),
    _h323("SS_H245_PORT_RANGE", "10000,39999", port_range(), "port", "H.245 TCP ports", wired=True),
)
