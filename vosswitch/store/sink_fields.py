"""The provisioned targets of CDR sinks: HTTP servers and Redis streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vosswitch.store import fields
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.table import Field, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVED = ("hourly_files", "interval_files", "report")
"""Names of sinks that parameters make."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_SCHEMES = {"http": ("http", "https"), "redis": ("redis", "rediss")}


def _name(value: Any, _deployment: Deployment) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value in RESERVED:
        raise Expected(f"a name of 1-64 letters, digits, _ . and - that is not one of {', '.join(RESERVED)}")
    return value


def _url(value: Any, _deployment: Deployment) -> str:
    wanted = Expected("an address such as https://billing.example/cdrs or redis://192.0.2.7:6379/0")
    if not isinstance(value, str) or len(value) > 500 or not value.isascii() or not value.isprintable() or " " in value:
        raise wanted
    try:
        parts = urlsplit(value)
        usable = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        raise wanted from None
    if not usable or parts.fragment or parts.scheme not in ("http", "https", "redis", "rediss"):
        raise wanted
    if parts.password is not None:
        raise Expected("an address without a password: see token_file")
    return value


def _path(value: Any, _deployment: Deployment) -> str:
    if not isinstance(value, str) or not value.startswith("/") or not value.isprintable() or len(value) > 500:
        raise Expected("the absolute path of a file")
    return value


def _key(value: Any, _deployment: Deployment) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise Expected("the name of a stream, 1-128 characters without blanks")
    return value


def _check(values: Mapping[str, Any]) -> None:
    parts = urlsplit(values["url"])
    schemes = _SCHEMES[values["kind"]]
    if parts.scheme not in schemes:
        raise ValueError(f"url: expected one that begins with {schemes[0]}:// or {schemes[1]}://")
    if values["kind"] == "http" and parts.username is not None:
        raise ValueError("url: expected no user name: see token_file")
    if values["kind"] == "redis" and not (parts.path.strip("/") or "0").isdigit():
        raise ValueError("url: expected the number of a database behind the /")


CDR_TARGETS = Table(
    "cdr_targets",
    "cdr_target",
    "name",
    (
        Field("name", _name, required=True),
        Field("kind", fields.choice("http", "redis"), "http", help="Who gets the calls: a web server, a Redis stream"),
        Field("url", _url, required=True, help="Where it is"),
        Field("token_file", fields.optional(_path, ""), "", help="File with its bearer token or password, mode 0600"),
        Field("ca_file", fields.optional(_path, ""), "", help="Who signs its certificate; none = as the system says"),
        Field("batch", fields.whole(1, 5000), 100, help="Most calls at once"),
        Field("timeout", fields.whole(1, 120), 10, help="Seconds that it may be silent"),
        Field("stream", _key, "vosswitch:cdr", help="Redis: name of the stream"),
        Field("longest", fields.whole(1, 100_000_000), 1_000_000, help="Redis: about so many entries are kept"),
        Field("paused", fields.flag, False, help="Nothing is sent; what it misses is kept for it"),
    ),
    check=_check,
)
