"""The timer queue: never early, at most a bucket late, cheap to cancel, silent when empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from vosswitch.sip.transactions.timers import WIDTH, Timers


def queue():
    clock = Clock()
    errors = []
    return clock, Timers(clock, errors.append), errors


@given(st.lists(st.floats(0, 40), min_size=1, max_size=30), st.floats(0.001, 3))
def test_fires_not_early_and_at_most_one_bucket_late(delays, step):
    clock, timers, _ = queue()
    fired = []
    for number, delay in enumerate(delays):
        timers.add(delay, lambda number, due: fired.append((number, due, clock.seconds())), number, delay)
    while timers:
        clock.advance(step)
    assert sorted(number for number, _, _ in fired) == list(range(len(delays)))
    for _, due, at in fired:
        assert due - 1e-6 <= at <= due + WIDTH + step + 1e-6
    assert clock.getDelayedCalls() == []


def test_order_of_buckets_is_the_order_of_time():
    clock, timers, _ = queue()
    fired = []
    for delay in (3.0, 1.0, 2.0, 0.0):
        timers.add(delay, fired.append, delay)
    clock.pump([0.5] * 8)
    assert fired == [0.0, 1.0, 2.0, 3.0]


def test_cancelled_timers_do_not_fire_and_leave_no_delayed_call():
    clock, timers, _ = queue()
    fired = []
    kept = timers.add(1.0, fired.append, "kept")
    gone = timers.add(1.0, fired.append, "gone")
    timers.cancel(gone)
    timers.cancel(gone)
    timers.cancel(None)
    assert len(timers) == 1
    clock.advance(1.1)
    assert fired == ["kept"]
    timers.cancel(kept)
    assert len(timers) == 0
    assert clock.getDelayedCalls() == []


def test_cancelling_the_last_one_puts_the_queue_to_rest():
    clock, timers, _ = queue()
    timers.cancel(timers.add(5.0, lambda: None))
    assert clock.getDelayedCalls() == []
    fired = []
    timers.add(1.0, fired.append, 1)
    clock.advance(1.1)
    assert fired == [1]


def test_firing_the_last_one_puts_the_queue_to_rest():
    clock, timers, _ = queue()
    later = timers.add(50.0, lambda: None)
    timers.add(1.0, lambda: None)
    timers.cancel(later)
    clock.advance(1.1)
    assert clock.getDelayedCalls() == []


def test_one_that_raises_does_not_stop_the_others():
    clock, timers, errors = queue()
    fired = []
    timers.add(1.0, lambda: 1 // 0)
    timers.add(1.0, fired.append, 1)
    clock.advance(1.1)
    assert fired == [1]
    assert isinstance(errors[0], ZeroDivisionError)


def test_a_timer_may_add_and_cancel_others_while_firing():
    clock, timers, _ = queue()
    fired = []
    later = timers.add(1.0, fired.append, "cancelled by its neighbour")

    def act():
        timers.cancel(later)
        timers.add(0.0, fired.append, "added")

    # buckets keep the order of adding: put the actor in front of the other
    timers.cancel(later)
    timers.add(1.0, act)
    later = timers.add(1.0, fired.append, "cancelled by its neighbour")
    clock.advance(1.1)
    clock.advance(0.1)
    assert fired == ["added"]
    assert clock.getDelayedCalls() == []


def test_what_is_added_while_firing_does_not_delay_earlier_ones():
    clock, timers, _ = queue()
    fired = []
    timers.add(1.0, timers.add, 9.0, fired.append, "late")
    timers.add(2.0, fired.append, "early")
    clock.advance(1.1)
    clock.advance(1.0)
    assert fired == ["early"]
    clock.advance(9.0)
    assert fired == ["early", "late"]


def test_stop_cancels_everything():
    clock, timers, _ = queue()
    fired = []
    timers.add(1.0, fired.append, 1)
    timers.add(2.0, fired.append, 2)
    timers.stop()
    clock.advance(5)
    assert fired == []
    assert clock.getDelayedCalls() == []
