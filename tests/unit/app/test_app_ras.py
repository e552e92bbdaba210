"""Who may register by H.323, who may call, and how SIP and H.323 devices are one phone's."""

from types import SimpleNamespace

import pytest

from vosswitch.accounts.callers import Callers
from vosswitch.accounts.limits import Limits
from vosswitch.accounts.values import Account, MappingGateway, Phone
from vosswitch.app.ras import Ras, Registrations, wishes
from vosswitch.call.snapshot import Snapshot
from vosswitch.h323.kept import Kept
from vosswitch.model.call import Contact
from vosswitch.model.h323 import H323Profile
from vosswitch.model.peer import PLAIN, PeerProfile
from vosswitch.model.values import Address
from vosswitch.params.system import Parameters
from vosswitch.routing.availability import Availability
from vosswitch.routing.gateways import RoutingGateway
from vosswitch.routing.index import GatewayIndex

HOME = "192.0.2.20"
LOCAL = Address("192.0.2.1", 1719, "ras")


def dynamic(*networks):
    """How a gateway that registers is spoken with."""
    return PeerProfile(dynamic=True, h323=H323Profile(addresses=networks))


class World:
    """A node with two phones and gateways of both kinds."""

    def __init__(self, **phone):
        phones = {
            "2001": Phone("2001", "A", h323_addresses=("192.0.2.0/24",), **phone),
            "2002": Phone("2002", "A"),
        }
        mapping = {"in": MappingGateway("in", "A", "password", username="both", profile=dynamic("192.0.2.0/24"))}
        routing = {
            "out": RoutingGateway("out", "", username="both", profile=dynamic("192.0.2.16/28")),
            "only": RoutingGateway("only", "", profile=dynamic("192.0.2.0/24", "2001:db8::/32")),
            "trunk": RoutingGateway(
                "trunk", "192.0.2.40", profile=PeerProfile(register=True, h323=H323Profile(prefixes=("49",)))
            ),
        }
        self.snapshot = Snapshot(
            accounts={"A": Account("A")},
            phones=phones,
            mapping_gateways=mapping,
            callers=Callers(mapping, phones),
            gateways=GatewayIndex(routing),
            parameters=Parameters({}),
        )
        self.told, self.lines, self.devices = [], [], {}
        self.h323 = SimpleNamespace(questions={}, hears={}, tell=lambda *what: self.told.append(what))
        self.reactor = SimpleNamespace(seconds=lambda: 0.0)
        self.draining, self.limits, self.availability = False, Limits(), Availability()
        self.now = lambda: 1_800_000_000_000
        credentials = SimpleNamespace(
            known=lambda source: source.host == "203.0.113.1", profile=lambda *_: PLAIN, emergency="112".__eq__
        )
        say = lambda text, **fields: self.lines.append(fields)  # noqa: E731
        self.ras = Ras(self, credentials, SimpleNamespace(info=say, warn=say))
        sip = SimpleNamespace(
            contacts=lambda number: self.devices.get(number, ()),
            gateway=lambda _: (),
            trunk=lambda _: None,
        )
        self.registrations = Registrations(sip, self.ras.registered)

    def registers(self, *names):
        """The process tells of an endpoint."""
        at, ras = Address(HOME, 1720, "h323"), Address(HOME, 1719, "ras")
        aliases = tuple([("dialledDigits", name) for name in names])
        kept = Kept("0a" * 16, names, aliases, at, ras, LOCAL, LOCAL.host, "", 60, 60.0, 3600.0)
        self.h323.hears["ras_endpoint"](*kept.row(0.0))
        return kept

    def ask(self, name, *values):
        """What the process asks."""
        return self.h323.questions[name](*values)


@pytest.mark.parametrize(
    ("hosts", "aliases", "names"),
    [
        ((HOME, HOME), ("2001",), ("2001",)),
        ((HOME,), ("alice", "2001", "2001"), ("2001",)),
        ((HOME, "203.0.113.5"), ("2001",), ()),
        (("203.0.113.5",), ("2001",), ()),
        ((HOME,), ("2002",), ()),
        ((HOME,), ("9999",), ()),
        ((HOME,), ("both",), ("gateway:both",)),
        (("192.0.2.60",), ("both",), ()),
        (("192.0.2.60",), ("only", "2001"), ("gateway:only", "2001")),
        (("2001:db8::7",), ("only",), ("gateway:only",)),
        (("::ffff:192.0.2.60",), ("only",), ("gateway:only",)),
        (("not an address",), ("only",), ()),
        ((HOME,), (), ()),
    ],
)
def test_who_may_register(hosts, aliases, names):
    """By address: all hosts in the networks of the phone, or of all gateways of that user name."""
    assert World().ask("ras_register", hosts, aliases) == names


def test_a_locked_phone_may_not():
    assert World(locked=True).ask("ras_register", (HOME,), ("2001",)) == ()


def test_admission():
    """Whom only the call itself may refuse is admitted; the rest is refused by its reason."""
    world = World()
    assert world.ask("ras_call", "2001", HOME, (), ("4930",)) == ""
    assert world.ask("ras_call", "2001", HOME, (), ("2002",)) == "calledPartyNotRegistered"
    world.devices["2002"] = ("a device",)
    assert world.ask("ras_call", "2001", HOME, (), ("2002",)) == ""
    assert world.ask("ras_call", "2003", HOME, (), ("4930",)) == "callerNotRegistered"
    assert world.ask("ras_call", "gateway:both", HOME, (), ("4930",)) == ""
    assert world.ask("ras_call", "gateway:only", HOME, (), ("4930",)) == "callerNotRegistered"
    world.draining = True
    assert world.ask("ras_call", "2001", HOME, (), ("4930",)) == "resourceUnavailable"


@pytest.mark.parametrize(
    ("account", "reason", "urgent"),
    [
        ({"locked": True}, "invalidPermission", "invalidPermission"),
        ({"locked": True, "lock_reason": "balance"}, "invalidPermission", ""),
        ({"expires": 1_700_000_000_000}, "invalidPermission", "invalidPermission"),
        ({"lines": 1}, "resourceUnavailable", ""),
        ({"lines": 2}, "", ""),
    ],
)
def test_admission_goes_by_the_account(account, reason, urgent):
    """By its lock, its end and its lines; an emergency call passes what it would pass as a call."""
    world = World()
    world.snapshot.accounts["A"] = Account("A", **account)
    assert world.limits.take([world.snapshot.accounts["A"].limit], 0.0) is None
    assert world.ask("ras_call", "2001", HOME, (), ("4930",)) == reason
    assert world.ask("ras_call", "gateway:both", HOME, (), ("4930",)) == reason
    assert world.ask("ras_call", "2001", HOME, (), ("112",)) == urgent


def test_admission_goes_by_the_lines_of_the_phone():
    world = World(lines=1)
    assert world.ask("ras_call", "2001", HOME, (), ("4930",)) == ""
    world.limits.take([world.snapshot.phones["2001"].limit], 0.0)
    assert world.ask("ras_call", "2001", HOME, (), ("4930",)) == "resourceUnavailable"
    assert world.ask("ras_call", "gateway:both", HOME, (), ("4930",)) == ""


def test_a_refused_admission_is_written():
    """It leaves no record of a call; so many lines in ten seconds."""
    world = World()
    for _ in range(200):
        world.ask("ras_call", "2003", HOME, (), ("4930",))
    assert len(world.lines) == 100
    assert (world.lines[0]["event"], world.lines[0]["reason"]) == ("admission_refused", "callerNotRegistered")
    assert (world.lines[0]["source"], world.lines[0]["user"]) == (HOME, "2003")


def test_a_gateway_that_is_almost_out_of_resources_rests():
    """All of its user name, until it says otherwise; what an operator has disabled stays that."""
    world = World()
    told = world.h323.hears["ras_resources"]
    told(("gateway:both", "gateway:only", "2001"), True)
    assert "almost out of resources" in world.availability.aside("out", False, 1.0).why
    assert not world.availability.aside("only", False, 1.0).absolute
    world.availability.disable("only", 2.0)
    told(("gateway:both", "gateway:only"), False)
    assert world.availability.aside("out", False, 3.0) is None
    assert world.availability.aside("only", False, 3.0).absolute


def test_gatekeepers_are_told_that_no_calls_are_taken():
    world = World()
    world.ras.drained(True)
    world.draining = True
    world.h323.begun()
    assert [what for what in world.told if what[0] == "ras_resources"] == [("ras_resources", True)] * 2


def test_who_is_known():
    """Gateways by their addresses, endpoints by where they have registered."""
    world = World()
    home = Address(HOME, 40000, "h323")
    assert world.ask("known", Address("203.0.113.1", 1, "h323"))
    assert not world.ask("known", home)
    world.registers("2001")
    assert world.ask("known", home)


@pytest.mark.parametrize(("q", "order"), [(1.0, ["sip", "h323"]), (0.5, ["h323", "sip"])])
def test_devices_of_both_protocols_are_one_phone(q, order):
    """The highest q first; an H.323 device has 1."""
    world = World()
    world.devices["2001"] = (Contact("sip:2001@192.0.2.9", Address("192.0.2.9", 5060), LOCAL, 60.0, q=q),)
    world.registers("2001")
    assert [one.uri.partition(":")[0] for one in world.registrations.contacts("2001")] == order


def test_our_own_registrations_follow_the_configuration():
    """They are told when there is somebody to tell, and again when the process is there anew."""
    world = World()
    (wish,) = wishes(world.snapshot)
    assert (wish.name, wish.target, wish.username, wish.prefixes) == (
        "trunk",
        Address("192.0.2.40", 1719, "ras"),
        "trunk",
        ("49",),
    )
    world.ras.start()
    world.h323.begun()
    assert [(name, len(rows)) for name, rows in world.told] == [("ras_wishes", 1)] * 2
    world.ras.stop()
    assert world.told[-1] == ("ras_wishes", [])


def test_refusals_are_written_and_bounded():
    """A line as SIP's, never verified: the source may be forged; so many in ten seconds."""
    world = World()
    for _ in range(500):
        world.h323.hears["ras_event"](
            "auth_refused", Address("203.0.113.9", 1719, "ras"), "RRQ", "unknown_source", "x" * 500
        )
    assert len(world.lines) == 100
    assert world.lines[0]["verified"] is False
    assert len(world.lines[0]["user"]) == 64
