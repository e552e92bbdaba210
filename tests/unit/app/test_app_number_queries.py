"""What is read out of the answers of web services and redirect servers."""

from __future__ import annotations

import contextlib
import gzip
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import succeed
from twisted.python.failure import Failure
from twisted.web.client import GzipDecoder, ResponseDone

from vosswitch.accounts.portability import Portability
from vosswitch.app.numberqueries import HttpQuery, NoAnswer, SipQuery, number_in, routing_number
from vosswitch.hooks import kit
from vosswitch.model.call import NumberQuestion
from vosswitch.sip.grammar.message import BadMessage


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [
        (b" 14150000000\r\n", "", "14150000000"),
        (b"", "", ""),
        (b'{"lrn": "1415"}', "lrn", "1415"),
        (b'{"data": [{"rn": 1415}]}', "data.0.rn", "1415"),
        (b'{"lrn": null}', "lrn", ""),
        (b'{"lrn": false}', "lrn", ""),
    ],
)
def test_numbers_in_answers(body, path, found):
    assert number_in(body, path) == found


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"\xff", ""),
        (b"no json", "lrn"),
        (b"{}", "lrn"),
        (b'{"lrn": {}}', "lrn"),
        (b'{"lrn": true}', "lrn"),
        (b'{"lrn": "1"}', "lrn.x"),
        (b"[" * 60_000, "lrn"),
    ],
)
def test_answers_that_say_nothing(body, path):
    with pytest.raises(NoAnswer):
        number_in(body, path)


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_no_answer_breaks_it(body):
    for path in ("", "a", "0", "a.0"):
        with contextlib.suppress(NoAnswer):
            assert isinstance(number_in(body, path), str)


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        ("<sip:14155550001;npdi;rn=14150000000@127.0.0.1:5060>", "14150000000"),
        ("<sip:14155550001;rn=+14150000000;npdi@h;user=phone>;q=0.5", "+14150000000"),
        ("<sip:14150000000@127.0.0.1>", "14150000000"),
        ("<sip:14155550001;npdi@127.0.0.1>", ""),
        ("<sip:127.0.0.1>", ""),
        ("<sip:14155550001@h;rn=14150000000>", "14150000000"),
    ],
)
def test_routing_numbers_in_contacts(contact, found):
    assert routing_number(contact, "14155550001") == found


@given(st.text(max_size=40))
def test_no_contact_breaks_it(text):
    with contextlib.suppress(BadMessage, ValueError):
        assert isinstance(routing_number(f"<{text}>", "1"), str)


def test_they_keep_the_contract():
    kit.check_number_query(HttpQuery(lambda: None), ask=False)
    kit.check_number_query(SipQuery(lambda: None, lambda: None), ask=False)


def test_the_contract_of_a_query():
    class Good(HttpQuery):
        name = "good"

        def ask(self, question):
            return "" if question.number == "0" else question.number

    class Bad(HttpQuery):
        def ask(self, question):
            return 5

    class Broken(HttpQuery):
        def ask(self, question):
            raise RuntimeError("no")

    kit.check_number_query(Good(lambda: None))
    for wrong in (Bad, Broken):
        with pytest.raises(kit.Broken):
            kit.check_number_query(wrong(lambda: None))


class Received:
    """A response of a web service, whose body comes in one piece."""

    code = 200
    length = 0

    def __init__(self, data):
        self.data = data

    def deliverBody(self, protocol):
        protocol.makeConnection(SimpleNamespace(stopProducing=lambda: None, abortConnection=lambda: None))
        protocol.dataReceived(self.data)
        protocol.connectionLost(Failure(ResponseDone()))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (gzip.compress(b"14150000000", mtime=0), "14150000000"),
        (gzip.compress(b"0" * 2_000_000, mtime=0), "longer than 65536 bytes"),
        (b"14150000000", "cannot be unpacked"),
    ],
)
def test_a_compressed_answer_is_unpacked_as_far_as_an_answer_can_be(monkeypatch, data, found):
    monkeypatch.setattr(GzipDecoder, "deliverBody", None)  # it would unpack all of it
    response = SimpleNamespace(code=200, original=GzipDecoder(Received(data)))
    query = HttpQuery(lambda: SimpleNamespace(get=lambda *_, **__: succeed(response)))
    got = []
    query.ask(NumberQuestion("1", "2", "7", Portability("p", url="http://h/{number}"))).addBoth(got.append)
    assert found in (got[0] if isinstance(got[0], str) else str(got[0].value))
