"""Why a foreign gatekeeper has not admitted a call of ours, as the call's end reason (H.225.0 7.11.3)."""

from __future__ import annotations

from vosswitch.model.causes import Cause, cause, from_sip

STATUS = {
    "calledPartyNotRegistered": 480,
    "unallocatedNumber": 404,
    "noRouteToDestination": 404,
    "incompleteAddress": 484,
    "aliasesInconsistent": 484,
    "collectDestination": 484,
    "invalidPermission": 403,
    "requestDenied": 403,
    "securityDenial": 403,
    "securityError": 403,
    "securityDHmismatch": 403,
    "resourceUnavailable": 503,
    "exceedsCallCapacity": 503,
    "qosControlNotSupported": 503,
    "callerNotRegistered": 503,
    "invalidEndpointIdentifier": 503,
    "registerWithAssignedGK": 503,
    "notRegistered": 503,
}
"""Reason -> the SIP status that says the same; every other reason is 500."""

NO_ANSWER = "noAnswer"


def cause_of(reason: str) -> Cause:
    """The cause with which an attempt ends that was not admitted."""
    text = f"admissionReject: {reason}"
    if reason == NO_ANSWER:
        return cause("connection_timeout")._replace(text="the gatekeeper does not answer")
    return from_sip(STATUS.get(reason, 500), text)
