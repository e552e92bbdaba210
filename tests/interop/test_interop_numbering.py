"""Calls by time and by number: periods with their plans, caller pools, checks, plans of redirections, areas."""

from __future__ import annotations

from tests.interop.test_interop_identity import answers, calls
from tests.interop.test_numbers import sent
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until

REFUSED = ["invite", "expect? 100", "expect 403", "failack"]
DAY = '[[calendars]]\nname = "always{n}"\nentries = [{ start = "00:00", end = "24:00" }]\n'
POOL = '[[number_pools]]\nname = "pool{n}"\nnumbers = ["43700-43701"]\nchoice = "turn"\nreuse = 1\n'


def refused(case, reason, note, **how):
    case.call(REFUSED, name=f"refused{len(case.peers)}", **how).succeeds()
    cdr = case.switch.cdrs(len(case.peers), "--account", f"C{case.n}")[0]
    assert (cdr["end_reason"], cdr["attempts"]) == (reason, [])
    assert note in [why for _, why in cdr["decision"]["notes"]]


def test_the_plan_of_the_period_that_is_in_force_and_a_number_out_of_the_pool(case):
    calendar = f'calendar = "always{case.n}"'
    case.begin(
        vendor=f'callee_dial_plan = "49:never"\ncaller_pool = "pool{case.n}"\nperiods = [\n'
        f'{{ {calendar}, when = "non_working", callee_dial_plan = "49:0" }},\n'
        f'{{ {calendar}, callee_dial_plan = "49:0049", caller_dial_plan = ":9" }} ]',
        more=DAY + POOL,
    )
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert sent(vendor) == ("43700", f"00{case.number}")
    cdr = case.cdr()
    assert (cdr["caller"], cdr["callee"]) == ("4312345", case.number)
    assert (cdr["caller_out"], cdr["callee_out"]) == sent(vendor)
    assert [(one["caller_out"], one["callee_out"]) for one in cdr["attempts"]] == [sent(vendor)]
    (told,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    first = next(row for row in told["candidates"] if row["gateway"] == f"first{case.n}")
    assert (first["caller_out"], first["callee_out"]) == ("43701", f"00{case.number}")
    assert f"first{case.n}: period 2, working times of always{case.n}" in told["steps"]


def test_numbers_of_a_pool_are_taken_while_calls_are_up_and_given_back(case):
    """Two numbers, each in one call at most: of three calls at once the third has its own number; later one is free."""
    case.begin(vendor=f'caller_pool = "pool{case.n}"', more=POOL)
    vendor = case.vendor("first", ANSWER, calls=4)
    talking = case.call([*CALL[:6], "pause 3000", *CALL[7:]], calls=3, rate=20)
    until(lambda: len(case.running()) == 3, what="three calls")
    talking.succeeds()
    until(lambda: not case.running(), what="their end")
    case.call(CALL, name="later").succeeds()
    vendor.succeeds()
    callers = [invite.from_.uri.user for invite in vendor.heard("INVITE")]
    assert callers == ["43700", "43701", "4312345", "43700"]
    assert sorted(cdr["caller_out"] for cdr in case.cdrs(4)) == sorted(callers)


def test_a_customer_shows_and_is_billed_by_a_number_out_of_its_pool(case):
    case.begin(access=f'caller_pool = "pool{case.n}"', vendor='caller_dial_plan = "43:0"', more=POOL)
    vendor = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    assert sent(vendor)[0] == "0700"
    cdr = case.cdr()
    assert (cdr["caller_in"], cdr["caller"], cdr["caller_out"]) == ("4312345", "43700", "0700")
    (told,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert f"customer{case.n}: caller_pool: 4312345 -> 43701 (of 2 numbers)" in told["steps"]


def test_a_vendor_out_of_its_periods_is_passed_over(case):
    case.begin(vendor=f'periods = [{{ calendar = "always{case.n}", when = "non_working" }}]', more=DAY)
    vendor = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdr()
    assert cdr["routing_gateway"] == f"second{case.n}"
    gateways = {row["gateway"]: row["why"] for row in cdr["decision"]["plan"]["gateways"]}
    assert gateways[f"first{case.n}"] == "none of its periods is in force"


def test_a_customer_out_of_its_periods_is_refused(case):
    case.begin(access="periods = [{ valid_to = 2020-01-01 }]")
    refused(case, "caller_restricted", "none of its periods is in force")


def test_checks_of_both_sides(case):
    """The customer's are refused, each with its reason; the vendor's lead to the next vendor."""
    case.begin(
        access='caller_check = { lengths = "4-12", digits_only = true }\n'
        f'callee_check = {{ groups_denied = ["dear{case.n}"] }}',
        vendor='caller_dial_plan = "43:0"\ncaller_check = { prefixes_denied = ["0"] }',
        more='[[number_groups]]\nname = "dear{n}"\nnumbers = ["/49\\\\d{3}9+/"]\n',
    )
    refused(case, "caller_restricted", "caller_check: 123: 3 characters are not allowed", number="123")
    refused(case, "caller_restricted", "caller_check: abcdef: only digits are allowed", number="abcdef")
    dear = f"{case.prefix}999"
    group = f"callee_check: {dear}: number group dear{case.n} has /49\\d{{3}}9+/"
    refused(case, "callee_restricted", group, to=dear)
    vendor = case.vendor("second", ANSWER)
    case.call(CALL).succeeds()
    vendor.succeeds()
    cdr = case.cdrs(4)[0]
    assert (cdr["routing_gateway"], cdr["end_reason"]) == (f"second{case.n}", "normal")
    assert [f"first{case.n}", "caller_check: 012345: prefix 0 is denied"] in cdr["decision"]["notes"]
    gateways = {row["gateway"]: (row["kept"], row["why"]) for row in cdr["decision"]["plan"]["gateways"]}
    assert gateways[f"first{case.n}"] == (False, "caller_check: 012345: prefix 0 is denied")


def test_redirections_have_plans_of_their_own(case):
    case.begin(
        access='trusted = true\ncaller_dial_plan = "0:43"\nforward_dial_plan = "0:0043"',
        vendor='trusted = true\ndiversion = "diversion"\nforward_dial_plan = "00:+"',
    )
    vendor = answers(case, "first", ANSWER)
    calls(case, "Diversion: <sip:0771@customer.example>;reason=user-busy").succeeds()
    vendor.succeeds()
    (invite,) = vendor.heard("INVITE")
    assert invite.from_.uri.user == "4312345"
    assert invite.get("diversion").startswith("<sip:+43771@")


def table(case, name, kind, rows):
    """A number table out of a CSV file."""
    path = case.folder / f"{name}.csv"
    path.write_text("number,value\n" + "".join(f"{number},{value}\n" for number, value in rows.items()))
    case.switch.cli("table", "import", f"{name}{case.n}", str(path), "--kind", kind)


def test_areas_out_of_a_file(case):
    """Areas in the record and in route; a prefix before mobile numbers of other areas; the called area's time."""
    calendar = f'calendar = "day{case.n}"'
    case.begin(
        access='callee_check = { kinds = ["mobile"] }',
        vendor=f'mobile_area = {{ area = "north" }}\nperiods = [{{ {calendar}, caller_dial_plan = ":8" }}]',
        other='mobile_area = { area = "south" }',
        more='[[calendars]]\nname = "day{n}"\ndestination_time = true\ndefault = "working"\n'
        'entries = [{ start = "00:00", end = "11:59:59", working = false }]\n',
        VS_AREA_TABLE=f"areas{case.n}",
        VS_MOBILE_TABLE=f"mobiles{case.n}",
    )
    table(case, "areas", "area", {"43": "Austria", case.prefix: "Far away|Etc/GMT-10"})
    table(case, "mobiles", "area", {f"{case.prefix}1": "south"})
    refused(
        case,
        "callee_restricted",
        f"callee_check: {case.prefix}999: city numbers are not allowed",
        to=f"{case.prefix}999",
    )
    asked = ("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}", "--at")
    for hour, callee in ((1, case.number), (3, f"0{case.number}")):
        (told,) = case.switch.json(*asked, f"2026-11-23T{hour:02}:00:00Z")
        first = next(row for row in told["candidates"] if row["kept"])
        assert first["callee_out"] == callee, told
        assert "areas: caller Austria, callee Far away" in told["steps"]
    vendors = [case.vendor(name, ANSWER) for name in ("first", "second")]
    case.call(CALL).succeeds()
    cdr = case.cdrs(2)[0]
    assert cdr["decision"]["areas"] == ["Austria", "Far away"]
    used = vendors[cdr["routing_gateway"] == f"second{case.n}"]
    used.succeeds()
    assert sent(used)[1] == cdr["callee_out"]
