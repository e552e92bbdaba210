"""Whether the next gateway may be tried after an attempt ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.causes import switches
from vosswitch.routing.conduct import USUAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vosswitch.model.causes import Cause
    from vosswitch.routing.conduct import Conduct


def next_allowed(
    reached: Cause,
    attempts_made: int,
    *,
    ringing: bool,
    early_media: bool,
    rtp_started: bool,
    registered: bool = False,
    h323: bool = False,
    conduct: Conduct = USUAL,
    parameters: Mapping[str, Any] | Any,
) -> bool:
    """Whether to go on after *reached*.

    The attempts are bounded by SS_GATEWAY_SWITCH_LIMIT.  Media may stop it.  After ringing it goes on only with
    SS_GATEWAY_SWITCH_UNTIL_CONNECT, which also lets an unanswered call go on.  Then the gateway's own lists decide,
    then the end reason (`vosswitch.model.causes.switches`); a busy callee is left to
    SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY.

    :param attempts_made: gateways tried so far, this one included.
    :param ringing: the callee's side rang; *early_media*: it sent a session description before the answer;
        *rtp_started*: media came from it.
    :param conduct: of the gateway, with its lists.
    :param h323: the gateway speaks H.323.
    :param registered: the gateway is one that we register with: SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT.
    :param parameters: the snapshot of the call.
    """
    until_connect = parameters["SS_GATEWAY_SWITCH_UNTIL_CONNECT"]
    limit = parameters["SS_GATEWAY_SWITCH_LIMIT"]
    if limit is not None and attempts_made >= limit:
        return False
    if (rtp_started or early_media) and _media_stops(early_media, rtp_started, h323, parameters):
        return False
    if reached in conduct.stop_codes or (ringing and not until_connect):
        return False
    if reached in conduct.continue_codes:
        return True
    return _usual(reached, registered, bool(until_connect), parameters)


def _media_stops(early_media: bool, rtp_started: bool, h323: bool, parameters: Mapping[str, Any] | Any) -> bool:
    """Whether media of the callee's side ends the search: what that is, is SIP's or H.323's word."""
    if rtp_started and parameters["SS_GATEWAY_SWITCH_STOP_AFTER_RTP_START"]:
        return True
    stops = parameters["SS_H323_STOP_SWITCH_AFTER_OLC" if h323 else "SS_SIP_STOP_SWITCH_AFTER_SDP"]
    return early_media and bool(stops)


def _usual(reached: Cause, registered: bool, until_connect: bool, parameters: Mapping[str, Any] | Any) -> bool:
    """What the end reasons and the parameters say."""
    if registered and reached.reason == "connection_timeout":
        return not parameters["SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT"]
    if reached.reason == "busy":
        return not parameters["SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY"]
    if reached.reason == "no_answer":
        return until_connect
    return switches(reached)
