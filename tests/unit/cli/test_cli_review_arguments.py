"""What peers wrote cannot touch the operator's terminal, and odd arguments end in one line, never in a traceback."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click
import pytest
from click.testing import CliRunner

from vosswitch.cli.main import cli
from vosswitch.cli.moments import LATEST, moment
from vosswitch.cli.output import cell, show
from vosswitch.cli.state import State
from vosswitch.control.operations import Field

UTC = ZoneInfo("UTC")
HOSTILE = "49\x1b]0;owned\x07\x9b31m\x00\r\n\u202e\x7fend"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "v.toml").write_text(
        '[database]\nurl = "sqlite:///v.sqlite"\nkey_file = "k"\n[run]\ndirectory = "run"\nspool = "spool"\n'
        "[plugins]\npath = []\n"
    )
    assert run(tmp_path, "migrate").exit_code == 0
    return tmp_path


def run(folder, *arguments):
    return CliRunner().invoke(cli, ["--config", str(folder / "v.toml"), *arguments], obj=State())


@pytest.mark.parametrize("kind", ["text", "list", "object", "number"])
def test_a_cell_shows_control_characters_and_does_not_send_them(kind):
    value = {"list": [HOSTILE], "object": {"key": HOSTILE}}.get(kind, HOSTILE)
    text = cell(value, Field("caller", kind, ""), UTC)
    assert text.isprintable()
    assert r"49\x1b]0;owned\x07\x9b31m\x00\r\n\u202e\x7fend" in text


def test_what_can_be_printed_stays_as_it_is():
    assert cell('Zoë "ü" 😀 [/bold]', Field("caller", "text", ""), UTC) == 'Zoë "ü" 😀 [/bold]'


def test_a_table_of_hostile_numbers_has_a_line_each(capsys):
    field = Field("caller", "text", "")
    table = type("Tables", (State,), {"__slots__": (), "zone": UTC})()
    show(table, [{"caller": HOSTILE}, {"caller": "[/red]43"}], [field])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 3
    assert "\x1b" not in printed.splitlines()[1]
    assert "[/red]43" in printed


@pytest.mark.parametrize("text", ["99999999999999999999", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_the_ends_of_time_are_no_failure(folder, option, text):
    done = run(folder, "cdr", "list", option, text)
    assert done.exit_code in {0, 2}, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception


def test_a_moment_is_within_the_years_that_can_be_shown():
    assert moment("--from", "0001-01-01T00:00:00Z", UTC) == 0
    assert moment("--to", "999999999999999", UTC) == LATEST
    with pytest.raises(click.BadParameter):
        moment("--to", "9999999999999999", UTC)


@pytest.mark.parametrize(
    "arguments", [("account", "show"), ("cdr", "list", "--account"), ("cdr", "list", "--call-id"), ("params", "list")]
)
def test_an_argument_that_is_no_text_is_one_line(folder, arguments):
    done = run(folder, *arguments, "\udcff\udcfe")
    assert done.exit_code in {0, 1}
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert len(done.stderr.splitlines()) <= 1
