"""Registrations survive a restart: the log, its damage, writing behind, the log written anew."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import execute
from twisted.internet.task import Clock

from vosswitch.model.call import Contact
from vosswitch.model.values import Address
from vosswitch.sip.registrations import safekeeping
from vosswitch.sip.registrations.files import RegistrationFile
from vosswitch.sip.registrations.kept import decode, encode, revive
from vosswitch.sip.registrations.location import Binding
from vosswitch.sip.registrations.registrar import Registrar
from vosswitch.sip.registrations.safekeeping import Safekeeping
from vosswitch.sip.transactions.timers import Timers

HERE = Address("192.0.2.1", 5060)
WALL = 1_800_000_000.0


def binding(number, expires=600.0, transport="udp", other=None):
    contact = Contact(f"sip:{number}@10.0.0.1", Address("198.51.100.1", 5060, transport), HERE, expires, "Phone", 0.5)
    return Binding(contact, "reg", 7, None, other)


def usable_at(local):
    """What is of use with that listener, as the room decides."""
    return lambda found: found.contact.local == local and found.reachable is not None


class Life:
    """One run of the switch on a folder; its monotonic clock begins anew."""

    def __init__(self, folder, wall=WALL, sends=execute):
        self.clock = Clock()
        self.wall = wall
        self.started = wall
        self.timers = Timers(self.clock, self._trouble)
        self.registrar = Registrar(dict, self.timers.now)
        self.troubles = []
        self.file = RegistrationFile(str(folder))
        self.keeping = Safekeeping(
            self.registrar,
            self.file,
            revive,
            sends,
            self.timers,
            lambda: self.wall + self.clock.seconds(),
            self.troubles.append,
        )
        self.problem = self.keeping.restore(usable_at(HERE), 3600)

    def _trouble(self, error):
        raise error

    def pump(self, seconds=2.0):
        self.clock.pump([0.05] * int(seconds / 0.05))

    def uris(self):
        return sorted(contact.uri for found in self.registrar.registered().values() for contact in found)


def test_what_was_registered_is_there_after_a_crash(tmp_path):
    life = Life(tmp_path)
    life.registrar.restore("1001", (binding("1001"),))
    life.registrar.restore("1002", (binding("1002"),))
    life.pump()
    life.registrar.sweep(["1002"], lambda name: False)
    life.pump()
    again = Life(tmp_path, WALL + 100)
    assert again.problem == ""
    (contact,) = again.registrar.contacts("1001")
    assert contact == binding("1001", contact.expires).contact
    assert contact.expires == pytest.approx(500)
    assert again.registrar.contacts("1002") == ()
    assert (tmp_path / "registrations.log").stat().st_mode & 0o777 == 0o600


def test_what_is_over_or_cannot_be_reached_is_not_taken_over(tmp_path):
    life = Life(tmp_path)
    back = Address("198.51.100.1", 5060, "tcp")
    life.registrar.restore("over", (binding("over", 50.0),))
    life.registrar.restore("tcp", (binding("tcp", 600.0, "tcp", back),))
    life.registrar.restore("nat", (binding("nat", 600.0, "tcp"),))
    life.pump()
    again = Life(tmp_path, WALL + 60)
    assert again.uris() == ["sip:tcp@10.0.0.1"]
    assert again.registrar.contacts("tcp")[0].target == back
    other = Registrar(dict, lambda: 0.0)
    keeping = Safekeeping(other, RegistrationFile(str(tmp_path)), revive, execute, life.timers, lambda: WALL, print)
    keeping.restore(usable_at(Address("192.0.2.9", 5060)), 3600)
    assert len(other) == 0


def test_a_wall_clock_that_was_set_back_does_not_prolong(tmp_path):
    life = Life(tmp_path)
    life.registrar.restore("1001", (binding("1001", 3000.0),))
    life.pump()
    (contact,) = Life(tmp_path, WALL - 86_400).registrar.contacts("1001")
    assert contact.expires == 3600


def test_a_torn_tail_is_cut_in_silence(tmp_path):
    path = tmp_path / "registrations.log"
    whole = encode("1001", [binding("1001")], WALL)
    path.write_bytes(whole + encode("1002", [binding("1002")], WALL)[:-3])
    life = Life(tmp_path)
    assert (life.problem, life.uris()) == ("", ["sip:1001@10.0.0.1"])
    assert path.read_bytes() == whole
    life.registrar.restore("1003", (binding("1003"),))
    life.pump()
    assert Life(tmp_path).uris() == ["sip:1001@10.0.0.1", "sip:1003@10.0.0.1"]


def test_a_damaged_file_is_put_aside_and_never_stops_the_start(tmp_path):
    path = tmp_path / "registrations.log"
    first, second = (encode(name, [binding(name)], WALL) for name in ("1001", "1002"))
    path.write_bytes(first + second[:20] + b"X" + second[21:] + first)
    life = Life(tmp_path)
    assert "damaged at byte" in life.problem
    assert life.uris() == ["sip:1001@10.0.0.1"]
    assert path.with_suffix(".damaged").exists()
    life.pump()
    assert decode(path.read_bytes()).names.keys() == {"1001"}
    path.unlink()
    path.mkdir()
    assert "cannot be read" in Life(tmp_path).problem


@given(st.binary(max_size=60), st.integers(0, 400))
def test_whatever_stands_in_the_file(noise, place):
    data = b"".join(encode(name, [binding(name)], WALL) for name in ("1", "2"))
    place = min(place, len(data))
    log = decode(data[:place] + noise + data[place:])
    assert log.good <= len(data) + len(noise)
    for rows in log.names.values():
        revive(rows, WALL, 0.0, 3600.0)


@pytest.mark.parametrize("row", [None, [], [1, 2, 3, "x"], {"a": 1}, ["u", ["h"], ["h"], 2e9, "", 1, [], "c", 1, None]])
def test_a_row_that_cannot_be_read_is_left_out(row):
    good = binding("1").to_data(WALL + 600)
    assert len(revive([row, good], WALL, 0.0, 3600.0)) == 1


def test_changes_are_written_in_slices(tmp_path, monkeypatch):
    monkeypatch.setattr(safekeeping, "SLICE", 10)
    calls = []

    def counted(call, *args):
        calls.append((call.__name__, len(args[0]) if args else 0))
        return execute(call, *args)

    life = Life(tmp_path, sends=counted)
    for number in range(35):
        life.registrar.restore(str(number), (binding(number),))
    life.pump()
    assert [name for name, _ in calls] == ["append"] * 4
    assert len(Life(tmp_path).registrar) == 35


def test_the_log_is_written_anew_when_it_has_grown(tmp_path, monkeypatch):
    monkeypatch.setattr(safekeeping, "SMALLEST", 20_000)
    monkeypatch.setattr(safekeeping, "SLICE", 10)
    life = Life(tmp_path)
    path = tmp_path / "registrations.log"
    sizes = []
    for turn in range(60):
        for number in range(30):
            life.registrar.restore(str(number), (binding(number, 600.0 + turn),))
        life.registrar.restore(f"late {turn}", (binding(turn),))
        life.pump(0.5)
        sizes.append(path.stat().st_size)
    assert max(sizes) < 100_000 < 60 * 30 * 200
    assert any(after < before for before, after in itertools.pairwise(sizes))
    assert len(Life(tmp_path).registrar) == 90
    assert not path.with_suffix(".new").exists() or decode(path.with_suffix(".new").read_bytes())


def test_a_disk_that_takes_nothing_is_told_once_and_written_when_it_does_again(tmp_path):
    full = []

    def sometimes(call, *args):
        return execute(_raise) if full else execute(call, *args)

    def _raise():
        raise OSError(28, "No space left on device")

    life = Life(tmp_path, sends=sometimes)
    full.append(1)
    life.registrar.restore("1001", (binding("1001"),))
    life.pump(70)
    assert len(life.troubles) == 1
    assert "No space left" in life.troubles[0]
    full.clear()
    life.pump(40)
    assert life.troubles[1:] == [""]
    assert Life(tmp_path).uris() == ["sip:1001@10.0.0.1"]


def test_what_waits_is_written_at_a_stop(tmp_path):
    life = Life(tmp_path)
    life.registrar.restore("1001", (binding("1001"),))
    life.keeping.stop()
    assert Life(tmp_path).uris() == ["sip:1001@10.0.0.1"]
    assert life.clock.getDelayedCalls() == []
