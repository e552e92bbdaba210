"""Lists, areas, sections and levels on live calls, with their records, changed while the switch runs."""

from __future__ import annotations

from tests.support.sipp import ANSWER, CALL, called

REFUSED = ["invite", "expect? 100", "expect 403", "failack"]


def refused(case, reason, code, **how):
    """One call that is refused; gives its record."""
    case.call(REFUSED, **how).succeeds()
    cdr = case.cdrs(case.calls_made + 1)[0]
    case.calls_made += 1
    assert (cdr["end_reason"], cdr["code"], cdr["attempts"]) == (reason, code, [])
    return cdr


def passes(case, vendor="first", **how):
    """One call to the end; gives what the vendor saw as calling number, and the record."""
    name = f"{vendor}{case.calls_made}"
    made = case.peer(name, called(ANSWER), "-m", "1", port=case.ports[vendor], host=case.vendor_host)
    case.call(CALL, **how).succeeds()
    made.succeeds()
    cdr = case.cdrs(case.calls_made + 1)[0]
    case.calls_made += 1
    assert (cdr["end_reason"], cdr["routing_gateway"]) == ("normal", f"{vendor}{case.n}")
    (invite,) = made.heard("INVITE")
    return invite.from_.uri.user, cdr


def begin(case, **how):
    case.calls_made = 0
    case.begin(**how)


def test_a_caller_on_a_black_list_is_refused_until_it_is_taken_off(case):
    begin(
        case,
        account='lists = ["black{n}"]'.replace("{n}", str(case.n)),
        more='[[number_lists]]\nname = "black{n}"\nof = "caller"\nentries = ["4312345", "4366*"]\n',
    )
    cdr = refused(case, "blacklisted", -18, number="4312345", name="first call")
    assert f"list black{case.n} of account C{case.n}: 4312345" in str(cdr["decision"])
    refused(case, "blacklisted", -18, number="43664711", name="second call")
    passes(case, number="4312346", name="third call")
    assert case.switch.json("list", "check", "43664711", "--account", f"C{case.n}") == [
        {"list": f"black{case.n}", "action": "deny", "of": "caller", "on": True, "entry": "4366*",
         "named_by": [f"account:C{case.n}"]}
    ]  # fmt: skip
    case.switch.cli("list", "remove", f"black{case.n}", "4312345")
    passes(case, vendor="first", number="4312345", name="fourth call")
    assert case.switch.cli("list", "add", f"black{case.n}", "431234[5]", check=False).returncode == 1
    case.switch.cli("list", "add", f"black{case.n}", r"/4312\d+/")
    refused(case, "blacklisted", -18, number="4312345", name="fifth call")
    assert case.paid() > 0


def test_a_white_list_lets_a_number_pass_the_black_list_of_its_level(case):
    begin(
        case,
        access=f'lists = ["all{case.n}", "friends{case.n}"]',
        more='[[number_lists]]\nname = "all{n}"\nof = "caller"\nentries = ["*"]\n'
        '[[number_lists]]\nname = "friends{n}"\naction = "allow"\nof = "caller"\nentries = ["4312345"]\n',
    )
    passes(case, number="4312345", name="friend")
    refused(case, "blacklisted", -18, number="4312346", name="stranger")


def test_a_vendor_whose_list_is_against_the_call_is_left_out(case):
    begin(
        case,
        vendor=f'lists = ["not{case.n}"]',
        more='[[number_lists]]\nname = "not{n}"\nof = "callee"\nentries = ["49*"]\n',
    )
    _, cdr = passes(case, vendor="second")
    why = f"callee {case.number} is on list not{case.n} of the gateway: 49*"
    assert why in str(cdr["decision"])
    answer = case.switch.json("route", "4312345", case.number, "-g", f"customer{case.n}")[0]
    kept = {row["gateway"]: (row["kept"], row["why"]) for row in answer["candidates"]}
    assert kept[f"first{case.n}"] == (False, why)
    assert kept[f"second{case.n}"][0] is True


def test_a_source_outside_the_areas_of_its_account_is_refused(case):
    begin(
        case,
        account=f'areas_allowed = ["home{case.n}"]',
        more='[[geofences]]\nname = "home{n}"\nnetworks = ["198.51.100.0/24"]\n',
    )
    cdr = refused(case, "caller_restricted", -16, name="away")
    assert f"{case.host} is not in home{case.n}" in str(cdr["decision"])
    table = case.folder / "areas.csv"
    table.write_text(f"network,area\n198.51.100.0/24,home{case.n}\n{case.host}/32,home{case.n}\n")
    case.switch.cli("geofence", "import", str(table))
    passes(case, name="home")
    route = ("route", "4312345", case.number, "-g", f"customer{case.n}", "--source")
    assert case.switch.json(*route, case.host)[0]["outcome"] == "route"
    assert case.switch.json(*route, "203.0.113.1")[0]["outcome"] == "caller_restricted"


def test_a_calling_number_of_somebody_else_is_refused_or_replaced(case):
    own = 'sections = ["43120000-43129999", "43664*"]'
    begin(case, account=own)
    refused(case, "caller_restricted", -16, number="4413", name="foreign")
    caller, _ = passes(case, number="43125555", name="own")
    assert caller == "43125555"
    case.begin(account=own + '\nsection_policy = "replace"\ndefault_caller = "43120000"')
    caller, cdr = passes(case, number="4413", name="replaced")
    assert (caller, cdr["caller_in"], cdr["caller"], cdr["caller_out"]) == ("43120000", "4413", "43120000", "43120000")


def test_the_level_of_an_account_bounds_its_calls(case):
    begin(case, account='level = "local"')
    cdr = refused(case, "level_not_allowed", -15)
    assert "may call local at most, not domestic" in str(cdr["decision"])


def test_the_explanation_is_the_same_without_a_running_switch(alone):
    begin(
        alone,
        account=f'lists = ["x{alone.n}"]\nareas_allowed = ["a{alone.n}"]\nsections = ["4312*"]',
        more='[[number_lists]]\nname = "x{n}"\nof = "callee"\nentries = ["length 1-20"]\n'
        '[[geofences]]\nname = "a{n}"\nnetworks = ["192.0.2.0/24"]\n',
    )
    route = (
        "route",
        "4312345",
        alone.number,
        "-g",
        f"customer{alone.n}",
        "--source",
        "192.0.2.1",
        "--at",
        "2026-11-21",
    )
    live = alone.switch.json(*route)
    assert live[0]["outcome"] == "blacklisted"
    assert alone.switch.stop() == 0
    assert alone.switch.json(*route) == live


def test_a_long_list_in_a_number_table_changes_by_single_numbers(case):
    begin(
        case,
        account=f'lists = ["long{case.n}"]',
        more='[[number_tables]]\nname = "bulk{n}"\nkind = "list"\n'
        '[[number_lists]]\nname = "long{n}"\nof = "caller"\ntables = ["bulk{n}"]\n',
    )
    passes(case, number="44777000001", name="before")
    file = case.folder / "numbers.csv"
    file.write_text("number\n" + "".join(f"44777{n:06}\n" for n in range(20_000)))
    case.switch.cli("table", "import", f"bulk{case.n}", str(file))
    cdr = refused(case, "blacklisted", -18, number="44777000001", name="listed")
    assert f"44777000001 in table bulk{case.n}" in str(cdr["decision"])
    passes(case, number="44777020000", name="not listed")
    case.switch.cli("table", "set", f"bulk{case.n}", "44777020000")
    case.switch.cli("table", "remove", f"bulk{case.n}", "44777000001")
    refused(case, "blacklisted", -18, number="44777020000", name="listed now")
    passes(case, number="44777000001", name="listed no more")
    (row,) = case.switch.json("list", "check", "44777020000", "--account", f"C{case.n}")
    assert (row["on"], row["entry"]) == (True, f"44777020000 in table bulk{case.n}")
