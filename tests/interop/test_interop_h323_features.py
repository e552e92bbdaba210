"""What a call carries besides media: digits, names and numbers, hold, early media; between H.323 and SIP."""

from __future__ import annotations

import pytest

from tests.support.h323 import through
from tests.support.h323.script import calls
from tests.support.peer import SDP, accepted, description
from tests.support.switch import until
from vosswitch.h323 import q931
from vosswitch.sip.grammar.message import Request

EMPTY = {"protocolIdentifier": (0, 0, 8, 245, 0, 15), "sequenceNumber": 77}
HOLD = ("request", ("terminalCapabilitySet", EMPTY))


@pytest.fixture
def sip_vendor(h323_case, sip_vendor):
    """The customer calls it by H.323."""
    h323_case.begin(access=through.CUSTOMER)
    return sip_vendor


def answer(vendor):
    """The vendor answers its call at once; gives the INVITE."""
    invite = vendor.expect("INVITE")
    vendor.reply(invite, 200, SDP)
    vendor.expect("ACK")
    return invite


def call(case, caller, name, **wishes):
    """The SIP caller is through to a scripted vendor; gives that, and the answer."""
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name, patient=True, **wishes)
    invite = caller.request("INVITE", case.number, SDP)
    caller.send(invite)
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    return vendor, answered


def hang_up(caller, answered):
    """The SIP caller ends the call."""
    caller.send(caller.request("BYE", "", answered=answered))
    caller.expect(accepted("BYE"))


@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep", "a_fastQ", "y_sep", "a_183"])
def test_digits_of_an_endpoint_are_info(h323_case, sip_vendor, name):
    """Keypad, tunnelled and separate H.245: each key once, in order."""
    caller = through.caller(h323_case, name, digits=True, hold=1.0)
    answer(sip_vendor)
    digits = ""
    while len(digits) < 2:
        info = sip_vendor.expect("INFO")
        digits += info.body.decode().partition("Signal=")[2].strip()[:1]
        sip_vendor.reply(info, 200)
    assert digits == "51"
    bye = sip_vendor.expect("BYE")  # and no third one before it
    sip_vendor.reply(bye, 200)
    caller.finish()
    through.well_formed(caller)


@pytest.mark.parametrize(
    ("name", "method", "word"),
    [
        ("fast", "auto", "Information"),
        ("fast", "keypad", "Information"),
        ("slowtun", "auto", "userInput"),
        ("slowsep", "alphanumeric", "userInput"),
        ("slowsep", "signal", "userInput"),
        ("a_fastQ", "signal", "userInput"),
    ],
)
def test_info_is_a_digit(h323_case, sip_caller, name, method, word):
    case = h323_case
    case.begin(vendor=through.vendor_like(name, f'h323_dtmf = "{method}"'))
    vendor, answered = call_again(case, sip_caller, name)
    info = sip_caller.request("INFO", "", answered=answered)
    info.add("content-type", "application/dtmf-relay")
    info.body = b"Signal=7\r\nDuration=160\r\n"
    sip_caller.send(info)
    sip_caller.expect(accepted("INFO"))
    heard = until(lambda: vendor.heard(word), 5, word)
    if word == "Information":
        assert q931.decode(heard[0].data).element(q931.KEYPAD).rstrip(b"\0") == b"7"
    else:
        assert vendor.responder.digits == "7"
    hang_up(sip_caller, answered)
    vendor.finish()
    through.well_formed(vendor)


def call_again(case, caller, name):
    """As `call`, to a vendor that has been provisioned."""
    vendor = through.called(case, name, patient=True)
    caller.send(caller.request("INVITE", case.number, SDP))
    answered = caller.expect(accepted("INVITE"))
    caller.send(caller.request("ACK", "", answered=answered))
    until(lambda: vendor.target, 5, "media")
    through.talking(case)
    return vendor, answered


def is_held(endpoint):
    """Whether the last capability set that an endpoint has heard was an empty one; None = it has heard none."""
    found = endpoint.responder.capabilities
    return None if found is None else not found


@pytest.mark.parametrize("name", ["slowtun", "slowsep", "a_fastQ"])
def test_a_sip_caller_holds_an_endpoint(h323_case, sip_caller, name):
    """An empty capability set and back; the endpoint closes its channel and opens another one."""
    vendor, answered = call(h323_case, sip_caller, name)
    until(lambda: vendor.target, 5, "media")
    through.talking(h323_case)
    for held, body in ((True, description(direction="sendonly")), (False, description())):
        sip_caller.send(sip_caller.request("INVITE", "", body, answered=answered))
        changed = sip_caller.expect(accepted("INVITE"))
        sip_caller.send(sip_caller.request("ACK", "", answered=changed))
        until(lambda held=held: is_held(vendor) is held, 5, "the change")
    hang_up(sip_caller, answered)
    vendor.finish()
    assert h323_case.cdr()["end_reason"] == "normal"
    through.well_formed(vendor)


@pytest.mark.parametrize("name", ["slowtun", "slowsep", "a_fastQ"])
def test_an_endpoint_holds_a_sip_vendor(h323_case, sip_vendor, name):
    """An empty capability set is a re-INVITE that stops the media; a full one brings it back."""
    caller = through.caller(h323_case, name, patient=True)
    answer(sip_vendor)
    until(lambda: caller.target, 5, "media")
    through.talking(h323_case)
    caller.order(HOLD)
    held = sip_vendor.expect("INVITE")
    assert b"a=inactive" in held.body or b"a=sendonly" in held.body
    sip_vendor.reply(held, 200, description(direction="inactive"))
    sip_vendor.expect("ACK")
    bye = sip_vendor.within(held, "BYE")
    sip_vendor.send(bye)
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    through.well_formed(caller)


@pytest.mark.parametrize("name", ["a_fastsep", "ao_q931"])
def test_h245_after_fast_start_without_a_tunnel(h323_case, sip_vendor, name):
    """Connect says where it may begin: the endpoint does so, presses a key there, and holds the vendor."""
    caller = through.caller(h323_case, name, patient=True)
    invite = answer(sip_vendor)
    until(lambda: [each for each in caller.said if (each.way, each.channel) == ("heard", "control")], 10, "H.245")
    (connect,) = caller.heard("Connect")
    assert {"fastStart", "h245Address"} <= set(connect.what.split())
    assert not caller.heard("startH245")
    caller.order(("indication", ("userInput", ("alphanumeric", "7"))))
    info = sip_vendor.expect("INFO")
    assert info.body.startswith(b"Signal=7")
    sip_vendor.reply(info, 200)
    caller.order(HOLD)
    held = sip_vendor.expect("INVITE")
    assert b"a=inactive" in held.body or b"a=sendonly" in held.body
    sip_vendor.reply(held, 200, description(direction="inactive"))
    sip_vendor.expect("ACK")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert h323_case.cdr()["end_reason"] == "normal"
    through.well_formed(caller)


@pytest.mark.parametrize("name", ["a_183", "a_180slow", "a_fastQ"])
def test_early_media_of_an_endpoint_is_183(h323_case, sip_caller, name):
    """Progress or Alerting with media and an in-band indicator; the ringing that follows is told as well."""
    case = h323_case
    case.begin(vendor=through.vendor_like(name))
    vendor = through.called(case, name, patient=True, pause=0.2)
    sip_caller.send(sip_caller.request("INVITE", case.number, SDP))
    early = sip_caller.expect(lambda message: not isinstance(message, Request) and message.status in (180, 183))
    if name != "a_180slow":
        assert b"m=audio" in early.body
    answered = sip_caller.expect(accepted("INVITE"))
    sip_caller.send(sip_caller.request("ACK", "", answered=answered))
    hang_up(sip_caller, answered)
    vendor.finish()


@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep"])
def test_183_with_media_is_progress(h323_case, sip_vendor, name):
    """The endpoint is told of the media in Progress (or Alerting), with the in-band indicator."""
    caller = through.caller(h323_case, name, patient=True)
    invite = sip_vendor.expect("INVITE")
    sip_vendor.reply(invite, 183, SDP)
    if name == "fast":
        heard = until(lambda: [*caller.heard("Progress"), *caller.heard("Alerting")], 5, "Progress")
        assert q931.decode(heard[0].data).element(q931.PROGRESS_INDICATOR)[-1] & 0x7F in (1, 8)
        assert any("fastStart" in each.what for each in caller.said if each.way == "heard")
    sip_vendor.reply(invite, 200, SDP)
    sip_vendor.expect("ACK")
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    through.well_formed(caller)


def test_the_names_of_a_sip_caller_arrive(h323_case, sip_caller):
    """Number and display name; who asks for privacy is told with a restricted number."""
    case = h323_case
    case.begin(vendor=through.vendor_like("fast"))
    vendor = through.called(case, "fast", patient=True)
    invite = sip_caller.request("INVITE", case.number, SDP)
    invite.headers["from"] = [f'"Alice" {invite.headers["from"][0]}']
    invite.add("privacy", "id")
    invite.add("p-asserted-identity", f"<sip:{sip_caller.number}@{sip_caller.host}>")
    sip_caller.send(invite)
    answered = sip_caller.expect(accepted("INVITE"))
    sip_caller.send(sip_caller.request("ACK", "", answered=answered))
    hang_up(sip_caller, answered)
    vendor.finish()
    message = q931.decode(vendor.heard("Setup")[0].data)
    calling = message.element(q931.CALLING)
    assert calling is not None
    assert calling[1] & 0x60 == 0x20  # restricted
    assert message.element(q931.CALLED)[1:] == case.number.encode()


def test_the_numbers_of_an_endpoint_arrive(h323_case, sip_vendor):
    """From the Q.931 elements; the recorded display is the caller's name."""
    caller = through.caller(h323_case, "fast", patient=True)
    invite = answer(sip_vendor)
    assert invite.target.user == h323_case.number
    assert "4312345" in invite.headers["from"][0]
    assert "alice" in invite.headers["from"][0]
    sip_vendor.send(sip_vendor.within(invite, "BYE"))
    sip_vendor.expect(accepted("BYE"))
    caller.finish()
    assert calls()["fast"].answered


@pytest.mark.parametrize("codec", [("g711Ulaw64k", 20), ("g729", 2), ("g729AnnexA", 2)])
@pytest.mark.parametrize("name", ["fast", "slowtun", "slowsep"])
def test_other_codecs(h323_case, name, codec):
    """Between two endpoints that have only this one."""
    case = h323_case
    case.begin(access=through.CUSTOMER, vendor=through.vendor_like(name))
    vendor = through.called(case, name, codec=codec)
    caller = through.caller(case, name, codec=codec)
    caller.finish()
    vendor.finish()
    assert case.cdr()["codec"] == {"g711Ulaw64k": "PCMU"}.get(codec[0], "G729")
    through.talked(caller, b"called")
    through.talked(vendor, b"caller")
