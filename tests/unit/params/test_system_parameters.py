"""Reading, writing and checking system parameters, and the snapshot."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosswitch.model.numberlist import NumberList
from vosswitch.model.values import Address
from vosswitch.params.kinds import Parameter, choice, exact, seconds, whole
from vosswitch.params.system import (
    DECLARED,
    BadParameter,
    Parameters,
    Registry,
    UnknownParameter,
    canonical,
    check_all,
    parse_value,
)


@pytest.mark.parametrize(
    ("name", "text", "value", "written"),
    [
        ("SS_MAX_CPS", "none", None, "None"),
        ("SS_MAX_CPS", "", None, "None"),
        ("SS_MAX_CPS", " 500 ", 500, "500"),
        ("SS_MAX_CPS", "0500", 500, "500"),
        ("SERVER_ALARM_ENABLE_EMAIL", "TRUE", True, "On"),
        ("SERVER_ALARM_ENABLE_EMAIL", "0", False, "Off"),
        ("SS_TCP_CLOSE_RESET", "rst", True, "On"),
        ("SS_TCP_CLOSE_RESET", "FIN", False, "Off"),
        ("SERVER_BILLING_FEE_UNIT", "0.0010", Decimal("0.001"), "0.001"),
        ("SERVER_BILLING_FEE_UNIT", "10", Decimal(10), "10"),
        ("SERVER_VERIFY_CLEARING_CUSTOMER_REMAIN_MONEY_LIMIT", "-5.50", Decimal("-5.5"), "-5.5"),
        ("SS_SIP_TIMEOUT_INVITE", "0.5", 0.5, "0.5"),
        ("SS_SIP_TIMEOUT_INVITE", "100", 100.0, "100"),
        ("SS_SIP_RESEND_INTERVAL", "0.50, 1 ,2", (0.5, 1.0, 2.0), "0.5,1,2"),
        ("SS_MEDIA_PROXY_MODE", "must_on", "Must On", "Must On"),
        ("SS_MEDIA_PROXY_MODE", "AUTO", "Auto", "Auto"),
        ("SS_SIP_AUTHENTICATION_CODE", "407", 407, "Proxy Authentication Required(407)"),
        ("SS_SIP_AUTHENTICATION_CODE", "unauthorized(401)", 401, "Unauthorized(401)"),
        ("SS_SIP_AUTHENTICATION_CODE", "Unauthorized", 401, "Unauthorized(401)"),
        ("SS_SIP_USER_AGENT_EXPIRE", "auto negotiation", None, "Auto negotiation"),
        ("SS_SIP_USER_AGENT_EXPIRE", "None", None, "Auto negotiation"),
        ("SS_SIP_USER_AGENT_PRIVACY", "none", "None", "None"),
        ("SS_MEDIA_PROXY_PORT_RANGE", "20000-20100", (20000, 20100), "20000,20100"),
        ("SS_QOS_RTP", "0XB8", 0xB8, "0xb8"),
        ("SS_QOS_RTP", "184", 184, "0xb8"),
        ("SERVER_BILLING_FREE_E164S", "911, 0800*,", NumberList(["911", "0800*"]), "911,0800*"),
        ("SS_RTP_EXTERNAL_IP", "[2001:DB8::01]", "2001:db8::1", "2001:db8::1"),
        ("SS_RTP_EXTERNAL_IP", "", "", ""),
        ("SERVER_CDR_REAL_TIME_REPORT_SERVER", "192.0.2.1:99", Address("192.0.2.1", 99), "192.0.2.1:99"),
        ("SERVER_CDR_REAL_TIME_REPORT_SERVER", "[::1]:99", Address("::1", 99), "[::1]:99"),
        ("SERVER_CDR_REAL_TIME_REPORT_SERVER", "", None, ""),
        ("SERVER_ALARM_EMAIL", "a@example.com, b@example.com", ("a@example.com", "b@example.com"),
         "a@example.com,b@example.com"),
        ("IVR_CODEC_PRIORITY", "g729a, g711u", ("g729a", "g711u"), "g729a,g711u"),
    ],
)  # fmt: skip
def test_reads_and_writes(name, text, value, written):
    assert parse_value(name, text) == value
    assert type(parse_value(name, text)) is type(value)
    assert canonical(name, text) == written
    assert parse_value(name, written) == value


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("SERVER_BILLING_FEE_PRECISTION", "8", "a whole number from 0 to 7"),
        ("SERVER_BILLING_FEE_PRECISTION", "1_0", "a whole number from 0 to 7"),
        ("SERVER_BILLING_FEE_PRECISTION", "٣", "a whole number from 0 to 7"),
        ("SERVER_BILLING_FEE_PRECISTION", "4.0", "a whole number from 0 to 7"),
        ("SERVER_BILLING_FREE_TIME", "-1", "a whole number not below 0"),
        ("SERVER_BILLING_FREE_TIME", "9" * 20, "a whole number not below 0"),
        ("SERVER_BILLING_FEE_UNIT", "0", "a decimal number from"),
        ("SERVER_BILLING_FEE_UNIT", "NaN", "a decimal number from"),
        ("SERVER_BILLING_FEE_UNIT", "1e-3", "a decimal number from"),
        ("SERVER_ALARM_ENABLE_EMAIL", "perhaps", "On or Off"),
        ("SS_TCP_CLOSE_RESET", "x", "On or Off or RST or FIN"),
        ("SS_SIP_TIMEOUT_INVITE", "0", "seconds from 0.001"),
        ("SS_SIP_TIMEOUT_INVITE", "inf", "seconds from 0.001"),
        ("SS_SIP_RESEND_INTERVAL", "", "seconds separated by commas"),
        ("SS_SIP_RESEND_INTERVAL", "1,,2", "seconds separated by commas"),
        ("SS_MEDIA_PROXY_MODE", "maybe", "Off, On, Auto or Must On"),
        ("SS_SIP_AUTHENTICATION_CODE", "403", "Unauthorized(401) or"),
        ("SS_SIP_USER_AGENT_EXPIRE", "10", "a whole number from 20 to 7200, or Auto negotiation"),
        ("SS_MEDIA_PROXY_PORT_RANGE", "20000", "two ports"),
        ("SS_MEDIA_PROXY_PORT_RANGE", "20001,20000", "two ports"),
        ("SS_MEDIA_PROXY_PORT_RANGE", "1,65536", "two ports"),
        ("SS_QOS_RTP", "0x1ff", "a byte"),
        ("SS_QOS_RTP", "256", "a byte"),
        ("SERVER_BILLING_FREE_E164S", "0*8", "numbers separated by commas"),
        ("SS_RTP_EXTERNAL_IP", "example.com", "an IP address"),
        ("SERVER_CDR_REAL_TIME_REPORT_SERVER", "::1:99", "an address such as"),
        ("SERVER_CDR_REAL_TIME_REPORT_SERVER", "192.0.2.1", "an address such as"),
        ("SERVER_ALARM_EMAIL", "nobody", "mail addresses"),
        ("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "a\r\nb", "one line"),
        ("SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "a" * 256, "one line"),
    ],
)
def test_refusal_names_parameter_value_and_expectation(name, text, expected):
    with pytest.raises(BadParameter) as caught:
        canonical(name, text)
    line = str(caught.value)
    assert line.startswith(f"{name}: expected {expected}")
    assert "got " in line
    assert "\n" not in line


def test_names_and_aliases_in_any_case():
    assert DECLARED.find("ss_sip_timeout").name == "SS_SIP_TIMEOUT_INVITE"
    assert parse_value(" Billing_Free_E164s ", "911") == NumberList(["911"])
    assert "ss_rtp_port_range" in DECLARED
    assert "SS_NOTHING" not in DECLARED


def test_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownParameter, match=r"SS_MAXCPS: no such parameter; did you mean SS_MAX_CPS"):
        parse_value("SS_MAXCPS", "1")
    with pytest.raises(UnknownParameter, match=r"no such parameter$"):
        parse_value("ZZZZ", "1")


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({}, True),
        ({"SERVER_BILLING_FEE_UNIT": "0.001"}, True),
        ({"SERVER_BILLING_FEE_UNIT": "0.0015"}, True),
        ({"SERVER_BILLING_FEE_UNIT": "0.00015"}, False),
        ({"SERVER_BILLING_FEE_UNIT": "0.00015", "SERVER_BILLING_FEE_PRECISTION": "5"}, True),
        ({"SERVER_BILLING_FEE_PRECISTION": "3"}, False),
        ({"SERVER_BILLING_FEE_UNIT": "1", "SERVER_BILLING_FEE_PRECISTION": "0"}, True),
    ],
)
def test_fee_unit_is_a_multiple_of_the_precision(values, fits):
    if fits:
        check_all(values)
        Parameters(values)
        return
    with pytest.raises(BadParameter, match="SERVER_BILLING_FEE_UNIT: expected a multiple"):
        check_all(values)
    with pytest.raises(BadParameter, match="SERVER_BILLING_FEE_UNIT"):
        Parameters().with_values(values)


def test_one_parameter_twice_is_refused():
    with pytest.raises(BadParameter, match="SS_SIP_TIMEOUT_INVITE: set twice"):
        check_all({"SS_SIP_TIMEOUT": "1", "SS_SIP_TIMEOUT_INVITE": "2"})


def test_snapshot():
    first = Parameters({"ss_max_cps": "5", "PLUGIN_GONE": "x"})
    assert (first["SS_MAX_CPS"], first.text("SS_MAX_CPS"), first.source("ss_max_cps")) == (5, "5", "set")
    assert (first["SS_MAX_CALL_DURATION"], first.source("SS_MAX_CALL_DURATION")) == (None, "default")
    assert first.unknown == ("PLUGIN_GONE",)
    second = first.with_values({"SS_SIP_TIMEOUT": "3", "SS_MAX_CPS": None})
    assert (second["SS_MAX_CPS"], second["SS_SIP_TIMEOUT_INVITE"]) == (None, 3.0)
    assert (first["SS_MAX_CPS"], first["SS_SIP_TIMEOUT_INVITE"]) == (5, 10.0)
    with pytest.raises(KeyError):
        first["SS_NOTHING"]
    with pytest.raises(UnknownParameter):
        first.with_values({"SS_NOTHING": "1"})


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.__setitem__("SS_MAX_CPS", 1),
        lambda found: found.__delitem__("SS_MAX_CPS"),
        lambda found: found.update(SS_MAX_CPS=1),
        lambda found: found.__ior__({"SS_MAX_CPS": 1}),
        lambda found: found.setdefault("X", 1),
        lambda found: found.pop("SS_MAX_CPS"),
        lambda found: found.popitem(),
        lambda found: found.clear(),
    ],
)
def test_what_is_in_force_does_not_change(change):
    found = Parameters()
    before = dict(found)
    with pytest.raises(TypeError):
        change(found)
    assert found == before


def test_plugin_adds_parameters():
    more = DECLARED.with_more([Parameter("plugin.x", "X_LEVEL", "3", whole(1, 5), "", "A plugin's own", ("X_L",))])
    assert (len(more), len(DECLARED)) == (len(DECLARED) + 1, len(DECLARED))
    assert Parameters({"x_l": "4"}, more).with_values({"SS_MAX_CPS": "1"})["X_LEVEL"] == 4
    assert Parameters({"x_l": "4"}).unknown == ("x_l",)


@pytest.mark.parametrize(
    ("name", "default", "aliases"), [("SS_MAX_CPS", "3", ()), ("X", "3", ("ss_sip_timeout",)), ("X", "9", ())]
)
def test_plugin_cannot_take_a_name_or_have_a_wrong_default(name, default, aliases):
    with pytest.raises(BadParameter):
        DECLARED.with_more([Parameter("plugin.x", name, default, whole(1, 5), "", "A plugin's own", aliases)])


def test_range_text():
    assert [kind.range_text for kind in (whole(1, 5), whole(2), exact("0.5"), choice("A", "B"), seconds())] == [
        "1-5", ">=2", ">=0.5", "A/B", "0.001-86400",
    ]  # fmt: skip
    assert Registry([]).with_more([]) is not DECLARED


@given(st.sampled_from([row.name for row in DECLARED]), st.text(max_size=20) | st.text("0123456789.,-*", max_size=12))
def test_any_text_is_a_value_or_a_clear_refusal(name, text):
    try:
        written = canonical(name, text)
    except BadParameter as error:
        assert str(error).startswith(f"{name}: expected ")  # noqa: PT017 - both outcomes are fine
    else:
        assert canonical(name, written) == written
        assert parse_value(name, written) == parse_value(name, text)
