"""What is provisioned for screening: lists of numbers, areas, and what accounts, gateways and phones say of them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from vosswitch.accounts import areas, sections
from vosswitch.model.values import Level
from vosswitch.numbers import entries
from vosswitch.numbers.lists import ACTIONS
from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Callable


def _texts(value: Any, most: int, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Expected(f"a list of {what}")
    if len(value) > most:
        raise Expected(f"at most {most} {what}, not {len(value)}")
    return list(dict.fromkeys(value))


def _each(found: list[str], read: Callable[[str], str]) -> list[str]:
    for text in found:
        try:
            read(text)
        except ValueError as error:
            raise Expected(f'{error}, not "{text[:80]}"') from None
    return found


def number_entries(value: Any, _deployment: Deployment) -> list[str]:
    """Numbers, prefixes, patterns and lengths, each once, in order."""
    found = _each(_texts(value, entries.MOST, "numbers; longer lists go into number_tables"), entries.read_entry)
    patterns = sum(map(entries.is_pattern, found))
    if patterns > entries.MOST_PATTERNS:
        raise Expected(f"at most {entries.MOST_PATTERNS} patterns, not {patterns}")
    return found


def networks(value: Any, _deployment: Deployment) -> list[str]:
    """Networks in CIDR and addresses, in normal form, each once; IPv4-mapped IPv6 is refused."""
    found = []
    for text in _texts(value, areas.MOST, "networks"):
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise Expected(f'networks such as "192.0.2.0/24" or "2001:db8::/32", not "{text[:80]}"') from None
        found.append(str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network))
    return list(dict.fromkeys(found))


def area_names(value: Any, _deployment: Deployment) -> list[str]:
    """Values of a table of networks, each once, in order."""
    return _texts(value, areas.MOST, "names of areas")


def account_sections(value: Any, _deployment: Deployment) -> list[str]:
    """Ranges, prefixes and numbers, each once, in order."""
    return _each(_texts(value, sections.MOST, "sections"), sections.read_section)


def list_name(value: Any, deployment: Deployment) -> str:
    """A name that no plugin's blacklist bears."""
    found = fields.name(value, deployment)
    if found in deployment.plugins.get("blacklists", ()):
        raise Expected("another name, for a plugin's blacklist has this one")
    return found


def names(value: Any, deployment: Deployment) -> list[str]:
    """Names of entries, each once, in order."""
    if not isinstance(value, list):
        raise Expected("a list of names")
    return list(dict.fromkeys(fields.name(item, deployment) for item in value))


def check_sections(values: dict[str, Any]) -> None:
    """Whether what an account says of its sections fits together.

    :raises ValueError: it does not.
    """
    if values["section_policy"] == "replace" and not values["default_caller"]:
        raise ValueError('default_caller: expected a number, for section_policy is "replace"')


NUMBER_LISTS = Table(
    "number_lists",
    "number_list",
    "name",
    (
        Field("name", list_name, required=True),
        Field("action", fields.choice(*ACTIONS), "deny", help="deny, allow, or only: no number but these"),
        Field("of", fields.choice("caller", "callee", "both"), "both", help="Which number is looked up"),
        Field("entries", number_entries, (), help='"4312345", "4312*", "43120-43129", "/43\\d{6}/", "length 7-15"'),
        Field("groups", names, (), help="Number groups whose numbers are on it", refers="number_groups"),
        Field("tables", names, (), help="Number tables whose numbers are on it", refers="number_tables"),
        Field("prefix_tables", names, (), help="Number tables whose prefixes are on it", refers="number_tables"),
        Field("system", fields.flag, False, help="It is asked for every call"),
        Field("help", fields.free_text, "", help="What it is, in your words"),
    ),
)

GEOFENCES = Table(
    "geofences",
    "geofence",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("networks", networks, (), help="Its networks in CIDR, IPv4 and IPv6"),
        Field("table", fields.optional(fields.name, ""), "", help="Table of networks", refers="number_tables"),
        Field("areas", area_names, (), help="The values of the table that belong to it; none = all"),
        Field("help", fields.free_text, "", help="What it is, in your words"),
    ),
)

_LISTS = Field(
    "lists", names, (), help="Number lists, and blacklists of plugins", refers="number_lists", or_of="blacklists"
)

OF_CALLERS = (_LISTS,)
"""Of mapping gateways, phones and routing gateways."""

OF_ACCOUNTS = (
    _LISTS,
    Field("level", fields.choice(*(level.value for level in Level)), Level.INTERNATIONAL.value, help="Farthest calls"),
    Field("areas_allowed", names, (), help="Geofences that its calls may come from; none = any", refers="geofences"),
    Field("areas_forbidden", names, (), help="Geofences that its calls may not come from", refers="geofences"),
    Field("sections", account_sections, (), help='Calling numbers it may show: "43120-43129", "4312*"; none = any'),
    Field("section_policy", fields.choice("refuse", "replace"), "refuse", help="What becomes of other numbers"),
    Field("default_caller", fields.optional(fields.number, ""), "", help="Shown instead with section_policy replace"),
)
