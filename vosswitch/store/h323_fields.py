"""The provisioned fields of gateways that speak H.323 (`vosswitch.model.h323.H323Profile`), and what fits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.h323 import TRANSPORT
from vosswitch.store import fields
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "h323_"
"""What the names of the fields begin with that mean nothing to SIP."""

_seconds = fields.optional(fields.whole(1, 3600))
_TYPES = fields.choice("unknown", "international", "national", "network", "subscriber", "abbreviated")
_PLANS = fields.choice("unknown", "isdn", "data", "telex", "national", "private")
_METHODS = fields.optional(fields.choice("auto", "rfc2833", "alphanumeric", "signal", "keypad", "off"))


def _networks(value: Any, deployment: fields.Deployment) -> list[str]:
    """IP addresses and networks."""
    found = fields.sources(value, deployment)
    for one in found:
        if fields.has_port(one):
            raise fields.Expected("addresses and networks without ports")
    return found


ADDRESSES = Field(
    "h323_addresses", _networks, (), help="Where it may register from by H.323: IP, CIDR; none = it may not"
)
_PROTOCOL = Field("protocol", fields.choice("sip", TRANSPORT), "sip", help="What it speaks: sip or h323")
_ALL = (
    Field("h323_fast_start", fields.flag, True, help="Fast start is offered to it, and taken from it"),
    Field("h323_tunnelling", fields.flag, True, help="H.245 goes in call signalling where it does the same"),
    Field("h323_presentation", fields.choice("pass", "allowed", "restricted"), "pass", help="Of the number sent"),
    Field(
        "h323_screening",
        fields.choice("pass", "user", "user_passed", "user_failed", "network"),
        "pass",
        help="Screening indicator of the number sent",
    ),
    Field("h323_dtmf", _METHODS, help="How digits are sent to it; left out = SS_H323_DTMF_METHOD"),
    Field("h323_dtmf_payload", fields.whole(96, 127), 101, help="RTP payload type of RFC 2833"),
    Field("h323_t38", fields.flag, True, help="T.38 is offered"),
    Field("h323_keep_alive", fields.choice("auto", "strict", "off"), "auto", help="Signs of life in answered calls"),
    ADDRESSES,
)
OF_MAPPING_GATEWAYS = (
    _PROTOCOL,
    *_ALL,
    Field("h323_callee_source", fields.choice("called_party", "destination"), "called_party", help="Called number"),
    Field(
        "h323_caller_source",
        fields.choice("calling_party", "source", "display"),
        "calling_party",
        help="Where the caller's number is",
    ),
    Field("h323_auto_call_proceeding", fields.flag, True, help="CallProceeding at once"),
    Field("h323_alerting_from_progress", fields.flag, False, help="Progress with media is told as Alerting"),
)
OF_ROUTING_GATEWAYS = (
    _PROTOCOL,
    *_ALL,
    Field("h323_h245_in_setup", fields.flag, False, help="Slow start: H.245 begins in Setup"),
    Field("h323_callee_type", _TYPES, "unknown", help="Type of the called number"),
    Field("h323_callee_plan", _PLANS, "isdn", help="Numbering plan of the called number"),
    Field("h323_caller_type", _TYPES, "unknown", help="Type of the calling number"),
    Field("h323_caller_plan", _PLANS, "isdn", help="Numbering plan of the calling number"),
    Field("h323_timeout_setup", _seconds, help="Instead of SS_H323_TIMEOUT_SETUP, seconds"),
    Field("h323_timeout_call_proceeding", _seconds, help="Instead of SS_H323_TIMEOUT_CALLPROCEEDING, seconds"),
    Field("h323_timeout_call_proceeding_olc", _seconds, help="Instead of SS_H323_TIMEOUT_CALLPROCEEDING_OLC, seconds"),
    Field("h323_prefixes", fields.prefixes, (), help="With register: prefixes that its gatekeeper is told we serve"),
    Field("h323_timeout_alerting", _seconds, help="Instead of SS_H323_TIMEOUT_ALERTING, seconds"),
)

_OF_H323 = {
    field.name: field.default for field in (*OF_MAPPING_GATEWAYS, *OF_ROUTING_GATEWAYS) if field is not _PROTOCOL
}
_OF_SIP = {"transport": "auto", "probe": "off", "keep_alive": False, "tls_name": "", "add_headers": []}
"""What a gateway that speaks H.323 would wait for in vain."""


def check_protocol(values: Mapping[str, Any]) -> None:
    """See that a mapping or routing gateway has no settings of the protocol that it does not speak.

    :raises ValueError: it has; the text names the field.
    """
    other, foreign = ("sip", _OF_SIP) if values.get("protocol") == TRANSPORT else (TRANSPORT, _OF_H323)
    for name, usual in foreign.items():
        if name in values and values[name] != usual and (values[name] or usual):
            raise ValueError(f'{name}: expected only with protocol = "{other}"')
