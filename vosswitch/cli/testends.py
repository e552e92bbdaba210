"""Who ``vosswitch testcall`` plays: the ends of a call through the running switch that are on this machine."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vosswitch.accounts.sources import read_source
from vosswitch.cli.state import Failed, State, note
from vosswitch.cli.useragent import Plan
from vosswitch.control.operations import GATEWAYS, ROUTE, STATUS
from vosswitch.model.places import settled
from vosswitch.model.values import Address
from vosswitch.params.boot import Listener
from vosswitch.sip.transport import try_bind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SPOKEN = frozenset({"udp", "tcp"})
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a listener's address, and where it is reached


@dataclass(frozen=True, slots=True)
class Setting:
    """Who is played.

    :ivar gateway: the mapping gateway; *vendor* the routing gateway, None when it is not played.
    :ivar accounts: whose balances may change.
    """

    plan: Plan
    gateway: str
    vendor: str | None
    accounts: tuple[str, ...]


def find(state: State, caller: str, callee: str, seconds: float, gateway: str | None, vendor: bool | None) -> Setting:
    """Ask the running switch who can be played.

    :param vendor: True = it has to be played, False = it must not, None = when its address is free.
    :raises Failed: nobody can be played, or the call would leave this machine.
    """
    client = state.client()
    switch = _listener(client.call(STATUS.name)["listen"])
    rows = client.call(GATEWAYS.name)
    customer, row = _customer([row for row in rows if row["kind"] == "mapping"], gateway, switch)
    answer = client.call(ROUTE.name, caller=caller, callee=callee, mapping_gateway=row["name"])
    kept = [item["gateway"] for item in answer["candidates"] or () if item["kept"]]
    vendors = {item["name"]: item for item in rows if item["kind"] == "routing"}
    played = _vendor(vendors.get(kept[0]) if kept else None, vendor)
    address = None if played is None else _address(played["address"])
    name = None if played is None else str(played["name"])
    accounts = dict.fromkeys([row["account"], *(vendors[name]["account"] for name in kept if name in vendors)])
    plan = Plan(caller, callee, switch, customer, address, seconds)
    return Setting(plan, row["name"], name, tuple(number for number in accounts if number))


def _address(text: str) -> Address:
    """What a gateway's row names, with the defaults as for calls to it; the first of several."""
    transport, _, rest = text.partition(", ")[0].partition(":")
    host, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        host, port = rest, "0"
    return settled(host.strip("[]"), int(port), transport)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listener(listens: Sequence[str]) -> Address:
    """Where the customer calls: a loopback address that the switch listens on, UDP before TCP."""
    found = []
    for address in map(_address, listens):
        if address.transport not in _SPOKEN:
            continue
        host = _ANY.get(address.host, address.host)
        if _loopback(host):
            found.append(address._replace(host=host))
    if not found:
        raise Failed(
            f"the switch listens on {', '.join(listens)}; expected a loopback address, udp or tcp, for a test call"
        )
    return min(found, key=lambda address: address.transport != "udp")


def _customer(
    rows: Sequence[Mapping[str, Any]], name: str | None, switch: Address
) -> tuple[Address, Mapping[str, Any]]:
    """The address to call from, and the mapping gateway that it belongs to."""
    if name is not None and not any(row["name"] == name for row in rows):
        raise Failed(f'there is no mapping gateway "{name}"')
    for row in rows:
        if name in (None, row["name"]):
            for text in filter(None, row["address"].split(", ")):
                found = _own_address(text, switch)
                if found is not None:
                    return found, row
    whose = "no mapping gateway has" if name is None else f'the mapping gateway "{name}" has not'
    raise Failed(f"{whose} a loopback address that can call {switch}; expected one as in etc/demo.toml")


def _own_address(text: str, switch: Address) -> Address | None:
    """An address of ours within what the gateway is known by; None when it is not on this machine."""
    try:
        match = read_source(text)
    except ValueError:  # it registers: where it is says nothing of who may call
        return None
    network = match.network
    if not network.is_loopback or (network.version == 6) != (":" in switch.host):
        return None
    host = network.network_address + (0 if network.num_addresses <= 2 else 1)
    return Address(str(host), match.port or 0, switch.transport)


def _vendor(row: Mapping[str, Any] | None, wanted: bool | None) -> Mapping[str, Any] | None:
    """The routing gateway to play."""
    if row is None or wanted is False:
        if wanted:
            raise Failed("the call is routed to no gateway that could be played; see vosswitch route")
        return None
    address = _address(row["address"])
    if not _loopback(address.host):
        where = f"{row['name']} at {row['address']}"
        raise Failed(f"the call would go to {where}, outside this machine; --no-vendor places it for real")
    if address.transport not in _SPOKEN:
        raise Failed(
            f"{row['name']} wants {address.transport}; a test call speaks udp and tcp; --no-vendor places it for real"
        )
    return row if _free(row["name"], address, wanted is True) else None


def _free(name: str, address: Address, must: bool) -> bool:
    try:
        try_bind([Listener(address.transport, address.host, address.port)])
    except OSError as error:
        if must:
            raise Failed(f"{name} cannot be played: {error.strerror}") from None
        note(f"somebody listens on {address} already: {name} is not played")
        return False
    return True
