"""The quick forms of Via and name-addr: whatever they take, the general parsers read the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.sip.grammar import headers
from vosswitch.sip.grammar.headers import parse_name_addr, parse_via
from vosswitch.sip.grammar.message import BadMessage


def generally(monkeypatch, form, read, text):
    """What *read* makes of *text* without its quick form; None = it cannot be used."""
    with monkeypatch.context() as patch:
        patch.setattr(headers, form, headers.re.compile(r"(?!)"))
        try:
            return read(text)
        except BadMessage:
            return None


def quickly(read, text):
    try:
        found = read(text)
        if read is parse_name_addr:
            found.uri  # noqa: B018 - read now: it may not fail later
    except BadMessage:
        return None
    return found


PORTS = st.integers(0, 99_999).map(str) | st.sampled_from(
    ("59999", "60000", "64999", "65499", "65529", "65535", "65536", "05060")
)


@given(port=PORTS, rport=st.sampled_from(("", ";rport")))
def test_a_via_with_any_port(port, rport):
    text = f"SIP/2.0/UDP 192.0.2.1:{port}{rport};branch=z9hG4bK1"
    with pytest.MonkeyPatch.context() as patch:
        assert quickly(parse_via, text) == generally(patch, "_VIA", parse_via, text)
    assert (quickly(parse_via, text) is None) == (int(port) > 65535)


@given(port=PORTS, transport=st.sampled_from(("", ";transport=UDP", ";transport=tcp", ";transport=", ";lr")))
def test_an_address_with_any_port_and_transport(port, transport):
    text = f'"Alice" <sip:4930@192.0.2.1:{port}{transport}>;tag=1'
    with pytest.MonkeyPatch.context() as patch:
        assert quickly(parse_name_addr, text) == generally(patch, "_NAME_ADDR", parse_name_addr, text)
    assert (quickly(parse_name_addr, text) is None) == (int(port) > 65535)
