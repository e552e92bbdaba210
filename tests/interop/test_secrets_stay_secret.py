"""Passwords: planted in provisioning and in the database's URL, used by real calls, and then looked for everywhere."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.peer import SDP, Peer
from tests.support.switch import Switch, free_port, until
from vosswitch.sip.grammar import digest

CUSTOMER, PHONE, VENDOR = "Canary-customer-5f1e", "Canary-phone-71c0", "Canary-vendor-9ab3"
PLAIN = (CUSTOMER, PHONE, VENDOR)
HASHED = tuple(
    digest.ha1(name, "vosswitch", password, kind)
    for name, password in (("cust", CUSTOMER), ("1001", PHONE))
    for kind in ("MD5", "SHA-256")
)
MARK = "Plainly-visible-name"
PROVISION = f"""
[[rate_groups]]
name = "all"
[[rate_groups.rates]]
prefix = ""
per_minute = "0.60"
[[accounts]]
number = "C"
name = "{MARK}"
balance = "10"
rate_group = "all"
[[mapping_gateways]]
name = "customer"
account = "C"
auth = "password"
username = "cust"
password = "{CUSTOMER}"
[[phones]]
number = "1001"
account = "C"
password = "{PHONE}"
[[routing_gateways]]
name = "vendor"
address = "127.0.0.1"
port = {{port}}
username = "us"
password = "{VENDOR}"
"""
REFUSED = {
    "a wrong type": '[[phones]]\nnumber = "1001"\naccount = "C"\npassword = ["{0}"]\n',
    "a control character": '[[phones]]\nnumber = "1001"\naccount = "C"\npassword = "{0}\\u0007"\n',
    "too long": '[[routing_gateways]]\nname = "vendor"\naddress = "127.0.0.1"\npassword = "{0}' + "x" * 500 + '"\n',
    "a table": '[[routing_gateways]]\nname = "vendor"\naddress = "127.0.0.1"\npassword = {{plain = "{0}"}}\n',
    "an unknown field": '[[phones]]\nnumber = "1001"\naccount = "C"\npassword = "{0}"\nbogus = 1\n',
    "an unknown account": '[[phones]]\nnumber = "1009"\naccount = "nobody"\npassword = "{0}"\n',
    "no TOML": '[[phones]]\nnumber = "1001"\npassword = "{0}\n',
    "misspelt": '[[phones]]\nnumber = "1001"\naccount = "C"\npasword = "{0}"\n',
}


def found(data: bytes | str, *secrets: str) -> list[str]:
    """Which of *secrets* stand in *data*."""
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return [secret for secret in secrets if secret.encode() in data]


def processes(switch: Switch) -> dict[int, bytes]:
    """What everybody on the machine can see of the switch and its workers, and their environment."""
    shown = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if switch.process.pid in (int(entry.name), parent):
                shown[int(entry.name)] = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (OSError, IndexError):
            continue
    return shown


def prove(peer, invite, password):
    """Answer the challenge to *invite*; gives the INVITE that was sent with it."""
    peer.send(invite)
    challenged = peer.expect(401)
    peer.send(peer.follow("ACK", invite, challenged))
    again = peer.prove(invite, challenged, "cust", password, "SHA-256")
    peer.send(again)
    return again


def call(switch: Switch, vendor: Peer) -> None:
    """A customer that proves itself, first wrongly, and a vendor that wants proof of us."""
    peer = Peer(switch.port)
    wrong = prove(peer, peer.request("INVITE", "49123", SDP), CUSTOMER[::-1])
    peer.send(peer.follow("ACK", wrong, peer.expect(401)))
    prove(peer, peer.request("INVITE", "49123", SDP), CUSTOMER)
    invite = vendor.expect("INVITE")
    challenge = invite.reply(407, "", vendor.tag)
    challenge.add("proxy-authenticate", digest.challenge("vendor.example", "abc", "MD5"))
    vendor.send(challenge, vendor.source)
    proven = vendor.expect(lambda message: getattr(message, "method", "") == "INVITE" and message.cseq.number == 2)
    fields = digest.parse_authorization(proven.get("proxy-authorization"))
    assert digest.verify(fields, "INVITE", digest.ha1("us", "vendor.example", VENDOR))
    vendor.reply(proven, 200, SDP)
    answered = peer.expect(200)
    peer.send(peer.request("ACK", "", answered=answered))
    peer.send(peer.request("BYE", "", answered=answered))
    vendor.reply(vendor.expect("BYE"), 200)
    peer.close()


@pytest.fixture
def lived(tmp_path):
    """A switch that has used every password in a call, still running."""
    vendor = Peer(0, number="vendor")
    switch = Switch(tmp_path, log={"level": "debug"})
    switch.cli("migrate")
    switch.provision(PROVISION.replace("{port}", str(vendor.port)))
    (tmp_path / "provision.toml").unlink()
    switch.start()
    call(switch, vendor)
    switch.cdrs(1)
    yield switch
    vendor.close()
    switch.stop()


def test_no_password_is_found_where_it_does_not_belong(lived):
    shown = processes(lived)
    assert len(shown) >= 2
    assert any(found(text, str(lived.config)) for text in shown.values())
    assert [pid for pid, text in shown.items() if found(text, *PLAIN, *HASHED)] == []

    answers = {
        command: lived.cli("--format", shape, *command)
        for command in [("account", "show", "C"), ("gateway", "list"), ("cdr", "list"), ("calls",), ("node", "status"),
                        ("route", "1", "49123", "-g", "customer"), ("params", "list"), ("registrations",)]
        for shape in ("json", "table")
    }  # fmt: skip
    assert MARK in answers["account", "show", "C"].stdout
    assert [name for name, done in answers.items() if found(done.stdout + done.stderr, *PLAIN, *HASHED)] == []

    lived.stop()
    kept = [path for path in lived.folder.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert any(found(path.read_bytes(), MARK) for path in kept if "spool" in path.parts or "sqlite" in path.name)
    assert [(path.name, leak) for path in kept if (leak := found(path.read_bytes(), *PLAIN))] == []
    hashed = [path for path in kept if found(path.read_bytes(), *HASHED)]
    assert hashed  # the positive control: this is where they are kept, and nowhere else
    assert all("sqlite" in path.name for path in hashed), hashed
    log = lived.log()
    assert "listens for SIP" in log
    assert found(log, *PLAIN, *HASHED) == []


def test_the_log_of_changes_knows_that_and_not_what(lived):
    lived.provision('[[phones]]\nnumber = "1001"\naccount = "C"\npassword = "Canary-second-1234"\n')
    with sqlite3.connect(f"file:{lived.folder}/vosswitch.sqlite?mode=ro", uri=True) as database:
        rows = "\n".join(map(str, database.execute("select * from changes")))
    assert MARK in rows
    assert "1001" in rows
    assert found(rows, *PLAIN, *HASHED, "Canary-second-1234") == []
    assert found(rows, digest.ha1("1001", "vosswitch", "Canary-second-1234")) == []


def test_dumps_are_masked_unless_asked_for(lived):
    masked = lived.cli("dump").stdout
    assert MARK in masked
    assert found(masked, *PLAIN, *HASHED) == []
    whole = lived.cli("dump", "--with-secrets").stdout
    assert found(whole, VENDOR, *HASHED) == [VENDOR, *HASHED]
    assert found(whole, CUSTOMER, PHONE) == []  # nobody knows them any more


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_document_is_not_read_out(tmp_path, why):
    switch = Switch(tmp_path)
    switch.cli("migrate")
    document = tmp_path / "refused.toml"
    document.write_text(REFUSED[why].format("Canary-typed-77aa"))
    done = switch.cli("load", str(document), check=False)
    assert done.returncode == 1
    assert "refused.toml" in done.stderr
    assert found(done.stdout + done.stderr, "Canary-typed-77aa") == []


def test_a_difference_is_shown_without_the_password(tmp_path):
    switch = Switch(tmp_path)
    switch.cli("migrate")
    document = tmp_path / "new.toml"
    document.write_text(PROVISION.replace("{port}", "5090"))
    for arguments in (["--dry-run"], []):
        done = switch.cli("load", *arguments, str(document))
        assert MARK in done.stdout or not arguments
        assert found(done.stdout + done.stderr, *PLAIN, *HASHED) == []


def test_the_database_s_password_is_in_no_error(tmp_path):
    secret = "Canary-database-4e4e"
    switch = Switch(tmp_path, f"mysql+pymysql://switch:{secret}@127.0.0.1:{free_port()}/vosswitch")
    said = [switch.cli(*command, check=False) for command in (["migrate"], ["account", "list"], ["dump"], ["calls"])]
    assert [done.returncode for done in said] == [1, 1, 1, 3]
    switch.start(wait=False)
    until(lambda: switch.process.poll() is not None, what="end of the switch")
    assert switch.process.returncode == 1
    text = "".join(done.stdout + done.stderr for done in said) + switch.log()
    assert "127.0.0.1" in text
    assert found(text, secret) == []
    for path in tmp_path.rglob("*"):
        if path.name != "vosswitch.toml" and path.is_file():
            assert found(path.read_bytes(), secret) == [], path
