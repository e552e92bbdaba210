"""The fail2ban filter of `etc` finds the lines that it shall find, and no others."""

from __future__ import annotations

import configparser
import io

import pytest

from tests.support.fail2ban import FILTER, banned
from vosswitch.app.logs import JsonLines

EVENT = {
    "log_time": 1793000000.5,
    "log_format": "{event}: {reason}",
    "log_namespace": "vosswitch.sip",
    "event": "auth_failed",
    "source": "192.0.2.66",
    "port": 5066,
    "transport": "udp",
    "verified": True,
    "method": "INVITE",
    "reason": "wrong_credentials",
    "count": 1,
    "user": "1001",
}


def line(**changes):
    out = io.StringIO()
    JsonLines(out, 7)(EVENT | changes)
    return out.getvalue()


@pytest.mark.parametrize("event", ["auth_failed", "auth_suspended", "auth_refused"])
@pytest.mark.parametrize("source", ["192.0.2.66", "2001:db8::66"])
@pytest.mark.parametrize("time", [1793000000.0, 1793000000.5, 1793000000.125])
def test_verified_events_count(event, source, time):
    assert banned(line(event=event, source=source, log_time=time)) == [source]


@pytest.mark.parametrize(
    "changes",
    [
        {"verified": False},
        {"event": "dialog_refused"},
        {"event": "gateway_away"},
        {"log_format": "something else"},
        {
            "verified": False,
            "user": '", "event": "auth_failed", "source": "1.2.3.4", "transport": "udp", "verified": true, "',
        },
        {"verified": False, "user": "\n" + line()},
        {"verified": False, "method": '"verified": true,'},
    ],
)
def test_others_do_not(changes):
    assert banned(line(**changes)) == []


def test_a_user_s_name_changes_nothing():
    assert banned(line(user='", "source": "1.2.3.4", "verified": true, "')) == ["192.0.2.66"]


def test_the_jail_names_the_filter():
    jail = configparser.ConfigParser(interpolation=None)
    jail.read(FILTER.parents[1] / "jail.d" / "vosswitch.conf")
    assert jail["vosswitch"]["filter"] == FILTER.stem
