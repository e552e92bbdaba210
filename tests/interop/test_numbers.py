"""Numbers on their way through: tech prefixes, dial plans, stripping, transforms, blacklists; and plugins by name."""

from __future__ import annotations

import shutil
from decimal import Decimal

import pytest

from tests.support.case import Case, provisioned
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import ROOT

REFUSED = ["invite", "expect? 100", "expect 403", "failack"]


def sent(vendor):
    """Calling and called number as the vendor saw them: From, request line and To."""
    (invite,) = vendor.heard("INVITE")
    assert invite.target.user == invite.to.uri.user
    return invite.from_.uri.user, invite.target.user


def completed(case, name="first", **how):
    """One call to the end; gives the numbers as the vendor saw them and the record."""
    vendor = case.vendor(name, ANSWER)
    case.call(CALL, **how).succeeds()
    vendor.succeeds()
    return sent(vendor), case.cdr()


def test_numbers_go_through_unchanged_without_plans(case):
    case.begin()
    numbers, cdr = completed(case)
    assert numbers == ("4312345", case.number)
    assert (cdr["caller_in"], cdr["callee_in"]) == (cdr["caller"], cdr["callee"]) == numbers
    assert (cdr["caller_out"], cdr["callee_out"]) == numbers


def test_the_tech_prefix_is_stripped_before_everything_else(case):
    case.begin(access='tech_prefix = "77#"\ncallee_dial_plan = "77:99"')
    numbers, cdr = completed(case, to=f"77%23{case.number}")
    assert numbers[1] == case.number
    assert (cdr["callee_in"], cdr["callee"]) == (f"77#{case.number}", case.number)


def test_a_call_without_the_tech_prefix_is_not_the_customers(case):
    case.begin(access='tech_prefix = "77#"')
    call = case.call(["invite", "expect? 100", "expect? 401", "expect 403", "failack"])
    call.wait()
    (refusal,) = {message.status for message in call.heard("SIP/2.0 4")}
    assert refusal in {401, 403}
    assert case.paid() == 0


def test_the_longest_tech_prefix_of_an_address_wins(case):
    case.begin(
        access='tech_prefix = "7"',
        more='[[accounts]]\nnumber = "D{n}"\nbalance = "5"\nrate_group = "sell{n}"\n'
        '[[mapping_gateways]]\nname = "other{n}"\naccount = "D{n}"\nauth = "ip"\n'
        f'addresses = ["{case.host}"]\ntech_prefix = "77"\n',
    )
    vendor = case.vendor("first", ANSWER)
    case.call(CALL, to=f"77{case.number}").succeeds()
    vendor.succeeds()
    (cdr,) = case.switch.cdrs(1, "--account", f"D{case.n}")
    assert (cdr["mapping_gateway"], cdr["callee"]) == (f"other{case.n}", case.number)


def test_dial_plans_of_both_sides(case):
    """The incoming side's plans make the numbers as billed, the vendor's only what is sent to it."""
    case.begin(
        access='callee_dial_plan = "00:"\ncaller_dial_plan = "0:43"',
        vendor='callee_dial_plan = "49:0049"\ncaller_dial_plan = "43:+43"',
    )
    numbers, cdr = completed(case, to=f"00{case.number}", number="0664123")
    assert numbers == ("+43664123", f"00{case.number}")
    assert (cdr["caller_in"], cdr["callee_in"]) == ("0664123", f"00{case.number}")
    assert (cdr["caller"], cdr["callee"]) == ("43664123", case.number)
    assert (cdr["caller_out"], cdr["callee_out"]) == numbers
    assert cdr["rate_prefix"] == case.prefix


def test_each_gateway_gets_the_number_by_its_own_plan(case):
    case.begin(vendor='callee_dial_plan = "49:1#49"', other='callee_dial_plan = "49:2#49"')
    first = case.vendor("first", ["receive INVITE", "send 503", "receive ACK"])
    numbers, cdr = completed(case, "second")
    first.succeeds()
    assert sent(first)[1] == f"1#{case.number}"
    assert numbers[1] == f"2#{case.number}"
    assert cdr["callee_out"] == f"2#{case.number}"


def test_the_matched_prefix_is_stripped_for_the_vendor_only(case):
    case.begin(vendor="strip_prefix = true")
    numbers, cdr = completed(case)
    assert numbers[1] == cdr["callee_out"] == "123"
    assert (cdr["callee"], cdr["rate_prefix"]) == (case.number, case.prefix)


def test_a_plan_that_leaves_nothing_is_refused(case):
    case.begin(access=f'callee_dial_plan = "{case.number}:"')
    case.call(["invite", "expect? 100", "expect 484", "failack"]).succeeds()
    assert (case.cdr()["end_reason"], case.cdr()["code"]) == ("empty_callee", -19)


def test_a_number_transform_by_name(case):
    case.begin(access='number_transforms = ["home-country"]', VS_HOME_COUNTRY="43")
    numbers, cdr = completed(case, to=f"00{case.number}", number="0664123")
    assert numbers == ("43664123", case.number)
    assert (cdr["caller"], cdr["caller_in"]) == ("43664123", "0664123")


def test_a_billing_mode_by_name(case):
    """The example mode forgives what ends within three seconds."""
    case.begin(mode='billing_mode = "grace"')
    _, cdr = completed(case)
    assert (cdr["fee"], cdr["billed_seconds"], cdr["cost"]) == ("0", 0, "0.005")
    assert case.paid() == 0


def test_a_routing_strategy_by_name(case):
    """The lowest rate comes before the priority when the customer's gateway says so."""
    case.begin(
        access='routing_strategies = ["lowest_rate"]',
        cheaper="W",
        more='[[rate_groups]]\nname = "cheap{n}"\n[[rate_groups.rates]]\nprefix = ""\nper_minute = "0.12"\n'
        '[[accounts]]\nnumber = "W{n}"\nkind = "clearing"\noverdraft_limit = "unlimited"\nrate_group = "cheap{n}"\n',
    )
    _, cdr = completed(case, "second")
    assert (cdr["routing_gateway"], cdr["cost"]) == (f"second{case.n}", "0.002")
    assert cdr["decision"]["plan"]["gateways"][0]["gateway"] == f"second{case.n}"


@pytest.fixture
def listed(tmp_path):
    """A case whose switch has the plugins of the project and a list of numbers for the blacklist."""
    plugins = tmp_path / "plugins"
    shutil.copytree(ROOT / "plugins", plugins, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    (plugins / "number_file" / "numbers.txt").write_text("4312345   # a nuisance\n49*\n4366*\n")
    made = Case(tmp_path, provisioned(tmp_path, plugins={"path": [str(plugins)]}))
    yield made
    made.end()
    assert made.switch.stop() == 0


def test_a_blacklist_by_name(listed):
    listed.begin(access='blacklists = ["number-file"]\ncallee_dial_plan = "00:"')
    listed.call(REFUSED, to="0044123", number="4312345").succeeds()
    cdr = listed.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["attempts"]) == ("blacklisted", -18, [])
    listed.call(REFUSED, name="callee", number="1").succeeds()
    listed.switch.provision(
        f'[[mapping_gateways]]\nname = "customer{listed.n}"\naccount = "C{listed.n}"\nauth = "ip"\n'
        f'addresses = ["{listed.host}"]\n'
    )
    vendor = listed.vendor("first", ANSWER)
    listed.call(CALL, name="free").succeeds()
    vendor.succeeds()
    assert [row["end_reason"] for row in listed.cdrs(3)] == ["normal", "blacklisted", "blacklisted"]
    assert listed.paid() == Decimal("0.01")
