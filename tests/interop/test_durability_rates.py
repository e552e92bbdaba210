"""A price list imported into a running switch: no call notices, and it is live when the command returns."""

from __future__ import annotations

import time

import pytest

from tests.support.load import Load

pytestmark = pytest.mark.alone

ROWS = 60_000


@pytest.fixture
def load(tmp_path):
    made = Load(tmp_path)
    yield made
    made.close()


def test_a_long_price_list_is_imported_under_load(load, tmp_path):
    sheet = tmp_path / "sheet.csv"
    with sheet.open("w") as file:
        file.write("prefix,per_minute,connect_fee\n4312345,0.60,0.10\n")
        file.writelines(f"{10_000_000 + number},0.{number % 9000 + 1:04d},0\n" for number in range(ROWS))
    load.begin(rate=70, talk=800)
    time.sleep(1)
    began = int(time.time() * 1000)
    told = load.switch.cli("--format", "json", "rates", "import", "sell", str(sheet))
    live = int(time.time() * 1000)
    assert told.stderr == ""
    time.sleep(1)
    load.end()
    load.unharmed()
    load.judge(answered=150)
    dear = {row["fee"] for row in load.books.cdrs if row["answertime"] and row["starttime"] >= live}
    cheap = {row["fee"] for row in load.books.cdrs if row["answertime"] and row["starttime"] < began}
    assert cheap == {100_000}
    assert dear == {1_100_000}
