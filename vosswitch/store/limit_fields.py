"""The provisioned fields that say who may use whom, and how many calls there may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vosswitch.accounts.destinations import SCOPES
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected, Reader
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vosswitch.store.document import Entry
    from vosswitch.store.entities import Stored

_LINES = Field("lines", fields.limit, help="Calls at once; left out = unlimited")
_CPS = Field("cps", fields.limit, help="New calls per second; left out = unlimited")


def references(one: Reader, what: str) -> Reader:
    """A list of the keys of other entries, each once, in order.

    :param one: reads a key.
    """

    def read(value: Any, deployment: Deployment) -> list[str]:
        if not isinstance(value, list):
            raise Expected(f"a list of {what}")
        return list(dict.fromkeys(one(item, deployment) for item in value))

    return read


_names = references(fields.name, "names")
_numbers = references(fields.number, "account numbers")
_some_prefixes = fields.prefixes


def _prefixes(value: Any, deployment: Deployment) -> list[str]:
    found: list[str] = _some_prefixes(value, deployment)
    if not found:
        raise Expected('at least one prefix, such as ["4369"]')
    return found


def _check_destination(values: Mapping[str, Any]) -> None:
    for scope in SCOPES[1:]:
        if values[f"{scope}s"] and values["scope"] != scope:
            raise ValueError(f'{scope}s: expected none, for scope is "{values["scope"]}"')
    if values["lines"] is None and values["cps"] is None:
        raise ValueError("lines: expected lines or cps")


def _check_group(values: Mapping[str, Any]) -> None:
    if values["reserved"] and values["lines"] is None:
        raise ValueError("reserved: expected lines beside it, the lines that the members share")
    if values["reserved"] and values["reserved"] > values["lines"]:
        raise ValueError(f"reserved: expected at most {values['lines']}, the lines that the members share")


GATEWAY_GROUPS = Table(
    "gateway_groups",
    "gateway_group",
    "name",
    (
        Field("name", fields.name, required=True),
        _LINES,
        _CPS,
        Field("reserved", fields.whole(0, 1_000_000), 0, help="Lines of them that each member has to itself"),
    ),
    check=_check_group,
)

DESTINATION_LIMITS = Table(
    "destination_limits",
    "destination_limit",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("prefixes", _prefixes, (), help="Beginnings of the called numbers as billed", required=True),
        _LINES,
        _CPS,
        Field("scope", fields.choice(*SCOPES), "system", help="Who has them: one counter for all, or one for each"),
        Field("accounts", _numbers, (), help="Of scope account: only these; none = each", refers="accounts"),
        Field(
            "mapping_gateways",
            _names,
            (),
            help="Of scope mapping_gateway: only these; none = each",
            refers="mapping_gateways",
        ),
        Field(
            "routing_gateways",
            _names,
            (),
            help="Of scope routing_gateway: only these; none = each",
            refers="routing_gateways",
        ),
    ),
    check=_check_destination,
)

_GROUPS = Field("groups", _names, (), help="Gateway groups that it belongs to", refers="gateway_groups")
_LONGEST = Field(
    "longest_call", fields.optional(fields.whole(1, 86_400 * 7)), help="Longest call, seconds; left out = unlimited"
)

PRIVILEGES_OF_MAPPING_GATEWAYS = (
    Field(
        "rate_group",
        fields.optional(fields.name),
        help="Its own price list, before its account's",
        refers="rate_groups",
    ),
    _LONGEST,
    _GROUPS,
    Field("routing_allowed", _names, (), help="Routing gateways that its calls may go to", refers="routing_gateways"),
    Field(
        "routing_forbidden",
        _names,
        (),
        help="Routing gateways that its calls may not go to, whatever is allowed",
        refers="routing_gateways",
    ),
    Field(
        "groups_allowed",
        _names,
        (),
        help="Gateway groups that its calls may go to, too; nothing allowed in either list = all gateways",
        refers="gateway_groups",
    ),
    Field(
        "groups_forbidden",
        _names,
        (),
        help="Gateway groups that its calls may not go to, whatever is allowed",
        refers="gateway_groups",
    ),
)
PRIVILEGES_OF_ROUTING_GATEWAYS = (
    Field(
        "rate_group",
        fields.optional(fields.name),
        help="The vendor's prices here, before those of its account",
        refers="rate_groups",
    ),
    _LONGEST,
    _GROUPS,
    Field(
        "mapping_allowed",
        _names,
        (),
        help="Mapping gateways whose calls it takes; none = all, and those of phones",
        refers="mapping_gateways",
    ),
    Field(
        "mapping_forbidden",
        _names,
        (),
        help="Mapping gateways whose calls it does not take, whatever is allowed",
        refers="mapping_gateways",
    ),
)
PRIVILEGES_OF_PHONES = (
    Field(
        "rate_group",
        fields.optional(fields.name),
        help="Its own price list, before its account's",
        refers="rate_groups",
    ),
    Field(
        "offline_to_gateways",
        fields.choice("default", "on", "off"),
        "default",
        help="Calls to it go to gateways while it is offline; default = SS_REDIRECT_OFFLINE_PHONE_TO_GATEWAY",
    ),
)

_MEMBERS = ("mapping_gateways", "routing_gateways")


def reserved_problems(
    entries: Mapping[str, Mapping[str, Entry]], state: Mapping[str, Mapping[str, Stored]]
) -> Iterator[str]:
    """Groups whose members have more lines to themselves than there are; told where the document makes it so."""
    for name, stored in state[GATEWAY_GROUPS.name].items():
        reserved, lines = stored.values["reserved"], stored.values["lines"]
        if not reserved or lines is None:
            continue
        for side in _MEMBERS:
            members = [key for key, one in state[side].items() if name in one.values["groups"]]
            if reserved * len(members) <= lines:
                continue
            what, entry = "reserved", entries[GATEWAY_GROUPS.name].get(name)
            if entry is None:
                what, entry = "groups", next((entries[side][key] for key in members if key in entries[side]), None)
            if entry is not None:
                yield (
                    f'{entry.where}: {what}: expected at most {lines} reserved lines in gateway group "{name}", '
                    f"got {reserved} for each of {len(members)} {side.replace('_', ' ')}"
                )
