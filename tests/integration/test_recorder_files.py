"""Price lists on their way to the switch."""

from __future__ import annotations

import os

import pytest

from vosswitch.billing.files import open_rates
from vosswitch.billing.rates import RateTable
from vosswitch.recorder import files
from vosswitch.recorder.files import PriceLists
from vosswitch.store.fields import Deployment
from vosswitch.store.provision import apply_load
from vosswitch.store.rate_import import import_rates
from vosswitch.store.secrets import Secrets


class Shop:
    """A rate group and its price list."""

    def __init__(self, database, folder):
        self.database = database
        self.folder = folder / "run"
        self.deployment = Deployment(realm="r", secrets=Secrets(str(folder / "key")))
        self.pauses = []
        self.lists = PriceLists(str(self.folder), lambda: self.pauses.append(1))
        self.load([])

    def load(self, rates):
        with self.database.write() as connection:
            apply_load(connection, {"rate_groups": [{"name": "g", "rates": rates}]}, self.deployment)

    def body(self):
        with self.database.read() as connection:
            return self.lists.body(connection, "g")

    def files(self):
        return sorted(path.name for path in self.folder.glob("*"))


def rate(prefix, price, **more):
    return {"prefix": prefix, "per_minute": price, **more}


def table(body):
    base = open_rates(body["file"]) if body["file"] else RateTable.build()
    return base.with_changes(body["overlay"])


@pytest.fixture
def shop(database, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "IN_MEMORY", 3)
    monkeypatch.setattr(files, "_ROWS_BETWEEN", 2)
    return Shop(database, tmp_path)


def test_a_short_list_goes_as_it_is(shop):
    shop.load([rate("1", "0.1"), rate("12", "0.2")])
    body = shop.body()
    assert body["file"] is None
    assert [row[0] for row in body["overlay"]] == ["1", "12"]
    assert not shop.folder.exists()


def test_a_long_list_is_compiled_once_and_changes_go_on_top(shop):
    shop.load([rate(str(prefix), f"0.{prefix}") for prefix in range(1, 7)])
    first = shop.body()
    assert first["overlay"] == []
    assert shop.pauses
    assert shop.body() == first
    shop.load([rate("1", "9", effective="2027-01-01"), rate("2", "7"), {"prefix": "3", "delete": True}])
    second = shop.body()
    assert second["file"] == first["file"]
    now, later = 1_790_000_000_000, 1_890_000_000_000
    prices = table(second)
    assert prices.lookup("15", now).per_minute == "0.1"
    assert prices.lookup("15", later).per_minute == "9"
    assert prices.lookup("25", now).per_minute == "7"
    assert prices.lookup("35", now) is None
    assert prices.lookup("45", now).per_minute == "0.4"


def test_many_changes_an_import_and_damage_compile_it_anew(shop):
    shop.load([rate(str(prefix), "1") for prefix in range(1, 7)])
    seen = {shop.body()["file"]}
    shop.load([rate(str(prefix), "2") for prefix in range(1, 6)])
    seen.add(shop.body()["file"])
    assert len(seen) == 2
    rows = [["prefix", "per_minute"], *[[str(prefix), "3"] for prefix in range(1, 9)]]
    import_rates(shop.database, "g", rows, shop.deployment, replace=True)
    third = shop.body()
    assert third["file"] not in seen
    assert len(shop.files()) == 1
    assert table(third).lookup("8", 0).per_minute == "3"
    os.truncate(third["file"], 100)
    assert table(shop.body()).lookup("8", 0).per_minute == "3"
