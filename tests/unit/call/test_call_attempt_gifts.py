"""What an attempt that was not answered costs an account with packages."""

from __future__ import annotations

import pytest

from tests.unit.call.test_call_packaged import purses, share
from vosswitch.billing.balances import Balances
from vosswitch.cdr.record import Cdr
from vosswitch.model.values import UNITS

CENT = UNITS // 100


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize(("money", "of_gift"), [(5 * CENT, 2 * CENT), (CENT, CENT), (0, 0)])
def test_gift_money_pays_it_before_the_account_does(bounded, money, of_gift):
    balances = Balances()
    purses(balances, money=money, own=UNITS, bounded=bounded)
    one = share(balances, bounded=bounded, attempt_fee="0.02")
    assert one.open()
    paid = {paid.account: paid.fee.fee for paid in one.paid(None)}
    cdr = Cdr(1, "", 0, 0)
    one.describe(cdr)
    assert paid == {"#a/basic/1": 0, "#a/more/1": 0, "#a/basic/money": of_gift, "a": 2 * CENT - of_gift}
    assert (cdr.package_fee, cdr.package_seconds) == (of_gift, 0)
    assert not any(balances.state(number).reserved for number in balances)
