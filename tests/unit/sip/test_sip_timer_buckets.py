"""What a bucket of timers costs the reactor: nothing when all of it is cancelled, and one turn for many that linger."""

from __future__ import annotations

from twisted.internet.task import Clock

from vosswitch.sip.transactions.timers import COARSE, WIDTH, Timers


class Watched(Clock):
    """A clock that counts how often it calls back."""

    def __init__(self):
        super().__init__()
        self.turns = 0

    def callLater(self, delay, call, *arguments, **more):
        def turn():
            self.turns += 1
            call(*arguments, **more)

        return super().callLater(delay, turn)


def world():
    clock, troubles = Watched(), []
    return clock, Timers(clock, troubles.append), troubles


def test_buckets_of_cancelled_timers_wake_nobody():
    clock, timers, troubles = world()
    fired = []
    first = timers.add(0.1, fired.append, "first")
    gone = [timers.add(0.5 + number * 2 * WIDTH, fired.append, number) for number in range(20)]
    timers.add(3.0, fired.append, "last")
    for timer in gone:
        timers.cancel(timer)
    clock.pump([WIDTH / 2] * 1000)
    assert fired == ["first", "last"]
    assert first.call is None
    assert clock.turns == 2
    assert not troubles
    assert not clock.getDelayedCalls()


def test_a_timer_added_where_a_cancelled_bucket_was_fires():
    clock, timers, _ = world()
    fired = []
    timers.add(0.1, fired.append, 1)
    timers.cancel(timers.add(0.5, fired.append, 2))
    timers.add(2.0, fired.append, 3)
    clock.advance(0.2)
    timers.add(0.3, fired.append, 4)
    clock.advance(0.3 + WIDTH)
    assert fired == [1, 4]
    clock.advance(2)
    assert fired == [1, 4, 3]


def test_what_lingers_shares_turns_and_is_never_early():
    clock, timers, _ = world()
    late = []
    for number in range(200):
        timers.linger(5.0, lambda due: late.append(clock.seconds() - due), clock.seconds() + 5.0)
        clock.advance(WIDTH / 4)
        assert len(timers) == number + 1
    clock.pump([WIDTH / 4] * 2000)
    assert len(late) == 200
    assert min(late) >= 0
    assert max(late) <= COARSE * WIDTH + WIDTH
    assert clock.turns <= 200 / 4 / COARSE + 2


def test_what_lingers_can_be_cancelled():
    clock, timers, _ = world()
    fired = []
    timers.cancel(timers.linger(5.0, fired.append, 1))
    clock.advance(10)
    assert not fired
    assert not clock.getDelayedCalls()
