"""Ported numbers on live calls: from a table, over HTTP, from a redirect server; silence, and callers who give up."""

from __future__ import annotations

import http.server
import threading
import time

import pytest

from tests.support.sipp import ANSWER, CALL, called
from tests.support.switch import free_port


class Service(http.server.ThreadingHTTPServer):
    """A web service that answers as it is told.

    :ivar answer: status and body; *delay* seconds before it.
    :ivar asked: the paths and the keys.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answer = (200, b"")
        self.delay = 0.0
        self.asked = []


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("X-Key")))
        time.sleep(self.server.delay)
        status, body = self.server.answer
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the switch did not wait

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def service():
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def more(case, entry):
    """A gateway ``third`` that takes routing numbers, and how they are found."""
    case.ports.setdefault("third", free_port())
    case.ports.setdefault("redirect", free_port())
    return f"""
[[routing_gateways]]
name = "third{case.n}"
account = "V{case.n}"
address = "127.0.0.1"
port = {case.ports["third"]}
prefixes = ["88{case.n:03}"]
number_parameters = ["npdi", "rn"]
[[routing_gateways]]
name = "redirect{case.n}"
address = "127.0.0.1"
port = {case.ports["redirect"]}
prefixes = ["nobody"]
[[number_tables]]
name = "ported{case.n}"
kind = "lrn"
[[portability]]
name = "p{case.n}"
{entry}
"""


def begin(case, entry, **parameters):
    case.begin(access=f'portability = "p{case.n}"', more=more(case, entry), **parameters)
    return f"88{case.n:03}55"


def sent(vendor):
    (invite,) = vendor.heard("INVITE")
    return invite.target.user


def test_a_route_is_chosen_by_the_table(case, tmp_path):
    lrn = begin(case, f'table = "ported{case.n}"')
    (tmp_path / "ported.csv").write_text(f"did;lrn\n{case.number};{lrn}\n{case.number}0;{lrn}\n")
    case.switch.cli("table", "import", f"ported{case.n}", str(tmp_path / "ported.csv"))
    third = case.vendor("third", ANSWER)
    case.call(CALL).succeeds()
    third.succeeds()
    assert sent(third) == f"{case.number};npdi;rn={lrn}"
    cdr = case.cdr()
    assert (cdr["routing_gateway"], cdr["callee"], cdr["rate_prefix"]) == (f"third{case.n}", case.number, case.prefix)
    assert cdr["decision"]["ported"] == {"lrn": lrn, "source": "table", "ms": 0}
    assert f"ported   {lrn} (table, 0 ms)" in case.switch.cli("cdr", "explain", str(cdr["call_id"])).stdout
    case.switch.cli("table", "remove", f"ported{case.n}", case.number)
    first = case.vendor("first", ANSWER)
    case.call(CALL, name="again").succeeds()
    first.succeeds()


def test_a_route_is_chosen_by_a_web_service(case, service, tmp_path):
    (tmp_path / "key").write_text("s3cret\n")
    url = f"http://127.0.0.1:{service.server_port}/lrn/{{number}}"
    lrn = begin(
        case,
        f'source = "http"\nurl = "{url}"\nanswer = "data.lrn"\nheaders = ["X-Key: {{key}}"]\n'
        f'key_file = "{tmp_path}/key"',
    )
    service.answer = (200, f'{{"data": {{"lrn": "{lrn}"}}}}'.encode())
    service.delay = 0.1
    third = case.vendor("third", ANSWER)
    case.call(CALL).succeeds()
    third.succeeds()
    assert service.asked == [(f"/lrn/{case.number}", "s3cret")]
    ported = case.cdr()["decision"]["ported"]
    assert (ported["lrn"], ported["source"]) == (lrn, "http")
    assert ported["ms"] >= 90
    (row,) = case.switch.json("route", "4312345", case.number, "--mapping-gateway", f"customer{case.n}")
    assert [item["gateway"] for item in row["candidates"] if item["kept"]] == [f"third{case.n}"]
    assert any(lrn in step for step in row["steps"])
    assert "s3cret" not in case.log()


@pytest.mark.parametrize(
    ("status", "body", "delay"),
    [(200, b"\xff\x00garbage", 0), (500, b"1", 0), (200, b"1" * 2_000_000, 0), (200, b"88", 3), (200, b"", 0)],
    ids=["garbage", "failing", "huge", "slow", "not-ported"],
)
def test_a_web_service_that_does_not_help_delays_a_call_to_its_deadline_only(case, service, status, body, delay):
    url = f"http://127.0.0.1:{service.server_port}/{{number}}"
    begin(case, f'source = "http"\nurl = "{url}"\ndeadline_ms = 700')
    service.answer, service.delay = (status, body), delay
    first = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    assert len(service.asked) == 1
    assert case.cdr()["routing_gateway"] == f"first{case.n}"


def test_a_refusal_where_that_is_wanted(case):
    begin(case, f'source = "http"\nurl = "http://127.0.0.1:{free_port()}/{{number}}"\non_failure = "refuse"')
    case.call(["invite", "expect? 100", "expect 503", "failack"]).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["attempts"], case.paid()) == ("lrn_failed", [], 0)


@pytest.mark.parametrize("form", [";npdi;rn={lrn}", "{lrn}"])
def test_a_route_is_chosen_by_a_redirect_server(case, form):
    lrn = begin(case, f'source = "sip"\ngateway = "redirect{case.n}"\ndeadline_ms = 2000')
    user = case.number + form.format(lrn=lrn) if form.startswith(";") else lrn
    scenario = called(["receive INVITE", "send 302", "receive ACK"]).replace("sip:vendor@", f"sip:{user}@")
    server = case.peer("redirect", scenario, "-m", "1")
    third = case.vendor("third", ANSWER)
    case.call(CALL).succeeds()
    server.succeeds()
    third.succeeds()
    (asked,) = server.heard("INVITE")
    assert asked.target.user == case.number
    cdr = case.cdr()
    assert (cdr["routing_gateway"], cdr["decision"]["ported"]["source"]) == (f"third{case.n}", "sip")
    assert [row["name"] for row in cdr["attempts"]] == [f"third{case.n}"]


def test_a_redirect_server_that_answers_the_call_is_hung_up_on(case):
    begin(case, f'source = "sip"\ngateway = "redirect{case.n}"\ndeadline_ms = 2000')
    server = case.peer("redirect", called(["receive INVITE", "send 200 sdp", "receive ACK", "receive BYE", "send 200"]))
    first = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    assert server.heard("BYE")


def test_a_silent_redirect_server_and_a_caller_who_gives_up(case):
    begin(case, f'source = "sip"\ngateway = "redirect{case.n}"\ndeadline_ms = 8000')
    server = case.peer(
        "redirect", called(["receive INVITE", "send 100", "receive CANCEL", "send 200", "send 487 invite"])
    )
    steps = ["invite", "expect 100", "pause 500", "cancel", "expect 200", "expect 487", "failack"]
    case.call(steps).succeeds()
    cdr = case.cdr()
    assert (cdr["end_reason"], cdr["sip_status"], cdr["attempts"]) == ("caller_abandoned", 487, [])
    assert server.heard("CANCEL")


def test_a_silent_redirect_server_costs_its_deadline(case):
    begin(case, f'source = "sip"\ngateway = "redirect{case.n}"\ndeadline_ms = 400')
    first = case.vendor("first", ANSWER)
    case.call(CALL).succeeds()
    first.succeeds()
    assert any("no answer in time" in note[1] for note in case.cdr()["decision"]["notes"])


def test_rates_by_jurisdiction(case, tmp_path):
    """A call between two states at the rates for that, on both sides."""
    case.prefix = f"12122{case.n % 100:02}"
    case.number = f"{case.prefix}1234"
    groups = f"""
[[rate_groups]]
name = "far{case.n}"
[[rate_groups.rates]]
prefix = "1"
per_minute = "1.20"
[[number_tables]]
name = "states{case.n}"
kind = "nanp"
"""
    more = f'jurisdiction = "states{case.n}"\nrate_group_interstate = "far{case.n}"'
    case.begin(access=more, more=groups)
    (tmp_path / "states.csv").write_text("NPANXX,State\n212,NY\n310,CA\n")
    case.switch.cli("table", "import", f"states{case.n}", str(tmp_path / "states.csv"))
    first = case.vendor("first", ANSWER, calls=2)
    case.call(CALL, number="13105550000").succeeds()
    case.call(CALL, number="12125550000", name="near").succeeds()
    first.succeeds()
    near, far = case.cdrs(2)
    assert (far["decision"]["jurisdiction"], far["rate_group"]) == ("interstate", f"far{case.n}")
    assert (near["decision"]["jurisdiction"], near["rate_group"]) == ("intrastate", f"sell{case.n}")
