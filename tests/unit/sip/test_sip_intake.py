"""The two queues: order, age, bounds."""

from __future__ import annotations

import pytest

from vosswitch.sip.gate import intake
from vosswitch.sip.gate.intake import Intake
from vosswitch.sip.transactions.flow import Statistics

INVITE = b"INVITE sip:1@x SIP/2.0\r\nTo: <sip:1@x>\r\nCall-ID: %d\r\n\r\n"
AGAIN = b"INVITE sip:1@x SIP/2.0\r\nCall-ID: a\r\nt: <sip:1@x> ; Tag=7\r\n\r\n"
BYE = b"BYE sip:1@x SIP/2.0\r\n\r\n"


class Desk:
    """Notes what it serves; each message takes *cost* seconds."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cost = 0.0
        self.delay = 0.1
        self.served: list[bytes] = []
        self.refused: list[bytes] = []
        self.strangers = False
        self.running: set[bytes] = set()
        self.cap = self.filled = False
        self.next: list = []
        self.on_serve = lambda data: None
        self.intake = Intake(self, lambda: self.now, lambda: self.delay, self.next.append, Statistics())

    @property
    def statistics(self) -> Statistics:
        return self.intake._statistics

    def put(self, *messages: bytes) -> None:
        for data in messages:
            self.intake.put(None, data, self.now)

    def serve(self, flow, data) -> None:
        self.now += self.cost
        self.served.append(data)
        self.on_serve(data)

    def shed(self, flow, data, *, late) -> bool:
        if data in self.running:
            return False
        self.refused.append(data)
        return True

    def repeats(self, _flow, _data) -> bool:
        return False

    def full(self) -> bool:
        return self.filled

    def capped(self, flow, now) -> bool:
        return self.cap

    def known(self, flow) -> bool:
        return not self.strangers

    def turn(self) -> None:
        calls, self.next[:] = list(self.next), []
        for call in calls:
            call()


def test_what_belongs_to_calls_goes_first():
    desk = Desk()
    desk.put(INVITE % 1, BYE, INVITE % 2, AGAIN, b"REGISTER sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n")
    desk.intake.serve()
    assert desk.served == [
        BYE,
        AGAIN,
        b"SIP/2.0 200 OK\r\n\r\n",
        INVITE % 1,
        INVITE % 2,
        b"REGISTER sip:x SIP/2.0\r\n\r\n",
    ]


def test_a_cancel_stays_behind_its_invite_and_is_never_shed():
    desk = Desk()
    cancel = b"CANCEL sip:1@x SIP/2.0\r\n\r\n"
    desk.put(INVITE % 1, cancel)
    desk.now += 10
    desk.intake.serve()
    assert desk.served == [cancel]
    assert desk.refused == [INVITE % 1]
    desk.put(cancel)
    desk.intake.serve()
    assert desk.served == [cancel, cancel]


def test_sockets_are_drained_again_after_a_slice():
    desk = Desk()
    desk.cost = 0.002
    desk.put(*[INVITE % number for number in range(10)])
    desk.intake.serve()
    first = len(desk.served)
    assert 1 < first < 10
    desk.put(BYE)
    desk.intake.serve()  # sockets had more: only that is served, the rest of the new calls has its turn ahead
    assert desk.served[first:] == [BYE]
    for _ in range(10):
        desk.turn()
    assert len(desk.served) == 11
    assert len(desk.intake) == 0


def test_a_hiccup_sheds_nothing():
    desk = Desk()
    desk.put(*[INVITE % number for number in range(5)])
    desk.now += 0.3
    desk.intake.serve()
    assert len(desk.served) == 5
    assert desk.statistics.shed == 0


def test_what_waits_too_long_for_too_long_is_shed_until_the_queue_is_in_time_again():
    desk = Desk()
    desk.cost = 0.004
    for number in range(2000):  # one every 2 ms, each costs 4
        desk.now = max(desk.now, 100 + number * 0.002)
        desk.intake.put(None, INVITE % number, 100 + number * 0.002)
        desk.intake.serve()
        desk.turn()
    while desk.next:
        desk.turn()
    assert desk.statistics.shed == len(desk.refused)
    assert len(desk.served) + len(desk.refused) == 2000
    assert 800 < len(desk.served) < 1200  # what fits into the time, and no less
    tail = len(desk.served)
    desk.put(INVITE % 9999)
    desk.intake.serve()
    assert desk.served[tail:] == [INVITE % 9999]  # and it recovers


@pytest.mark.parametrize(("strangers", "shed"), [(False, 0), (True, 1)])
def test_strangers_are_shed_before_customers(strangers, shed):
    desk = Desk()
    desk.strangers = strangers
    desk.intake._late_since = desk.now - 1
    desk.put(INVITE % 1)
    desk.now += desk.delay / 2
    desk.intake.serve()
    assert len(desk.refused) == shed
    assert len(desk.served) == 1 - shed


def test_very_old_ones_are_shed_at_once():
    desk = Desk()
    desk.put(INVITE % 1)
    desk.now += desk.delay * intake.WORST + 0.01
    desk.intake.serve()
    assert desk.refused == [INVITE % 1]


def test_a_delay_of_zero_sheds_nothing():
    desk = Desk()
    desk.delay = 0.0
    desk.put(INVITE % 1)
    desk.now += 100
    desk.intake.serve()
    assert desk.served == [INVITE % 1]


def test_a_repetition_of_what_is_being_served_is_not_shed():
    desk = Desk()
    desk.running.add(INVITE % 1)
    desk.put(INVITE % 1)
    desk.now += 10
    desk.intake.serve()
    assert desk.served == [INVITE % 1]
    assert desk.statistics.shed == 0


def test_a_capped_source_is_refused():
    desk = Desk()
    desk.cap = True
    desk.put(INVITE % 1, BYE)
    desk.intake.serve()
    assert (desk.refused, desk.served) == ([INVITE % 1], [BYE])
    assert desk.statistics.capped == 1


def test_acks_of_refusals_are_absorbed():
    desk = Desk()
    desk.intake.absorb = b"tag=beef"
    desk.put(
        b"ACK sip:1@x SIP/2.0\r\nTo: <sip:1@x>;tag=beef\r\n\r\n", b"ACK sip:1@x SIP/2.0\r\nTo: <sip:1@x>;tag=1\r\n\r\n"
    )
    desk.intake.serve()
    assert len(desk.served) == 1
    assert desk.statistics.absorbed == 1


def test_queues_are_bounded():
    desk = Desk()
    for number in range(intake.MOST_FRESH + 3):
        desk.put(INVITE % number)
    for _ in range(intake.MOST_URGENT + 2):
        desk.put(BYE)
    assert len(desk.intake) == intake.MOST_FRESH + intake.MOST_URGENT
    assert desk.statistics.overflowed == 5


def test_a_desk_that_gets_messages_while_it_serves_serves_each_once():
    desk = Desk()
    more = [INVITE % 5, BYE]

    def also(data):
        if more:
            desk.put(more.pop())
            desk.intake.serve()

    desk.on_serve = also
    desk.put(INVITE % 1, INVITE % 2)
    desk.intake.serve()
    for _ in range(5):
        desk.turn()
    assert sorted(desk.served) == sorted([INVITE % 1, INVITE % 2, INVITE % 5, BYE])


@pytest.mark.parametrize("strangers", [False, True])
def test_what_strangers_ask_waits_behind_calls(strangers):
    desk = Desk()
    desk.strangers = strangers
    question = b"OPTIONS sip:x SIP/2.0\r\nTo: <sip:x>\r\n\r\n"
    within = b"OPTIONS sip:x SIP/2.0\r\nTo: <sip:x>;tag=1\r\n\r\n"
    desk.put(INVITE % 1, question, within)
    desk.intake.serve()
    assert desk.served == ([within, INVITE % 1, question] if strangers else [question, within, INVITE % 1])
