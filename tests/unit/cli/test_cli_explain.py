"""What ``cdr explain`` tells of one call."""

import re

import click
import pytest
from click.testing import CliRunner

from vosswitch.call.deciding.keeping import told
from vosswitch.cli.explained import tell
from vosswitch.cli.state import State

CDR = {
    "call_id": "77", "start": 1_793_000_000_000, "answer": 1_793_000_002_000, "node": "n1",
    "mapping_gateway": "shop", "phone": None, "caller_ip": "192.0.2.1", "account": "1000", "account_name": "Shop Ltd",
    "routing_gateway": "b", "callee_phone": None, "caller_in": "1", "caller": "431", "caller_out": "0431",
    "callee_in": "88430123", "callee": "430123", "callee_out": "430123", "fee": 3_000_000, "cost": 2_000_000,
    "hold_time_ms": 12_300, "end_reason": "normal", "code": 0,
    "attempts": [
        {"name": "a", "status": 503, "reason": "service_unavailable", "duration_ms": 80, "pdd_ms": None,
         "caller_out": "431", "callee_out": "430123", "redirects": [], "protocol": "sip"},
    ],
    "decision": told(
        {
            "seq": 4, "notes": [["rate", "another rate"]], "rate": ["retail", "43", "0.15", "increment"],
            "plan": {
                "e": {"priority": 0, "weight": 1, "lines": 0, "calls_today": 0}, "v": ["price"], "p": 1_500_000,
                "g": [["a", "43", 900_000], ["b", 0, 1_000_000]],
                "d": {"locked": [3, "c"], "lines full: 5 of 5": [1, "d"]},
            },
        }
    ),
}  # fmt: skip


def text_of(cdr, tmp_path):
    config = tmp_path / "vosswitch.toml"
    config.write_text("", encoding="utf-8")
    state = State()
    state.config = str(config)

    @click.command()
    def command():
        tell(state, cdr)

    done = CliRunner().invoke(command, catch_exceptions=False)
    return done.output


@pytest.fixture
def told_text(tmp_path):
    return text_of(CDR, tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "from     shop at 192.0.2.1, account 1000 Shop Ltd",
        "caller   1 received, 431 billed, 0431 sent",
        "callee   88430123 received, 430123 billed, 430123 sent",
        "rate     0.15 per minute (increment), prefix 43 of retail",
        "end      12.3 s, normal (0): Normal release",
        "money    fee 0.3, cost 0.2, margin 0.1",
        "  rate: another rate",
        "a +43 +0 +1 +0.09 +0.06 +prefix 43 matches",
        "b +43 +0 +1 +0.1 +0.05 +prefix 43 matches",
        "c +- +- +locked",
        "and 2 more: locked",
        "d +- +- +lines full: 5 of 5",
        "a +503 +service_unavailable +80 +- +431 +430123",
    ],
)
def test_a_call_is_explained(told_text, line):
    assert re.search(f"^{line if ' +' in line else re.escape(line)}$", told_text, re.MULTILINE)


def test_it_fits_a_terminal(told_text):
    assert max(map(len, told_text.splitlines())) <= 110


def test_a_record_without_decision_says_so(tmp_path):
    assert "VS_DECISION_RECORD left it out" in text_of(CDR | {"decision": None}, tmp_path)


def test_it_says_who_spoke_h323(tmp_path):
    """In words at both ends, and at each attempt where one was not SIP."""
    first, decision = CDR["attempts"][0], CDR["decision"]
    tried = [first, first | {"name": "b", "status": 200, "reason": "answered", "protocol": "h323"}]
    text = text_of(CDR | {"attempts": tried, "decision": decision | {"protocol": "h323"}}, tmp_path)
    assert re.search("^from     shop at 192.0.2.1 by H.323, account 1000 Shop Ltd$", text, re.MULTILINE)
    assert re.search("^to       b by H.323$", text, re.MULTILINE)
    assert re.findall(r"^[ab] .* (sip|h323)$", text, re.MULTILINE) == ["sip", "h323"]
    assert "protocol" not in text_of(CDR, tmp_path)
