"""Whether phones may transfer is said once for all of them."""

from __future__ import annotations

import pytest

from tests.unit.call.call_world import bodies, by_name, phone
from vosswitch.app.credentials import Credentials
from vosswitch.call.snapshot import Snapshot
from vosswitch.model.values import Address


@pytest.mark.parametrize(("value", "policy"), [("Off", "refuse"), ("On", "internal")])
def test_phones_transfer_where_the_parameter_says_so(value, policy):
    snapshot = Snapshot().applied(bodies(phones=by_name(phone("4399")), parameters={"VS_PHONE_TRANSFERS": value}))
    credentials = Credentials(lambda: snapshot)
    assert credentials.profile(Address("203.0.113.5", 5060), "4399", "43").transfers == policy
    assert credentials.profile(Address("203.0.113.5", 5060), None, "43").transfers == "refuse"
