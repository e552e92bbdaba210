"""Areas out of a table of networks, and vendors' rates by jurisdiction, on live calls."""

from __future__ import annotations

from tests.support.sipp import ANSWER, CALL


def test_areas_of_the_whole_world_decide_about_live_calls(case, tmp_path):
    """The table changes while the switch runs: the next call is decided by it, and `route` says the same."""
    case.begin(
        account=f'areas_allowed = ["alps{case.n}"]',
        more='[[number_tables]]\nname = "geo{n}"\nkind = "networks"\n'
        '[[geofences]]\nname = "alps{n}"\ntable = "geo{n}"\nareas = ["AT", "CH"]\n',
    )
    rows = "".join(f"10.{n // 256}.{n % 256}.0/24,AT\n" for n in range(6000))  # is compiled
    (tmp_path / "world.csv").write_text(f"network,country\n{rows}127.0.0.0/8,DE\n")
    case.switch.cli("table", "import", f"geo{case.n}", str(tmp_path / "world.csv"))
    case.call(["invite", "expect? 100", "expect 403", "failack"], name="away").succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["attempts"]) == ("caller_restricted", [])
    assert f"{case.host} is not in alps{case.n}" in str(cdr["decision"])
    case.switch.cli("table", "set", f"geo{case.n}", f"{case.host}/32", "CH")
    first = case.vendor("first", ANSWER)
    case.call(CALL, name="home").succeeds()
    first.succeeds()
    assert case.cdrs(2)[0]["routing_gateway"] == f"first{case.n}"
    route = ("route", "4312345", case.number, "-g", f"customer{case.n}", "--source")
    assert case.switch.json(*route, case.host)[0]["outcome"] == "route"
    assert case.switch.json(*route, "10.0.7.1")[0]["outcome"] == "route"
    assert case.switch.json(*route, "127.0.0.200")[0]["outcome"] == "caller_restricted"
    assert f"alps{case.n}" in case.switch.cli("geofence", "check", "10.0.7.1").stdout


def test_vendors_rates_by_jurisdiction(case, tmp_path):
    case.prefix = f"12122{case.n % 100:02}"
    case.number = f"{case.prefix}1234"
    groups = """
[[rate_groups]]
name = "dear{n}"
[[rate_groups.rates]]
prefix = "1"
per_minute = "6"
first = 60
[[number_tables]]
name = "states{n}"
kind = "nanp"
"""
    case.begin(
        access=f'jurisdiction = "states{case.n}"\nleast_profit = "none"',
        vendor=f'rate_group_interstate = "dear{case.n}"',
        more=groups,
    )
    (tmp_path / "states.csv").write_text("NPANXX,State\n212,NY\n310,CA\n")
    case.switch.cli("table", "import", f"states{case.n}", str(tmp_path / "states.csv"))
    first = case.vendor("first", ANSWER, calls=2)
    case.call(CALL, number="13105550000").succeeds()
    case.call(CALL, number="12125550000", name="near").succeeds()
    first.succeeds()
    near, far = case.cdrs(2)
    assert (far["decision"]["jurisdiction"], far["cost_prefix"], far["cost"]) == ("interstate", "1", "6")
    assert (near["decision"]["jurisdiction"], near["cost_prefix"]) == ("intrastate", case.prefix)
    assert float(near["cost"]) < 1
