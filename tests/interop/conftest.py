"""One running switch for most cases, each of which has its own customer, vendors, numbers and addresses in it."""

from __future__ import annotations

import shutil
import signal

import pytest

from tests.support.case import Case, h323_switch, provisioned, settled
from tests.support.peer import Peer
from tests.support.processes import family, running
from tests.support.sipp import bound
from tests.support.switch import until


def pytest_collection_modifyitems(items):
    """All cases here have real peers; say so where the usual one is missing."""
    for item in items:
        if "tests/interop" not in item.path.as_posix():
            continue
        item.add_marker(pytest.mark.interop)
        if shutil.which("sipp") is None:
            item.add_marker(pytest.mark.skip(reason="sipp is not installed (Debian package sip-tester)"))


def _stop(switch):
    """End a switch; none of its processes is left."""
    processes = family(switch.process.pid)
    assert switch.stop() == 0, switch.log()[-4000:]
    left = {pid: line for pid, line in processes.items() if running(pid)}
    assert not left, left


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    """The switch that most cases share."""
    switch = provisioned(tmp_path_factory.mktemp("house")).start()
    yield switch
    _stop(switch)


@pytest.fixture
def case(tmp_path, house):
    """A case that has not begun yet, in the shared switch."""
    if house.process.poll() is not None:
        house.start()  # another case has brought it down, which that one reports
    made = Case(tmp_path, house)
    yield made
    made.end()
    settled(made)


@pytest.fixture(scope="session")
def h323_house(tmp_path_factory):
    """The switch that the cases of H.323 share: it listens for call signalling and RAS as well."""
    switch = h323_switch(tmp_path_factory.mktemp("h323")).start()
    yield switch
    _stop(switch)


@pytest.fixture
def h323_case(tmp_path, h323_house):
    """A case in the shared switch that speaks H.323."""
    if h323_house.process.poll() is not None:
        h323_house.start()
    until(lambda: bound(h323_house.h323_port), 30, "the H.323 process")
    made = Case(tmp_path, h323_house)
    yield made
    made.end()
    settled(made)


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """A case in a second switch that speaks H.323, not running yet: its customer is the first switch."""
    switch = h323_switch(tmp_path_factory.mktemp("far"))
    made = Case(tmp_path_factory.mktemp("far-case"), switch)
    made.host = "127.0.0.1"
    yield made
    made.end()
    assert switch.stop() == 0, switch.log()[-4000:]
    assert "Traceback" not in switch.log(), switch.log()[-6000:]


@pytest.fixture
def alone(tmp_path):
    """A case with a switch of its own, which it may stop, kill and start."""
    made = Case(tmp_path, provisioned(tmp_path))
    yield made
    made.end()
    process = made.switch.process
    if process is not None and process.poll() is None:
        settled(made)
        assert made.switch.stop() == 0, made.switch.log()[-4000:]
    elif process is not None and process.returncode != -signal.SIGKILL:
        assert process.returncode == 0, made.switch.log()[-4000:]


@pytest.fixture
def sip_caller(h323_case):
    """A customer by SIP of a case of H.323, message by message."""
    made = Peer(h323_case.switch.port, host=h323_case.host)
    h323_case.peers.append(made)
    return made


@pytest.fixture
def sip_vendor(h323_case):
    """A vendor by SIP, likewise: the first routing gateway."""
    made = Peer(h323_case.switch.port)
    h323_case.ports["first"] = made.port
    h323_case.peers.append(made)
    return made
