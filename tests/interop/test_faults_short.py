"""A short run of each fault of ``make faults``; the longer ones print figures."""

from __future__ import annotations

import pytest

from tests.faults import scenarios
from tests.support.mariadb import MariaDb

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = MariaDb(tmp_path_factory.mktemp("mariadb"))
    yield made
    made.stop()


@pytest.mark.mariadb
@pytest.mark.parametrize("policy", ["refuse", "prepaid"])
def test_a_long_queue_of_records_is_an_alarm_and_the_policy_begins_and_ends(tmp_path, server, policy):
    figures = scenarios.long_queue(tmp_path, server, 1, policy)
    assert (figures["ends"]["degraded"] > 0) == (policy == "refuse")  # all customers of the load are prepaid


@pytest.mark.mariadb
def test_the_backlog_of_an_absent_database_is_soon_worked_off(tmp_path, server):
    assert scenarios.database_away(tmp_path, server, 4)["drain_s"] < 30


def test_a_full_disk_refuses_new_calls_and_bills_the_running_ones(tmp_path):
    scenarios.full_disk(tmp_path, 1.5)


def test_a_full_disk_where_nothing_can_be_mounted(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert scenarios.full_disk(tmp_path, 1.5)["disk"] == "injected"


def test_steps_of_the_clock_make_no_call_longer_or_shorter(tmp_path):
    scenarios.clock_steps(tmp_path, pause=0.8)


def test_a_bye_that_comes_twice_and_one_that_never_comes(tmp_path):
    scenarios.byes(tmp_path)
