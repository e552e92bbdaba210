"""A case: a customer and two vendors with names, numbers and addresses of their own in a running switch."""

from __future__ import annotations

import itertools
import socket
from decimal import Decimal

from tests.support.sipp import Sipp, called, caller
from tests.support.switch import Switch, free_port, media_port, until
from vosswitch.control.client import ControlClient

PROVISION = """
[[rate_groups]]
name = "sell{n}"
{mode}
[[rate_groups.rates]]
prefix = "{prefix}"
per_minute = "0.60"
[[rate_groups.rates]]
prefix = "33{n:03}"
per_minute = "0.60"
[[rate_groups]]
name = "buy{n}"
[[rate_groups.rates]]
prefix = "{prefix}"
per_minute = "0.30"

[[accounts]]
number = "C{n}"
name = "Customer"
balance = "{balance}"
anti_overdraft = true
rate_group = "sell{n}"
{account}
[[accounts]]
number = "V{n}"
name = "Vendor"
kind = "clearing"
overdraft_limit = "unlimited"
rate_group = "buy{n}"

[[mapping_gateways]]
name = "customer{n}"
account = "C{n}"
{access}

[[routing_gateways]]
name = "first{n}"
account = "V{n}"
address = "{vendor_host}"
port = {first}
priority = 1
prefixes = ["{prefix}"]
{vendor}
[[routing_gateways]]
name = "second{n}"
account = "{cheaper}{n}"
address = "{vendor_host}"
port = {second}
priority = 2
prefixes = ["{prefix}"]
{other}
"""
_NUMBERS = itertools.count(1)
"""One sequence in a process: a case's prefix fits no other case's number, in whichever switch they are."""


class Case:
    """A customer (source address, account, number range) and two vendors in a running switch.

    :ivar n: the number of the case, part of all its names.
    :ivar host: the customer's address.
    :ivar number: what the customer calls.
    """

    def __init__(self, folder, switch: Switch) -> None:
        self.folder = folder
        self.switch = switch
        self.n = next(_NUMBERS)
        self.host = f"127.2.{self.n // 250}.{self.n % 250 + 1}"
        self.vendor_host = self.switch_host = "127.0.0.1"
        self.prefix = f"49{self.n:03}"
        self.number = f"{self.prefix}123"
        self.ports = {"first": free_port(), "second": free_port()}
        self.balance = "10"
        self.peers: list = []
        self._parameters: list[str] = []
        self._log_start = len(switch.log())

    # What is provisioned.

    def begin(
        self, balance="10", access="", vendor="", other="", account="", mode="", more="", cheaper="V", **parameters
    ):
        """Load the customer and the vendors; starts the switch when it does not run yet.

        :param access: more lines of the mapping gateway, *vendor* and *other* of the routing gateways, *account* of the
            customer's account, *mode* of its rate group; *more* = further tables; ``{n}`` in it is the case's number.
        :param cheaper: the letter of the second vendor's account.
        """
        self.balance = balance
        if "auth" not in access:
            access = f'auth = "ip"\naddresses = ["{self.host}"]\n' + access
        text = PROVISION + more.replace("{", "{{").replace("}", "}}").replace("{{n}}", "{n}")
        text = text.format(
            n=self.n,
            prefix=self.prefix,
            balance=balance,
            access=access,
            vendor=vendor,
            other=other,
            account=account,
            mode=mode,
            vendor_host=self.vendor_host,
            cheaper=cheaper,
            **self.ports,
        )
        for name, value in parameters.items():
            text += f'[[parameters]]\nname = "{name}"\nvalue = "{value}"\n'
            self._parameters.append(name)
        self.switch.provision(text, f"case{self.n}.toml")
        if self.switch.process is None:
            self.switch.start()
        return self

    # Its peers.

    def peer(self, name, scenario, *options, port=None, remote=None, host="127.0.0.1"):
        """A sipp on this machine; it has its port when this returns."""
        port = port or self.ports.get(name) or free_port()
        options = ("-trace_msg", "-recv_timeout", "20000", "-mi", host, "-mp", str(media_port(host)), *options)
        peer = Sipp(self.folder, name, scenario, port, remote, *options, host=host)
        self.peers.append(peer)
        if remote is None:
            peer.ready(port)
        return peer

    def vendor(self, name, steps, *options, calls=1, **how):
        """A vendor that answers as *steps* say."""
        return self.peer(name, called(steps, **how), "-m", str(calls), *options, host=self.vendor_host)

    def call(self, steps, *options, to=None, number="4312345", calls=1, rate=1, name="caller", port=None, **how):
        """The customer calls as *steps* say."""
        options = ("-s", to or self.number, "-m", str(calls), "-r", str(rate), *options)
        remote = f"{self.switch_host}:{port or self.switch.port}"
        return self.peer(name, caller(steps, number, **how), *options, remote=remote, host=self.host)

    # What is left of it.

    def cdrs(self, count=1):
        """Its records, newest first, once there are *count*; more than that is an error."""
        rows = self.switch.cdrs(count, "--account", f"C{self.n}")
        assert len(rows) == count, rows
        return rows

    def cdr(self):
        """Its only record."""
        return self.cdrs()[0]

    def paid(self, account="C"):
        """What has been taken from the customer's account, or booked on the vendor's (``"V"``)."""
        opening = Decimal(self.balance) if account == "C" else Decimal(0)
        return opening - Decimal(self.switch.balance(f"{account}{self.n}"))

    def running(self):
        """The calls that are up, as operators see them."""
        with ControlClient(str(self.switch.folder / "run" / "control.sock")) as client:
            return client.call("calls", account=f"C{self.n}")

    def log(self):
        """What the switch has printed since the case began."""
        return self.switch.log()[self._log_start :]

    def end(self):
        """Stop the peers and take the parameters back."""
        for peer in self.peers:
            peer.stop()
        if self.switch.process is not None and self.switch.process.poll() is None:
            for name in self._parameters:
                self.switch.cli("params", "set", name, "--default")


def provisioned(folder, **sections) -> Switch:
    """A switch with an empty database in *folder*, not running yet."""
    switch = Switch(folder, **sections)
    switch.quick = True
    switch.cli("migrate")
    switch.provision(
        # Relayed media stays away from the ports of the peers.
        '[[parameters]]\nname = "SS_MEDIA_PROXY_PORT_RANGE"\nvalue = "10000,31999"\n'
        '[[parameters]]\nname = "SERVER_BILLING_HOLD_TIME_PRECISION"\nvalue = "0"\n'
        # A machine that runs other tests besides is no overloaded switch.
        '[[parameters]]\nname = "VS_OVERLOAD_DELAY"\nvalue = "5000"\n'
    )
    return switch


def h323_switch(folder, **sections) -> Switch:
    """One that listens for H.323, not running yet."""
    ports = {"h323": free_port(socket.SOCK_STREAM), "ras": free_port()}
    tables = tuple({"address": f"{transport}:127.0.0.1:{port}"} for transport, port in ports.items())
    switch = provisioned(folder, listen=tables, **sections)
    switch.h323_port, switch.ras_port = ports["h323"], ports["ras"]
    switch.provision(
        # Somebody who speaks it, so that its process runs from the start.
        '[[accounts]]\nnumber = "H"\nname = "H"\n[[mapping_gateways]]\nname = "h"\naccount = "H"\nprotocol = "h323"\n'
        'auth = "ip"\naddresses = ["127.99.0.1"]\n'
        '[[parameters]]\nname = "SS_H245_PORT_RANGE"\nvalue = "20000,29999"\n'
        '[[parameters]]\nname = "SS_H323_TIMEOUT_SETUP"\nvalue = "20"\n'  # a busy machine is no silent vendor
    )
    return switch


def settled(case) -> None:
    """No call of the case is left in the switch, and nothing went wrong in it."""
    until(lambda: not case.running(), 5, "end of the calls")
    log = case.log()
    assert "Traceback" not in log, log[-6000:]
