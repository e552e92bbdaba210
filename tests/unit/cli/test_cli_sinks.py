"""``vosswitch sinks`` and ``clean`` without a switch."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from vosswitch.cli.main import cli
from vosswitch.delivery import files
from vosswitch.delivery.files import SinkState


@pytest.fixture
def run(tmp_path):
    (tmp_path / "v.toml").write_text(
        '[database]\nurl = "sqlite:///v.sqlite"\nkey_file = "key"\n[run]\nspool = "spool"\ncdr = "cdr"\n'
        '[plugins]\npath = []\n'
    )  # fmt: skip
    (tmp_path / "spool").mkdir()

    def run(*arguments):
        return CliRunner().invoke(cli, ["--config", str(tmp_path / "v.toml"), *arguments])

    return run


def test_lists_what_each_sink_has(run, tmp_path):
    assert "no sinks" in run("sinks", "list").output
    files.write_state(
        tmp_path / "spool", SinkState("web", 1, 0, failing=86_400_000, error="refused", delivered=4, last=5)
    )
    (row,) = json.loads(run("--format", "json", "sinks", "list").stdout)
    assert (row["state"], row["error"], row["delivered"], row["waiting"]) == ("failing", "refused", 4, 0)
    assert row["failing"] == "1970-01-02T00:00:00.000Z"


def test_a_replay_is_asked_for(run, tmp_path):
    spool = tmp_path / "spool"
    files.write_state(spool, SinkState("web", 1, 0))
    assert run("sinks", "replay", "web", "--since", "2026-01-01", "--to", "2026-01-02").exit_code == 0
    ((_, (since, until)),) = files.asked(spool, "web")
    assert until - since == 2 * 86_400_000 - 1
    assert (
        "expected a moment after" in run("sinks", "replay", "web", "--since", "2026-01-02", "--to", "2026-01-01").output
    )
    assert "there are: web" in run("sinks", "replay", "x", "--since", "2026-01-01").output


def test_clean_shows_what_would_go(run, tmp_path):
    assert run("migrate").exit_code == 0
    (tmp_path / "cdr").mkdir()
    old = tmp_path / "cdr" / "2020010100.txt"
    old.touch()
    assert "nothing is too old" in run("clean", "--dry-run").output
    assert run("params", "set", "VS_CLEAN_CDR_FILES_DAYS", "30").exit_code == 0
    assert json.loads(run("--format", "json", "clean", "--dry-run").stdout) == [
        {"kind": "text files", "what": "2020010100.txt", "rows": 1}
    ]
    assert old.exists()
    assert run("clean").exit_code == 0
    assert not old.exists()
