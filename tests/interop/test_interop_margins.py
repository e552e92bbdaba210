"""Calls that would lose money: refused, or sent to the vendor that pays; with the record that says why."""

from __future__ import annotations

from tests.interop.test_failover import attempts, refused
from tests.support.sipp import ANSWER, CALL

DEARER = """
[[rate_groups]]
name = "dear{n}"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.70"
[[accounts]]
number = "W{n}"
kind = "clearing"
overdraft_limit = "unlimited"
rate_group = "dear{n}"
"""


def notes(cdr):
    return [why for _, why in cdr["decision"]["notes"] if why.startswith("profit_restricted")]


def test_the_customer_who_pays_too_little_is_refused_and_the_next_one_goes_to_the_second_vendor(case):
    """The first vendor takes 0.30, the second one 0.10; this customer pays 0.60."""
    cheap = f"""
[[rate_groups]]
name = "cheap{case.n}"
[[rate_groups.rates]]
prefix = "{case.prefix}"
per_minute = "0.10"
"""
    case.begin(access='least_profit = "500.1%"\n', other=f'rate_group = "cheap{case.n}"', more=cheap)
    case.call(refused(503), name="cheap").succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["code"], cdr["end_direction"]) == ("profit_restricted", -22, 2)
    assert (cdr["attempts"], cdr["fee"], cdr["cost"]) == ([], "0", "0")
    assert notes(cdr) == [
        "profit_restricted: 60 s bring 0.6, cost 0.3, 500.1% is wanted",
        "profit_restricted: 60 s bring 0.6, cost 0.1, 500.1% is wanted",
    ]
    case.begin(access='least_profit = "500%"\n', other=f'rate_group = "cheap{case.n}"')
    second = case.vendor("second", ANSWER)
    case.call(CALL, name="next").succeeds()
    second.succeeds()
    cdr = case.cdrs(2)[0]
    assert attempts(cdr) == [("second", 200, "answered")]
    assert notes(cdr) == ["profit_restricted: 60 s bring 0.6, cost 0.3, 500% is wanted"]
    told = case.switch.json("route", "--mapping-gateway", f"customer{case.n}", "1000", case.number)[0]
    rows = {row["gateway"]: (row["kept"], row["income"], row["cost"], row["profit"]) for row in told["candidates"]}
    assert rows[f"first{case.n}"] == (False, "0.6", "0.3", "0.3")
    assert rows[f"second{case.n}"] == (True, "0.6", "0.1", "0.5")


def test_no_call_loses_money_unless_that_is_wanted(case):
    case.begin(cheaper="W", more=DEARER)
    first = case.vendor("first", ["receive INVITE", "send 503", "receive ACK"], calls=2)
    case.call(refused(503), name="stays").succeeds()
    assert attempts(case.cdr()) == [("first", 503, "service_unavailable")]
    case.begin(cheaper="W", more=DEARER, account='least_profit = "none"\n')
    second = case.vendor("second", ANSWER)
    case.call(CALL, name="loses").succeeds()
    first.succeeds()
    second.succeeds()
    cdr = case.cdrs(2)[0]
    assert [name for name, _, _ in attempts(cdr)] == ["first", "second"]
    assert float(cdr["cost"]) > float(cdr["fee"]) > 0
