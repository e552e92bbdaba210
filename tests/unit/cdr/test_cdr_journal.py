"""The journal's format and damage rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosswitch.cdr import journal
from vosswitch.cdr.journal import FIRST, Gap, Record

kinds = st.sampled_from(["start", "answer", "end", "tick"])
numbers = st.integers(min_value=0, max_value=(1 << 63) - 1)
texts = st.text(max_size=40)
entries = st.lists(st.tuples(kinds, numbers, texts), max_size=12)


def payload(flowno, text):
    return {"flowno": flowno, "text": text}


def segment(rows):
    data = journal.segment_header(7, 3)
    ends = []
    for kind, flowno, text in rows:
        data += journal.encode(kind, payload(flowno, text))
        ends.append(len(data))
    return data, ends


def flat(items):
    return [(item.kind, item.flowno, item.value()["text"]) for item in items if isinstance(item, Record)]


@given(entries, st.integers(min_value=0, max_value=300))
def test_reads_back_what_was_written_and_ignores_preallocated_zeros(rows, zeros):
    data, _ = segment(rows)
    assert flat(journal.walk(data + bytes(zeros))) == rows
    assert not any(isinstance(item, Gap) for item in journal.walk(data + bytes(zeros)))


@given(entries, st.data())
def test_any_truncation_leaves_every_whole_record_and_nothing_else(rows, data_source):
    data, ends = segment(rows)
    cut = data_source.draw(st.integers(min_value=FIRST, max_value=len(data)))
    whole = [row for row, end in zip(rows, ends, strict=True) if end <= cut]
    assert flat(journal.walk(data[:cut])) == whole
    assert flat(journal.walk(data[:cut] + bytes(len(data) - cut + 64))) == whole


@settings(max_examples=300)
@given(entries.filter(bool), st.data())
def test_any_corruption_loses_only_the_records_it_touches(rows, data_source):
    data, ends = segment(rows)
    begin = data_source.draw(st.integers(min_value=FIRST, max_value=len(data) - 1))
    noise = data_source.draw(st.binary(min_size=1, max_size=min(60, len(data) - begin)))
    broken = data[:begin] + noise + data[begin + len(noise) :]
    starts = [FIRST, *ends[:-1]]
    kept = [row for row, start, end in zip(rows, starts, ends, strict=True) if broken[start:end] == data[start:end]]
    assert flat(journal.walk(broken)) == kept


@given(st.binary(max_size=300))
def test_noise_is_never_a_record(noise):
    assert list(journal.walk(journal.segment_header(1, 1) + noise)) == []


def test_a_gap_names_the_bytes_that_cannot_be_read():
    data, ends = segment([("start", 1, "a"), ("start", 2, "b"), ("end", 1, "c")])
    broken = bytearray(data)
    broken[ends[0] + 25] ^= 1
    assert list(journal.walk(bytes(broken)))[1] == Gap(ends[0], ends[1])


def test_a_payload_that_looks_like_a_record_is_none():
    inner = journal.encode("end", {"flowno": 5})
    data, ends = segment([("start", 1, "x"), ("start", 2, inner.decode("latin-1"))])
    broken = bytearray(data)
    broken[ends[0] + 3] ^= 0xFF
    assert [item.flowno for item in journal.walk(bytes(broken)) if isinstance(item, Record)] == [1]


@given(st.integers(min_value=0, max_value=(1 << 32) - 1), st.integers(min_value=0, max_value=(1 << 32) - 1))
def test_a_segment_names_its_life(number, life):
    header = journal.segment_header(number, life)
    assert journal.segment_life(header) == life
    assert journal.segment_life(header[:-1]) is None
    assert journal.segment_life(header[:-1] + bytes([header[-1] ^ 1])) is None


def test_an_oversized_record_is_refused_by_name():
    with pytest.raises(journal.OversizedRecord, match="end record"):
        journal.frame("end", 1, bytes(journal.MAX_PAYLOAD + 1))
