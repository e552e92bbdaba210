"""Who is alive of the nodes of a database."""

from vosswitch.recorder.neighbours import Neighbours

WALL = 1_700_000_000_000


def test_a_node_is_alive_while_its_row_changes_and_gone_after_fifteen_seconds():
    one = Neighbours(0)
    assert one.alive({0: WALL}, 100.0, WALL) == [0]
    for second in range(1, 11):
        assert one.alive({1: WALL + second // 5 * 5000}, 100.0 + second, WALL) == [0, 1]
    told = [one.alive({1: WALL + 10_000}, 110.0 + second, WALL) for second in range(1, 20)]
    assert told == [[0, 1]] * 14 + [[0]] * 5
    assert one.alive({1: WALL + 90_000}, 130.0, WALL) == [0, 1]


def test_at_first_the_clock_says_who_is_there():
    assert Neighbours(2).alive({1: WALL - 14_000, 3: WALL - 15_000, 4: WALL + 99_000}, 0.0, WALL) == [1, 2, 4]


def test_who_has_stopped_in_order_is_gone_at_once():
    one = Neighbours(5)
    assert one.alive({1: WALL}, 0.0, WALL) == [1, 5]
    assert one.alive({1: 0}, 1.0, WALL) == [5]
    assert one.alive({1: WALL + 9}, 2.0, WALL) == [1, 5]


def test_a_clock_that_is_wrong_makes_nobody_dead():
    one = Neighbours(0)
    stamps = [one.alive({1: 5 + second // 5}, float(second), WALL) for second in range(30)]
    assert stamps == [[0]] * 5 + [[0, 1]] * 25


def test_a_database_that_was_away_makes_nobody_dead():
    one = Neighbours(0)
    assert one.alive({1: WALL}, 0.0, WALL) == [0, 1]
    assert one.alive({1: WALL}, 600.0, WALL) == [0, 1]
    assert [one.alive({1: WALL}, 600.0 + second, WALL) for second in (4, 8, 12, 16)] == [[0, 1]] * 3 + [[0]]


def test_a_node_that_was_removed_is_gone():
    one = Neighbours(0)
    one.alive({1: WALL}, 0.0, WALL)
    assert one.alive({}, 1.0, WALL) == [0]
