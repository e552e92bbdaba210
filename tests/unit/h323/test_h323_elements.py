"""Numbers, causes, texts, addresses and aliases to and from octets and ASN.1 values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.h323 import h225, per
from vosswitch.h323.addresses import read_address, read_aliases, write_address, write_aliases
from vosswitch.h323.elements import (
    NO_PARTY,
    Party,
    digits,
    read_cause,
    read_party,
    read_text,
    write_cause,
    write_party,
    write_text,
)
from vosswitch.model.values import Address

TYPES = ["unknown", "international", "national", "network", "subscriber", "abbreviated"]
PLANS = ["unknown", "isdn", "data", "telex", "national", "private"]
NUMBERS = st.text("0123456789*#+", max_size=40)
WHO = st.builds(
    Party,
    NUMBERS,
    st.sampled_from(TYPES),
    st.sampled_from(PLANS),
    st.sampled_from(["allowed", "restricted", "unavailable"]),
    st.sampled_from(["user", "user_passed", "user_failed", "network"]),
    st.just(""),
)


@pytest.mark.parametrize(
    ("octets", "party"),
    [
        ("81 3138 30", Party("180", "unknown", "isdn")),
        ("91 3439", Party("49", "international", "isdn")),
        ("21 81 3439", Party("49", "national", "isdn", "allowed", "user_passed")),
        ("00 a3", Party("", "unknown", "unknown", "restricted", "network")),
        ("41 03 8f 3439", Party("49", "subscriber", "isdn", "allowed", "network", "unconditional")),
        ("01 00", Party("", "unknown", "isdn", "allowed", "user")),
        ("f9 35 00", Party("5", "unknown", "private")),
        ("80", Party("", "unknown", "unknown")),
        ("", NO_PARTY),
    ],
)
def test_a_number_element(octets: str, party: Party) -> None:
    """Q.931 4.5.8 and 4.5.10, Q.951 for redirecting numbers; reserved types and NUL at the end."""
    assert read_party(bytes.fromhex(octets)) == party


@given(WHO)
def test_a_number_is_the_same_once_it_is_written(party: Party) -> None:
    """With presentation and screening; without them there is no octet 3a."""
    assert read_party(write_party(party)) == party
    plain = party._replace(presentation="", screening="")
    assert read_party(write_party(plain)) == plain
    assert write_party(plain)[0] & 0x80


@given(st.binary(max_size=300))
def test_any_octets_are_a_number_a_text_and_a_cause(octets: bytes) -> None:
    """Readers of elements refuse nothing, and let no control character through."""
    assert digits(octets).isprintable()
    assert read_party(octets).number.isprintable()
    assert read_text(octets).isprintable()
    assert 0 <= read_cause(octets) < 128


@given(st.text())
def test_a_display_is_cut_where_a_character_ends(text: str) -> None:
    """At 82 octets."""
    content = write_text(text)
    assert len(content) <= 82
    assert content.decode() == text.encode("utf-8", "replace").decode()[: len(content.decode())]


def test_a_display_of_other_stacks() -> None:
    """NUL at the end, Latin-1, a character set in front."""
    assert read_text(b"alice\x00") == "alice"
    assert read_text(b"J\xf6rg") == "Jörg"
    assert read_text("Jörg".encode()) == "Jörg"
    assert read_text(b"\xb1BOB") == "BOB"


@given(st.integers(1, 127))
def test_a_cause(value: int) -> None:
    """With and without the octet that names a recommendation."""
    assert read_cause(write_cause(value)) == value
    assert read_cause(bytes((0x00, 0x80, 0x80 | value))) == value
    assert read_cause(b"\x80") == 0


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address(host: object, port: int) -> None:
    """IPv4 and IPv6; through PER as well."""
    address = Address(str(host), port, "ras")
    assert read_address(write_address(address), "ras") == address
    facility = h225.Facility(reference=1, h245_address=address._replace(transport="h323"))
    assert h225.read(h225.write(facility, False)) == facility


def test_an_address_of_another_network_is_none() -> None:
    """And a name cannot be told."""
    assert read_address(("netBios", bytes(16))) is None
    assert read_address(None) is None
    with pytest.raises(h225.BadMessage):
        h225.write(h225.Facility(reference=1, h245_address=Address("gw.example.com", 1720)), False)


def test_aliases() -> None:
    """What a kind cannot hold is left out of it; kinds that are no text are passed over."""
    given_ = (
        ("dialledDigits", "+49 123"),
        ("h323-ID", "Jörg"),
        ("email-ID", "a@b"),
        ("partyNumber", "49"),
        ("url-ID", ""),
    )
    written = write_aliases(given_)
    assert read_aliases(written) == (
        ("dialledDigits", "49123"),
        ("h323-ID", "Jörg"),
        ("email-ID", "a@b"),
        ("partyNumber", "49"),
    )
    assert read_aliases([("transportID", ("ipAddress", {"ip": bytes(4), "port": 1}))]) == ()
    assert read_aliases([("h323-ID", "a\x00\nb")]) == (("h323-ID", "ab"),)
    assert len(read_aliases([("h323-ID", "a")] * 1000)) == 16


@given(caller=WHO, callee=NUMBERS, redirecting=WHO, overlap=st.booleans(), wait=st.booleans())
def test_a_setup_of_ours_is_read_as_it_was_meant(
    caller: Party, callee: str, redirecting: Party, overlap: bool, wait: bool
) -> None:
    """Numbers with their octets, a diverting party with its reason, and flags."""
    setup = h225.Setup(
        reference=0x7ABC,
        call_identifier=bytes(range(16)),
        caller=caller,
        callee=Party(callee, "international"),
        redirecting=redirecting._replace(reason="no-answer"),
        conference_id=bytes(range(1, 17)),
        can_overlap=overlap,
        wait_for_connect=wait,
        tunnelling=True,
        display="Jörg",
    )
    read = h225.read(h225.write(setup, False))
    assert isinstance(read, h225.Setup)
    if not callee:
        setup = h225.Setup(
            **{**{name: getattr(setup, name) for name in setup.__dataclass_fields__}, "callee": NO_PARTY}
        )
    if not caller.number and caller.presentation == "allowed":  # no element: what is left is in the UUIE
        read = h225.Setup(**{**{name: getattr(read, name) for name in read.__dataclass_fields__}, "caller": caller})
    assert read == setup


def test_what_cannot_be_written_is_refused() -> None:
    """A message of another kind than Q.931 as used here has, a value that fits no type."""
    with pytest.raises(h225.BadMessage):
        h225.write(h225.Other(reference=1, name="message 0x45"), False)
    with pytest.raises(h225.BadMessage):
        h225.write(h225.ReleaseComplete(reference=1, reason="noSuchReason"), False)
    with pytest.raises(per.BadPdu):
        per.encode_h245(("request", ("noSuchRequest", {})))
    status = h225.Other(reference=1, name="Status", cause=30, state=10)
    assert h225.read(h225.write(status, True)) == status
