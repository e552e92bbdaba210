"""What lies in the spool for people is told until it is gone."""

from __future__ import annotations

from vosswitch.cdr.aside import append_line
from vosswitch.recorder.aside import REFUSED, Aside


def test_what_is_kept_is_told_once_and_until_it_is_taken_away(tmp_path):
    said = []
    aside = Aside(tmp_path, said.append)
    aside.look()
    aside.look()
    assert said == [""]  # of a former recorder nothing stays
    append_line(tmp_path / REFUSED, {"flowno": 1})
    aside.look()
    aside.look()
    append_line(tmp_path / REFUSED, {"flowno": 2})
    aside.look()
    assert [text.partition(" calls that the database refuses are kept in ")[::2] for text in said[1:]] == [
        ("1", str(tmp_path / REFUSED)), ("2", str(tmp_path / REFUSED)),
    ]  # fmt: skip
    (tmp_path / "journal-0000000001.24.damaged").write_bytes(b"x")
    (tmp_path / REFUSED).unlink()
    aside.look()
    assert said[-1] == f"1 unreadable parts of the journal are kept in {tmp_path}/*.damaged"
    (tmp_path / "journal-0000000001.24.damaged").unlink()
    aside.look()
    assert said[-1] == ""
