"""What the log is told of a configuration."""

from vosswitch.app.told import MOST, Told


def test_a_line_is_told_once_while_it_stays_true():
    told = Told()
    assert told.new(["a", "b"]) == ["a", "b"]
    assert told.new(["b", "c"]) == ["c"]
    assert told.new(iter(["c", "b"])) == []


def test_a_line_that_comes_back_is_told_again():
    told = Told()
    told.new(["a"])
    assert told.new([]) == []
    assert told.new(["a"]) == ["a"]


def test_of_very_many_lines_the_first_are_told_and_the_others_counted():
    told = Told()
    lines = [f"gateway {number}" for number in range(500)]
    assert told.new(lines) == [*lines[:MOST], f"{500 - MOST} more lines like these"]
    assert told.new(lines) == []
