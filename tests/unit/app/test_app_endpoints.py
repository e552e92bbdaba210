"""Endpoints that are registered by H.323 outlive the H.323 process and the node."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import execute
from twisted.internet.task import Clock

from vosswitch.app.endpoints import NAME, SLICE, Keeping
from vosswitch.h323.kept import GRACE, Directory, Kept, of_row, revive
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener
from vosswitch.sip.registrations.files import RegistrationFile
from vosswitch.sip.registrations.safekeeping import Safekeeping
from vosswitch.sip.transactions.timers import Timers

HERE = Address("0.0.0.0", 1719, "ras")
WALL = 1_800_000_000.0


def endpoint(number, until=60.0, full_until=3600.0, **changes):
    """A terminal that is registered as one number."""
    place = Address(f"198.51.100.{number % 250}", 1720, "h323")
    ras = Address(place.host, 1719, "ras")
    names = (str(number),)
    kept = Kept(
        f"{number:032x}", names, (("dialledDigits", names[0]),), place, ras, HERE, "192.0.2.1", "Phone 1", 60, until,
        full_until,
    )  # fmt: skip
    return replace(kept, **changes)


class Life:
    """One run of the switch on a folder; its monotonic clock begins anew."""

    def __init__(self, folder, wall=WALL, port=1719):
        self.clock = Clock()
        timers = Timers(self.clock, self._trouble)
        self.directory = Directory(self.clock.seconds)
        self.forbidden, self.told, self.troubles = set(), [], []
        keeping = Safekeeping(
            self.directory,
            RegistrationFile(str(folder), NAME),
            revive,
            execute,
            timers,
            lambda: wall + self.clock.seconds(),
            self.troubles.append,
        )
        self.keeping = Keeping(
            self.clock,
            self.directory,
            keeping,
            (Listener("ras", HERE.host, port, None),),
            lambda kept: not self.forbidden & set(kept.names),
            lambda name, rows: self.told.append((name, rows)),
        )
        self.problem = self.keeping.start(3600)

    def _trouble(self, error):
        raise error

    def pump(self, seconds=1.0):
        """Let time go by."""
        self.clock.pump([0.05] * int(seconds / 0.05))

    def begins(self):
        """A process begins; which endpoints it is told of."""
        self.told.clear()
        self.keeping.begin()
        self.clock.pump([0.0] * 20)
        return [of_row(row, self.clock.seconds()) for _, rows in self.told for row in rows]


def test_a_process_that_begins_anew_knows_who_is_registered(tmp_path):
    """With the time that they have left, and some more if that is about to end."""
    life = Life(tmp_path)
    life.directory.put(endpoint(2001))
    life.directory.put(endpoint(2002, until=2.0))
    assert life.begins() == [endpoint(2001), endpoint(2002, until=GRACE)]
    life.clock.advance(5)
    assert life.directory.named("2002") is not None


def test_who_may_be_registered_no_more_is_forgotten(tmp_path):
    life = Life(tmp_path)
    for kept in (endpoint(2001), endpoint(2002), endpoint(2003, full_until=50.0)):
        life.directory.put(kept)
    life.forbidden.add("2002")
    life.clock.advance(55)
    assert [kept.names for kept in life.begins()] == [("2001",)]
    assert life.directory.names() == [endpoint(2001).identifier]


def test_who_may_be_registered_no_more_is_sent_away(tmp_path):
    """When the configuration changes; the process says when it is gone."""
    life = Life(tmp_path)
    for number in (2001, 2002):
        life.directory.put(endpoint(number))
    life.keeping.review()
    assert life.told == []
    life.forbidden.add("2002")
    life.keeping.review()
    assert life.told == [("ras_end", [endpoint(2002).identifier])]
    assert len(life.directory.names()) == 2


def test_many_are_told_in_portions(tmp_path):
    life = Life(tmp_path)
    for number in range(2000, 2000 + SLICE + 1):
        life.directory.put(endpoint(number))
    assert len(life.begins()) == SLICE + 1
    assert [len(rows) for _, rows in life.told] == [SLICE, 1]


def test_what_was_registered_is_there_after_a_crash(tmp_path):
    """With a time to live of its own once more; what has left is not there."""
    life = Life(tmp_path)
    for number in (2001, 2002):
        life.directory.put(endpoint(number))
    life.pump()
    life.directory.drop(endpoint(2002).identifier)
    life.pump()
    again = Life(tmp_path, WALL + 100)
    (found,) = again.directory
    assert found == endpoint(2001, found.until, found.full_until)
    assert 60 <= found.until <= 120
    assert found.full_until == pytest.approx(3500)
    assert again.directory.named("2001") is not None
    assert again.directory.named("2002") is None
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_what_is_new_at_the_end_is_written_down(tmp_path):
    life = Life(tmp_path)
    life.directory.put(endpoint(2001))
    life.keeping.stop()
    assert [kept.names for kept in Life(tmp_path).directory] == [("2001",)]


def test_keep_alives_are_not_written(tmp_path):
    life = Life(tmp_path)
    life.directory.put(endpoint(2001))
    life.pump()
    size = (tmp_path / NAME).stat().st_size
    for late in range(10):  # what is told takes its time
        life.directory.put(endpoint(2001, until=90.0, full_until=3600 + late / 100))
    life.pump()
    assert (tmp_path / NAME).stat().st_size == size
    life.directory.put(endpoint(2001, until=90.0, product="Phone 2"))
    life.pump()
    assert (tmp_path / NAME).stat().st_size > size


def test_what_is_over_or_on_another_listener_is_not_taken_over(tmp_path):
    life = Life(tmp_path)
    life.directory.put(endpoint(2001))
    life.directory.put(endpoint(2002, full_until=90.0))
    life.pump()
    assert [kept.names for kept in Life(tmp_path, WALL + 100).directory] == [("2001",)]
    assert list(Life(tmp_path, WALL + 100, port=1819).directory) == []
    (found,) = [kept for kept in Life(tmp_path, WALL - 86_400).directory if kept.names == ("2001",)]
    assert found.full_until == 3600  # however the wall clock was set back


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
numbers = st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple)


@given(numbers, st.lists(st.tuples(texts, texts), max_size=3).map(tuple), texts, st.integers(20, 3600))
def test_whatever_it_is_called_it_comes_back(names, aliases, product, ttl):
    kept = endpoint(2001, names=names, aliases=aliases, product=product, ttl=ttl)
    (found,) = revive(json.loads(json.dumps([kept.to_data(kept.ends + WALL)])), WALL, 0.0, 3600)
    assert ttl <= found.until <= 2 * ttl
    assert replace(found, until=kept.until) == kept


@given(st.recursive(st.none() | st.integers() | st.floats() | texts, lambda one: st.lists(one, max_size=12)))
def test_what_cannot_be_read_is_left_out(row):
    assert revive([row], WALL, 0.0, 3600) == ()
