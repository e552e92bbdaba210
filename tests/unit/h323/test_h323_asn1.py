"""Our coders beside the library's own coding, where that is right: every simple type, choices and lists."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import asn1_values
from tests.support.asn1_compiled import compiled
from vosswitch.h323.asn1 import structured
from vosswitch.h323.asn1.bits import Reader, Writer
from vosswitch.h323.asn1.library import Coders

_RANGES = [
    (0, 0), (0, 1), (1, 14), (96, 127), (0, 192), (0, 254), (0, 255), (1, 256), (0, 256), (23, 66), (1000, 1001),
    (0, 65_535), (1, 65_536), (0, 65_536), (-262_144, 262_143), (0, 16_777_215), (0, 4_294_967_295), (1, 192_400),
]  # fmt: skip
_SIZES = ["", "(SIZE(1))", "(SIZE(2))", "(SIZE(3))", "(SIZE(17))", "(SIZE(1..2))", "(SIZE(0..511))", "(SIZE(2..5))"]
_LETTERS = [
    'IA5String (SIZE(1..128)) (FROM("0123456789#*,"))',
    'IA5String (SIZE(1..4)) (FROM("0123456789#*abc"))',
    'IA5String (SIZE(15..16)) (FROM("0123456789#*abc"))',
    'IA5String (SIZE(16)) (FROM("0123456789#*abc"))',
    'IA5String (SIZE(1)) (FROM("0123456789#*ABCD!"))',
    "IA5String (SIZE(1..64))",
    "IA5String",
    "BMPString (SIZE(1..128))",
    "BMPString",
    "NumericString (SIZE(0..40))",
    "PrintableString",
    "GeneralString",
]
_OTHERS = [
    "NULL",
    "BOOLEAN",
    "OBJECT IDENTIFIER",
    "INTEGER",
    "INTEGER (1..MAX)",
    "ENUMERATED { one, two, three }",
    "CHOICE { one NULL, two BOOLEAN, three INTEGER (0..255), four OCTET STRING }",
    "SEQUENCE (SIZE(1..16)) OF INTEGER (0..255)",
    "SET (SIZE(1..256)) OF OCTET STRING (SIZE(4))",
    "SEQUENCE OF SEQUENCE { one BOOLEAN, two INTEGER (0..65535) OPTIONAL, three IA5String OPTIONAL }",
]
TYPES = [
    *(f"INTEGER ({low}..{high})" for low, high in _RANGES),
    *(f"OCTET STRING {size}" for size in _SIZES),
    *(f"BIT STRING {size}" for size in _SIZES),
    *_LETTERS,
    *_OTHERS,
]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each of `TYPES` as ``T<place>``: behind three bits, and with a BOOLEAN behind it, so that alignment shows."""
    lines = [
        f"T{place} ::= SEQUENCE {{ before INTEGER (0..7), it {text}, behind BOOLEAN }}"
        for place, text in enumerate(TYPES)
    ]
    return compiled("Kinds", lines, tmp_path_factory.mktemp("asn1") / "kinds.py")


def some(kind: Any, chance: Random) -> Any:
    """A value of a type, as random as *chance* has it."""
    return {"before": chance.randrange(8), "it": asn1_values.value(kind, chance), "behind": chance.random() < 0.5}


@pytest.mark.parametrize("place", range(len(TYPES)), ids=TYPES)
def test_octets_are_those_of_the_library(kinds: Any, place: int) -> None:
    """And come back as the value that they were."""
    kind = getattr(kinds, f"T{place}")
    coder = Coders().of(kind)
    for seed in range(60):
        value = some(kind._cont["it"], Random(seed))
        data = structured.encode(coder, value)
        assert data == kind.to_aper(value), value
        assert structured.decode(coder, data) == value


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("INTEGER (1..14)", 15),
        ("INTEGER (1..14)", 0),
        ("INTEGER (0..65535)", 65_536),
        ("INTEGER (0..65536)", -1),
        ("INTEGER (0..255)", "9"),
        ("INTEGER (1..MAX)", 0),
        ("OCTET STRING (SIZE(3))", b"four"),
        ("OCTET STRING (SIZE(2..5))", b""),
        ("BIT STRING (SIZE(3))", (8, 3)),
        ("OBJECT IDENTIFIER", (3, 1)),
        ("OBJECT IDENTIFIER", (1, 40)),
        ("IA5String (SIZE(1..64))", "é"),
        ("IA5String (SIZE(1..64))", "x" * 65),
        ('IA5String (SIZE(1..4)) (FROM("0123456789#*abc"))', "9d"),
        ("BMPString (SIZE(1..128))", "\U0001f4de" * 65),
        ("NumericString (SIZE(0..40))", "1-2"),
        ("PrintableString", "a_b"),
        ("ENUMERATED { one, two, three }", "four"),
        ("CHOICE { one NULL, two BOOLEAN, three INTEGER (0..255), four OCTET STRING }", ("five", 0)),
        ("SEQUENCE (SIZE(1..16)) OF INTEGER (0..255)", []),
        ("SEQUENCE OF SEQUENCE { one BOOLEAN, two INTEGER (0..65535) OPTIONAL, three IA5String OPTIONAL }", [{}]),
    ],
)
def test_what_does_not_fit_its_type_is_not_written(kinds: Any, text: str, wrong: Any) -> None:
    """Nothing goes out that no peer could read."""
    coder = Coders().of(getattr(kinds, f"T{TYPES.index(text)}"))
    with pytest.raises((ValueError, TypeError)):
        structured.encode(coder, {"before": 1, "it": wrong, "behind": True})


def test_what_the_type_has_not_is_not_written(kinds: Any) -> None:
    """A misspelt component would be lost otherwise."""
    coder = Coders().of(kinds.T0)
    with pytest.raises(ValueError, match="'besides'"):
        structured.encode(coder, {"before": 1, "it": 0, "behind": True, "besides": 1})
    with pytest.raises(ValueError, match="behind is missing"):
        structured.encode(coder, {"before": 1, "it": 0})


def test_a_list_that_the_message_has_no_room_for_costs_nothing(kinds: Any) -> None:
    """16,383 items are announced, none is there."""
    text = "SEQUENCE OF SEQUENCE { one BOOLEAN, two INTEGER (0..65535) OPTIONAL, three IA5String OPTIONAL }"
    coder = Coders().of(getattr(kinds, f"T{TYPES.index(text)}"))
    with pytest.raises(ValueError, match="before its list"):
        structured.decode(coder, b"\x00\xbf\xff\x00")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2**40 - 1), st.booleans()), max_size=30))
@settings(deadline=None)
def test_bits_come_out_as_they_went_in(items: list[tuple[int, int, bool]]) -> None:
    """Numbers of any width, aligned or not."""
    writer = Writer()
    for width, value, aligned in items:
        if aligned:
            writer.align()
        writer.bits(value % 2**width, width)
    reader = Reader(writer.done(), [0])
    for width, value, aligned in items:
        if aligned:
            reader.align()
        assert reader.bits(width) == value % 2**width
    with pytest.raises(ValueError, match="too early"):
        reader.bits(9)


@given(st.integers(0, 16_383))
def test_lengths_of_one_and_two_octets(length: int) -> None:
    """X.691 11.9.3.6, 11.9.3.7."""
    writer = Writer()
    writer.length(length)
    data = writer.done()
    assert len(data) == (1 if length < 128 else 2)
    assert Reader(data, [0]).length() == length


@given(st.integers(0, 70_000))
def test_small_numbers(value: int) -> None:
    """X.691 11.6: six bits, or octets behind their count."""
    writer = Writer()
    writer.small(value)
    assert Reader(writer.done(), [0]).small() == value
