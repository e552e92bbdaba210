"""Whoever asks may not learn which phones there are."""

from __future__ import annotations

import pytest

from vosswitch.accounts.callers import Callers
from vosswitch.accounts.sources import read_source
from vosswitch.accounts.values import MappingGateway, Phone

TRUNK = MappingGateway("trunk", "1000", addresses=(read_source("192.0.2.1"),))
CUSTOMER = MappingGateway("customer", "1000", auth="password", username="customer")
PHONE = Phone("1001", "1000")
LOCKED = Phone("1002", "1000", locked=True)


@pytest.mark.parametrize(
    ("gateways", "phones", "everybody"),
    [
        ((TRUNK,), (), False),  # nobody can prove anything: refused, or left without an answer
        ((TRUNK, CUSTOMER), (), True),
        ((TRUNK,), (PHONE,), True),
        ((TRUNK,), (LOCKED,), True),
        ((), (), False),
    ],
)
def test_every_stranger_is_challenged_as_soon_as_one_may_prove_himself(gateways, phones, everybody):
    callers = Callers({each.name: each for each in gateways}, {each.number: each for each in phones})
    assert callers.challenges() is everybody
