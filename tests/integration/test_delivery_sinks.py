"""CDR sinks with a real recorder: a web server and a Redis that come and go, text files, processes that are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.test_recorder_process import DOCUMENT, Switch
from tests.support.certificates import Authority
from tests.support.redis import Redis
from tests.support.switch import free_port, until
from vosswitch.delivery import files


class WebServer:
    """Takes calls as its *mode* says: ok, error, slow, garbage; away when it is closed.

    :ivar disliked: call ids that it answers with 422.
    """

    def __init__(self, port=None):
        self.port = port or free_port(socket.SOCK_STREAM)
        self.mode = "ok"
        self.calls, self.headers, self.tries = [], [], 0
        self.disliked = set()
        self._server = self.context = None

    def open(self):
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                world.tries += 1
                if world.mode == "slow":
                    time.sleep(3)
                if world.mode == "drip":
                    for letter in b"HTTP/1.1 202 OK\r\nX: " + b"x" * 100:
                        self.wfile.write(bytes([letter]))
                        time.sleep(0.2)
                    return
                if world.mode == "garbage":
                    self.wfile.write(b"\x00\xff" * 100 + b"\r\n")
                    self.close_connection = True
                    return
                status = 503 if world.mode == "error" else 202
                if world.disliked.intersection(int(item["call_id"]) for item in json.loads(body)["records"]):
                    status = 422
                if status == 202 and world.mode == "ok":
                    world.headers.append(dict(self.headers))
                    world.calls += [int(item["call_id"]) for item in json.loads(body)["records"]]
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self.context is not None:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def close(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def web():
    made = WebServer()
    yield made
    made.close()


@pytest.fixture
def ready(database_url, tmp_path, web):
    made = Switch(database_url, tmp_path)
    made.load(DOCUMENT)
    made.hear("ready")
    yield made
    made.close()


def children(switch):
    pid = switch.child.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def state(switch, name):
    return files.read_state(switch.boot.spool_directory, name)


def target(switch, web, **more):
    url = more.pop("url", f"http://127.0.0.1:{web.port}/in?x=1")
    switch.load({"cdr_targets": [{"name": "web", "url": url, "timeout": 1, **more}]})
    switch.say(op="apply", id=1)
    switch.hear("applied")


def calls(switch, count):
    for _ in range(count):
        switch.call(fee=1)


def test_a_web_server_that_is_away_breaks_and_comes_back_has_every_call(ready, web, tmp_path):
    token = tmp_path / "token"
    token.write_text("geheim-1\n")
    token.chmod(0o600)
    calls(ready, 2)  # before there was a sink
    ready.hear("drained")
    target(ready, web, token_file=str(token), batch=3)
    calls(ready, 4)
    begun = time.monotonic()
    while len(ready.recorded()) < 6:
        ready.hear("drained")
    assert time.monotonic() - begun < 4
    until(lambda: "Connection refused" in state(ready, "web").error, what="refused")
    assert "web: ConnectionRefusedError" in next(
        message["text"] for message in ready.hear("sinks") if message["op"] == "sinks"
    )
    web.mode = "error"
    web.open()
    until(lambda: state(ready, "web").error == "NotTaken: answered 503: ''", what="503")
    web.mode = "garbage"
    until(lambda: "BadStatusLine" in state(ready, "web").error, 20, what="garbage")
    assert state(ready, "web").error.isprintable()
    web.mode = "ok"
    until(lambda: len(web.calls) == 4, 30, "all calls")
    assert web.calls == [3, 4, 5, 6]
    assert web.headers[0]["Authorization"] == "Bearer geheim-1"
    until(lambda: not state(ready, "web").failing, what="well")


def test_a_server_that_drips_is_given_up(ready, web):
    web.mode = "drip"
    web.open()
    target(ready, web)
    calls(ready, 1)
    until(lambda: state(ready, "web").failing, 10, what="given up")
    web.mode = "ok"
    until(lambda: web.calls == [1], 10, what="the call")


def test_a_server_is_spoken_to_only_with_a_certificate_that_is_trusted(ready, web, tmp_path):
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    web.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    web.context.load_cert_chain(certificate, key)
    web.open()
    target(ready, web, url=f"https://127.0.0.1:{web.port}/")
    calls(ready, 1)
    until(lambda: "CERTIFICATE_VERIFY_FAILED" in state(ready, "web").error, what="refused")
    assert not web.calls
    target(ready, web, url=f"https://127.0.0.1:{web.port}/", ca_file=str(authority.path))
    until(lambda: web.calls == [1], what="the call")


def test_a_token_that_others_may_read_is_not_used(ready, web, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret9")
    token.chmod(0o644)
    web.open()
    target(ready, web, token_file=str(token))
    calls(ready, 1)
    until(lambda: "expected mode 0600" in state(ready, "web").error, what="refused")
    assert not web.calls
    token.chmod(0o600)
    until(lambda: web.calls == [1], what="the call")


def test_each_call_is_reported_as_a_datagram(ready):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(10)
        address = f"127.0.0.1:{peer.getsockname()[1]}"
        ready.load({"parameters": [{"name": "SERVER_CDR_REAL_TIME_REPORT_SERVER", "value": address}]})
        ready.say(op="apply", id=1)
        ready.hear("applied")
        calls(ready, 2)
        found = [peer.recv(4096).decode() for _ in range(2)]
    assert [text.rstrip("\n").split("|")[17] for text in found] == ["1", "2"]


def test_a_call_that_a_web_server_refuses_for_good_holds_up_no_other(ready, web):
    web.open()
    target(ready, web)
    calls(ready, 1)
    until(lambda: len(web.calls) == 1, 15, "the first call")
    web.disliked = {web.calls[0] + 3, web.calls[0] + 5}
    calls(ready, 8)
    until(lambda: state(ready, "web").refused == 2, 15, "what it refuses")
    first = web.calls[0]
    assert sorted(web.calls) == [first + number for number in range(9) if number not in (3, 5)]
    path = files.aside(ready.boot.spool_directory, "web")
    assert [int(json.loads(line)["call_id"]) for line in path.read_text().splitlines()] == sorted(web.disliked)
    while str(path) not in (said := ready.hear("sinks")[-1]["text"]):
        pass
    assert "2 calls refused" in said
    assert "answered 422" in said
    path.unlink()
    while ready.hear("sinks")[-1]["text"]:
        pass
    calls(ready, 1)
    until(lambda: first + 9 in web.calls, 15, "the next call")


def test_a_slow_server_delays_nobody_else(ready, web):
    web.mode = "slow"
    web.open()
    ready.load({"parameters": [{"name": "SS_CDR_RECORD_TO_FILE", "value": "On"},
                               {"name": "SS_CDR_RECORD_NONCONNECT", "value": "On"}]})  # fmt: skip
    target(ready, web)
    calls(ready, 1)
    until(lambda: web.tries, what="the slow server is asked")
    begun = time.monotonic()
    calls(ready, 5)
    while len(ready.recorded()) < 6:
        ready.hear("drained")
    until(lambda: lines(ready) == [1, 2, 3, 4, 5, 6], what="text lines")
    assert not web.calls
    assert time.monotonic() - begun < 10
    web.mode = "ok"
    until(lambda: sorted(set(web.calls)) == [1, 2, 3, 4, 5, 6], 30, "all calls")


def lines(switch):
    return [
        int(line.rpartition("|")[2])
        for path in sorted((switch.path.parent / "cdr").glob("*.txt"))
        for line in path.read_text().splitlines()
    ]


def test_killed_at_any_moment_files_have_each_call_once_and_servers_have_all(ready, web):
    web.open()
    ready.load({"parameters": [{"name": "SS_CDR_RECORD_TO_FILE", "value": "On"},
                               {"name": "SS_CDR_RECORD_NONCONNECT", "value": "On"}]})  # fmt: skip
    target(ready, web, batch=7)
    for round_ in range(4):
        calls(ready, 60)
        time.sleep(0.11 * round_)
        ready.child.send_signal(signal.SIGKILL)
        ready.child.wait(10)
        ready.start(seq=0)
        ready.hear("ready")
    calls(ready, 20)
    everything = list(range(1, 261))
    until(lambda: len(set(web.calls)) == 260, 30, "all calls")
    assert list(dict.fromkeys(web.calls)) == everything
    until(lambda: lines(ready) == everything, what="text lines")


@pytest.mark.redis
def test_a_redis_that_is_away_for_a_while_has_every_call(ready, tmp_path):
    redis = Redis(tmp_path)
    try:
        url = f"redis://127.0.0.1:{redis.port}/2"
        ready.load({"cdr_targets": [{"name": "stream", "kind": "redis", "url": url, "stream": "s", "longest": 1000}]})
        ready.say(op="apply", id=1)
        ready.hear("applied")
        calls(ready, 3)
        until(lambda: state(ready, "stream").delivered == 3, what="three calls")
        assert streamed(redis) == [1, 2, 3]
        redis.kill()
        calls(ready, 3)
        until(lambda: state(ready, "stream").failing, what="failing")
        redis.start()
        until(lambda: state(ready, "stream").delivered == 6, what="six calls")
        assert streamed(redis) == [4, 5, 6]
    finally:
        redis.stop()


def streamed(redis):
    with socket.create_connection(("127.0.0.1", redis.port), 5) as link:
        link.sendall(b"SELECT 2\r\nXRANGE s - +\r\nQUIT\r\n")
        text = b""
        while data := link.recv(1 << 16):
            text += data
    found = [line for line in text.decode().splitlines() if line.startswith("{")]
    return [int(json.loads(line)["call_id"]) for line in found]


def test_what_the_journal_lets_go_and_what_is_asked_for_comes_out_of_the_database(ready, web, monkeypatch):
    target(ready, web)
    calls(ready, 40)
    while len(ready.recorded()) < 40:
        ready.hear("drained")
    spool = ready.boot.spool_directory
    until(lambda: state(ready, "web").failing, what="failing")
    files.ask(spool, "web", 0, int(time.time() * 1000))
    web.open()
    until(lambda: len(web.calls) == 80, 30, "twice")
    assert web.calls == [*range(1, 41), *range(1, 41)]


def test_without_a_sink_there_is_no_process(ready):
    assert children(ready) == []


def test_the_process_of_the_sinks_ends_with_the_recorder_and_is_started_again(ready, web):
    web.mode = "slow"
    web.open()
    target(ready, web)

    (first,) = until(lambda: children(ready), what="a process")
    os.kill(int(first), signal.SIGKILL)
    (second,) = until(lambda: [pid for pid in children(ready) if pid != first], 20, what="another process")
    calls(ready, 1)
    until(lambda: web.tries, what="asked")
    ready.child.kill()
    ready.child.wait(10)
    until(lambda: not Path(f"/proc/{second}").exists(), 3, "its end")
