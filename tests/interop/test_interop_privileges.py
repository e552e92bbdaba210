"""Who may use whom, lines that gateways share, limits of destinations, emergency calls: at a running switch."""

from __future__ import annotations

from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

LONG = ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 3000", "bye", "expect 200"]
FULL = ["invite", "expect? 100", "expect 503", "failack"]
LINES = """
[[gateway_groups]]
name = "g{n}"
lines = 3
reserved = 1
"""


def up(case, count):
    until(lambda: len([row for row in case.running() if row["answer"]]) == count, what=f"{count} answered calls")


def test_a_forbidden_gateway_is_not_used(case):
    case.begin(access=f'routing_forbidden = ["first{case.n}"]')
    vendor = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["routing_gateway"], len(cdr["attempts"])) == (f"second{case.n}", 1)
    (route,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    why = {row["gateway"]: row["why"] for row in route["candidates"]}
    assert why[f"first{case.n}"] == f"mapping gateway customer{case.n} forbids it"


def test_each_member_of_a_group_keeps_its_reserved_line(case):
    member = f'groups = ["g{case.n}"]'
    case.begin(vendor=member, other=member, more=LINES)
    first = case.vendor("first", ANSWER, calls=2)
    second = case.vendor("second", ANSWER)
    calls = case.call(LONG, calls=3, rate=10, name="holder")
    up(case, 3)
    used = sorted(row["routing_gateway"] for row in case.running())
    assert used == [f"first{case.n}"] * 2 + [f"second{case.n}"]
    limits = {row["name"]: row for row in case.switch.json("limits") if row["kind"] == "routing_group"}
    assert (limits[f"g{case.n}"]["calls"], limits[f"g{case.n}"]["lines"]) == (3, 3)
    case.call(FULL, name="refused").succeeds()
    for peer in (calls, first, second):
        peer.succeeds()
    (refused,) = [row for row in case.cdrs(4) if row["end_reason"] != "normal"]
    assert refused["end_reason"] == "all_gateways_busy"


def test_a_limit_of_a_destination(case):
    case.begin(more=f'[[destination_limits]]\nname = "d{{n}}"\nprefixes = ["{case.prefix}"]\nlines = 1\n')
    vendor = case.vendor("first", ANSWER)
    call = case.call(LONG, name="holder")
    up(case, 1)
    case.call(FULL, name="refused").succeeds()
    call.succeeds()
    vendor.succeeds()
    (refused,) = [row for row in case.cdrs(2) if row["end_reason"] != "normal"]
    assert (refused["end_reason"], refused["code"], refused["attempts"]) == ("line_limit", -24, [])


def test_own_price_lists_and_the_longest_call(case):
    more = (
        '[[rate_groups]]\nname = "own{n}"\n[[rate_groups.rates]]\n'
        f'prefix = "{case.prefix}"\nper_minute = "6"\nfirst = 1\nnext = 1\n'
    )
    case.begin(access=f'rate_group = "own{case.n}"', vendor="longest_call = 1", more=more)
    vendor = case.vendor("first", ANSWER)
    call = case.call(["invite", "expect? 100", "expect? 180", "expect 200", "ack", "receive BYE", "reply 200"])
    call.succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["rate_group"]) == ("max_duration", f"own{case.n}")
    assert (cdr["hold_time_ms"], cdr["fee"]) == (1000, "0.1")
    vendor.succeeds()


def test_an_offline_phone_is_called_at_the_gateways(case):
    phone = f'[[phones]]\nnumber = "{case.number}"\naccount = "C{case.n}"\npassword = "p"\n'
    case.begin(more=phone + 'offline_to_gateways = "on"\n')
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert (cdr["routing_gateway"], cdr["callee_phone"], cdr["end_reason"]) == (f"first{case.n}", None, "normal")
    assert cdr["fee"] != "0"
    assert cdr["cost"] != "0"
    case.switch.provision(phone + 'offline_to_gateways = "off"\n')
    case.call(["invite", "expect? 100", "expect 480", "failack"], name="offline").succeeds()


def test_an_emergency_call_passes_an_empty_account_and_a_full_switch(alone):
    case = alone
    more = f'[[number_groups]]\nname = "sos"\nnumbers = ["{case.number}"]\nemergency = true\n'
    case.begin(
        balance="0", account="lines = 0", access="lines = 0", vendor="lines = 0", more=more,
        SS_MAX_CONCURRENT_CALLS="0", SS_MAX_CPS="0",
    )  # fmt: skip
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    case.call(FULL, to=f"{case.prefix}999", name="ordinary").succeeds()
    emergency, ordinary = sorted(case.cdrs(2), key=lambda row: row["end_reason"] != "normal")
    assert (emergency["end_reason"], emergency["fee"]) == ("normal", "0")
    assert emergency["cost"] != "0"
    assert ordinary["end_reason"] in ("line_limit", "cps_limit")
    assert case.paid() == 0
    lines = [line for line in case.log().splitlines() if '"emergency_call"' in line]
    assert len(lines) == 1
    assert f"C{case.n}" in lines[0]
    assert case.switch.json("node", "statistics")[0]["emergency_calls"] == 1
