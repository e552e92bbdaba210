"""What endpoints tell of themselves (H.225.0 7.15, 7.18), and what other gatekeepers ask (7.13)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vosswitch.h323.addresses import read_aliases, write_address
from vosswitch.h323.ras.desk import Locating
from vosswitch.h323.ras.messages import Kind, Message, confirm
from vosswitch.h323.versions import H225_VERSION

if TYPE_CHECKING:
    from vosswitch.h323.ras.gatekeeper import Gatekeeper
    from vosswitch.h323.ras.request import Request


def informed(gatekeeper: Gatekeeper, request: Request) -> None:
    """IRR: an endpoint tells of itself, asked or by itself."""
    endpoint = request.endpoint()
    if endpoint is not None and gatekeeper.asker.heard(request.message, request.source):
        return
    if not request.message.body.get("needResponse"):
        return
    if endpoint is not None:
        request.answer(Message(Kind.IACK, request.message.number, {}))
    else:
        request.answer(Message(Kind.INAK, request.message.number, {"nakReason": ("notRegistered", 0)}))


def resources(gatekeeper: Gatekeeper, request: Request) -> None:
    """RAI: an endpoint is almost out of resources, or has some again."""
    endpoint = request.endpoint()
    if endpoint is not None:
        gatekeeper.desk.resources(endpoint, bool(request.message.body["almostOutOfResources"]))
        request.answer(Message(Kind.RAC, request.message.number, {"protocolIdentifier": H225_VERSION}))


def locate(gatekeeper: Gatekeeper, request: Request) -> None:
    """LRQ: another gatekeeper wants to know where its calls to a number go."""
    callee = tuple([alias for _, alias in read_aliases(request.message.body["destinationInfo"])])
    question = Locating(request.source.host, callee)
    request.ask(gatekeeper.desk.may_locate, question, partial(_located, gatekeeper, request))


def _located(gatekeeper: Gatekeeper, request: Request, reason: str) -> None:
    at = gatekeeper.desk.calls_at(request.source, request.local)
    if reason or at is None:
        request.refuse(reason or "resourceUnavailable")
        return
    ras = write_address(gatekeeper.desk.ras_at(request.source, request.local))
    answer = confirm(request.message, callSignalAddress=write_address(at), rasAddress=ras)
    request.answer(answer, to=request.back("replyAddress"), proven=True)
