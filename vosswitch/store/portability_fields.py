"""The provisioned fields of ported numbers and of jurisdiction."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vosswitch.store import fields
from vosswitch.store.fields import Expected
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from vosswitch.store.fields import Deployment

_OWN = frozenset({"table", "http", "sip"})
_URL = re.compile(r"https?://[^\s\x00-\x1f\x7f]{1,500}")
_HEADER = re.compile(r"[!-9;-~]{1,64}:[ -~]{0,400}")


def source(value: Any, deployment: Deployment) -> str:
    """table, http, sip or the name of a plugin's number query."""
    found = fields.name(value, deployment)
    known = deployment.plugins.get("number_queries")
    if found not in _OWN and known is not None and found not in known:
        raise Expected(f"table, http, sip or a plugin's number query ({', '.join(sorted(known)) or 'none'})")
    return found


def url(value: Any, _deployment: Deployment) -> str:
    """A URL with {number} in it."""
    if not isinstance(value, str) or (value and not (_URL.fullmatch(value) and "{number}" in value)):
        raise Expected("a URL that begins with http:// or https:// and has {number} in it")
    return value


def headers(value: Any, _deployment: Deployment) -> list[str]:
    """Header lines."""
    texts = value if isinstance(value, list) else [None]
    if len(texts) > 20 or not all(isinstance(item, str) and _HEADER.fullmatch(item) for item in texts):
        raise Expected('a list of at most 20 headers such as "Authorization: Bearer {key}"')
    return list(texts)


def path(value: Any, _deployment: Deployment) -> str:
    """A path in a JSON answer, or of a file."""
    if not isinstance(value, str) or len(value) > 255 or not value.isprintable():
        raise Expected("a text of at most 255 printable characters")
    return value.strip()


PORTABILITY = Table(
    "portability",
    "portability",
    "name",
    (
        Field("name", fields.name, required=True),
        Field("source", source, "table", help="table, http, sip or a plugin's number query"),
        Field("table", fields.optional(fields.name, ""), "", help="Number table", refers="number_tables"),
        Field("url", url, "", help="Of source http, with {number}, perhaps {caller} and {key}"),
        Field("headers", headers, (), help="Of its requests; {key} may stand in them"),
        Field("key_file", path, "", help="File whose first line is {key}"),
        Field("answer", path, "", help="Path in a JSON answer (data.lrn); empty = the answer is the number"),
        Field("gateway", fields.optional(fields.name, ""), "", help="Redirect server", refers="routing_gateways"),
        Field("dial_plan", fields.dial_plan, "", help="Makes the number that is asked of the called number"),
        Field("lrn_dial_plan", fields.dial_plan, "", help="Makes the routing number of the answer"),
        Field("prefixes", fields.prefixes, (), help="Called numbers that are asked; empty = all"),
        Field("deadline_ms", fields.whole(1, 10_000), 500, help="How long a call waits for the answer"),
        Field("on_failure", fields.choice("continue", "refuse"), "continue", help="Without an answer"),
        Field("result", fields.choice("number", "prefix", "parameter"), "number", help="What the answer is used for"),
        Field("rate_by", fields.choice("dialled", "lrn"), "dialled", help="Number whose rates count"),
        Field("cache_size", fields.whole(0, 1_000_000), 10_000, help="Answers that are kept"),
        Field("cache_seconds", fields.whole(0, 86_400), 300, help="How long"),
        Field("most", fields.whole(1, 10_000), 100, help="Questions under way at once"),
    ),
)


def _groups(whose: str) -> tuple[Field, ...]:
    group = fields.optional(fields.name)
    return tuple(
        [
            Field(f"rate_group_{kind}", group, help=f"{whose} of {kind} calls", refers="rate_groups")
            for kind in ("interstate", "intrastate", "undetermined")
        ]
    )


OF_MAPPING_GATEWAYS = (
    Field("portability", fields.optional(fields.name, ""), "", help="Ported numbers", refers="portability"),
    Field("jurisdiction", fields.optional(fields.name, ""), "", help="States by NPA-NXX", refers="number_tables"),
    *_groups("Rates"),
)

OF_ROUTING_GATEWAYS = _groups("The vendor's rates")
