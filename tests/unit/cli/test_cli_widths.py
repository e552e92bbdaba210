"""Tables on screens that are too narrow: long texts fold between words, nothing else does, and nothing is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.cli import output
from vosswitch.cli.output import fitted
from vosswitch.control.operations import Field

FIELDS = (Field("name", "text", "a name"), Field("amount", "money", "money"), Field("help", "text", "what it is"))
ROW = {"name": "SERVER_MAX_CDR_PENDING_LIST_LENGTH"[:30], "amount": 12_345_678_901, "help": "many words " * 20}


def shown(monkeypatch: pytest.MonkeyPatch, room: int | None) -> list[list[str]]:
    printed: list[str] = []
    monkeypatch.setattr(output, "_screen", lambda: room)
    monkeypatch.setattr(output.click, "echo", printed.append)
    cells = [[str(ROW["name"]), "1234.5678901", str(ROW["help"]).strip()]]
    output._print_table(["name", "amount", "help"], ["text", "money", "text"], cells)
    return [line.split() for line in printed] if room is None else [[line] for line in printed]


def test_a_program_gets_one_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(shown(monkeypatch, None)) == 2


def test_a_long_text_folds_to_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for (line,) in shown(monkeypatch, 110)]
    assert max(map(len, lines)) <= 110
    assert len(lines) > 2
    assert " ".join(" ".join(lines).split()).count("many words") == 20


def test_a_screen_too_narrow_for_all_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for (line,) in shown(monkeypatch, 20)]
    assert any(str(ROW["name"]) in line and "1234.5678901" in line for line in lines)


@given(st.lists(st.tuples(st.text("ab ", max_size=60), st.text("12.", max_size=40)), min_size=1), st.integers(1, 200))
def test_a_table_is_as_wide_as_the_screen_or_as_it_has_to_be(rows: list[tuple[str, str]], room: int) -> None:
    width, folded = fitted(rows, room)
    whole, none = fitted(rows, None)
    assert none == frozenset()
    assert width <= max(room, whole)
    assert bool(folded) == (whole > room and any(len(cell) > 32 for row in rows for cell in row))
