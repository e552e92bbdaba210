"""The command line: what it prints, what it asks the switch, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from vosswitch.cli.limits import KINDS
from vosswitch.cli.main import COMMANDS, cli
from vosswitch.cli.state import State
from vosswitch.control.client import NotRunning
from vosswitch.control.operations import OPERATIONS
from vosswitch.control.protocol import ControlError

PROVISION = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.60"
[[rate_groups]]
name = "buy"
[[rate_groups.rates]]
prefix = "49"
per_minute = "0.30"
[[accounts]]
number = "C1"
name = "Customer"
balance = "10"
rate_group = "sell"
lines = 30
[[accounts]]
number = "V1"
kind = "clearing"
rate_group = "buy"
[[mapping_gateways]]
name = "customer"
account = "C1"
addresses = ["127.0.0.1"]
callee_dial_plan = "00:"
[[routing_gateways]]
name = "vendor"
account = "V1"
address = "127.0.0.1"
port = 5090
[[routing_gateways]]
name = "asleep"
address = "::1"
locked = true
"""


class FakeSwitch:
    """Answers like a switch; with no answers it is not running."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def connect(self, path, timeout):
        self.path, self.timeout = path, timeout
        return self

    def call(self, op, **args):
        OPERATIONS[op].check(args)
        if not self.answers:
            raise NotRunning(f"no switch is running at {self.path}")
        self.asked.append((op, args))
        answer = self.answers[op]
        if isinstance(answer, Exception):
            raise answer
        return answer(args) if callable(answer) else answer

    def stream(self, op, **args):
        yield from self.call(op, **args)

    def close(self):
        pass


@pytest.fixture(scope="session")
def ready(tmp_path_factory):
    """A provisioned database, made once."""
    folder = tmp_path_factory.mktemp("ready")
    (folder / "v.toml").write_text(
        '[database]\nurl = "sqlite:///v.sqlite"\nkey_file = "k"\n[run]\ndirectory = "run"\nspool = "spool"\n'
        '[plugins]\npath = []\n[node]\ntimezone = "Europe/Vienna"\n'
    )
    (folder / "p.toml").write_text(PROVISION)
    for command in (["migrate"], ["load", str(folder / "p.toml")]):
        assert run(folder, *command).exit_code == 0
    return folder


@pytest.fixture
def folder(ready, tmp_path):
    for file in ready.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / file.name).chmod(0o600)
    return tmp_path


def run(folder, *arguments, switch=None, stdin=None):
    state = State((switch or FakeSwitch()).connect)
    return CliRunner().invoke(cli, ["--config", str(folder / "v.toml"), *arguments], obj=state, input=stdin)


def as_json(folder, *arguments, switch=None):
    done = run(folder, "--format", "json", *arguments, switch=switch)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_every_command_exists_and_explains_itself(tmp_path):
    help_text = run(tmp_path, "--help").stdout
    for name in COMMANDS:
        assert f"  {name} " in help_text
        done = run(tmp_path, name, "--help")
        assert done.exit_code == 0
        assert done.stdout.split("\n\n")[1].strip()


def test_version_needs_no_configuration():
    done = subprocess.run([sys.executable, "-m", "vosswitch", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("vosswitch 0.")
    assert done.stderr == ""


def test_the_version_imports_neither_twisted_nor_sqlalchemy():
    code = (
        "import sys, vosswitch.cli.main as m\n"
        "try: m.main(['version'])\n"
        "except SystemExit: pass\n"
        "print([n for n in ('twisted', 'sqlalchemy', 'rich', 'pluggy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_options_are_taken_before_and_after_the_command(folder):
    done = run(folder, "account", "list", "--format", "json", "--config", str(folder / "v.toml"))
    assert json.loads(done.stdout)[0]["number"] == "C1"


# Exit codes.


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fly"], 2, "No such command 'fly'"),
        (["account", "show"], 2, "Missing argument 'NUMBER'"),
        (["account", "pay", "C1", "much"], 2, "expected an amount such as 12.50, got 'much'"),
        (["account", "pay", "C1", "0"], 2, "other than zero"),
        (["account", "show", "C9"], 1, 'vosswitch: accounts: there is no "C9"'),
        (["cdr", "list", "--from", "yesterday"], 2, "--from: expected a time such as"),
        (["params", "set", "SS_MAX_CPS"], 2, "expected either VALUE or --default"),
        (["params", "set", "SS_MAX_CPS", "7x"], 1, "SS_MAX_CPS: expected a whole number"),
        (["params", "set", "SS_MAX_CPX", "7"], 1, "did you mean SS_MAX_CPS?"),
        (["load", "/no/such/file"], 1, "vosswitch: /no/such/file: No such file or directory"),
        (["route", "1", "2", "-g", "a", "-p", "b"], 2, "not both"),
        (["rates", "import", "sell", "/no/such/file"], 1, "cannot read"),
        (["rates", "import", "none", "/no/such/file"], 1, 'there is no "none"'),
        (["calls"], 3, "vosswitch: no switch is running at "),
        (["release", "1"], 3, "no switch is running"),
        (["node", "status"], 3, "no switch is running"),
        (["drain"], 3, "no switch is running"),
        (["registrations"], 3, "no switch is running"),
    ],
)
def test_errors_are_one_line_on_stderr_with_their_own_exit_code(folder, arguments, code, said):
    done = run(folder, *arguments)
    assert done.exit_code == code
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_configuration_is_one_line_that_names_the_key(tmp_path):
    (tmp_path / "v.toml").write_text("[database]\ncolour = 1\n")
    done = run(tmp_path, "account", "list")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "unknown key 'colour'" in done.stderr


def test_a_database_without_tables_says_what_to_do(tmp_path):
    (tmp_path / "v.toml").write_text('[database]\nurl = "sqlite:///v.sqlite"\n')
    done = run(tmp_path, "account", "list")
    assert done.exit_code == 1
    assert 'run "vosswitch migrate"' in done.stderr


def test_a_bug_of_ours_is_not_dressed_up(folder):
    done = run(folder, "node", "status", switch=FakeSwitch(status=ZeroDivisionError()))
    assert isinstance(done.exception, ZeroDivisionError)


# JSON.


def test_json_is_one_array_with_every_key_and_plain_values(folder):
    rows = as_json(folder, "account", "list")
    assert [row["number"] for row in rows] == ["C1", "V1"]
    first = rows[0]
    assert (first["balance"], first["overdraft_limit"], first["lines"], first["cps"]) == ("10", "0", 30, None)
    assert first["created"].endswith("Z")
    assert len(first["created"]) == 24
    assert rows[0].keys() == rows[1].keys()
    assert as_json(folder, "account", "show", "C1") == [first | {"income": None, "packages": []}]


def test_empty_lists_are_empty_arrays_and_a_word_on_stderr(folder):
    assert as_json(folder, "cdr", "list") == []
    done = run(folder, "cdr", "list")
    assert (done.stdout, done.stderr) == ("", "no records\n")
    done = run(folder, "calls", switch=FakeSwitch(calls=[]))
    assert (done.stdout, done.stderr) == ("", "no calls\n")


def test_calls_are_printed_with_declared_keys_only(folder):
    row = {"call_id": "123", "state": "talking", "caller": "1", "callee": "2", "start": 1_800_000_000_123, "extra": 1}
    (call,) = as_json(folder, "calls", "--account", "C1", switch=(switch := FakeSwitch(calls=[row])))
    assert list(call) == [field.name for field in OPERATIONS["calls"].result]
    assert (call["start"], call["answer"]) == ("2027-01-15T08:00:00.123Z", None)
    assert switch.asked == [("calls", {"account": "C1"})]


def test_tables_show_the_node_s_time_and_are_never_cut(folder):
    row = {
        "call_id": "1234567890123456789",
        "state": "talking",
        "caller": "4" * 40,
        "callee": "5" * 40,
        "mapping_gateway": "customer",
        "routing_gateway": "vendor",
        "start": 1_800_000_000_123,
    }
    lines = run(folder, "calls", switch=FakeSwitch(calls=[row])).stdout.splitlines()
    assert lines[0].split() == ["call", "id", "state", "caller", "callee", "from", "to", "account", "start", "answer"]
    assert "4" * 40 in lines[1]
    assert "customer  vendor" in lines[1]
    assert "2027-01-15 09:00:00" in lines[1]
    assert all(line == line.rstrip() for line in lines)


# Changes become live.


def applied(args):
    return {"seq": args["seq"]}


def test_a_change_is_live_when_the_command_returns(folder):
    switch = FakeSwitch(apply=applied)
    done = run(folder, "account", "pay", "C1", "5.5", "--why", "cash", switch=switch)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "C1: paid 5.5, balance 15.5\n", "")
    ((op, args),) = switch.asked
    assert (op, switch.timeout) == ("apply", 10.0)
    assert args["seq"] > 0


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        (FakeSwitch(), "switch not running: takes effect at its start"),
        (FakeSwitch(apply=ControlError("timeout", "apply", "no answer within 10 s")), "stored, not yet live"),
        (FakeSwitch(apply=ControlError("failed", "apply", "broken")), "stored, not yet live: apply: broken"),
        (FakeSwitch(apply={"seq": 0}), "stored, not yet live"),
    ],
)
def test_a_change_that_is_not_live_is_stored_and_says_so(folder, switch, said):
    done = run(folder, "account", "pay", "C1", "-2.5", switch=switch)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "C1: paid -2.5, balance 7.5\n", f"{said}\n")
    assert as_json(folder, "account", "show", "C1")[0]["balance"] == "7.5"


def test_the_ledger_tells_who_and_why(folder):
    run(folder, "account", "pay", "C1", "2", "--why", "cash")
    newest, opening = as_json(folder, "account", "ledger", "C1")
    assert (newest["amount"], newest["balance_after"], newest["why"], newest["call_id"]) == ("2", "12", "cash", None)
    assert newest["who"]
    assert opening["kind"] == "opening"


def test_a_parameter_is_set_shown_and_put_back(folder):
    switch = FakeSwitch(apply=applied)
    assert run(folder, "params", "set", "ss_max_cps", "7", switch=switch).stdout == "SS_MAX_CPS = 7\n"
    (row,) = as_json(folder, "params", "list", "--set")
    assert (row["name"], row["value"], row["set"], row["default"]) == ("SS_MAX_CPS", "7", True, "None")
    done = run(folder, "params", "set", "SS_MAX_CPS", "--default", switch=switch)
    assert done.stdout == "SS_MAX_CPS = None (default)\n"
    assert as_json(folder, "params", "list", "--set") == []
    assert "no parameter is set: all have their defaults" in run(folder, "params", "list", "--set").stderr
    assert 'no parameter has "zzz" in its name or help' in run(folder, "params", "list", "zzz").stderr
    run(folder, "params", "set", "SS_MAX_CPS", "--default", switch=switch)
    assert len(switch.asked) == 2  # nothing changed the third time, nothing to apply


def test_parameters_that_nothing_obeys_yet_say_so(folder):
    rows = as_json(folder, "params", "list")
    idle = next(row["name"] for row in rows if not row["wired"])
    assert "(not in use yet)" in run(folder, "params", "list", idle).stdout
    row = next(row for row in rows if row["name"] == idle)
    assert "nothing in this version uses it yet" in run(folder, "params", "set", idle, row["value"]).stderr


# Provisioning.


def test_load_shows_differences_without_making_them(folder):
    (folder / "p.toml").write_text(PROVISION.replace("lines = 30", "lines = 31"))
    done = run(folder, "load", "--dry-run", str(folder / "p.toml"))
    assert done.stdout == '~ accounts "C1": lines: 30 -> 31\n1 change would be made\n'
    assert as_json(folder, "account", "show", "C1")[0]["lines"] == 30
    switch = FakeSwitch(apply=applied)
    assert run(folder, "load", str(folder / "p.toml"), switch=switch).stdout == "1 change made\n"
    assert as_json(folder, "account", "show", "C1")[0]["lines"] == 31
    assert len(switch.asked) == 1


def test_loading_again_and_loading_a_dump_change_nothing(folder):
    switch = FakeSwitch(apply=applied)
    assert run(folder, "load", str(folder / "p.toml"), switch=switch).stdout == "nothing to change\n"
    dumped = run(folder, "dump").stdout
    assert run(folder, "load", "-", stdin=dumped, switch=switch).stdout == "nothing to change\n"
    assert switch.asked == []


def test_a_document_that_does_not_fit_names_everything_and_changes_nothing(folder):
    (folder / "p.toml").write_text('[[accounts]]\nnumber = "C2"\nlines = "many"\n[[phones]]\nnumber = "1"\n')
    done = run(folder, "load", str(folder / "p.toml"))
    assert done.exit_code == 1
    assert "accounts[1]" in done.stderr
    assert "lines: expected" in done.stderr
    assert run(folder, "account", "show", "C2").exit_code == 1


def test_a_dump_into_a_file_is_private_and_whole(folder):
    done = run(folder, "dump", "--output", str(folder / "out.toml"))
    assert (done.exit_code, done.stdout) == (0, "")
    assert (folder / "out.toml").stat().st_mode & 0o777 == 0o600
    assert (folder / "out.toml").read_text() == run(folder, "dump").stdout
    assert [item.name for item in folder.iterdir() if item.name.startswith(".out")] == []


def test_rates_are_imported_all_or_nothing(folder):
    sheet = folder / "sheet.csv"
    sheet.write_text("prefix,per_minute\n43,0.5\n44,cheap\n")
    done = run(folder, "rates", "import", "sell", str(sheet))
    assert done.exit_code == 1
    assert "line 3: per_minute: expected" in done.stderr
    assert "1 line does not fit; nothing was imported" in done.stderr
    sheet.write_text("prefix,per_minute\n43,0.5\n44,0.7\n")
    switch = FakeSwitch(apply=applied)
    done = run(folder, "rates", "import", "sell", str(sheet), switch=switch)
    assert done.stdout == "sell: 2 rates imported, 3 in force\n"
    assert len(switch.asked) == 1


def test_migrate_twice_is_harmless(folder):
    assert "up to date, schema" in run(folder, "migrate").stdout


# The switch is asked when it runs, the database when it does not.


def test_gateways_come_from_the_switch_or_else_from_the_database(folder):
    rows = as_json(folder, "gateway", "list")
    assert [(row["name"], row["kind"], row["address"], row["calls"]) for row in rows] == [
        ("customer", "mapping", "127.0.0.1", None),
        ("asleep", "routing", "auto:[::1]", None),
        ("vendor", "routing", "auto:127.0.0.1:5090", None),
    ]
    assert "switch not running" in run(folder, "gateway", "list").stderr
    switch = FakeSwitch(gateways=[{"name": "vendor", "kind": "routing", "calls": 3}])
    (row,) = as_json(folder, "gateway", "list", "--kind", "routing", switch=switch)
    assert row["calls"] == 3
    assert switch.asked == [("gateways", {"kind": "routing"})]


def test_the_protocol_of_gateways_is_shown_where_not_all_speak_sip(folder):
    assert {row["protocol"] for row in as_json(folder, "gateway", "list")} == {"sip"}
    assert "protocol" not in run(folder, "gateway", "list").stdout
    rows = [{"name": "vendor", "kind": "routing", "protocol": "h323"}, {"name": "old", "kind": "routing"}]
    shown = run(folder, "gateway", "list", switch=FakeSwitch(gateways=rows)).stdout.splitlines()
    assert shown[0].split()[:3] == ["name", "kind", "protocol"]
    assert [line.split()[:3] for line in shown if line.startswith("vendor")] == [["vendor", "routing", "h323"]]


def test_plugins_come_from_the_switch_or_else_are_loaded(folder):
    rows = as_json(folder, "plugins", "list")
    assert [(row["plugin"], row["source"], row["state"]) for row in rows][:2] == [
        ("billing", "built-in", "on"),
        ("routing", "built-in", "on"),
    ]
    switch = FakeSwitch(plugins=[{"plugin": "spam", "state": "off", "reason": "no list"}])
    assert as_json(folder, "plugins", "list", switch=switch)[0]["reason"] == "no list"


def test_a_call_is_explained_without_a_switch(folder):
    done = run(folder, "--format", "json", "route", "431", "0049301", "-g", "customer", "--at", "2026-12-31T12:00")
    (answer,) = json.loads(done.stdout)
    assert "switch not running: explained from the database" in done.stderr
    assert (answer["outcome"], answer["callee"], answer["rate_prefix"], answer["price"]) == (
        "route",
        "49301",
        "49",
        "0.6",
    )
    assert answer["at"] == "2026-12-31T11:00:00.000Z"
    kept = {row["gateway"]: (row["kept"], row["price"], row["margin"]) for row in answer["candidates"]}
    assert kept == {"vendor": (True, "0.3", "0.3"), "asleep": (False, None, None)}
    text = run(folder, "route", "431", "0044301").stdout
    assert "no_rate (No rate for this number)" in text


def test_an_explanation_is_asked_of_the_running_switch(folder):
    switch = FakeSwitch(route={"outcome": "no_route", "detail": "nobody", "candidates": [], "steps": ["a: b"]})
    done = run(folder, "route", "1", "2", "--phone", "1001", "--at", "1800000000000", switch=switch)
    assert switch.asked == [
        ("route", {"caller": "1", "callee": "2", "phone": "1001", "at": 1_800_000_000_000}),
    ]
    assert "no_route (nobody)" in done.stdout
    assert "  a: b" in done.stdout


def test_commands_to_the_switch(folder):
    switch = FakeSwitch(
        release={"call_id": "5"},
        drain={"state": "draining", "calls": 2},
        status={
            "node": "n",
            "calls": 1,
            "started": 1_800_000_000_000,
            "listen": ["udp:127.0.0.1:5060"],
            "sockets": [{"address": "udp:127.0.0.1:5060", "drops": 0}, {"address": "tcp:127.0.0.1:5060"}],
        },
        registrations=[{"number": "1001", "contact": "sip:1001@192.0.2.1", "expires_in": 60}],
    )
    assert run(folder, "release", "5", switch=switch).stdout == "released 5\n"
    assert as_json(folder, "drain", "--off", switch=switch) == [{"state": "draining", "calls": 2}]
    assert as_json(folder, "node", "status", switch=switch)[0]["calls"] == 1
    shown = run(folder, "node", "status", switch=switch).stdout.splitlines()
    assert any("2027-01-15 09:00:00" in line for line in shown)
    first = next(place for place, line in enumerate(shown) if line.startswith("sockets"))
    assert shown[first].endswith("  address udp:127.0.0.1:5060, drops 0")
    assert shown[first + 1].strip() == "address tcp:127.0.0.1:5060"
    assert as_json(folder, "registrations", switch=switch)[0]["user_agent"] is None
    assert [op for op, _ in switch.asked] == ["release", "drain", "status", "status", "registrations"]


def test_a_refusal_of_the_switch_is_an_error(folder):
    switch = FakeSwitch(release=ControlError("not_found", "release: call_id 5", "expected the id of a running call"))
    done = run(folder, "release", "5", switch=switch)
    assert (done.exit_code, done.stderr) == (1, "vosswitch: release: call_id 5: expected the id of a running call\n")


def test_number_tables(folder):
    sheet = folder / "table.csv"
    sheet.write_text("did;lrn\n14155550001;14150000000\n14155550001;1\n")
    done = run(folder, "table", "import", "ported", str(sheet))
    assert (done.exit_code, 'there is no "ported"' in done.stderr) == (1, True)
    done = run(folder, "table", "import", "ported", str(sheet), "--kind", "lrn")
    assert (done.exit_code, "stands twice" in done.stderr) == (1, True)
    sheet.write_text("did;lrn\n14155550001;14150000000\n1415;x\n")
    switch = FakeSwitch(apply=applied)
    done = run(folder, "table", "import", "ported", str(sheet), switch=switch)
    assert (done.stdout, len(switch.asked)) == ("ported: 2 rows imported, 2 in force\n", 1)
    [row] = json.loads(run(folder, "--format", "json", "table", "show", "ported", "14150").stdout)
    assert (row["found"], row["value"], row["prefix"], row["prefix_value"]) == (False, None, "1415", "x")
    assert run(folder, "table", "set", "ported", "2", "y").stdout == "ported: 2: changed\n"
    assert run(folder, "table", "remove", "ported", "1415").exit_code == 0
    assert "nothing to change" in run(folder, "table", "remove", "ported", "1415").stderr
    assert run(folder, "table", "export", "ported").stdout == "number,value\n14155550001,14150000000\n2,y\n"
    [row] = json.loads(run(folder, "--format", "json", "table", "list").stdout)
    assert (row["name"], row["kind"], row["rows"]) == ("ported", "lrn", 2)
    assert "number: expected" in run(folder, "table", "set", "ported", "a b").stderr
    assert run(folder, "table", "import", "ported", str(sheet), "--map", "x=y").exit_code == 2
    assert "kind: it is lrn" in run(folder, "table", "import", "ported", str(sheet), "--kind", "area").stderr


def test_rows_that_say_nothing_without_a_value_need_one(folder):
    sheet = folder / "table.csv"
    sheet.write_text("npanxx,state\n1415,CA\n")
    assert run(folder, "table", "import", "states", str(sheet), "--kind", "state").exit_code == 2
    assert run(folder, "table", "import", "states", str(sheet), "--kind", "nanp").exit_code == 0
    done = run(folder, "table", "set", "states", "1416")
    assert (done.exit_code, "expected a value for 1416: its kind is nanp" in done.stderr) == (1, True)
    assert run(folder, "table", "set", "states", "1416", "ON").stdout == "states: 1416: changed\n"


def test_the_entries_of_a_list_and_the_areas(folder):
    document = (
        '[[number_lists]]\nname = "bad"\nentries = ["4312*", "length 3"]\nsystem = true\n'
        '[[geofences]]\nname = "office"\nnetworks = ["192.0.2.0/24"]\n'
    )
    assert run(folder, "geofence", "list").stderr == "no areas\n"
    assert run(folder, "load", "-", stdin=document).exit_code == 0
    rows = json.loads(run(folder, "--format", "json", "list", "show", "bad").stdout)
    assert rows == [{"kind": "entry", "entry": "4312*"}, {"kind": "entry", "entry": "length 3"}]
    assert run(folder, "list", "show", "good").stderr == 'vosswitch: no number list "good"\n'
    assert json.loads(run(folder, "--format", "json", "geofence", "list").stdout) == [{"area": "office", "networks": 1}]


def test_a_load_shows_tables_as_they_are_written(folder):
    document = '[[calendars]]\nname = "c"\nentries = [{ weekdays = "mon", working = false }]\n'
    done = run(folder, "load", "--dry-run", "-", stdin=document)
    assert '+ calendars "c": name "c", entries [{weekdays = ["mon"], working = false}]' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["route", "1", "2", "-g", "a", "--source", "office"], "--source: expected an IP address, got 'office'"),
        (["limits", "--kind", "gateway"], "'gateway' is not one of 'system', 'emergency', 'account'"),
        (["simulate", "--from", "2026-11-02", "--to", "2026-11-01"], "expected --from before --to"),
        (
            ["simulate", "--from", "2026-11-02", "--calls", "/no/such/folder/x.csv"],
            "there is no folder for /no/such/folder/x",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(folder, arguments, said):
    done = run(folder, *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_gateways_whose_attempts_are_not_counted_say_so(folder):
    row = dict.fromkeys([field.name for field in OPERATIONS["quality"].result])
    done = run(folder, "gateway", "quality", switch=FakeSwitch(quality=[{**row, "name": "a", "state": "up"}]))
    assert done.stdout.splitlines()[0].split("  ")[:3] == ["name", "attempts", "asr %"]
    assert done.stderr.startswith("- instead of attempts: not counted")


def test_limits_are_of_kinds_that_the_switch_tells():
    [kind] = [field for field in OPERATIONS["limits"].result if field.name == "kind"]
    assert kind.help == f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"


def test_a_simulation_of_no_calls_says_so_once(folder):
    done = run(folder, "simulate", "--from", "2026-11-02", "--to", "2026-11-03")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.endswith("no calls of this period\n")


def test_a_route_without_a_switch_is_rated_by_the_routing_number(folder):
    sheet = folder / "table.csv"
    sheet.write_text("number,lrn\n14155550001,12125550001\n")
    assert run(folder, "table", "import", "ported", str(sheet), "--kind", "lrn").exit_code == 0
    document = """
[[rate_groups]]
name = "sell"
[[rate_groups.rates]]
prefix = "1"
per_minute = "0.01"
[[rate_groups.rates]]
prefix = "1212"
per_minute = "0.50"
[[portability]]
name = "lrn"
table = "ported"
rate_by = "lrn"
[[mapping_gateways]]
name = "customer"
account = "C1"
addresses = ["127.0.0.1"]
portability = "lrn"
"""
    assert run(folder, "load", "-", stdin=document).exit_code == 0
    [told] = json.loads(run(folder, "--format", "json", "route", "12125550000", "14155550001").stdout)
    assert (told["rate_prefix"], told["price"]) == ("1212", "0.5")
