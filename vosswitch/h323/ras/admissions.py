"""Calls of registered endpoints (H.225.0 7.11-7.14): admission in routed mode, bandwidth, disengagement."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vosswitch.h323.addresses import read_address, read_aliases, write_address
from vosswitch.h323.kept import GATEWAY
from vosswitch.h323.ras.desk import Calling
from vosswitch.h323.ras.endpoints import Admission
from vosswitch.h323.ras.messages import call_identifier, confirm

if TYPE_CHECKING:
    from vosswitch.h323.ras.endpoints import Endpoint
    from vosswitch.h323.ras.gatekeeper import Gatekeeper
    from vosswitch.h323.ras.request import Request

LEAST_BANDWIDTH = 128
"""Units of 100 bit/s granted to whom asks for none: both directions of one narrow-band codec."""

_NO_UUIES = dict.fromkeys(
    ("setup", "callProceeding", "connect", "alerting", "information", "releaseComplete", "facility", "progress",
     "empty", "status", "statusInquiry", "setupAcknowledge", "notify"),
    False,
)  # fmt: skip


def plain(name: str) -> str:
    """The number or user name of a registered name."""
    return name.removeprefix(GATEWAY)


def admit(gatekeeper: Gatekeeper, request: Request) -> None:
    """ARQ: a call to us is granted to who may call; one that an endpoint was called with, if we have set it up."""
    endpoint = request.endpoint()
    if endpoint is None:
        there = gatekeeper.endpoints.at(request.source.host)
        request.refuse("invalidEndpointIdentifier" if there else "callerNotRegistered")
    elif request.message.body["answerCall"]:
        _answering(gatekeeper, request, endpoint)
    else:
        _calling(gatekeeper, request, endpoint)


def _answering(gatekeeper: Gatekeeper, request: Request, endpoint: Endpoint) -> None:
    """The called side asks: a call that did not come through us would be nobody's."""
    if gatekeeper.desk.placed(call_identifier(request.message)):
        _grant(gatekeeper, request, endpoint, endpoint.names[0])
    else:
        request.refuse("routeCallToGatekeeper")


def _calling(gatekeeper: Gatekeeper, request: Request, endpoint: Endpoint) -> None:
    body = request.message.body
    callee = _texts(body.get("destinationInfo"))
    if not callee and read_address(body.get("destCallSignalAddress")) is None:
        request.refuse("incompleteAddress")
        return
    caller = _texts(body["srcInfo"])
    name = endpoint.name_of(caller)
    question = Calling(name, request.source.host, caller, callee)
    request.ask(gatekeeper.desk.may_call, question, partial(_answered, gatekeeper, request, endpoint, name))


def _answered(gatekeeper: Gatekeeper, request: Request, endpoint: Endpoint, name: str, reason: str) -> None:
    if gatekeeper.endpoints.of(endpoint.identifier) is not endpoint:
        request.refuse("callerNotRegistered")
    elif reason:
        request.refuse(reason)
    else:
        _grant(gatekeeper, request, endpoint, name)


def _grant(gatekeeper: Gatekeeper, request: Request, endpoint: Endpoint, name: str) -> None:
    at = gatekeeper.desk.calls_at(request.source, request.local)
    if at is None:
        request.refuse("resourceUnavailable")
        return
    body = request.message.body
    granted = min(body["bandWidth"] or LEAST_BANDWIDTH, gatekeeper.settings().bandwidth)
    admission = Admission(body["callReferenceValue"], body["answerCall"], granted, name)
    endpoint.admit(call_identifier(request.message), admission)
    answer: dict[str, Any] = {
        "bandWidth": granted,
        "callModel": ("gatekeeperRouted", 0),
        "destCallSignalAddress": write_address(at),
        "willRespondToIRR": False,
        "uuiesRequested": _NO_UUIES,
    }
    request.answer(confirm(request.message, **answer), keep=True)


def bandwidth(gatekeeper: Gatekeeper, request: Request) -> None:
    """BRQ: more or less bandwidth for a call that has been admitted."""
    endpoint = request.endpoint()
    if endpoint is None:
        request.answer_bandwidth("notBound", 0)
        return
    admission = endpoint.calls.get(call_identifier(request.message))
    if admission is None:
        request.answer_bandwidth("invalidConferenceID", 0)
        return
    wanted, most = request.message.body["bandWidth"], gatekeeper.settings().bandwidth
    if wanted > most:
        request.answer_bandwidth("insufficientResources", most)
        return
    admission.bandwidth = wanted
    request.answer(confirm(request.message, bandWidth=wanted), keep=True)


def disengage(gatekeeper: Gatekeeper, request: Request) -> None:
    """DRQ: a call is over; that of another endpoint is none of its business."""
    endpoint = request.endpoint()
    if endpoint is None:
        request.refuse("notRegistered")
        return
    call = call_identifier(request.message)
    if endpoint.calls.pop(call, None) is None and any(call in other.calls for other in gatekeeper.endpoints):
        request.refuse("requestToDropOther")
        return
    request.answer(confirm(request.message), keep=True)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple([text for _, text in read_aliases(values)])
