"""CDR sinks of plugins."""

from __future__ import annotations

from vosswitch.recorder.sinks import Sinks


class Sink:
    """Keeps or breaks."""

    def __init__(self, error=None):
        self.error = error
        self.batches = []

    def write(self, records):
        if self.error:
            raise self.error
        self.batches.append(list(records))


def test_a_failing_sink_keeps_nobody_else_from_the_records():
    good, failures = Sink(), []
    sinks = Sinks({"bad": Sink(ValueError("x")), "good": good}, lambda name, error: failures.append((name, str(error))))
    sinks.write([{"flowno": 1}])
    assert good.batches == [[{"flowno": 1}]]
    assert failures == [("bad", "x")]
