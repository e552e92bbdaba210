"""The configuration file: only what must be known before the database.

`read` turns the parsed TOML of ``etc/vosswitch.toml`` into a `Boot` or raises `BadSetting` with one line that names
the key and what was expected.  Relative paths are relative to the file's folder.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vosswitch.model.places import local_parts
from vosswitch.params.checks import BadSetting, ip, ip_or_none, text, texts, whole
from vosswitch.params.listeners import TLS_KEYS, ClientTls, Listener, client_tls, listener, listeners_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["BadSetting", "Boot", "Listener", "listener", "read"]


_MYSQL = re.compile(
    r"mysql\+pymysql://"
    r"(?:[^:/@\s]*(?::[^@\s]*)?@)?"  # user and password, with @ in either as %40
    r"(?:\[[0-9A-Fa-f:.]+\]|[^:/@\[\]\s]*)(?::[0-9]{1,5})?"
    r"/[^/@?\s]+(?:\?[^\s]*)?"
)


@dataclass(frozen=True, slots=True)
class Boot:
    """The whole file, with its defaults filled in and its paths absolute."""

    path: str
    node_id: int
    node_name: str
    timezone: str
    realm: str
    listeners: tuple[Listener, ...]
    database_url: str
    redis_url: str
    name_servers: tuple[tuple[str, int], ...]
    dns_prefer: str
    media_addresses: tuple[tuple[str, str], ...]
    media_workers: int
    media_engine: str
    plugin_path: tuple[str, ...]
    plugins_disabled: tuple[str, ...]
    run_directory: str
    spool_directory: str
    cdr_directory: str
    key_file: str
    tls: ClientTls
    log_level: str
    log_file: str

    @property
    def control_socket(self) -> str:
        """Path of the node's control socket."""
        return os.path.join(self.run_directory, "control.sock")


def _servers(value: Any) -> tuple[tuple[str, int], ...]:
    try:
        return tuple((host, port or 53) for host, port in map(local_parts, texts(value)))
    except (TypeError, ValueError):
        raise TypeError('a list of name servers such as ["192.0.2.53", "[2001:db8::53]:5353"]') from None


def _ips(one: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    """One address, or a list of them."""

    def check(value: Any) -> tuple[str, ...]:
        return tuple(one(item) for item in value) if isinstance(value, list) else (one(value),)

    return check


def _word(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in words:
            raise TypeError(" or ".join(words))
        return str(value)

    return check


def _zone(value: Any) -> str:
    try:
        ZoneInfo(text(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TypeError("an IANA time zone such as Europe/Vienna") from None
    return str(value)


def _level(value: Any) -> str:
    if value not in ("debug", "info", "warn", "error"):
        raise TypeError("debug, info, warn or error")
    return str(value)


_KEYS: dict[str, dict[str, tuple[Callable[[Any], Any], Any]]] = {
    "node": {
        "id": (whole(0, 1023), 0),
        "name": (text, "vosswitch"),
        "timezone": (_zone, "UTC"),
        "realm": (text, "vosswitch"),
    },
    "database": {"url": (text, "sqlite:///../var/vosswitch.sqlite"), "key_file": (text, "../var/secret.key")},
    "redis": {"url": (text, "")},
    "dns": {"servers": (_servers, []), "prefer": (_word("ipv4", "ipv6"), "ipv4")},
    "media": {
        "address": (_ips(ip), "127.0.0.1"),
        "advertise": (_ips(ip_or_none), ""),
        "engine": (text, "built-in"),
        "workers": (whole(1, 64), 1),
    },
    "plugins": {"path": (texts, ["../plugins"]), "disabled": (texts, [])},
    "tls": TLS_KEYS,
    "run": {"directory": (text, "../var/run"), "spool": (text, "../var/spool"), "cdr": (text, "../var/cdr")},
    "log": {"level": (_level, "info"), "file": (text, "")},
}


def _sections(document: Mapping[str, Any], path: str) -> dict[str, dict[str, Any]]:
    for section in document:
        if section != "listen" and section not in _KEYS:
            raise BadSetting(f"{path}: unknown section [{section}]; expected {', '.join(['listen', *_KEYS])}")
    return {section: _section(section, document.get(section, {}), path) for section in _KEYS}


def _section(section: str, given: Any, path: str) -> dict[str, Any]:
    keys = _KEYS[section]
    if not isinstance(given, dict):
        raise BadSetting(f"{path}: {section}: expected a [{section}] table")
    for key in given:
        if key not in keys:
            raise BadSetting(f"{path}: [{section}] unknown key {key!r}; expected {', '.join(keys)}")
    values = {}
    for key, (check, default) in keys.items():
        try:
            values[key] = check(given.get(key, default))
        except TypeError as expected:
            raise BadSetting(f"{path}: [{section}] {key}: expected {expected}, got {given[key]!r}") from None
    return values


def _absolute(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))


def _database(folder: str, url: str, path: str) -> str:
    if url.startswith("sqlite:///"):
        return "sqlite:///" + _absolute(folder, url.removeprefix("sqlite:///"))
    if _MYSQL.fullmatch(url):
        return url
    raise BadSetting(  # which never shows the value: it has the password in it
        f"{path}: [database] url: expected sqlite:///PATH or mysql+pymysql://USER:PASSWORD@HOST/NAME"
        " (@ in USER or PASSWORD: %40)"
    )


def _media_addresses(media: Mapping[str, Any], path: str) -> tuple[tuple[str, str], ...]:
    """Each local address of media with what is told instead of it."""
    hosts, told = media["address"], media["advertise"]
    if told in ((), ("",)):
        told = ("",) * len(hosts)
    if not hosts or len(set(hosts)) < len(hosts):
        raise BadSetting(f"{path}: [media] address: expected at least one IP address, each once")
    if len(told) != len(hosts):
        raise BadSetting(f"{path}: [media] advertise: expected as many addresses as in address, in their order")
    for host, instead in zip(hosts, told, strict=True):
        if instead and (":" in instead) != (":" in host):
            raise BadSetting(f"{path}: [media] advertise: expected one of the family of {host}, got {instead}")
    return tuple(zip(hosts, told, strict=True))


def read(document: Mapping[str, Any], path: str) -> Boot:
    """Check a parsed file.

    :param path: absolute path of the file, for messages and relative paths.
    :raises BadSetting: the first thing that is wrong.
    """
    values = _sections(document, path)
    folder = os.path.dirname(path)
    rows = document.get("listen", [{"address": "udp:127.0.0.1:5060"}, {"address": "tcp:127.0.0.1:5060"}])
    node, media, plugins, run, log = (values[k] for k in ("node", "media", "plugins", "run", "log"))
    return Boot(
        path=path,
        node_id=node["id"],
        node_name=node["name"],
        timezone=node["timezone"],
        realm=node["realm"],
        listeners=listeners_of(rows, path),
        database_url=_database(folder, values["database"]["url"], path),
        redis_url=values["redis"]["url"],
        name_servers=values["dns"]["servers"],
        dns_prefer=values["dns"]["prefer"],
        media_addresses=_media_addresses(media, path),
        media_workers=media["workers"],
        media_engine=media["engine"],
        plugin_path=tuple(_absolute(folder, item) for item in plugins["path"]),
        plugins_disabled=plugins["disabled"],
        run_directory=_absolute(folder, run["directory"]),
        spool_directory=_absolute(folder, run["spool"]),
        cdr_directory=_absolute(folder, run["cdr"]),
        key_file=_absolute(folder, values["database"]["key_file"]),
        tls=client_tls(values["tls"], path),
        log_level=log["level"],
        log_file=log["file"] and _absolute(folder, log["file"]),
    )
