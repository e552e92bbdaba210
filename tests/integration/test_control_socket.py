"""The control socket for real: mode, peers, stale sockets, streams, time limits."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vosswitch.control import ControlClient, ControlError, NotRunning

SERVER = """
import sys
from twisted.internet import reactor, task
from twisted.logger import Logger
from vosswitch.control.service import ControlService

implementations = {
    "status": lambda args: {"calls": 1},
    "calls": lambda args: ({"call_id": str(number)} for number in range(20_000)),
    "apply": lambda args: task.deferLater(reactor, 5, dict),
}
service = ControlService(reactor, sys.argv[1], implementations, Logger())
service.startService()
reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
reactor.callWhenRunning(print, "ready", flush=True)
reactor.callLater(60, reactor.stop)
reactor.run()
"""


def ask(path):
    with ControlClient(path) as client:
        return client.call("status")


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "run" / "control.sock")
    with subprocess.Popen([sys.executable, "-c", SERVER, path], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "ready\n"
            yield path
        finally:
            server.terminate()
    assert server.returncode == 0
    assert not Path(path).exists()


def test_the_socket_is_for_its_owner_and_group(path):
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o660


def test_answers_streams_and_time_limits_share_a_client(path):
    with ControlClient(path, timeout=0.5) as client:
        assert client.call("status") == {"calls": 1}
        assert len(client.call("calls")) == 20_000
        rows = client.stream("calls")
        assert next(rows) == {"call_id": "0"}
        rows.close()
        assert client.call("status") == {"calls": 1}
        with pytest.raises(ControlError, match="no answer within") as error:
            client.call("apply")
        assert error.value.code == "timeout"
        assert client.call("status") == {"calls": 1}
        with pytest.raises(ControlError) as error:
            client.call("drain")
        assert error.value.code == "unknown_operation"


def test_a_client_that_does_not_read_costs_the_server_nothing(path):
    with socket.socket(socket.AF_UNIX) as lazy:
        lazy.connect(path)
        lazy.sendall(b'{"id": 1, "op": "calls"}\n' * 100)
        time.sleep(0.3)
        with ControlClient(path) as client:
            assert client.call("status") == {"calls": 1}


def test_a_second_server_is_refused_and_a_stale_socket_is_not_in_the_way(path, tmp_path):
    done = subprocess.run([sys.executable, "-c", SERVER, path], capture_output=True, text=True, check=False)
    assert "another switch is running here" in done.stderr
    stale = str(tmp_path / "stale.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(stale)
    with pytest.raises(NotRunning):
        ask(stale)
    with subprocess.Popen([sys.executable, "-c", SERVER, stale], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "ready\n"
        assert ask(stale) == {"calls": 1}
        server.terminate()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_stranger_is_refused_even_when_the_file_system_lets_him_in(path):
    Path(path).chmod(0o666)
    folder = Path(path).parent
    folder.chmod(0o755)
    code = (
        "import os, sys\n"
        "from vosswitch.control import ControlClient, ControlError\n"
        "os.chdir(sys.argv[1]); os.setgroups([]); os.setgid(4242); os.setuid(4242)\n"
        "try: print(ControlClient('control.sock').call('status'))\n"
        "except ControlError as error: print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    assert ask(path) == {"calls": 1}


def test_without_a_server_nobody_is_running(tmp_path):
    with pytest.raises(NotRunning, match="no switch is running at"):
        ask(str(tmp_path / "none.sock"))
