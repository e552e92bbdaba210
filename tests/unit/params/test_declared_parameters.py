"""The declarations against the reference table, and against what the switch really uses."""

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

from vosswitch.params.declared import PARAMETERS
from vosswitch.params.system import DECLARED

_ROOT = Path(__file__).parents[3]
with (_ROOT / "tests" / "data" / "parameters.csv").open(newline="", encoding="utf-8") as _file:
    ROWS = list(csv.DictReader(_file))

SPELLED = {"(empty)": "", "1 (On)": "On"}
SWITCHES = ("On/Off", "0/1", "On/Off (RST/FIN accepted)")
CHOICES = {
    "401/407": ("Unauthorized(401)", "Proxy Authentication Required(407)"),
    "same": ("Before line usage", "Before gateway ID"),
}
BY_WORDS = {
    "see API dtmfSendMethodH323": {"choice"}, "list": {"numbers", "list"}, "list, * wildcard": {"numbers"},
    "comma list": {"intervals"}, "hex ToS byte": {"byte"}, "integer": {"whole"}, "decimal": {"decimal"},
    "text": {"text"}, "audio name": {"text"}, "number": {"text"}, "key": {"text"}, "characters": {"text"},
    "address": {"address", "mail"},
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_row_is_declared_as_the_table_says(row):
    found = DECLARED.find(row["name"])
    assert found.name == row["name"]
    assert set(found.aliases) == set(row["aliases"].split()) - {found.name}
    assert found.group == row["group"]
    assert found.unit == ("" if row["unit"] == "digits?" else row["unit"])
    words = row["range_or_values"]
    default = SPELLED.get(row["default"], row["default"])
    assert found.default == (default or ("Off" if words == "On/Off" else ""))
    check_range(found.kind, words)


def check_range(kind, words):
    if words in SWITCHES:
        assert kind.type == "switch"
    elif re.fullmatch(r"\d+-\d+", words):
        assert (kind.low, kind.high) == tuple(map(Decimal, words.split("-")))
    elif words == ">=0":
        assert (kind.low, kind.high) == (0, None)
    elif words in BY_WORDS:
        assert kind.type in BY_WORDS[words]
    elif words:
        assert kind.choices == CHOICES.get(words, tuple(item.strip() for item in words.split("/")))


def test_everything_else_is_our_own():
    listed = {row["name"] for row in ROWS}
    assert all(row.name.startswith("VS_") for row in PARAMETERS if row.name not in listed)


@pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: row.name)
def test_default_is_canonical_and_the_row_explains_itself(row):
    assert DECLARED.canonical(row.name, row.default) == row.default
    assert row.kind.write(row.kind.read(row.default)) == row.default
    assert len(row.help) > 5
    assert row.kind.expected
    assert row.scope in ("server", "ss", "ivr", "vs")


def test_wired_means_used():
    """A parameter that something outside this room names is wired, and only such a one."""
    sources = [path for path in (_ROOT / "vosswitch").rglob("*.py") if "params" not in path.parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r"""["']((?:SS|SERVER|IVR|EXTERNAL|VS)_[A-Z0-9_]+)["']""", text))
    assert {row.name for row in PARAMETERS if row.wired} == {row.name for row in PARAMETERS if row.name in used}


def test_used_names_are_declared():
    sources = [path for path in (_ROOT / "vosswitch").rglob("*.py") if "params" not in path.parts]
    used = set()
    for path in sources:
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"""(?:parameters|params|parameter|_parameter)[(\[]["']([A-Z0-9_]+)["']""", text))
    assert used <= {row.name for row in PARAMETERS}
