"""Every system parameter of the product, as data; one line adds one."""

from __future__ import annotations

from vosswitch.params import declared_call, declared_h323, declared_ivr, declared_own, declared_server, declared_sip
from vosswitch.params.kinds import Parameter

PARAMETERS: tuple[Parameter, ...] = (
    *declared_server.PARAMETERS,
    *declared_sip.PARAMETERS,
    *declared_call.PARAMETERS,
    *declared_ivr.PARAMETERS,
    *declared_own.PARAMETERS,
    *declared_h323.PARAMETERS,
)
