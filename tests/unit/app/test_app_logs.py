"""The log: one event is one line of valid JSON, whatever a peer put into it."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from vosswitch.app.logs import JsonLines, observer


def written(**event):
    out = io.StringIO()
    JsonLines(out, 3)({"log_format": "{text}", "log_level": LogLevel.info, "log_time": 12.3456, **event})
    (line,) = out.getvalue().split("\n")[:-1]
    return json.loads(line)


@given(st.text())
def test_whatever_is_said_stays_on_one_line(text):
    assert written(text=text, call_id=text)["call_id"] == text


@pytest.mark.parametrize(
    "text", ["a\r\nb", "a\n{}", "\x00\x1b[31m", "\x85\u2028\u2029", '"}\n{"level":"critical', "\ud800", "{0}{x!r}"]
)
def test_nothing_breaks_out_of_its_line(text):
    out = io.StringIO()
    JsonLines(out, 3)({"log_format": "{text}", "text": text, "source": text})
    assert len(out.getvalue().splitlines()) == 1
    assert json.loads(out.getvalue())["text"] == text
    assert out.getvalue().isascii()


def test_the_fields_of_an_event():
    found = written(text="x", log_namespace="vosswitch.sip", call_id=7, peer=("a", 1), secret="no")
    assert found == {
        "at": 12.346, "node": 3, "level": "info", "room": "vosswitch.sip", "text": "x", "call_id": "7",
        "peer": "('a', 1)",
    }  # fmt: skip


def test_a_failure_brings_its_traceback_in_the_same_line():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        found = written(text="failed", log_failure=Failure())
    assert "ValueError: two\nlines" in found["traceback"]


class Nameless:
    """Something that cannot be shown."""

    def __str__(self):
        raise RuntimeError("no name")


def test_what_cannot_be_shown_does_not_raise():
    out = io.StringIO()
    JsonLines(out, 3)({"log_format": "x", "source": Nameless()})
    JsonLines(out, 3)({"log_format": "{a.b}", "a": 1})
    assert all(json.loads(line) for line in out.getvalue().splitlines())


def test_a_full_disk_does_not_raise():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    JsonLines(Full(), 3)({"log_format": "x"})
    closed = io.StringIO()
    closed.close()
    JsonLines(closed, 3)({"log_format": "x"})


def test_the_level_decides_what_is_written(tmp_path):
    path = tmp_path / "switch.log"
    made = observer("warn", str(path), 3)
    log = Logger(namespace="room", observer=made)
    log.info("quiet")
    log.warn("loud {what}", what="a\nb")
    log.error("louder")
    made._observer._out.close()
    texts = [json.loads(line)["text"] for line in path.read_text().splitlines()]
    assert texts == ["loud a\nb", "louder"]


def test_a_log_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        observer("info", str(tmp_path / "missing" / "x.log"), 3)
