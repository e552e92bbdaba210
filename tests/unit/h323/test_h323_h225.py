"""The captured call signalling messages as oracles: what a leg sees of them is what their octets say."""

import json
from pathlib import Path

import pytest

from vosswitch.h323 import h225, q931
from vosswitch.model.values import Address

VECTORS = json.loads((Path(__file__).parents[2] / "data/h323/vectors.json").read_text())
CAPTURED = [vector for vector in VECTORS if vector["kind"] == "q931" and "UNDECODABLE" not in vector["what"]]


def captured(source: str, what: str) -> h225.Message:
    """The first such message of a scenario, read."""
    return next(
        h225.read(bytes.fromhex(vector["hex"]))
        for vector in CAPTURED
        if (vector["src"], vector["what"]) == (source, what)
    )


def test_every_captured_message_is_the_same_once_we_have_written_it() -> None:
    """Nothing that a leg sees is lost on the way out and in again."""
    for vector in CAPTURED:
        data = bytes.fromhex(vector["hex"])
        message = h225.read(data)
        again = h225.write(message, q931.decode(data).from_destination)
        assert h225.read(again) == message, vector
        assert q931.decode(again).from_destination == q931.decode(data).from_destination


def test_the_setup_of_a_terminal() -> None:
    """Numbers from the elements, aliases and addresses from the UUIE, no NUL in the display."""
    setup = captured("a_183", "setup+fastStart4")
    assert isinstance(setup, h225.Setup)
    assert setup.caller == h225.Party("2001", "unknown", "isdn")
    assert setup.callee == h225.Party("183", "unknown", "isdn")
    assert setup.display == "alice"
    assert setup.source_aliases == (("h323-ID", "alice"), ("dialledDigits", "2001"))
    assert setup.destination_aliases == (("dialledDigits", "183"),)
    assert setup.source_address == Address("127.0.0.1", 46464, "h323")
    assert setup.destination_address == Address("127.0.0.50", 1720, "h323")
    assert setup.vendor.startswith("H323Plus simple 1.28.0")
    assert (setup.gateway, setup.protocol, setup.tunnelling) == (False, 7, True)
    assert setup.fast_start is not None
    assert len(setup.fast_start) == 4
    assert setup.call_identifier is not None
    assert setup.call_identifier.hex() == "fcd33ce694e3f111812e02fc00000001"


def test_the_rest_of_a_call() -> None:
    """In-band indicator, answer, digits both ways and the release of captured calls."""
    assert captured("a_183", "progress+fastStart2").in_band is True
    alerting = captured("a_180slow", "alerting")
    assert isinstance(alerting, h225.Alerting)
    assert alerting.party == h225.Party("180", "unknown", "isdn", "allowed", "user")
    connect = captured("ao_slow", "connect")
    assert connect.h245_address == Address("127.0.0.22", 41529, "h323")
    assert connect.fast_connect_refused
    assert captured("fast", "information").keypad == "5"
    assert captured("a_180slow", "empty+userInput").control == (("indication", ("userInput", ("alphanumeric", "5"))),)
    start = captured("a_fastsep", "facility")
    assert isinstance(start, h225.Facility)
    assert (start.reason, start.h245_address) == ("startH245", Address("127.0.0.50", 12031, "h323"))
    over = captured("a_fast", "releaseComplete")
    assert isinstance(over, h225.ReleaseComplete)
    assert (over.cause, over.reason, over.tells_tunnelling) == (111, "undefinedReason", False)


def test_a_setup_without_its_uuie_is_none() -> None:
    """There is no call identifier and no address in it."""
    with pytest.raises(h225.BadMessage, match="UUIE"):
        h225.read(bytes.fromhex("08020001050403 8090a3"))
