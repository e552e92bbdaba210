"""What a gateway needs that registers with us (``dynamic``), or that we register with (``register``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.model.h323 import TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_registering(values: Mapping[str, Any], *, secret: bool) -> None:
    """See that the fields fit together.

    :param values: of a mapping or routing gateway; *secret*: it has a password.
    :raises ValueError: they do not; the text names the field.
    """
    dynamic, register = values["dynamic"], values.get("register", False)
    if values.get("protocol") == TRANSPORT:
        _check_h323(values, dynamic, register)
        return
    if "auth" in values:
        if dynamic and values["auth"] != "password":
            raise ValueError('dynamic: expected auth = "password" beside it, for it proves itself when it registers')
        return
    if values["from_user"] == "username" and not (values["username"] and secret):
        raise ValueError('from_user: expected username and password beside "username"')
    if not values["address"] and not dynamic:
        raise ValueError("address: expected an IP address or a host name, or dynamic = true for one that registers")
    if register and not values["address"]:
        raise ValueError("address: expected one, for register = true")
    if (register or dynamic) and not secret:
        raise ValueError(f"password: expected one, for {'register' if register else 'dynamic'} = true")


def _check_h323(values: Mapping[str, Any], dynamic: bool, register: bool) -> None:
    """RAS knows no passwords here: what proves a gateway is where it comes from."""
    if dynamic and not values["h323_addresses"]:
        raise ValueError("h323_addresses: expected where it may register from, for dynamic = true")
    if values["h323_addresses"] and not dynamic:
        raise ValueError("h323_addresses: expected only with dynamic = true")
    if "auth" in values:
        if dynamic != (values["auth"] == "password"):
            raise ValueError(
                'auth: expected "password" with dynamic = true and only then: a gateway that registers is known by its'
                " user name, every other one by its addresses"
            )
        return
    if values["h323_prefixes"] and not register:
        raise ValueError("h323_prefixes: expected only with register = true")
    if register and dynamic:
        raise ValueError("register: expected one of register and dynamic")
    if not values["address"] and not dynamic:
        raise ValueError("address: expected an IP address or a host name, or dynamic = true for one that registers")
