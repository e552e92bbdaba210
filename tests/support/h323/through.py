"""Scripted endpoints around a case of a running switch (tests/support/case.py)."""

from __future__ import annotations

from typing import Any

from tests.support.h323 import codec as per
from tests.support.h323 import judge
from tests.support.h323.endpoint import Endpoint, Said
from tests.support.h323.script import Call, calls, uuie
from tests.support.switch import until

CUSTOMER = 'protocol = "h323"'
"""Of a mapping gateway."""


def vendor_like(call: Call | str, more: str = "") -> str:
    """Lines of a routing gateway to which the switch begins a call as the recorded caller did."""
    found = calls()[call] if isinstance(call, str) else call
    ways = {"fast_start": found.fast_start, "tunnelling": found.tunnelled, "h245_in_setup": found.in_setup}
    return "\n".join([CUSTOMER, *(f"h323_{name} = {str(way).lower()}" for name, way in ways.items()), more])


def caller(case: Any, name: str, to: str = "", **wishes: Any) -> Endpoint:
    """The customer of the case, calling now."""
    remote = "127.0.0.1", case.switch.h323_port
    made = Endpoint(name, "caller", host=case.host, remote=remote, called=to or case.number, **wishes)
    case.peers.append(made)
    made.start()
    return made


def called(case: Any, name: str, which: str = "first", **wishes: Any) -> Endpoint:
    """A vendor of the case, waiting for its call."""
    made = Endpoint(name, "called", host=case.vendor_host, port=case.ports[which], **wishes)
    case.peers.append(made)
    made.start()
    return made


def talking(case: Any) -> None:
    """Wait until the case's call is answered, and both sides know that."""
    until(lambda: [call for call in case.running() if call["state"] == "talking"], 10, "the call")


def well_formed(*endpoints: Endpoint) -> None:
    """``tshark`` finds nothing wrong in what these endpoints heard."""
    for endpoint in endpoints:
        heard = [(each.channel, each.data) for each in endpoint.said if each.way == "heard" and each.data]
        wrong = judge.malformed(heard)
        assert not wrong, wrong


def decoded(said: Said) -> list[Any]:
    """The H.245 messages that one line of a transcript has."""
    inside = [said.data] if said.channel == "control" else uuie(said.data).get("h245Control", ())
    return [per.decode_h245(each) for each in inside]


def talked(endpoint: Endpoint, other: bytes) -> None:
    """RTP of the other side came through; *other* is what its payload begins with."""
    assert endpoint.rtp, f"no RTP at {endpoint.side}, which sent to {endpoint.target}\n{endpoint.flow()}"
    assert endpoint.rtp[0][12:].startswith(other), endpoint.rtp[0]
