"""ASR and ACD: the published cases, and segments that fall out of the window."""

import csv
from pathlib import Path

import pytest

from vosswitch.routing.quality import Window, acd, asr

CASES = list(
    csv.DictReader((Path(__file__).parents[2] / "data" / "quality_cases.csv").read_text(encoding="utf-8").splitlines())
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row['metric']} {row['segments']}")
def test_published_case(row):
    segments = [tuple(map(int, pair.split("/"))) for pair in row["segments"].split()]
    value = {"asr": asr, "acd": acd}[row["metric"]](segments)
    if row["expected"] == "none":
        assert value is None
    else:
        assert value == pytest.approx(float(row["expected"]), abs=0.0005)


def test_segments_fall_out_one_by_one_and_the_running_one_counts():
    window = Window(600, 10)
    window.add(0, 1, 2)
    window.add(30, 1, 2)
    window.add(65, 3, 3)
    assert window.segments(65) == [(2, 4), (3, 3)]
    assert window.segments(599) == [(2, 4), (3, 3)]
    assert window.segments(600) == [(3, 3)]
    assert window.segments(660) == []
