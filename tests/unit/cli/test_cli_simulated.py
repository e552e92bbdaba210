"""CSV cells that no spreadsheet runs, and a file that is whole or not there."""

import pytest

from vosswitch.cli.csvfile import safe
from vosswitch.cli.simulated import ChangedCalls


@pytest.mark.parametrize("text", ["=1+1", "+43", "-1", "@x", "\tx", "\rx"])
def test_formulas_are_defused(text):
    assert safe(text) == f"'{text}"


def test_numbers_stay_as_they_are():
    assert safe("4366") == "4366"


def test_an_interrupted_file_leaves_nothing(tmp_path):
    path = tmp_path / "calls.csv"
    with pytest.raises(KeyboardInterrupt), ChangedCalls(path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with ChangedCalls(path):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["calls.csv"]
    assert path.read_text(encoding="utf-8").startswith("call_id,start,caller_in,callee_in,account_old,account_new")
