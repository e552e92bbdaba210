"""What switch and recorder say about money: given back, late, doubled or lost, it never becomes more."""

from tests.unit.recorder.test_recorder_service import Switch, row
from vosswitch.billing.balances import Balances


def node():
    made = Switch()
    balances = Balances()
    made.service._on_money = made.service._on_drained = balances.told
    made.service._on_recall = balances.give
    made.service.startService()
    return made, balances


def stop(switch):
    switch.service.stop()
    switch.exit()


def money(switch, serial, **rows):
    switch.hear("money", n=serial, segment=1, offset=0, accounts=rows)


def test_what_is_given_back_is_nobodys_until_the_recorder_has_booked_it():
    switch, balances = node()
    money(switch, 1, a=row(100, 100))
    assert balances.reserve("a", 30)
    switch.hear("recall", accounts={"a": 90, "b": 5})
    assert switch.said() == [{"op": "give", "accounts": {"a": 70}}]
    assert balances.free("a") == 0
    money(switch, 2, a=row(100, 100))  # about something else: the grant is as it was
    assert balances.free("a") == 0
    money(switch, 3, a=row(100, 30, given=70))
    assert balances.free("a") == 0
    balances.release("a", 30)
    switch.hear("recall", accounts={"a": 10})
    assert switch.said() == [{"op": "give", "accounts": {"a": 80}}]  # all since they speak with each other
    money(switch, 4, a=row(100, 20, given=80))
    assert balances.free("a") == 20
    stop(switch)


def test_what_a_dead_recorder_has_not_booked_is_the_switchs_again():
    switch, balances = node()
    money(switch, 1, a=row(100, 100))
    switch.hear("recall", accounts={"a": 40})
    switch.exit()
    switch.reactor.advance(0.1)
    assert balances.free("a") == 60  # not before it is known what became of it
    money(switch, 1, a=row(100, 100))
    assert balances.free("a") == 100
    switch.hear("recall", accounts={"a": 40})
    switch.exit()
    switch.reactor.advance(0.5)
    money(switch, 1, a=row(100, 60))
    assert balances.free("a") == 60
    stop(switch)


def test_a_late_or_doubled_word_about_money_is_not_heard():
    switch, balances = node()
    money(switch, 2, a=row(100, 100))
    switch.ended(10, ("a", 60))
    balances.charge("a", 0, 60)
    body = {"segment": 1, "offset": 10, "accounts": {"a": row(40, 40, drained=60)}}
    switch.hear("drained", n=3, **body)
    switch.hear("drained", n=3, **body)
    money(switch, 1, a=row(100, 100))
    assert balances.free("a") == 40
    switch.ended(20, ("a", 10))
    balances.charge("a", 0, 10)
    switch.hear("drained", n=5, segment=1, offset=20, accounts={"b": row(1)})  # the word about *a* comes too late
    switch.hear("drained", n=4, segment=1, offset=20, accounts={"a": row(30, 30)})
    assert balances.free("a") == 0
    money(switch, 6, a=row(30, 30))
    assert balances.free("a") == 30
    stop(switch)


def test_the_other_nodes_are_called_and_their_call_is_passed_on():
    switch, _ = node()
    called = []
    switch.service._on_call_others = lambda: called.append(1)
    switch.hear("call_others")
    switch.service.recalled()
    assert called == [1]
    assert switch.said() == [{"op": "recalled"}]
    stop(switch)
