"""Operations, the lines of the socket, and one connection's behaviour, without sockets."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from vosswitch.control.operations import OPERATIONS, Field, declared
from vosswitch.control.protocol import (
    REQUEST_LIMIT,
    Answer,
    ControlError,
    Request,
    answer_line,
    read_answer,
    read_request,
    request_line,
)
from vosswitch.control.service import ControlService
from vosswitch.control.transport import QUEUE, STALL, ControlProtocol, Peer, admitted

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.integers(0, 2**53), st.text(), st.dictionaries(st.text(), JSON))
def test_requests_survive_the_wire(number, op, args):
    request = Request(number, op, args)
    assert read_request(request_line(request).rstrip(b"\n")) == request
    assert request_line(request).count(b"\n") == 1


@given(st.integers(0, 2**53), JSON, st.booleans())
def test_answers_survive_the_wire(number, result, more):
    answer = Answer(number, result, None, more)
    assert read_answer(answer_line(answer)) == answer


def test_errors_survive_the_wire():
    got = read_answer(answer_line(Answer(7, error=ControlError("not_found", "release: call_id", "a call that is up"))))
    assert (got.error.code, str(got.error)) == ("not_found", "release: call_id: a call that is up")


@given(st.binary(max_size=80))
def test_whatever_comes_is_a_request_or_a_clear_refusal(line):
    try:
        read_request(line)
    except ControlError as refusal:
        code = refusal.code
    else:
        code = "bad_request"
    assert code == "bad_request"


def test_every_operation_and_field_explains_itself():
    for operation in OPERATIONS.values():
        assert operation.help.endswith(".")
        assert operation.result
        for item in (*operation.result, *operation.arguments):
            assert item.help
            kinds = {"text", "whole", "number", "flag", "time", "money", "list", "object"}
            assert (item.kind if isinstance(item, Field) else item.type) in kinds


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("release", {}, "release: call_id: missing: the call's number"),
        ("release", {"call_id": 5}, "release: call_id: expected a text"),
        ("release", {"call_id": "5", "x": 1}, "release: x: unknown argument; expected call_id"),
        ("status", {"x": 1}, "status: x: unknown argument; expected no arguments"),
        ("apply", {"seq": True}, "apply: seq: expected a whole number >= 0"),
        ("apply", {"seq": -1}, "apply: seq: expected a whole number >= 0"),
        ("drain", {"off": 1}, "drain: off: expected true or false"),
    ],
)
def test_bad_arguments_name_operation_argument_and_expectation(op, args, said):
    with pytest.raises(ControlError) as error:
        declared(op).check(args)
    assert error.value.code == "bad_arguments"
    assert str(error.value).startswith(said)


def test_left_out_arguments_get_their_defaults():
    assert declared("drain").check({}) == {"off": False}
    assert declared("apply").check({"seq": None}) == {"seq": None}


def test_root_own_user_and_group_are_admitted_and_nobody_else():
    group = 54321
    assert admitted(Peer(1, 0, 99), group)
    assert admitted(Peer(1, os.geteuid(), 99), group)
    assert admitted(Peer(1, 4000000, group), group)
    assert not admitted(Peer(1, 4000000, 99), group)


class Turns(Clock):
    """A clock on which what is called "at once" waits for the next turn, as on a real reactor."""

    def callLater(self, when, what, *args, **kw):
        return super().callLater(max(when, 0.001), what, *args, **kw)

    def turn(self):
        self.advance(0.001)


class Wire:
    """One connection to a protocol with the given implementations."""

    def __init__(self, admit=True, **implementations):
        self.clock = Turns()
        self.failures = []
        service = ControlService(self.clock, "/nowhere", implementations, Quiet())
        peer = Peer(1, 0, 0) if admit else None
        self.protocol = ControlProtocol(
            self.clock, service.perform, lambda transport: peer, lambda request, failure: self.failures.append(failure)
        )
        self.transport = StringTransport()
        self.protocol.makeConnection(self.transport)

    def ask(self, op, number=1, **args):
        self.protocol.dataReceived(request_line(Request(number, op, args)))

    def answers(self):
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def end(self):
        self.protocol.connectionLost()
        assert self.clock.getDelayedCalls() == []


class Quiet:
    def info(self, *_, **__):
        pass

    warn = failure = info


def test_a_result_comes_with_the_id_of_its_question():
    wire = Wire(status=lambda args: {"calls": 3})
    wire.ask("status", number="abc")
    assert wire.answers() == [{"id": "abc", "ok": True, "result": {"calls": 3}}]
    wire.end()


def test_a_deferred_answers_when_it_fires_and_later_questions_wait():
    applied = Deferred()
    wire = Wire(apply=lambda args: applied, status=lambda args: {})
    wire.ask("apply", 1, seq=9)
    wire.ask("status", 2)
    wire.clock.advance(1)
    assert wire.answers() == []
    applied.callback({"seq": 9})
    wire.clock.turn()
    assert [row["id"] for row in wire.answers()] == [1, 2]
    wire.end()


def test_a_stream_goes_out_in_slices_one_a_turn():
    wire = Wire(calls=lambda args: iter(range(1100)))
    wire.ask("calls")
    assert [(len(row["result"]), row.get("more")) for row in wire.answers()] == [(500, True)]
    wire.clock.turn()
    assert [(len(row["result"]), row.get("more")) for row in wire.answers()] == [(500, True)]
    wire.clock.turn()
    assert [(len(row["result"]), row.get("more")) for row in wire.answers()] == [(100, None)]
    wire.end()


def test_an_empty_stream_is_one_empty_list():
    wire = Wire(calls=lambda args: iter(()))
    wire.ask("calls")
    assert wire.answers() == [{"id": 1, "ok": True, "result": []}]
    wire.end()


def test_a_slow_reader_stops_the_stream_and_is_dropped_in_the_end():
    taken = []
    wire = Wire(calls=lambda args: (taken.append(n) or n for n in range(10**9)))
    wire.ask("calls")
    wire.transport.producer.pauseProducing()
    wire.clock.advance(1)
    assert len(taken) == 500
    wire.transport.producer.resumeProducing()
    wire.clock.turn()
    assert len(taken) == 1000
    wire.transport.producer.pauseProducing()
    wire.clock.pump([0.001, STALL])
    assert len(taken) == 1000
    assert wire.transport.disconnected
    wire.end()


def test_the_rows_of_a_client_that_hangs_up_are_let_go():
    closed = []

    def rows(args):
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    wire = Wire(calls=rows)
    wire.ask("calls")
    wire.end()
    assert closed == [True]


def test_a_failing_implementation_is_logged_and_answered_without_its_words():
    def broken(args):
        raise RuntimeError("password=secret")

    wire = Wire(status=broken)
    wire.ask("status")
    assert wire.answers() == [
        {
            "id": 1,
            "ok": False,
            "error": {"code": "failed", "where": "status", "expected": "the switch failed to answer: RuntimeError"},
        }
    ]
    assert len(wire.failures) == 1
    wire.end()


def test_a_stream_that_breaks_half_way_ends_with_the_error():
    def rows(args):
        yield from range(500)
        raise ControlError("gone", "calls", "the moment has passed")

    wire = Wire(calls=rows)
    wire.ask("calls")
    wire.clock.turn()
    assert [row["ok"] for row in wire.answers()] == [True, False]
    wire.ask("calls", 2)
    assert wire.answers()[0]["id"] == 2
    wire.end()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello\n", "bad_request"),
        (b'{"id": 1, "op": "fly"}\n', "unknown_operation"),
        (b'{"id": 1, "op": "calls"}\n', "unknown_operation"),
        (b'{"id": 1, "op": "status", "args": {"a": 1}}\n', "bad_arguments"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_connection_lives(line, code):
    wire = Wire(status=lambda args: {})
    wire.protocol.dataReceived(line)
    assert wire.answers()[0]["error"]["code"] == code
    wire.clock.turn()
    wire.ask("status")
    assert wire.answers()[0]["ok"]
    wire.end()


def test_an_endless_line_ends_the_connection():
    wire = Wire()
    wire.protocol.dataReceived(b"x" * (REQUEST_LIMIT + 2))
    assert wire.answers()[0]["error"]["code"] == "bad_request"
    assert wire.transport.disconnecting
    wire.end()


def test_questions_far_ahead_of_their_answers_end_the_connection():
    wire = Wire(apply=lambda args: Deferred())
    for number in range(QUEUE + 2):
        wire.ask("apply", number)
    assert wire.transport.disconnecting
    wire.end()


def test_a_stranger_hears_why_and_gets_nothing():
    wire = Wire(admit=False, status=lambda args: {"secret": 1})
    wire.ask("status")
    (answer,) = wire.answers()
    assert answer["error"]["code"] == "refused"
    assert wire.transport.disconnecting
    wire.end()


def test_only_declared_operations_can_be_implemented():
    with pytest.raises(ValueError, match="not declared: fly"):
        ControlService(Clock(), "/nowhere", {"fly": print}, Quiet())
