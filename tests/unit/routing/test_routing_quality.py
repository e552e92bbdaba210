"""ASR and ACD: the published cases, and segments that fall out of the window."""

import csv
from pathlib import Path

import pytest

from vosswitch.model.causes import from_sip
from vosswitch.params.system import Parameters
from vosswitch.routing.conduct import USUAL
from vosswitch.routing.gauges import Gauges
from vosswitch.routing.quality import Window

CASES = list(
    csv.DictReader((Path(__file__).parents[2] / "data" / "quality_cases.csv").read_text(encoding="utf-8").splitlines())
)


@pytest.mark.parametrize("row", CASES, ids=lambda row: f"{row['metric']} {row['segments']}")
def test_published_case(row):
    found = Gauges()
    found.follow(Parameters({"SS_GATEWAY_ASR_CALCULATE": "On", "SS_GATEWAY_ACD_CALCULATE": "On"}))
    for number, pair in enumerate(row["segments"].split()):  # ten segments of a minute
        first, second = map(int, pair.split("/"))
        for at in range(second):
            if row["metric"] == "asr":
                found.attempt("g", USUAL, "", 60 * number, None if at < first else from_sip(503), None)
            else:
                found.call("g", USUAL, "", 60 * number, 0 if at else 1000 * first)
    value = getattr(found.figures("g", 599), row["metric"])
    if row["expected"] == "none":
        assert value is None
    else:
        assert value == pytest.approx(float(row["expected"]), abs=0.005)


def test_segments_fall_out_one_by_one_and_the_running_one_counts():
    window = Window(600, 10)
    window.add(0, 1, 2)
    window.add(30, 1, 2)
    window.add(65, 3, 3)
    assert window.segments(65) == [(2, 4), (3, 3)]
    assert window.segments(599) == [(2, 4), (3, 3)]
    assert window.segments(600) == [(3, 3)]
    assert window.segments(660) == []
