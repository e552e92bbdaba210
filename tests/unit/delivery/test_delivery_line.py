"""The text line of a call, and what sinks are told."""

from __future__ import annotations

from dataclasses import asdict

import orjson
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cdr.record import Cdr, Charge
from vosswitch.delivery.line import FIELDS, line
from vosswitch.delivery.records import is_for_sinks, told

CALL = asdict(
    Cdr(
        7_000_000_001, "20261121", 1000, 5000, caller="1000", callee="43123", caller_in="01000", callee_in="0043123",
        caller_out="431000", callee_out="9943123", mapping_gateway="customer", routing_gateway="vendor",
        account="C1", answer=2000, hold_time=3, fee=12_500_000, code=-3, end_direction=1, billing_mode=1,
        caller_ip="192.0.2.1", callee_ip="192.0.2.2", charges=[Charge("C1", 12_500_000, "call")],
        decision={"x": 1},
    )
)  # fmt: skip


def test_the_line_has_eighteen_fields_in_their_order():
    assert line(CALL) == (
        "1000|43123|1000|5000|3|-3|1|customer|vendor|192.0.2.1|192.0.2.2|01000|0043123|431000|9943123|C1|1|7000000001"
    )
    assert len(FIELDS) == 18


def test_phones_stand_where_gateways_would():
    call = CALL | {"mapping_gateway": "", "phone": "201", "routing_gateway": "", "callee_phone": "202"}
    assert line(call).split("|")[7:9] == ["201", "202"]


TEXT = st.text(st.characters(), max_size=300) | st.sampled_from(["a|b", "a\nb", "a\r\n|", "\u2028", "\ud800x"])


@given(st.fixed_dictionaries(dict.fromkeys(("caller", "callee", "callee_in", "account", "mapping_gateway"), TEXT)))
def test_whatever_peers_send_it_is_one_line_of_eighteen_fields(sent):
    text = line(CALL | sent)
    assert text.count("|") == 17
    assert text.splitlines() == [text]
    assert text.encode().decode() == text
    assert text.isprintable() or not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in text)


def test_money_is_told_as_decimals_and_the_decision_stays_here():
    shown = told(CALL, "one")
    assert (shown["call_id"], shown["fee"], shown["node"]) == ("7000000001", "1.25", "one")
    assert not {"decision", "charges", "hidden", "flowno"} & shown.keys()
    assert orjson.loads(orjson.dumps(shown)) == shown


def test_hidden_calls_are_told_only_when_they_moved_money():
    quiet = CALL | {"fee": 0, "charges": []}
    assert is_for_sinks(quiet)
    assert not is_for_sinks(quiet | {"hidden": True})
    for moved in ({"fee": 1}, {"cost": 1}, {"agent_fee": 1}, {"package_seconds": 1}, {"charges": CALL["charges"]}):
        assert is_for_sinks(quiet | {"hidden": True} | moved), moved
