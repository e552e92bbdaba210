"""Sums before and after: exact, sorted by money, bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vosswitch.simulation import report as report_module
from vosswitch.simulation.replay import Result
from vosswitch.simulation.report import OTHER, Report, figures

RESULTS = st.builds(
    Result,
    gateway=st.sampled_from(["a", "b", ""]),
    prefix=st.sampled_from(["43", "44", ""]),
    account=st.sampled_from(["1", "2"]),
    refused=st.sampled_from(["", "no_route"]),
    answered=st.booleans(),
    ms=st.integers(0, 10**6),
    fee=st.integers(0, 10**8),
    cost=st.integers(0, 10**8),
)


def spoken(gateway, fee, cost, prefix="43"):
    return Result(gateway, prefix, "1", "", answered=True, ms=60_000, fee=fee, cost=cost)


@given(st.lists(st.tuples(RESULTS, RESULTS)))
def test_every_table_adds_up_to_the_total(pairs):
    made = Report((("gateway",), ("prefix", "customer")))
    for old, new in pairs:
        made.add(old, new)
    total = figures(made.total)
    assert total["calls_old"] == total["calls_new"] == len(pairs)
    assert total["fee_new"] == sum(new.fee for _, new in pairs)
    assert total["gain"] == sum(
        (new.fee - new.cost - new.agents) - (old.fee - old.cost - old.agents) for old, new in pairs
    )
    for by in made.tables:
        rows = list(made.rows(by))
        for name in ("calls_old", "calls_new", "fee_old", "fee_new", "cost_old", "cost_new", "refused_new", "gain"):
            assert sum(row[name] for row in rows) == total[name]


def test_the_largest_change_of_the_margin_stands_first():
    made = Report((("gateway",),))
    made.add(spoken("a", 10, 5), spoken("a", 10, 4))
    made.add(spoken("b", 10, 5), spoken("b", 10, 9))
    made.add(spoken("c", 10, 5), spoken("c", 10, 5))
    assert [(row["gateway"], row["gain"], row["changed"]) for row in made.rows(("gateway",))] == [
        ("b", -4, 1),
        ("a", 1, 1),
        ("c", 0, 0),
    ]


def test_a_call_that_moves_leaves_one_gateway_and_comes_to_the_other():
    made = Report((("gateway",),))
    assert made.add(spoken("a", 10, 5), spoken("b", 10, 3)) is True
    rows = {row["gateway"]: row for row in made.rows(("gateway",))}
    assert (rows["a"]["calls_old"], rows["a"]["calls_new"], rows["a"]["changed"]) == (1, 0, 1)
    assert (rows["b"]["calls_old"], rows["b"]["calls_new"], rows["b"]["changed"]) == (0, 1, 1)
    assert made.total.changed == 1


def test_refusals_are_counted_by_reason():
    made = Report()
    refused = Result("", "", "1", "no_route", answered=False, ms=0, fee=0, cost=0)
    made.add(refused, spoken("a", 1, 0))
    made.add(spoken("a", 1, 0), refused._replace(refused="no_rate"))
    assert list(made.reasons()) == [
        {"reason": "no_rate", "old": 0, "new": 1},
        {"reason": "no_route", "old": 1, "new": 0},
    ]


def test_keys_are_bounded(monkeypatch):
    monkeypatch.setattr(report_module, "MOST_CELLS", 3)
    made = Report((("prefix",),))
    for n in range(10):
        made.add(spoken("a", 1, 0, str(n)), spoken("a", 1, 0, str(n)))
    rows = {row["prefix"]: row["calls_old"] for row in made.rows(("prefix",))}
    assert len(rows) == 4
    assert rows[OTHER] == 7
