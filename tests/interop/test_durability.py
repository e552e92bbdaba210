"""Nothing is lost: kills and stops under load, judged by what peers saw, CDRs, ledger and balances."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.support.harness import seen
from tests.support.load import Load
from tests.support.mariadb import MariaDb
from tests.support.processes import child, own

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def mariadb_server(tmp_path_factory):
    server = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def url(request):
    """The database of the switch."""
    return "" if request.param == "sqlite" else request.getfixturevalue("mariadb_server").new_url()


@pytest.fixture
def load(tmp_path, url):
    made = Load(tmp_path, url)
    yield made
    made.close()


@pytest.mark.parametrize("seed", [1])
def test_kill_9_of_the_switch_loses_no_call_and_no_money(load, seed):
    chance = random.Random(seed)
    load.begin()
    for _ in range(2):
        time.sleep(chance.uniform(1.2, 2.5))
        load.kill()
        time.sleep(chance.uniform(0, 0.3))
        load.switch.start()
    time.sleep(1)
    load.end()
    load.gone()
    load.judge(answered=150)


def test_kill_9_of_recorder_or_media_worker_harms_no_call(load):
    chance = random.Random(3)
    load.begin()
    time.sleep(1)
    for module in ("vosswitch.recorder", "vosswitch.media", "vosswitch.recorder"):
        load.remember()
        victim = child(load.switch.process.pid, module)
        own(victim, signal.SIGKILL)
        time.sleep(chance.uniform(0.8, 1.6))
        assert child(load.switch.process.pid, module) != victim
    load.end()
    load.gone()
    load.unharmed()
    load.judge(answered=250)


def test_sigterm_under_load_ends_and_bills_every_call(load):
    load.begin()
    time.sleep(2)
    load.remember()
    assert load.switch.stop() == 0, load.switch.log()[-4000:]
    load.gone(1)
    load.hush()
    load.judge(answered=100)
    assert "Traceback" not in load.switch.log()


def test_a_second_sigterm_cuts_the_drain_short(tmp_path):
    load = Load(tmp_path)
    try:
        load.switch.cli("params", "set", "VS_DRAIN_SECONDS", "60")
        load.begin(rate=30, talk=3000)
        time.sleep(1.5)
        load.remember()
        load.switch.process.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        status = load.ask("status")
        assert status["state"] == "draining"
        assert status["calls"] > 20
        assert load.switch.stop() == 0, load.switch.log()[-4000:]
        load.gone(1)
        load.hush()
        load.judge(answered=30)
        assert seen(load.peers["rich"]).refused[503] > 20
    finally:
        load.close()
