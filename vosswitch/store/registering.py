"""What a gateway needs that registers with us (``dynamic``), or that we register with (``register``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_registering(values: Mapping[str, Any], *, secret: bool) -> None:
    """See that the fields fit together.

    :param values: of a mapping or routing gateway; *secret*: it has a password.
    :raises ValueError: they do not; the text names the field.
    """
    dynamic, register = values["dynamic"], values.get("register", False)
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
