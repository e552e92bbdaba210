"""``twistd vosswitch``: options, checks that must fail in one line, and the running service."""

from __future__ import annotations

import dataclasses
import ipaddress
import time
from typing import TYPE_CHECKING, Any

from twisted.python import usage

from vosswitch.app import Switch, check_database
from vosswitch.app.turns import spare
from vosswitch.control.files import claim
from vosswitch.params.boot import BadSetting, Boot, Listener, listener
from vosswitch.params.files import load
from vosswitch.params.listeners import SECURE
from vosswitch.sip.transport import try_bind

if TYPE_CHECKING:
    from twisted.application.service import IService


class Options(usage.Options):
    """The command line of ``twistd vosswitch``."""

    synopsis = "[options]"
    longdesc = "An open carrier (class 4) VoIP softswitch."
    optParameters = [
        ["config", "c", None, "Configuration file (default: VOSSWITCH_CONFIG, else etc/vosswitch.toml)"],
        ["media-address", None, None, "Local IP address of relayed media, instead of the configured one"],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []

    def opt_listen(self, address: str) -> None:
        """Listen on this address instead of the configured ones, such as udp:127.0.0.1:5070; may be repeated."""
        self["listen"].append(address)

    opt_l = opt_listen


def _boot(options: dict[str, Any]) -> Boot:
    boot = load(options["config"])
    if options["listen"]:
        boot = dataclasses.replace(boot, listeners=_listeners(options["listen"]))
    if options["media-address"]:
        boot = dataclasses.replace(boot, media_addresses=((_address(options["media-address"]), ""),))
    return boot


def _listeners(texts: list[str]) -> tuple[Listener, ...]:
    found = tuple(listener(text) for text in texts)
    for one, text in zip(found, texts, strict=True):
        if one.transport in SECURE:
            raise BadSetting(
                f"--listen: {text} needs a certificate: expected in a [[listen]] table of the configuration"
            )
    for number, one in enumerate(found):
        if one.port and one in found[:number]:
            raise BadSetting(f"--listen: {texts[number]} is there already; expected each address once")
    return found


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise BadSetting(f"--media-address: expected an IP address, got {text!r}") from None


def _try_all(boot: Boot) -> None:
    """Take everything once that the node will need when the first configuration is in.

    :raises BadSetting: names what cannot be had; likewise :raises OSError:.
    """
    check_database(boot)
    try_bind(boot.listeners)
    for host, _ in boot.media_addresses:
        try:
            try_bind((Listener("udp", host, 0),))
        except OSError as error:
            raise BadSetting(f"media address {host}: {error.strerror}") from None
    claim(boot.control_socket)


def makeService(options: dict[str, Any]) -> IService:
    """Build the switch; whatever is wrong with the configuration ends in one line and exit code 1."""
    from twisted.internet import reactor  # noqa: PLC0415 - the one place that takes the reactor

    try:
        boot = _boot(options)
        _try_all(boot)
        reactor.seconds = time.monotonic  # type: ignore[method-assign]  # timers must not follow the wall clock
        spare(reactor)
        return Switch(reactor, boot)
    except BadSetting as error:
        raise SystemExit(f"vosswitch: {error}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SystemExit(f"vosswitch: {where}{error.strerror or error}") from None
