"""Connections that are reset at every stage, H.245 ports that strangers come to or that others have, and what is left.

After each of them the call is recorded with the right reason and nobody pays too much, and the H.323 process has as
many sockets as before.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.support.h323 import template, through
from tests.support.h323.byhand import Breaking, Caller, reset
from tests.support.peer import Peer
from tests.support.processes import child
from tests.support.sipp import ANSWER, CALL
from tests.support.switch import until
from vosswitch.h323 import q931

STRANGER = "127.66.0.7"
WAITS = [*ANSWER[:-2], "receive BYE", "send 200"]


def sockets(case):
    """How many sockets the H.323 process has."""
    folder, found = Path(f"/proc/{child(case.switch.process.pid, 'vosswitch.h323')}/fd"), 0
    for one in folder.iterdir():
        with suppress(FileNotFoundError):
            found += str(one.readlink()).startswith("socket:")
    return found


@pytest.fixture
def tidy(h323_case):
    """A case that leaves no socket behind."""
    before = sockets(h323_case)
    yield h323_case
    until(lambda: not h323_case.running(), 10, "the end of its calls")
    until(lambda: sockets(h323_case) <= before, 10, f"{before} sockets")


@pytest.mark.parametrize("name", ["fast", "slowsep", "slowtun"])
@pytest.mark.parametrize("stage", ["", "CallProceeding", "Alerting"])
def test_a_caller_resets_before_the_answer(tidy, name, stage):
    vendor = Peer(tidy.switch.port)
    tidy.peers.append(vendor)
    tidy.ports["first"] = vendor.port
    tidy.begin(access=through.CUSTOMER)
    caller = Caller(tidy)
    caller.call(name=name)
    invite = None
    if stage:
        invite = vendor.expect("INVITE")
        if stage == "Alerting":
            vendor.reply(invite, 180)
        caller.expect(stage)
    reset(caller.socket)
    if invite is not None:
        if stage == "CallProceeding":
            vendor.reply(invite, 100)
        vendor.reply(vendor.expect("CANCEL"), 200)
        vendor.reply(invite, 487)
        cdr = tidy.cdr()
        assert (cdr["end_reason"], cdr["fee"]) == ("caller_abandoned", "0")
    assert tidy.paid() == 0


@pytest.mark.parametrize("name", ["fast", "slowsep", "slowtun"])
def test_a_caller_resets_after_the_answer(tidy, name):
    tidy.begin(access=through.CUSTOMER)
    vendor = tidy.vendor("first", WAITS)
    caller = Caller(tidy)
    caller.call(name=name)
    caller.expect("Connect")
    reset(caller.socket)
    vendor.succeeds()
    assert tidy.cdr()["end_reason"] == "session_timeout"


@pytest.mark.parametrize(
    ("name", "stage", "reason"),
    [
        ("a_fastQ", "", "connection_timeout"),
        ("a_fastQ", "Setup", "connection_timeout"),
        ("a_fastQ", "CallProceeding", "response_timeout"),
        ("a_fastQ", "Alerting", "response_timeout"),
        ("slowsep", "Connect", "rtp_timeout"),
        ("slowtun", "Connect", "rtp_timeout"),
    ],
)
def test_a_vendor_resets_and_the_next_one_has_the_call(tidy, name, stage, reason):
    tidy.begin(vendor=through.vendor_like(name), SS_GATEWAY_SWITCH_UNTIL_CONNECT="On")
    tidy.peers.append(Breaking((tidy.vendor_host, tidy.ports["first"]), name, stage))
    tidy.vendor("second", ANSWER)
    tidy.call(CALL).succeeds()
    cdr = tidy.cdr()
    assert [attempt["reason"] for attempt in cdr["attempts"]] == [reason, "answered"]
    assert cdr["end_reason"] == "normal"


def test_a_vendor_resets_after_the_answer(tidy):
    tidy.begin(vendor=through.vendor_like("fast"))
    tidy.peers.append(Breaking((tidy.vendor_host, tidy.ports["first"]), "fast", "Connect"))
    tidy.call(["invite", "expect? 100", "expect? 180", "expect? 183", "expect 200", "ack", "receive BYE", "reply 200"])
    cdr = tidy.cdr()
    assert (cdr["end_reason"], cdr["end_direction"]) == ("session_timeout", 1)


class TestControlPort:
    """The port on which we wait for the H.245 connection of a caller that does not tunnel."""

    @pytest.fixture
    def answered(self, tidy):
        tidy.begin(access=through.CUSTOMER)
        tidy.vendor("first", WAITS)
        with closing(Caller(tidy)) as caller:
            caller.call(name="slowsep")
            caller.expect("Connect")
            yield caller

    def port(self, caller):
        """Where the answer says that we wait."""
        return template.read_h225(caller.body("Connect")["h245Address"])

    def test_a_stranger_is_closed_and_the_caller_is_heard(self, tidy, answered):
        for _ in range(20):
            with socket.create_connection(self.port(answered), 5, (STRANGER, 0)) as strange, suppress(ConnectionError):
                strange.settimeout(5)
                assert strange.recv(100) == b""
        with socket.create_connection(self.port(answered), 5, (tidy.host, 0)) as control:
            control.settimeout(5)
            assert control.recv(100)
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(self.port(answered), 5, (tidy.host, 0))
        answered.release()

    def test_it_is_closed_with_the_call_when_nobody_comes(self, answered):
        place = self.port(answered)
        answered.release()
        until(lambda: self.is_closed(place), 10, "the port")

    def test_a_reset_of_it_before_there_is_media_ends_the_call(self, tidy, answered):
        control = socket.create_connection(self.port(answered), 5, (tidy.host, 0))
        control.settimeout(5)
        assert control.recv(100)
        reset(control)
        assert tidy.cdr()["end_reason"] in {"rtp_timeout", "session_timeout"}

    @staticmethod
    def is_closed(place):
        try:
            socket.create_connection(place, 1).close()
        except OSError:
            return True
        return False


def taken_ports(case, stack, count=3):
    """A range of ports that somebody else has, all of them."""
    for low in range(33_000, 60_000, count):
        with ExitStack() as attempt:
            try:
                for port in range(low, low + count):
                    one = attempt.enter_context(socket.socket())
                    one.bind(("127.0.0.1", port))
                    one.listen()
            except OSError:
                continue
            stack.enter_context(attempt.pop_all())
            return f"{low},{low + count - 1}"
    raise AssertionError("no ports")


def test_without_a_port_for_h245_a_caller_is_refused_and_the_reason_is_told(tidy):
    with ExitStack() as stack:
        tidy.begin(access=through.CUSTOMER, SS_H245_PORT_RANGE=taken_ports(tidy, stack))
        vendor = tidy.vendor("first", WAITS, calls=2)
        caller = stack.enter_context(closing(Caller(tidy)))
        caller.call(name="slowsep")
        caller.expect("ReleaseComplete")
        (refusal,) = caller.has("ReleaseComplete")
        assert (refusal.element(q931.CAUSE)[-1] & 0x7F, tidy.paid()) == (42, 0)
        for name in ("fast", "slowtun"):  # who needs no port is served
            with closing(Caller(tidy)) as other:
                other.call(name=name)
                other.expect("Connect")
        vendor.succeeds()
        until(lambda: "no port of SS_H245_PORT_RANGE is free" in tidy.log(), 5, "a line in the log")


def test_many_calls_leave_nothing_behind(tidy):
    """Each ends in another way; sockets are counted when all are gone, and the memory has hardly grown."""
    count = 240
    tidy.begin(access=through.CUSTOMER, balance="100")
    tidy.vendor("first", WAITS, calls=count)
    process = child(tidy.switch.process.pid, "vosswitch.h323")

    def memory():
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096

    sizes = []
    for number in range(count):
        caller = Caller(tidy)
        caller.call(name=("fast", "slowsep", "slowtun")[number % 3])
        caller.expect("Connect")
        if number % 4 == 0:
            caller.release()
        if number % 5 == 0:
            reset(caller.socket)
        caller.close()
        if number == count // 2:
            sizes.append(memory())
    until(lambda: not tidy.running(), 30, "the end of all")
    assert len(tidy.cdrs(count)) == count
    assert memory() < sizes[0] + 8_000_000
