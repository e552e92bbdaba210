"""Which system parameters the H.323 process is told, and the bounds that are not an operator's to choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TOLD = (
    "SS_H323_TIMEOUT_SETUP",
    "SS_H323_TIMEOUT_CALLPROCEEDING",
    "SS_H323_TIMEOUT_CALLPROCEEDING_OLC",
    "SS_H323_TIMEOUT_ALERTING",
    "SS_H323_STOP_SWITCH_AFTER_OLC",
    "SS_H323_DTMF_METHOD",
    "SS_H245_PORT_RANGE",
    "VS_H323_CAUSE_TO_SIP",
    "VS_H323_SIP_TO_CAUSE",
    "VS_H323_CONNECTIONS",
    "VS_H323_CONNECTIONS_SOURCE",
    "VS_H323_HALF_OPEN_SOURCE",
    "VS_H323_MESSAGE_RATE",
    "VS_H323_CONNECTION_CALLS",
    "VS_H323_KEEPALIVE_INTERVAL",
    "VS_H323_KEEPALIVE_COUNT",
    "VS_SOURCE_CPS",
    "VS_H323_GATEKEEPER",
    "VS_H323_BANDWIDTH",
    "VS_H323_RAS_RATE",
    "SS_ENDPOINTTIMETOLIVE",
    "SS_ENDPOINT_EXPIRE",
    "SS_ENDPOINT_REGISTER_REPLACE",
    "SS_SIP_USER_AGENT_RETRY_DELAY",
)
"""By name; their values are numbers, words and pairs of numbers."""

EMERGENCIES = "emergencies"
"""Beside them: numbers and ranges of number groups that are marked as emergency ones."""
MOST_EMERGENCIES = 10_000
URGENT_CPS = 20
"""Emergency calls a second of one source that pass when others are turned away (as with SIP)."""

NICE = 5
"""How far the process stands back behind the switch where there is too little CPU for both: SIP's calls come first."""
UNDECIDED = 100
"""New calls that may wait for the switch; more are refused."""
SETUP_SECONDS = 5.0
"""How long a connection may be open without a Setup."""
IDLE_SECONDS = 60.0
"""How long a connection that is to be maintained may be open without a call."""
CONNECT_SECONDS = 10.0
"""How long a connection of ours may take to be there."""
WAITING_BYTES = 256 * 1024
"""Bytes that a peer may leave unread before its connection is given up."""
UNREAD_MESSAGES = 64
"""Messages of one connection that may wait for an answer of the switch."""
STRANGER_SECONDS = 2.0
"""How long a source that nobody knows is refused, and one that is known let in, without asking again."""
KNOWN_ROOM = 10
"""Times VS_H323_HALF_OPEN_SOURCE that a source may have of which the switch has said that it knows it."""
STRANGERS = 10_000
"""Sources that are remembered as strangers, and as known."""


def told(parameters: Mapping[str, Any], emergencies: Sequence[str] = ()) -> dict[str, Any]:
    """What the process is told of the parameters in force, and the numbers and ranges of emergency calls."""
    return {name: parameters[name] for name in TOLD} | {EMERGENCIES: list(emergencies[:MOST_EMERGENCIES])}
