"""Every table and field of the provisioning format, declared as data.

What a file leaves out has the field's default, when an entry is updated too; the exceptions are noted at the field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vosswitch.model.values import Level, money_text
from vosswitch.numbers.dialplan import parse_plan
from vosswitch.store import (
    fields,
    fraud_fields,
    margin_fields,
    money_fields,
    numbering_fields,
    package_fields,
    period_fields,
    portability_fields,
    rate_fields,
)
from vosswitch.store.calendar_fields import CALENDARS
from vosswitch.store.card_fields import OF_ACCOUNTS as _CARDS
from vosswitch.store.card_fields import OF_MAPPING_GATEWAYS as _CARD_RULES
from vosswitch.store.clearing_fields import OF_CLEARING
from vosswitch.store.currency_fields import CURRENCY, EXCHANGE_RATES
from vosswitch.store.group_fields import NUMBER_GROUPS
from vosswitch.store.h323_fields import ADDRESSES as _H323_ADDRESSES
from vosswitch.store.h323_fields import OF_MAPPING_GATEWAYS as _H323_IN
from vosswitch.store.h323_fields import OF_ROUTING_GATEWAYS as _H323_OUT
from vosswitch.store.limit_fields import (
    DESTINATION_LIMITS,
    GATEWAY_GROUPS,
    PRIVILEGES_OF_MAPPING_GATEWAYS,
    PRIVILEGES_OF_PHONES,
    PRIVILEGES_OF_ROUTING_GATEWAYS,
)
from vosswitch.store.number_fields import NUMBER_TABLES
from vosswitch.store.order_fields import ORDER_OF_ROUTING_GATEWAYS, PREFIXES, ROUTING_ORDER
from vosswitch.store.peer_fields import OF_MAPPING_GATEWAYS, OF_ROUTING_GATEWAYS, host_name
from vosswitch.store.quality_fields import OF_MAPPING_GATEWAYS as _ROUTING_TIME
from vosswitch.store.quality_fields import OF_ROUTING_GATEWAYS as _CONDUCT
from vosswitch.store.screening_fields import GEOFENCES, NUMBER_LISTS, OF_ACCOUNTS, OF_CALLERS
from vosswitch.store.sheet_fields import FORMAT, SHEET_FORMATS
from vosswitch.store.sink_fields import CDR_TARGETS
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Iterable


def _warnings(plan: str) -> Iterable[str]:
    return parse_plan(plan).warnings


_LEVELS = fields.choice(*(level.value for level in Level))
_MEDIA = fields.choice("off", "on", "auto", "must_on")
PRIVATE_RATES = Field(
    "private_rates", fields.optional(fields.name), help="A price list that is looked in first", refers="rate_groups"
)
_LINES = Field("lines", fields.limit, help="Calls at once; left out = unlimited")
_CPS = Field("cps", fields.limit, help="New calls per second; left out = unlimited")
_LOCKED = Field("locked", fields.flag, False, help="Refuses every call")
_MEDIA_PROXY = Field("media_proxy", _MEDIA, "auto", help="off, on, auto or must_on")
_LOCAL = fields.optional(fields.local_address, "")
_CALLEE_PLAN = Field("callee_dial_plan", fields.dial_plan, "", help="Rules for the called number", warn=_warnings)
_CALLER_PLAN = Field("caller_dial_plan", fields.dial_plan, "", help="Rules for the calling number", warn=_warnings)
_TRANSFORMS = Field("number_transforms", fields.names("number_transforms"), (), help="Plugins that change numbers")
_PASSWORD = Field("password", fields.password, secret=True, help="Left out or ******** = unchanged")
_HA1 = Field("ha1", fields.hashes, secret=True, help="Instead of the password: {MD5 = hex, SHA-256 = hex}")

RATE = Table(
    "rates",
    "rate",
    "prefix",
    (
        Field("prefix", fields.prefix, "", help='Beginning of the called number; "" = every number', required=True),
        Field("effective", fields.moment, 0, fields.moment_text, "In force from then on; left out = always"),
        Field("name", fields.free_text, "", help="The destination"),
        Field("per_minute", fields.rate, help="Price of a minute, decimal text", required=True),
        Field("first", fields.whole(1, 86_400), 1, help="First increment, seconds"),
        Field("next", fields.whole(1, 86_400), 1, help="Further increments, seconds"),
        Field("connect_fee", fields.rate, "0", help="Price of an answered call"),
        Field("tax", fields.rate, "0", help="Percent on top"),
        Field("level", _LEVELS, Level.DOMESTIC.value, help="net, local, domestic or international"),
        Field("until", fields.optional(fields.moment), None, fields.moment_text, "Not in force from then on"),
        Field("attempt_fee", rate_fields.amount, "0", help="Price of a call that is placed, answered or not"),
        Field("minimum", rate_fields.amount, "0", help="The least that a charged call costs"),
        Field("sections", rate_fields.sections, "", help="Other minute prices beyond charged seconds: 60:0.5,300:0.3"),
        Field("periods", rate_fields.periods, "", help="Prices of times: CALENDAR:PER_MINUTE[:CONNECT_FEE], ..."),
    ),
    check=rate_fields.check_rate,
)

RATE_GROUPS = Table(
    "rate_groups",
    "rate_group",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("billing_mode", fields.named("billing_mode"), "increment", help="Plugin that makes money of seconds"),
        CURRENCY,
        FORMAT,
    ),
)

ACCOUNTS = Table(
    "accounts",
    "account",
    "number",
    (
        Field("number", package_fields.account_number, required=True),
        Field("name", fields.free_text, ""),
        Field("kind", fields.choice("ordinary", "clearing", "agent", "phone_card"), "ordinary"),
        Field("balance", fields.amount, 0, money_text, "Opening payment; used only when the account is created"),
        Field("overdraft_limit", fields.overdraft, 0, fields.overdraft_text, "How far below zero it may go"),
        Field("anti_overdraft", fields.flag, False, help="Reserves money for every call and cuts it when it is used"),
        Field("rate_group", fields.optional(fields.name), refers="rate_groups"),
        PRIVATE_RATES,
        CURRENCY,
        Field("agent", fields.optional(fields.number), help="The agent whose customer it is", refers="accounts"),
        _LINES,
        _CPS,
        Field("locked", fields.flag, False, help="Left out, it lifts an operator's lock and leaves others alone"),
        Field("lock_reason", fields.choice("balance", "operator", "expiry", "fraud"), "", help="Why it is locked"),
        Field("expires", fields.optional(fields.moment), None, fields.moment_text, "No calls from then on"),
        *OF_CLEARING,
        *OF_ACCOUNTS,
        *package_fields.OF_ACCOUNTS,
        *money_fields.OF_ACCOUNTS,
        *_CARDS,
        *margin_fields.OF_ACCOUNTS,
    ),
)

MAPPING_GATEWAYS = Table(
    "mapping_gateways",
    "mapping_gateway",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("account", fields.number, required=True, refers="accounts"),
        Field("auth", fields.choice("ip", "ip_port", "password"), "ip", help="What proves that a call is its own"),
        Field("addresses", fields.sources, (), help="IP, CIDR, ip:port, [v6]:port"),
        Field("username", fields.optional(fields.name, ""), "", help="Of auth password; left out = the name"),
        _PASSWORD,
        _HA1,
        _LINES,
        _CPS,
        Field("tech_prefix", fields.prefix, "", help="Tells gateways of one address apart; stripped first"),
        _CALLEE_PLAN,
        _CALLER_PLAN,
        Field("routing_strategies", fields.names("routing_strategies"), (), help="Order of the vendors"),
        ROUTING_ORDER,
        Field("blacklists", fields.names("blacklists"), ()),
        _TRANSFORMS,
        _MEDIA_PROXY,
        *_ROUTING_TIME,
        *margin_fields.OF_MAPPING_GATEWAYS,
        *PRIVILEGES_OF_MAPPING_GATEWAYS,
        *OF_MAPPING_GATEWAYS,
        *portability_fields.OF_MAPPING_GATEWAYS,
        *period_fields.OF_MAPPING_GATEWAYS,
        *OF_CALLERS,
        *fraud_fields.OF_MAPPING_GATEWAYS,
        *_CARD_RULES,
        *numbering_fields.OF_GATEWAYS,
        *_H323_IN,
        _LOCKED,
    ),
)

ROUTING_GATEWAYS = Table(
    "routing_gateways",
    "routing_gateway",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("account", fields.optional(fields.number), help="The vendor's clearing account", refers="accounts"),
        Field("address", fields.optional(host_name, ""), "", help="IP address or host name; left out if it registers"),
        Field("port", fields.whole(0, 65_535), 0, help="0 = the default, or what the name service says"),
        Field(
            "transport",
            fields.choice("auto", "udp", "tcp", "tls", "ws", "wss"),
            "auto",
            help="auto = what the name service says, else UDP",
        ),
        Field("local_address", _LOCAL, "", help="Sent from: IP or ip:port; left out = the fitting listener"),
        Field("username", fields.optional(fields.name, ""), "", help="Answers the vendor's digest challenges"),
        _PASSWORD,
        Field("realm", fields.free_text, "", help="Only this realm is answered; left out = any"),
        PREFIXES,
        *ORDER_OF_ROUTING_GATEWAYS,
        Field("priority", fields.whole(0, 1_000_000), 0, help="The smallest is tried first"),
        Field("weight", fields.whole(0, 1_000_000), 1, help="Share among equal priorities"),
        _LINES,
        _CPS,
        _CALLEE_PLAN,
        _CALLER_PLAN,
        _TRANSFORMS,
        Field("strip_prefix", fields.flag, False, help="Removes the matched prefix"),
        _MEDIA_PROXY,
        *_CONDUCT,
        *PRIVILEGES_OF_ROUTING_GATEWAYS,
        *OF_ROUTING_GATEWAYS,
        *period_fields.OF_ROUTING_GATEWAYS,
        *portability_fields.OF_ROUTING_GATEWAYS,
        *OF_CALLERS,
        *numbering_fields.OF_GATEWAYS,
        *_H323_OUT,
        _LOCKED,
    ),
)

PHONES = Table(
    "phones",
    "phone",
    "number",
    (
        Field("number", fields.number, required=True),
        Field("account", fields.number, required=True, refers="accounts"),
        _PASSWORD,
        _HA1,
        _LINES,
        Field("level", _LEVELS, Level.DOMESTIC.value, help="The farthest calls it may make"),
        _CALLEE_PLAN,
        *OF_CALLERS,
        _CALLER_PLAN,
        *PRIVILEGES_OF_PHONES,
        PRIVATE_RATES,
        *numbering_fields.OF_PHONES,
        _H323_ADDRESSES,
        *package_fields.OF_PHONES,
        _LOCKED,
    ),
)

PARAMETERS = Table(
    "parameters",
    "parameter",
    "name",
    (Field("name", fields.parameter_name, required=True), Field("value", fields.parameter_text, required=True)),
)

TABLES = {
    table.name: table
    for table in (
        RATE_GROUPS,
        ACCOUNTS,
        MAPPING_GATEWAYS,
        ROUTING_GATEWAYS,
        PHONES,
        PARAMETERS,
        EXCHANGE_RATES,
        GATEWAY_GROUPS,
        DESTINATION_LIMITS,
        NUMBER_TABLES,
        CALENDARS,
        NUMBER_GROUPS,
        NUMBER_LISTS,
        GEOFENCES,
        numbering_fields.NUMBER_POOLS,
        portability_fields.PORTABILITY,
        fraud_fields.FRAUD_RULES,
        package_fields.PACKAGES,
        CDR_TARGETS,
        SHEET_FORMATS,
    )
}
"""By the name in files, in the order in which entries are created."""
