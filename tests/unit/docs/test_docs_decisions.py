"""The decisions in docs/adr: each has a number of its own, and the list of them names all."""

import re
from pathlib import Path

ADR = Path(__file__).resolve().parents[3] / "docs" / "adr"


def decisions() -> list[Path]:
    return sorted(ADR.glob("[0-9]*.md"))


def test_each_number_is_given_once_and_none_is_left_out() -> None:
    assert [int(path.name[:4]) for path in decisions()] == list(range(1, len(decisions()) + 1))


def test_a_decision_says_its_own_number() -> None:
    heads = {path.name: path.read_text(encoding="utf-8").split("\n", 1)[0] for path in decisions()}
    wrong = {name: head for name, head in heads.items() if not re.match(rf"# 0*{int(name[:4])}[.:] \S", head)}
    assert wrong == {}


def test_the_list_names_every_decision() -> None:
    listed = re.findall(r"^\* \[(\d{4})\]\((\S+)\) \S", (ADR / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [(path.name[:4], path.name) for path in decisions()]
