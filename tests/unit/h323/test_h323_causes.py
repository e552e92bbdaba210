"""Release causes both ways: everything maps to something, what a peer told goes through, an operator may differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrate_asn1dir import H225

from vosswitch.h323.causes import USUAL, cause_of, q850_of, reason_of, tables
from vosswitch.model.causes import END_REASONS, cause, from_q850, from_sip, switches

REASONS = [
    "noBandwidth",
    "inConf",
    "noPermission",
    "calledPartyNotRegistered",
    "undefinedReason",
    "securityError",
    "_ext_30",
]


@given(st.integers(0, 127), st.sampled_from(["", *REASONS]), st.booleans())
def test_every_cause_of_a_peer_is_a_cause_of_ours(q850: int, reason: str, answered: bool) -> None:
    """Before answer it has a status for the caller; after it, it has none."""
    found = cause_of(q850, reason, USUAL, answered)
    assert found.reason in END_REASONS
    if answered:
        assert found.status == 0
    else:
        assert 300 <= found.status < 700
        assert 400 <= found.code < 700
    if q850:
        assert found.q850 == q850


@given(st.integers(300, 699))
def test_every_status_has_a_cause(status: int) -> None:
    """A Q.850 value of 1-127."""
    assert 0 < q850_of(from_sip(status)) < 128


@pytest.mark.parametrize("name", [name for name, row in END_REASONS.items() if row.code is not None])
def test_every_end_reason_has_a_cause(name: str) -> None:
    """The one of the table of end reasons: no SIP status is between."""
    assert q850_of(cause(name)) == END_REASONS[name].q850


@given(st.integers(1, 127))
def test_a_cause_goes_through_from_one_h323_peer_to_another(value: int) -> None:
    """Before answer and after it, whatever SIP status lies between."""
    assert q850_of(cause_of(value)) == value
    assert q850_of(cause_of(value, answered=True)) == value


@pytest.mark.parametrize(
    ("q850", "status", "reason", "next_gateway"),
    [
        (1, 404, "not_found", False),
        (16, 480, "client_error", False),
        (17, 486, "busy", False),
        (19, 480, "client_error", False),
        (21, 403, "rejected", False),
        (34, 503, "service_unavailable", True),
        (65, 488, "codec_mismatch", True),
        (102, 504, "server_failure", True),
        (111, 500, "server_failure", True),
        (96, 500, "server_failure", True),
    ],
)
def test_a_cause_before_answer(q850: int, status: int, reason: str, next_gateway: bool) -> None:
    """What the caller gets, how it is recorded, and whether the next gateway is tried."""
    found = cause_of(q850)
    assert (found.status, found.code, found.reason) == (status, status, reason)
    assert switches(found) is next_gateway


def test_480_is_480_again_behind_h323() -> None:
    """By cause 18, which alone is 408 (RFC 3398): the reason tells them apart, through any number of switches."""
    for first in (from_sip(480), from_sip(480)._replace(q850=18, told=True)):
        reached = first
        for _ in range(3):
            value = q850_of(reached)
            reached = cause_of(value, reason_of(reached, value))
            assert (value, reached.status, reached.code) == (18, 480, 480)
    assert cause_of(18).status == cause_of(18, "undefinedReason").status == 408
    assert reason_of(cause_of(18), 18) == reason_of(from_sip(480), 20) == reason_of(cause("no_answer"), 19) == ""
    assert cause_of(18, "calledPartyNotRegistered", tables(((20, 404),))).status == 404


def test_the_cause_element_is_preferred_to_the_reason() -> None:
    """Stacks pair them differently: ooh323 says 19 with undefinedReason."""
    assert cause_of(19, "undefinedReason").q850 == 19
    assert cause_of(0, "inConf").status == 486
    assert cause_of(0, "").q850 == 31
    assert cause_of(0, "", answered=True).reason == "normal"


def test_the_reason_header_of_the_sip_side_wins_over_the_table() -> None:
    """RFC 3326: a cause that was told is told on; without it the table speaks."""
    busy = from_sip(486)
    assert q850_of(busy) == 17
    assert q850_of(busy._replace(q850=34, told=True)) == 34
    assert q850_of(from_sip(503)) == 41
    assert q850_of(from_sip(503)._replace(told=True)) == 34
    assert q850_of(from_q850(17)) == 17


def test_an_operator_sets_single_entries() -> None:
    """The others stay."""
    ours = tables([(17, 600)], [(480, 19)])
    assert cause_of(17, "", ours).status == 600
    assert cause_of(1, "", ours).status == 404
    assert q850_of(from_sip(480), ours) == 19
    assert q850_of(from_sip(404), ours) == 1


def test_every_reason_of_the_standard_is_in_the_table() -> None:
    """Those of later versions than the table count as unspecified."""
    kind = H225.H323_MESSAGES.ReleaseCompleteReason
    known = [name for name in kind._cont if name not in ("invalidCID", "securityError")]
    assert {cause_of(0, name).reason for name in known}
    assert [name for name in known if cause_of(0, name).q850 == 31] == [
        "undefinedReason", "securityDenied", "callerNotRegistered", "replaceWithConferenceInvite", "genericDataReason",
        "neededFeatureNotSupported",
    ]  # fmt: skip
