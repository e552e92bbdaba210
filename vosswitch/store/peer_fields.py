"""The provisioned fields that say how we speak with a gateway or a phone (`vosswitch.model.peer.PeerProfile`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.sip.grammar.numberparameters import NAMES
from vosswitch.sip.identity.carried import NEVER
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Reader
from vosswitch.store.table import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r"[A-Za-z0-9!%'*+.^_`|~-]{1,64}", re.ASCII)
_LINE = re.compile(r"[A-Za-z0-9!%'*+.^_`|~-]{1,64}: ?[^\x00-\x1f\x7f]{0,480}", re.ASCII)
# fmt: off
_CODECS = frozenset({
    "AMR", "AMR-WB", "AMR-WB+", "BV16", "BV32", "CLEARMODE", "CN", "DVI4", "EVRC", "EVRC0", "EVRCB", "EVRCWB", "EVS",
    "G722", "G7221", "G723", "G726-16", "G726-24", "G726-32", "G726-40", "G728", "G729", "G729.1", "G729D", "G729E",
    "GSM", "GSM-EFR", "GSM-HR-08", "ILBC", "ISAC", "L16", "L8", "LPC", "OPUS", "PCMA", "PCMA-WB", "PCMU", "PCMU-WB",
    "QCELP", "RED", "SILK", "SIREN14", "SMV", "SPEEX", "TELEPHONE-EVENT", "VMR-WB",
})
# fmt: on
"""Audio subtypes of the registry that carriers meet."""
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?", re.ASCII)


def choices(*words: str) -> Reader:
    """A list of some words, each once, in order."""
    one = fields.choice(*words)

    def read(value: Any, deployment: Deployment) -> list[str]:
        if not isinstance(value, list):
            raise Expected(f"a list of {', '.join(words)}")
        return list(dict.fromkeys(one(item, deployment) for item in value))

    return read


def codec_names(value: Any, _deployment: Deployment) -> list[str]:
    """Codec names as in rtpmap, upper case, each once, in order."""
    if not isinstance(value, list) or not all(isinstance(item, str) and _TOKEN.fullmatch(item) for item in value):
        raise Expected('a list of codec names such as ["PCMA", "PCMU", "G729"]')
    return list(dict.fromkeys(item.upper() for item in value))


def header_names(value: Any, _deployment: Deployment) -> list[str]:
    """Header names in lower case, ``*`` = all harmless ones."""
    if not isinstance(value, list) or not all(isinstance(item, str) and _TOKEN.fullmatch(item) for item in value):
        raise Expected('a list of header names such as ["X-Account"], or ["*"]')
    found = list(dict.fromkeys(item.lower() for item in value))
    for name in found:
        if name in NEVER:
            raise Expected(f"other headers than {name}, which is ours towards every peer")
    return found


def header_lines(value: Any, _deployment: Deployment) -> list[str]:
    """Whole header lines."""
    if not isinstance(value, list) or not all(isinstance(item, str) and _LINE.fullmatch(item) for item in value):
        raise Expected('a list of header lines such as ["X-Carrier: 17"]')
    for line in value:
        if line.partition(":")[0].lower() in NEVER:
            raise Expected(f"other headers than {line.partition(':')[0]}, which is ours towards every peer")
    return list(value)


def statuses(value: Any, deployment: Deployment) -> list[int]:
    """Final SIP statuses, each once."""
    if not isinstance(value, list):
        raise Expected("a list of statuses 200-699")
    return list(dict.fromkeys(fields.whole(200, 699)(item, deployment) for item in value))


def host_name(value: Any, deployment: Deployment) -> str:
    """An IP address in its normal form, or a host or domain name in lower case."""
    if isinstance(value, str) and _DOMAIN.fullmatch(value) and ".." not in value and not value[-1:].isdigit():
        return value.lower()
    try:
        return str(fields.ip(value, deployment))
    except Expected:
        raise Expected("an IP address or a host name") from None


def certificate_name(value: Any, deployment: Deployment) -> str:
    """What a certificate has to bear: a host, or a wildcard as it stands there."""
    wild = isinstance(value, str) and value.startswith("*.")
    try:
        return f"*.{host_name(value[2:], deployment)}" if wild else host_name(value, deployment)
    except Expected:
        raise Expected('an IP address or a host name, or "*." and a domain') from None


def unknown_codecs(names: list[str]) -> Iterator[str]:
    """Codec names that may be slips of the pen."""
    for name in names:
        if name not in _CODECS:
            yield f"{name} is no codec known here: the names are those of a=rtpmap"


def hosts(value: Any, deployment: Deployment) -> list[str]:
    """Hosts, each once; ``*`` = any."""
    if not isinstance(value, list):
        raise Expected('a list of hosts such as ["192.0.2.7"], or ["*"]')
    return list(dict.fromkeys("*" if item == "*" else host_name(item, deployment) for item in value))


_seconds = fields.optional(fields.whole(1, 3600))
_name = fields.optional(host_name, "")
_proven = fields.optional(certificate_name, "")

_IDENTITY = (
    Field(
        "trusted", fields.flag, False, help="What it asserts of callers is believed, and it is told what others assert"
    ),
    Field("user_agent", fields.free_text, "", help="User-Agent and Server towards it: empty = ours, - = none"),
    Field("headers_in", header_names, (), help="Other headers of it that go to the far side; * = all harmless ones"),
    Field("headers_out", header_names, (), help="Other headers of the far side that it is sent; * = all harmless ones"),
    Field(
        "number_parameters",
        choices(*NAMES),
        (),
        help="Parameters of the called number that pass: npdi, rn, rn-context, cic, cic-context, phone-context, isub,"
        " ext, postd, tgrp, trunk-context, dai, cpc, oli",
    ),
    Field("add_headers", header_lines, (), help="Header lines added to what it is sent"),
    Field("privacy", fields.choice("pass", "id", "none", "ignore"), "pass", help="Privacy towards it"),
    Field("request_address", fields.choice("socket", "contact_port", "contact"), "contact", help="Where requests go"),
)
_CALLER = (
    Field(
        "caller_sources",
        choices("from", "pai", "ppi", "rpid", "display"),
        ("from",),
        help="Where the caller's number is read: the first that is there",
    ),
    Field(
        "callee_source", fields.choice("request_uri", "to", "diversion"), "request_uri", help="Where the called one is"
    ),
    Field(
        "reply_address",
        fields.choice("auto", "socket", "via_port", "via"),
        "auto",
        help="Where responses go over UDP: auto = as RFC 3581 says, the socket they came from, its IP with the port"
        " of Via, or all that Via says",
    ),
)
_CALLEE = (
    Field("from_user", fields.choice("caller", "username", "asserted"), "caller", help="User part of From"),
    Field(
        "from_display",
        fields.choice("system", "none", "pass", "caller", "account"),
        "system",
        help="Display name in From; system = SS_SIP_E164_DISPLAY_FROM",
    ),
    Field("from_domain", _name, "", help="Host in From; left out = our address"),
    Field("identity_headers", choices("pai", "ppi", "rpid", "charge"), (), help="Identity headers that are written"),
    Field(
        "diversion", fields.choice("off", "diversion", "history", "both"), "off", help="How redirections are written"
    ),
    Field("redirects", fields.choice("refuse", "follow", "pass"), "refuse", help="What becomes of its 3xx"),
    Field("redirect_hosts", hosts, (), help="Hosts besides its own that a followed 3xx may name; * = any"),
    Field(
        "tls_name", fields.optional(certificate_name, ""), "", help="Name in its certificate; left out = its host name"
    ),
    Field("large", fields.choice("tcp", "udp"), "tcp", help="How a request goes that is too long for a datagram"),
    Field("timeout_invite", _seconds, help="Instead of SS_SIP_TIMEOUT_INVITE, seconds"),
    Field("timeout_trying", _seconds, help="Instead of SS_SIP_TIMEOUT_TRYING, seconds"),
    Field("timeout_progress", _seconds, help="Instead of SS_SIP_TIMEOUT_SESSION_PROGRESS, seconds"),
    Field("timeout_progress_session", _seconds, help="Instead of SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP, seconds"),
    Field("timeout_ringing", _seconds, help="Instead of SS_SIP_TIMEOUT_RINGING, seconds"),
    Field("probe", fields.choice("off", "failed", "always"), "off", help="When it is asked with OPTIONS"),
    Field(
        "probe_period", fields.optional(fields.whole(1, 86_400)), help="Instead of SS_SIP_OPTIONS_CHECK_PERIOD, seconds"
    ),
    Field("probe_codes", statuses, (), help="Answers to OPTIONS that count as well; none = all but 408 and 503"),
    Field("probe_failures", fields.whole(1, 100), 2, help="Failures in a row until it is away"),
    Field("probe_successes", fields.whole(1, 100), 1, help="Answers in a row until it is back"),
    Field(
        "retry_after", fields.whole(0, 86_400), 0, help="Longest time its Retry-After puts it aside, seconds; 0 = none"
    ),
    Field("register", fields.flag, False, help="We register with it"),
)
_CALL = (
    Field("session_timer", fields.choice("on", "off", "required"), "on", help="Session timer (RFC 4028)"),
    Field("session_ttl", fields.optional(fields.whole(60, 86_400)), help="Instead of SS_SIP_SESSION_TTL, seconds"),
    Field("reliable", fields.choice("off", "supported", "required"), "off", help="100rel (RFC 3262)"),
    Field(
        "codecs",
        codec_names,
        (),
        help="Codecs it may use, the preferred first; none = all that are offered",
        warn=unknown_codecs,
    ),
    Field("transfers", fields.choice("refuse", "internal", "pass"), "refuse", help="What becomes of its REFER"),
    Field("dtmf_info", fields.choice("pass", "ignore"), "pass", help="What becomes of its digits in INFO"),
    Field(
        "messages",
        fields.choice("refuse", "pass"),
        "refuse",
        help="MESSAGE and unknown methods within its calls",
    ),
)
_PLACE = (
    Field("keep_alive", fields.flag, False, help="It is sent SS_SIP_NAT_KEEP_ALIVE_MESSAGE"),
    Field("dynamic", fields.flag, False, help="It registers with us under user name and password"),
)

OF_MAPPING_GATEWAYS = (*_CALLER, *_IDENTITY, *_CALL, *_PLACE)
OF_ROUTING_GATEWAYS = (*_CALLEE, *_IDENTITY, *_CALL, *_PLACE)
