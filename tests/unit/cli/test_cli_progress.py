"""The bar says how far, how fast and how long still."""

from vosswitch.cli.progress import bar, bar_text, clock_text


def test_the_bar_shows_pace_and_time_left():
    assert bar_text(400, 1000, 0.1, "calls") == f"[{'#' * 12}{'.' * 18}] 400/1000 calls, 4000/s, 0:00 left"
    assert bar_text(1000, 1000, 2.0, "calls") == f"[{'#' * 30}] 1000/1000 calls, 500/s"
    assert bar_text(0, 0, 0.0, "calls") == f"[{'.' * 30}] 0/0 calls, 0/s"


def test_times_are_short():
    assert [clock_text(seconds) for seconds in (0, 59.6, 3661)] == ["0:00", "1:00", "1:01:01"]


def test_nothing_is_drawn_without_a_terminal(capsys):
    bar(10, "calls")(5)
    assert capsys.readouterr().err == ""
