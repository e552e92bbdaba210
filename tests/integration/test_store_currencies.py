"""Currencies and further terms of rates in the database: what is refused, and that nothing gets lost on the way."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from vosswitch.call.snapshot import Snapshot
from vosswitch.params.system import BadParameter
from vosswitch.recorder.files import PriceLists
from vosswitch.store.document import BadDocument, parse_toml
from vosswitch.store.dump import dump_lines
from vosswitch.store.fields import Deployment
from vosswitch.store.generations import CannotImport
from vosswitch.store.listings import set_parameter
from vosswitch.store.provision import apply_load, plan_load
from vosswitch.store.rate_import import import_rates
from vosswitch.store.secrets import Secrets

BASE = """
[[calendars]]
name = "night"
entries = [{start = "22:00", end = "05:59:59"}]
[[exchange_rates]]
name = "EUR/USD"
values = [{from = 2026-02-01, rate = "1.1"}, {from = 2026-01-01, rate = "1.0845"}]
[[rate_groups]]
name = "retail"
currency = "USD"
[[rate_groups.rates]]
prefix = "43"
per_minute = "0.02"
until = 2030-01-01T00:00:00Z
attempt_fee = "0.01"
minimum = "0.05"
sections = "60:0.01,300:0.005"
periods = "night:0.015:0.001"
[[rate_groups.rates]]
prefix = "44"
per_minute = "0.03"
[[accounts]]
number = "1000"
balance = "10"
currency = "USD"
private_rates = "retail"
[[accounts]]
number = "1001"
balance = "5"
[[accounts]]
number = "1002"
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment("test", Secrets(str(tmp_path / "key")))


def load(database, text, deployment):
    with database.write() as connection:
        return apply_load(connection, parse_toml(text, "f.toml"), deployment, "f.toml", "tester")


def refused(database, text, deployment):
    with pytest.raises(BadDocument) as caught:
        load(database, text, deployment)
    return caught.value.problems


def currency_to(database, value):
    with database.write() as connection:
        return set_parameter(connection, "VS_CURRENCY", value, "tester")


def test_everything_is_dumped_as_it_was_loaded(database, deployment):
    load(database, BASE, deployment)
    with database.read() as connection:
        text = "\n".join(dump_lines(connection, deployment))
        assert plan_load(connection, parse_toml(text, "dump"), deployment).differences == []
    for word in ('currency = "USD"', 'private_rates = "retail"', 'periods = "night:0.015:0.001"', "until = 2030-01-01"):
        assert word in text


def test_the_switch_has_further_terms_and_plain_rates_as_always(database, deployment, tmp_path):
    load(database, BASE, deployment)
    with database.read() as connection:
        body = PriceLists(str(tmp_path), lambda: None).body(connection, "retail")
    assert body["currency"] == "USD"
    assert body["overlay"] == [
        ["43", 0, "0.02", 1, 1, "0", "0", "domestic",
         [1_893_456_000_000, "0.01", "0.05", "60:0.01,300:0.005", "night:0.015:0.001"]],
        ["44", 0, "0.03", 1, 1, "0", "0", "domestic"],
    ]  # fmt: skip
    group = Snapshot().applied({"seq": 1, "rate_groups": {"retail": body}}).rate_groups["retail"]
    assert group.table.lookup("43", 1_893_456_000_000) is None
    assert group.table.lookup("43", 1_893_455_999_999).extra.minimum == "0.05"


def test_an_import_takes_further_terms_and_gives_them_back(database, deployment):
    load(database, BASE, deployment)
    rows = [
        ["prefix", "per_minute", "valid to", "attempt fee", "min charge", "tiers", "periods"],
        ["43", "1", "2027-01-01", "0.1", "0.2", "60:0.5", "night:0.3"],
        ["44", "2", "", "", "", "", ""],
    ]
    import_rates(database, "retail", rows, deployment, replace=True, pause=lambda _seconds: None)
    with database.read() as connection:
        text = "\n".join(dump_lines(connection, deployment))
    assert 'sections = "60:0.5"' in text
    assert 'periods = "night:0.3"' in text
    assert csv.reader(io.StringIO(text))
    report = import_rates(
        database,
        "retail",
        [["prefix", "rate", "effective", "until"], ["5", "1", "2027-01-01", "2026-01-01"]],
        deployment,
    )
    assert [str(line) for line in report.refused] == ["line 2: until: expected a moment after effective"]
    with pytest.raises(CannotImport, match='there is no "nobody"'):
        import_rates(database, "retail", [["prefix", "rate", "periods"], ["5", "1", "nobody:1"]], deployment)


def test_calendars_that_rates_name_have_to_be_there(database, deployment):
    load(database, BASE, deployment)
    (missing,) = refused(
        database,
        '[[rate_groups]]\nname="retail"\n[[rate_groups.rates]]\nprefix="5"\nper_minute="1"\nperiods="day:1"',
        deployment,
    )
    assert missing.endswith('rates "5": periods: expected one of calendars, there is no "day"')
    (used,) = refused(database, '[[calendars]]\nname = "night"\ndelete = true', deployment)
    assert used.endswith('delete: still used by the rates of rate_groups "retail"')
    load(database, '[[rate_groups]]\nname = "retail"\ncurrency = "USD"\nreplace = true', deployment)
    load(database, '[[calendars]]\nname = "night"\ndelete = true', deployment)


def test_the_currency_of_an_account_with_money_stays(database, deployment):
    load(database, BASE, deployment)
    for text in ('number = "1000"', 'number = "1000"\ncurrency = "GBP"', 'number = "1001"\ncurrency = "USD"'):
        (problem,) = refused(database, f"[[accounts]]\n{text}", deployment)
        assert "as before: its balance or a grant is not zero" in problem
    load(database, '[[accounts]]\nnumber = "1002"\ncurrency = "USD"', deployment)


def test_the_currency_of_the_deployment_stays_while_accounts_have_money_in_it(database, deployment):
    load(database, BASE, deployment)
    currency_to(database, "EUR")  # it gets a name
    with pytest.raises(BadParameter, match="account 1001 has money"):
        currency_to(database, "CHF")
    (problem,) = refused(database, '[[parameters]]\nname = "VS_CURRENCY"\nvalue = "CHF"', deployment)
    assert "account 1001 has money" in problem
    load(database, '[[accounts]]\nnumber = "1001"\ndelete = true', deployment)
    currency_to(database, "CHF")
    with pytest.raises(BadParameter, match="expected a currency"):
        currency_to(database, "francs")


def test_a_currency_that_nothing_converts_is_warned_of(database, deployment):
    loaded = load(database, BASE + '[[accounts]]\nnumber = "1"\ncurrency = "JPY"', deployment)
    assert 'accounts "1": currency: no exchange rate names JPY' in loaded.warnings
    assert not [line for line in loaded.warnings if "USD" in line]
