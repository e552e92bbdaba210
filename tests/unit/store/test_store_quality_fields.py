"""Fields that say how the calls of a gateway are judged: what is taken, and the line for what is not."""

from __future__ import annotations

import pytest

from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.quality_fields import OF_ROUTING_GATEWAYS, check_outcomes, outcomes

NOWHERE = Deployment("", None)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ([503, "503", "500-599"], [503, "500-599"]),
        (["connection_timeout", 486], ["connection_timeout", 486]),
        (["300", "699"], [300, 699]),
        ([], []),
    ],
)
def test_outcomes_have_one_form(written, kept):
    assert outcomes(written, NOWHERE) == kept
    assert outcomes(kept, NOWHERE) == kept


@pytest.mark.parametrize(
    "written",
    [503, "503", [200], [700], ["599-500"], ["5xx"], ["500-"], [True], [5.5], ["operator_release"], ["²00"], [["503"]]],
)
def test_other_outcomes_are_refused(written):
    with pytest.raises(Expected, match="SIP statuses 300-699"):
        outcomes(written, NOWHERE)


@pytest.mark.parametrize(
    ("stop", "go_on", "named"),
    [([503], ["500-599"], "503"), (["500-504"], ["504-600"], "504"), (["no_answer"], ["no_answer"], "no_answer")],
)
def test_an_outcome_cannot_both_stop_and_go_on(stop, go_on, named):
    with pytest.raises(ValueError, match=f"continue_codes: expected others than stop_codes, {named} is in both"):
        check_outcomes({"stop_codes": stop, "continue_codes": go_on})
    check_outcomes({"stop_codes": [*stop], "continue_codes": [404]})


@pytest.mark.parametrize(
    ("name", "value"),
    [("least_asr", 0), ("least_asr", 101), ("most_pdd", 0), ("quality_action", "drop"), ("quality_probe", 101),
     ("throttle_share", 0), ("throttle_window", 9), ("asr_calculate", True)],
)  # fmt: skip
def test_values_out_of_range_are_refused(name, value):
    field = next(item for item in OF_ROUTING_GATEWAYS if item.name == name)
    with pytest.raises(Expected):
        field.read(value, NOWHERE)
