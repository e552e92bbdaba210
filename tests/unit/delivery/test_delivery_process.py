"""What the recorder keeps of the journal for sinks, and what it tells of them; no process is started here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vosswitch.cdr.files import JournalWriter, segments
from vosswitch.cdr.journal import Position
from vosswitch.cdr.record import Cdr
from vosswitch.delivery import files
from vosswitch.delivery.files import SinkState
from vosswitch.delivery.process import DeliveryProcess
from vosswitch.params.system import Parameters

BEGIN = Position(0, 0)


class Delivery(DeliveryProcess):
    """Without the process."""

    started = 0

    def _start(self):
        self.started += 1


@pytest.fixture
def spool(tmp_path):
    """A journal of some segments."""
    writer = JournalWriter(str(tmp_path), 4096)
    for number in range(1, 41):
        writer.append("end", Cdr(number, "20261121", number, number * 10))
    yield tmp_path
    writer.close()


def made(spool, told, plugins=()):
    boot = SimpleNamespace(spool_directory=str(spool), path="x.toml")
    return Delivery(boot, dict(plugins), told.append, lambda: 100.0, lambda: 50_000)


def follow(delivery, targets=(), here=BEGIN, **given):
    values = Parameters(given)
    delivery.follow(values, given, [{"paused": False, **target} for target in targets], here)


def test_nothing_goes_before_the_configuration_is_known(spool):
    first = segments(spool)[0]
    files.write_state(spool, SinkState("web", first, 0))
    assert made(spool, []).floor(segments(spool)[-1]) == first


def test_a_new_sink_begins_where_the_database_is_and_an_old_one_where_it_was(spool):
    delivery, (first, second) = made(spool, []), segments(spool)[:2]
    files.write_state(spool, SinkState("web", first, 40))
    files.write_state(spool, SinkState("gone", first, 40))
    follow(delivery, [{"name": "web"}, {"name": "new"}], Position(second, 7))
    assert [(state.name, state.segment, state.offset) for state in files.states(spool)] == [
        ("new", second, 7), ("web", first, 40),
    ]  # fmt: skip
    assert delivery.started == 1
    assert delivery.floor(segments(spool)[-1]) == first
    follow(delivery, [{"name": "web"}, {"name": "new"}], Position(second, 7))
    assert delivery.started == 1


@pytest.mark.parametrize("damage", [b"", b'{"name": "web"', b"[]", b'{"name": "web", "segment": 1}'])
def test_a_sink_whose_state_cannot_be_read_begins_with_the_oldest_segment(spool, damage):
    """Twice is better than never, and the recorder goes on."""
    first = segments(spool)[0]
    files.write_state(spool, SinkState("web", segments(spool)[-1], 40))
    (files.folder(spool) / "web.json").write_bytes(damage)
    delivery = made(spool, [])
    follow(delivery, [{"name": "web"}])
    assert delivery.floor(segments(spool)[-1]) == first
    assert files.waiting(spool, files.read_state(spool, "web")) == 40


def test_a_state_of_a_later_version_can_be_read(spool):
    files.write_state(spool, SinkState("web", 3, 40))
    path = files.folder(spool) / "web.json"
    path.write_bytes(path.read_bytes().replace(b"{", b'{"unheard_of": 1, ', 1))
    assert files.read_state(spool, "web").position == (3, 40)


def test_a_machine_without_a_process_to_spare_is_trouble_of_the_sinks_alone(spool, monkeypatch):
    told = []
    delivery = made(spool, told)

    def fails():
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(delivery, "_start", fails)
    follow(delivery, [{"name": "web"}])
    assert told == ["the process of the sinks: [Errno 11] Resource temporarily unavailable"]


def test_paused_sinks_are_waited_for_and_those_that_promise_nothing_are_not(spool):
    known = segments(spool)
    delivery = made(spool, [], {"loose": SimpleNamespace(promises=False)})
    follow(delivery, [], Position(known[0], 40))
    assert delivery.floor(known[-1]) == known[-1]
    follow(delivery, [{"name": "later", "paused": True}], Position(known[1], 40))
    assert delivery.floor(known[-1]) == known[1]


@pytest.mark.parametrize("beyond", ["database", "keep"])
def test_beyond_the_bound_the_oldest_segments_go(spool, beyond):
    known = segments(spool)
    files.write_state(spool, SinkState("web", known[0], 0))
    delivery = made(spool, [])
    follow(delivery, [{"name": "web"}], VS_CDR_SINK_BEYOND=beyond)
    delivery._longest = 4096 * 2
    kept = delivery.floor(known[-1])
    if beyond == "keep":
        assert kept == known[0]
        assert files.let_go(spool, 0, known[-1]) == []
    else:
        assert kept == known[-3]
        ranges = files.let_go(spool, 0, known[-1])
        assert len(ranges) == len(known) - 3
        assert ranges[0][:3] == [10, ranges[0][1], ""]
        assert [since for since, *_ in ranges[1:]] == [until + 10 for _, until, *_ in ranges[:-1]]
        files.forget_let_go(spool, known[1])
        assert files.let_go(spool, 0, known[-1]) == ranges[1:]


def test_a_name_that_a_plugin_has_stays_off(spool):
    told = []
    delivery = made(spool, told, {"web": SimpleNamespace()})
    follow(delivery, [{"name": "web"}])
    assert told[0] == 'cdr_targets "web": a plugin has a sink of that name; it stays off'


def test_a_lasting_failure_is_told_once_and_its_end_too(spool):
    told = []
    delivery = made(spool, told)
    follow(delivery, [{"name": "web"}])
    state = files.read_state(spool, "web")
    state.failing, state.error = 49_000, "refused"
    files.write_state(spool, state)
    delivery.look_after()
    state.failing = 47_000
    files.write_state(spool, state)
    delivery.look_after()
    delivery.look_after()
    state.failing = 0
    files.write_state(spool, state)
    delivery.look_after()
    assert told == ["", "web: refused", ""]


def test_without_sinks_nothing_is_started(spool):
    delivery = made(spool, [])
    follow(delivery)
    delivery.look_after()
    assert delivery.started == 0
    assert files.states(spool) == []
