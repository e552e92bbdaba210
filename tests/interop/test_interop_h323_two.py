"""Two of our own switches call each other over H.323 in every mode, with SIP at both ends."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from tests.support.h323 import through
from tests.support.sipp import ANSWER, bound
from tests.support.switch import until

CALLED_UP = ["invite", "expect? 100", "expect? 183", "expect? 180", "expect? 183", "expect 200", "ack"]
ENDS = [*CALLED_UP, "pause 500", "bye", "expect 200"]
HANGS_UP = [*ANSWER[:4], "receive ACK", "pause 500", "bye", "expect 200"]
WAITS = [*CALLED_UP, "receive BYE", "reply 200"]


def flags(**ways):
    """Lines of a gateway that speaks H.323."""
    return "\n".join([through.CUSTOMER, *(f"h323_{name} = {str(way).lower()}" for name, way in ways.items())])


@pytest.fixture
def chain(h323_case, far):
    """Makes the call SIP -> first switch -> H.323 -> second switch -> SIP with these settings on both sides."""
    near = h323_case

    def make(vendor, access, caller_steps=ENDS, vendor_steps=ANSWER, **parameters):
        far.begin(access=access, **parameters)
        until(lambda: bound(far.switch.h323_port), 30, "the H.323 process")
        near.prefix = f"{far.prefix}{near.n:03}"
        near.number = f"{near.prefix}123"
        near.ports["first"] = far.switch.h323_port
        near.begin(vendor=vendor, other="locked = true")
        called = near.peer(f"far{near.n}", _called(vendor_steps), "-m", "1", "-rtp_echo", port=far.ports["first"])
        call = near.call(caller_steps, "-rtp_echo")
        call.succeeds()
        called.succeeds()
        return near.cdr(), until(lambda: _record(far, near.number), 10, "the record of the second switch")

    return make


def _called(steps):
    from tests.support.sipp import called  # noqa: PLC0415 - beside `called` of the scripted endpoints

    return called(steps)


def _record(far, number):
    rows = far.switch.json("cdr", "list", "--account", f"C{far.n}")
    return next((row for row in rows if row["callee"] == number), None)


@pytest.mark.parametrize(("fast", "tunnelled", "in_setup"), list(itertools.product((True, False), repeat=3)))
@pytest.mark.parametrize("taken", [True, False])
def test_every_mode(chain, fast, tunnelled, in_setup, taken):
    """*taken*: the second switch takes the same ways; else it has fast start and tunnelling off."""
    first, second = chain(
        flags(fast_start=fast, tunnelling=tunnelled, h245_in_setup=in_setup),
        flags(fast_start=taken, tunnelling=taken),
    )
    for row in (first, second):
        assert (row["end_reason"], row["codec"], row["caller"], row["end_direction"]) == (
            "normal",
            "PCMA",
            "4312345",
            0,
        )
        assert Decimal(row["fee"]) == Decimal("0.01")
        assert 300 <= row["hold_time_ms"] < 3000
    assert abs(first["hold_time_ms"] - second["hold_time_ms"]) < 500


@pytest.mark.parametrize("fast", [True, False])
def test_the_called_side_hangs_up(chain, fast):
    first, second = chain(flags(fast_start=fast), flags(), WAITS, HANGS_UP)
    assert [row["end_direction"] for row in (first, second)] == [1, 1]


def test_early_media_goes_through_both(chain):
    """183 with SDP is Progress with media, and 183 with SDP again."""
    early = [
        "receive INVITE",
        "send 183 sdp",
        "pause 300",
        "send 200 sdp INVITE",
        "receive ACK",
        "receive BYE",
        "send 200",
    ]
    caller = ["invite", "expect? 100", "expect 183", "expect 200", "ack", "pause 300", "bye", "expect 200"]
    first, _ = chain(flags(), flags(), caller, early)
    assert first["pdd_ms"] < first["hold_time_ms"] + 300


@pytest.mark.parametrize("status", [404, 486, 480])
def test_a_refusal_keeps_its_meaning(chain, status):
    """SIP status -> cause -> SIP status; 480 is cause 18, and is told from 408 by the reason."""
    refuse = ["receive INVITE", "send 100", f"send {status}", "receive ACK"]
    first, second = chain(flags(), flags(), ["invite", "expect? 100", f"expect {status}", "failack"], refuse)
    assert [row["sip_status"] for row in (first, second)] == [status, status]
