"""Too many new calls at a running switch: refused from their bytes, while what runs goes on, and well again at once."""

from __future__ import annotations

import os

import pytest

from tests.support.peer import SDP, Peer
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import options
from vosswitch.sip.grammar.message import Response, render

pytestmark = pytest.mark.alone

BURST = 1500


def knock(case, times: int) -> list[Response]:
    """So many new calls from the customer's address at once, and the 503s that came back."""
    peer = Peer(case.switch.port, host=case.host)
    case.peers.append(peer)
    for _ in range(times):
        peer.call_id = os.urandom(8).hex()
        peer.send(render(peer.request("INVITE", case.number, SDP)))
    found = []
    try:
        while True:
            message = peer.receive(1.0)
            if isinstance(message, Response) and message.status == 503:
                found.append(message)
    except TimeoutError:
        return found


def a_call_goes_well(case) -> None:
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()


def test_a_burst_is_shed_and_the_switch_is_well_again(case):
    case.begin(VS_OVERLOAD_DELAY="5", SS_SIP_TIMEOUT_INVITE="0.5")
    refused = knock(case, BURST)
    assert len(refused) > BURST // 10
    late = [answer for answer in refused if answer.get("retry-after") == "2"]
    assert late
    assert options(case.switch.port, timeout=5)
    assert case.switch.json("node", "statistics")[0]["shed"] >= len(late)
    case.begin(VS_OVERLOAD_DELAY="200")
    a_call_goes_well(case)
    assert "Traceback" not in case.log()


def test_a_source_beyond_its_rate_is_refused_and_may_go_on(case):
    case.begin(VS_SOURCE_CPS="3", SS_SIP_TIMEOUT_INVITE="0.5")
    refused = [answer for answer in knock(case, 12) if answer.get("retry-after") is None]
    assert len(refused) >= 8
    a_call_goes_well(case)
