"""What has nothing to do with a protocol holds for H.323 as for SIP: screening, limits, numbers, fees, the record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.h323 import through
from tests.support.sipp import ANSWER
from tests.support.switch import until
from vosswitch.h323 import q931
from vosswitch.h323.elements import read_party

REFUSES = ["receive INVITE", "send 100", "send 503", "receive ACK"]
LISTED = """
[[number_lists]]
name = "held{n}"
entries = ["4312345"]
"""


def refused(case, reason, cause, **wishes):
    """A call by H.323 that goes nowhere and costs nothing."""
    caller = through.caller(case, "fast", patient=True, **wishes)
    caller.finish()

    def found():
        rows = case.switch.json("cdr", "list")
        own = [row for row in rows if row["mapping_gateway"] == f"customer{case.n}"]
        return [row for row in own if row["end_reason"] != "normal"]

    (cdr,) = until(found, 10, "its record")
    assert (cdr["end_reason"], caller.cause, cdr["fee"], cdr["attempts"]) == (reason, cause, "0", [])
    assert cdr["decision"]["protocol"] == "h323"
    return cdr


def test_the_record_says_what_was_spoken(h323_case):
    """A vendor of SIP, then one of H.323: each attempt, both ends, and the vendor's software."""
    case = h323_case
    case.begin(access=through.CUSTOMER, other=through.vendor_like("slowsep"))
    case.vendor("first", REFUSES)
    vendor = through.called(case, "slowsep", "second", patient=True)
    caller = through.caller(case, "fast", hold=0.5)
    caller.finish()
    vendor.finish()
    cdr = case.cdr()
    assert [attempt["protocol"] for attempt in cdr["attempts"]] == ["sip", "h323"]
    assert cdr["decision"]["protocol"] == "h323"
    assert "H323Plus" in cdr["caller_user_agent"]
    assert "H323Plus" in cdr["callee_user_agent"]
    assert cdr["caller_sip_call_id"] != cdr["callee_sip_call_id"]
    text = case.switch.cli("cdr", "explain", cdr["caller_sip_call_id"]).stdout
    assert f"customer{case.n} at {case.host} by H.323" in text
    assert f"second{case.n} by H.323" in text


def test_a_sip_call_says_nothing_of_it(h323_case):
    case = h323_case
    case.begin()
    case.vendor("first", ANSWER)
    case.call(["invite", "expect? 100", "expect? 180", "expect 200", "ack", "bye", "expect 200"]).succeeds()
    cdr = case.cdr()
    assert "protocol" not in cdr["decision"]
    assert "H.323" not in case.switch.cli("cdr", "explain", cdr["call_id"]).stdout


def test_a_number_list_refuses(h323_case):
    case = h323_case
    case.begin(access=f'{through.CUSTOMER}\nlists = ["held{case.n}"]', more=LISTED)
    refused(case, "blacklisted", 21)


def test_a_locked_gateway_refuses(h323_case):
    case = h323_case
    case.begin(access=f"{through.CUSTOMER}\nlocked = true")
    refused(case, "account_locked", 21)


def test_the_lines_of_a_customer_are_counted(h323_case):
    case = h323_case
    case.begin(access=f"{through.CUSTOMER}\nlines = 1", vendor=through.vendor_like("slowtun"))
    vendor = through.called(case, "slowtun", patient=True)
    first = through.caller(case, "fast", hold=3.0)
    until(lambda: [call for call in case.running() if call["state"] == "talking"], 10, "the first call")
    refused(case, "line_limit", 34)
    first.finish()
    vendor.finish()
    again = through.called(case, "slowtun", patient=True)
    through.caller(case, "fast").finish()
    again.finish()
    assert [row["end_reason"] for row in case.cdrs(3)] == ["normal", "line_limit", "normal"]


def test_the_lines_of_a_vendor_are_counted(h323_case):
    """The next one has the second call."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast", "lines = 1"), other=through.vendor_like("slowtun"))
    first, second = through.called(case, "fast", patient=True), through.called(case, "slowtun", "second", patient=True)
    talk = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 1500", "bye", "expect 200"]
    one = case.call(talk)
    until(lambda: [call for call in case.running() if call["state"] == "talking"], 10, "the first call")
    other = case.call(talk, name="other")
    for each in (one, other):
        each.succeeds()
    first.finish()
    second.finish()
    assert {row["routing_gateway"] for row in case.cdrs(2)} == {f"first{case.n}", f"second{case.n}"}


def test_numbers_go_through_the_plans_of_both_sides(h323_case):
    case = h323_case
    case.begin(
        access=f'{through.CUSTOMER}\ncallee_dial_plan = "77:"\ncaller_dial_plan = "43:0043"',
        vendor=through.vendor_like("slowsep", 'callee_dial_plan = "49:99#49"\ncaller_dial_plan = "0043:+43"'),
    )
    vendor = through.called(case, "slowsep", patient=True)
    caller = through.caller(case, "fast", to=f"77{case.number}")
    caller.finish()
    vendor.finish()
    setup = q931.decode(vendor.heard("Setup")[0].data)
    called, calling = read_party(setup.element(q931.CALLED)), read_party(setup.element(q931.CALLING))
    assert (called.number, calling.number, calling.type) == (f"99#{case.number}", "4312345", "international")
    cdr = case.cdr()
    assert (cdr["caller_in"], cdr["caller"], cdr["caller_out"]) == ("4312345", "004312345", "+4312345")
    assert (cdr["callee_in"], cdr["callee"]) == (f"77{case.number}", case.number)
    assert cdr["callee_out"] == f"99#{case.number}"


@pytest.mark.parametrize("cause", [17, 34])
def test_attempts_cost_what_the_rates_say(h323_case, cause):
    """The customer's fee once, the vendor's for each attempt to which its gateway has said something."""
    case = h323_case
    rates = (
        '[[rate_groups]]\nname = "sell{n}"\n[[rate_groups.rates]]\nprefix = "49"\nper_minute = "0.60"\n'
        'attempt_fee = "0.03"\n[[rate_groups]]\nname = "buy{n}"\n[[rate_groups.rates]]\nprefix = "49"\n'
        'per_minute = "0.30"\nattempt_fee = "0.02"\n'
    )
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like("slowtun"), other=through.vendor_like("fast"))
    case.switch.provision(rates.replace("{n}", str(case.n)).replace('"49"', f'"{case.prefix}"'), f"fees{case.n}.toml")
    first = through.called(case, "slowtun", hang_up="CallProceeding", cause=cause, pause=0.1)
    if cause == 34:
        second = through.called(case, "fast", "second", hang_up="CallProceeding", cause=17, pause=0.1)
    caller = through.caller(case, "fast", patient=True)
    caller.finish()
    first.finish()
    if cause == 34:
        second.finish()
    assert caller.cause == 17
    cdr = case.cdr()
    assert cdr["end_reason"] == "busy"
    assert case.paid() == Decimal("0.03")
    assert case.paid("V") == Decimal("0.02") * len(cdr["attempts"])
    assert len(cdr["attempts"]) == (2 if cause == 34 else 1)
