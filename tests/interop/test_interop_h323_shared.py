"""Several calls by one call signalling connection: each has its own record, and the end of one leaves the others."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.support.h323 import through
from tests.support.h323.byhand import Caller
from tests.support.sipp import ANSWER
from tests.support.switch import until
from vosswitch.h323 import q931

FLAGS = {"multipleCalls": True, "maintainConnection": True}


@pytest.fixture
def trunk(h323_case):
    """A connection of a customer whose calls go to a SIP vendor."""
    h323_case.begin(access=through.CUSTOMER)
    h323_case.vendor("first", [*ANSWER[:-2], "receive BYE", "send 200"], calls=10)
    with closing(Caller(h323_case)) as made:
        yield made


def test_calls_begin_and_end_by_themselves(trunk):
    """Three at once, one after the other is released, and another one begins when none is left."""
    case = trunk.case
    for reference in (1, 2, 3):
        trunk.call(reference, **FLAGS)
    trunk.expect("Connect", 1, 2, 3)
    until(lambda: [call["state"] for call in case.running()] == ["talking"] * 3, 10, "three calls")
    trunk.release(2)
    until(lambda: len(case.running()) == 2, 10, "the end of one")
    assert len({cdr["call_id"] for cdr in case.cdrs(1)}) == 1
    trunk.release(1)
    trunk.release(3)
    until(lambda: not case.running(), 10, "the end of all")
    trunk.call(4, **FLAGS)
    trunk.expect("Connect", 4)
    trunk.release(4)
    assert [cdr["end_reason"] for cdr in case.cdrs(4)] == ["normal"] * 4
    assert case.paid() > 0
    body = trunk.body("Connect", 1)
    assert {name: body[name] for name in FLAGS} == FLAGS


def test_a_connection_that_breaks_ends_its_calls(trunk):
    case = trunk.case
    for reference in (1, 2):
        trunk.call(reference, **FLAGS)
    trunk.expect("Connect", 1, 2)
    trunk.socket.close()
    assert [cdr["end_reason"] for cdr in case.cdrs(2)] == ["session_timeout"] * 2


def test_one_too_many_is_told_to_make_its_own(h323_case):
    h323_case.begin(access=through.CUSTOMER, VS_H323_CONNECTION_CALLS="1")
    h323_case.vendor("first", [*ANSWER[:-2], "receive BYE", "send 200"])
    with closing(Caller(h323_case)) as trunk:
        trunk.call(1)
        trunk.expect("Connect", 1)
        trunk.call(2)
        trunk.expect("ReleaseComplete", 2)
        (refusal,) = trunk.has("ReleaseComplete", 2)
        reason = trunk.body("ReleaseComplete", 2)["reason"]
        assert (refusal.element(q931.CAUSE)[-1] & 0x7F, reason[0]) == (47, "newConnectionNeeded")
        trunk.release(1)
        assert h323_case.cdr()["end_reason"] == "normal"
