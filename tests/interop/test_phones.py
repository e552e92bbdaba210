"""Phones: registration, and a call with audio between two real softphones."""

from __future__ import annotations

import shutil
import subprocess
import time
from decimal import Decimal

import pytest

from tests.support.baresip import MODULES, Baresip, heard
from tests.support.peer import accepted, description
from tests.support.phone import Phone
from tests.support.sipp import ANSWER
from tests.support.switch import until

PHONES = """
[[rate_groups]]
name = "sell{n}"
[[rate_groups.rates]]
prefix = "{n:03}"
per_minute = "0.06"
level = "net"
[[phones]]
number = "{n:03}1001"
account = "C{n}"
password = "one-{n}"
[[phones]]
number = "{n:03}1002"
account = "C{n}"
password = "two-{n}"
"""
needs_baresip = pytest.mark.skipif(
    shutil.which("baresip") is None or not (MODULES / "sndfile.so").exists(),
    reason="baresip is not installed (Debian package baresip-core)",
)


@pytest.fixture
def phones(case):
    """A case with two phones, not registered yet."""
    case.begin()
    text = PHONES.replace("{n:03}", f"{case.n:03}").replace("{n}", str(case.n))
    text = text.replace(
        "[[rate_groups.rates]]\n",
        f'[[rate_groups.rates]]\nprefix = "{case.prefix}"\nper_minute = "0.60"\n[[rate_groups.rates]]\n',
        1,
    )
    case.switch.provision(text, "phones.toml")
    case.one, case.two = f"{case.n:03}1001", f"{case.n:03}1002"
    return case


def softphone(case, number, password, hertz, more=""):
    """A registered baresip."""
    account = f"<sip:{number}@127.0.0.1:{case.switch.port}>;auth_user={number};auth_pass={password};regint=120{more}"
    phone = Baresip(case.folder / number, account, hertz)
    case.peers.append(phone)
    phone.says("200 OK () [1 binding]")
    return phone


@needs_baresip
def test_two_softphones_hear_each_other(phones):
    case = phones
    one = softphone(case, case.one, f"one-{case.n}", 440)
    two = softphone(case, case.two, f"two-{case.n}", 1000, ";answermode=auto")
    rows = case.switch.json("registrations")
    assert {case.one, case.two} <= {row["number"] for row in rows}
    one.command("dial", f"sip:{case.two}@127.0.0.1:{case.switch.port}")
    one.expect("CALL_ESTABLISHED")
    two.expect("CALL_ESTABLISHED")
    time.sleep(2.5)
    one.command("hangup")
    two.expect("CALL_CLOSED")
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["phone"], cdr["callee_phone"]) == ("normal", case.one, case.two)
    assert cdr["mapping_gateway"] is None
    assert cdr["media_proxied"] is True
    for side in ("caller", "callee"):
        assert 90 <= cdr["media"][side]["packets"] <= 250
        assert cdr["media"][side]["lost"] <= 2
    assert "baresip" in cdr["caller_user_agent"].lower()
    one.stop()
    two.stop()
    for phone, pitch in ((one, 1000), (two, 440)):
        seconds, hertz = heard(phone.recording())
        assert seconds > 1.5
        assert abs(hertz - pitch) < 40


@needs_baresip
def test_a_softphone_transfers_a_call(phones):
    case = phones
    case.switch.cli("params", "set", "VS_PHONE_TRANSFERS", "On")
    try:
        one = softphone(case, case.one, f"one-{case.n}", 440)
        two = softphone(case, case.two, f"two-{case.n}", 1000, ";answermode=auto")
        vendor = case.vendor("first", ANSWER)
        one.command("dial", f"sip:{case.two}@127.0.0.1:{case.switch.port}")
        two.expect("CALL_ESTABLISHED")
        one.expect("CALL_ESTABLISHED")
        one.command("transfer", f"sip:{case.number}@127.0.0.1:{case.switch.port}")
        one.expect("CALL_CLOSED")
        (running,) = [call for call in case.running() if call["callee"] == case.number]
        assert (running["phone"], running["state"]) == (case.one, "talking")
        two.command("hangup")
        vendor.succeeds()
    finally:
        case.switch.cli("params", "set", "VS_PHONE_TRANSFERS", "--default")
    cdrs = case.cdrs(2)
    assert {(cdr["phone"], cdr["callee"], cdr["end_reason"]) for cdr in cdrs} == {
        (case.one, case.two, "normal"), (case.one, case.number, "normal"),
    }  # fmt: skip
    assert case.paid() == sum(Decimal(cdr["fee"]) for cdr in cdrs)


@needs_baresip
def test_a_wrong_password_does_not_register(phones):
    case = phones
    account = f"<sip:{case.one}@127.0.0.1:{case.switch.port}>;auth_user={case.one};auth_pass=wrong;regint=120"
    phone = Baresip(case.folder / "wrong", account, 440)
    case.peers.append(phone)
    phone.says("403 Forbidden")
    assert case.one not in {row["number"] for row in case.switch.json("registrations")}
    softphone(case, case.two, f"two-{case.n}", 440)  # the right one does
    until(lambda: case.two in {row["number"] for row in case.switch.json("registrations")}, 5, "the registration")


@pytest.mark.skipif(shutil.which("sipsak") is None, reason="sipsak is not installed (Debian package sipsak)")
def test_sipsak_gets_its_options_answered(case):
    for transport in ("udp", "tcp"):
        done = subprocess.run(
            ["sipsak", "-v", "-E", transport, "-s", f"sip:test@127.0.0.1:{case.switch.port}"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "200 OK" in done.stdout


@pytest.fixture
def own(phones):
    """The case's first phone as a peer of our own."""
    found = Phone(phones.switch.port, phones.one, f"one-{phones.n}")
    phones.peers.append(found)
    return found


def registered(case):
    """The contacts of the case's first phone."""
    return [row for row in case.switch.json("registrations") if row["number"] == case.one]


def test_a_registration_lasts_until_it_is_taken_back(phones, own):
    answer = own.register()
    assert answer.status == 200
    assert f"<sip:{own.number}@127.0.0.1:{own.port}>" in answer.get("contact")
    assert len(registered(phones)) == 1
    answer = own.register(expires=0)
    assert (answer.status, answer.get("contact")) == (200, None)
    assert registered(phones) == []


def test_a_too_short_expiry_is_refused_with_the_shortest(own):
    answer = own.register(expires=5)
    assert answer.status == 423
    assert int(answer.get("min-expires")) > 5


def test_a_phone_may_not_register_another_number(phones, own):
    own.number = phones.two
    request = own.request("REGISTER", phones.two)
    own.send(request)
    challenged = own.expect(401)
    own.send(own.prove(request, challenged, phones.one, own.password, "SHA-256"))
    assert own.expect(lambda message: message.cseq.number == own.seq).status == 403


def test_a_customer_calls_a_registered_phone(phones, own):
    own.register()
    phones.call(
        ["invite", "expect? 100", "expect? 180", "expect 200", "ack", "pause 300", "bye", "expect 200"], to=phones.one
    )
    invite = own.expect("INVITE")
    assert invite.uri == f"sip:{own.number}@127.0.0.1:{own.port}"
    own.reply(invite, 180)
    own.reply(invite, 200, description())
    own.expect("ACK")
    own.reply(own.expect("BYE"), 200)
    phones.peers[-1].succeeds()
    cdr = phones.cdr()
    assert (cdr["end_reason"], cdr["callee_phone"], cdr["routing_gateway"]) == ("normal", phones.one, None)
    assert (cdr["fee"], cdr["rate_prefix"]) == ("0.001", f"{phones.n:03}")


def test_a_phone_that_is_not_there(phones):
    phones.call(["invite", "expect? 100", "expect 480", "failack"], to=phones.two).succeeds()
    assert (phones.cdr()["end_reason"], phones.cdr()["code"]) == ("callee_offline", -9)


def test_a_phone_calls_out_and_its_account_pays(phones, own):
    vendor = phones.vendor("first", ANSWER)
    own.call(phones.number)
    answered = own.expect(200)
    own.send(own.request("ACK", "", answered=answered))
    time.sleep(0.1)
    own.send(own.request("BYE", "", answered=answered))
    own.expect(accepted("BYE"))
    vendor.succeeds()
    assert vendor.heard("INVITE")[0].from_.uri.user == phones.one
    cdr = phones.cdr()
    assert (cdr["phone"], cdr["caller"], cdr["mapping_gateway"]) == (phones.one, phones.one, None)
    assert phones.paid() == Decimal(cdr["fee"]) == Decimal("0.01")


def test_a_phone_may_not_call_beyond_its_level(phones, own):
    phones.switch.provision(
        f'[[phones]]\nnumber = "{phones.one}"\naccount = "C{phones.n}"\npassword = "one-{phones.n}"\nlevel = "local"\n'
    )
    invite = own.call(phones.number)
    refused = own.expect(403)
    own.send(own.follow("ACK", invite, refused))
    assert (phones.cdr()["end_reason"], phones.cdr()["code"]) == ("level_not_allowed", -15)
