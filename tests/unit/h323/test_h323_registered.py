"""What is registered, as the switch knows it."""

from dataclasses import replace

from vosswitch.h323.kept import Kept
from vosswitch.h323.registered import Registered, trunk_row, wish_of, wish_row
from vosswitch.model.trunk import TrunkState, TrunkWish
from vosswitch.model.values import Address

HOME = Address("192.0.2.20", 1720, "h323")
LOCAL = Address("192.0.2.1", 1719, "ras")


class World:
    """A mirror with a clock."""

    def __init__(self):
        self.now = 50.0
        self.registered = Registered(lambda: self.now)

    def told(self, *names, host="192.0.2.21", seconds=60, key=""):
        """The process says that an endpoint is registered; its clock is another one."""
        ras, until = Address(host, 1719, "ras"), 1000.0 + seconds
        kept = Kept(key or names[0], names, (), HOME, ras, LOCAL, LOCAL.host, "Phone", 60, until, until + 1000)
        self.registered.endpoint(*kept.row(1000.0))


def state(**changes):
    """A registration of ours."""
    values = {"name": "v", "registrar": "r", "username": "u", "state": "up", "expires_in": 60}
    rest = {"status": 200, "reason": "", "state_for": 1, "next_in": 40}
    return TrunkState(**(values | rest | changes))


def test_a_contact_is_there_until_its_time_is_over():
    world = World()
    world.told("2001")
    world.told("gateway:us")
    (found,) = world.registered.contacts("2001")
    assert (found.target, found.local, found.expires) == (HOME, LOCAL, 110.0)
    assert found.uri == "h323:2001@192.0.2.20:1720"
    assert len(world.registered.gateway("us")) == 1
    world.now = 111.0
    assert world.registered.contacts("2001") == ()
    assert world.registered.names() == []


def test_what_an_endpoint_says_anew_takes_the_place_of_what_it_said():
    world = World()
    world.told("2001", "2002", key="one")
    world.told("2002", "2003", key="one", host="192.0.2.29")
    assert sorted(world.registered.names()) == ["2002", "2003"]
    assert not world.registered.knows("192.0.2.21")
    world.told("2003", key="other")  # whose name it is now
    assert world.registered.names() == ["2003"]
    assert [kept.identifier for kept in world.registered.endpoints] == ["other"]


def test_hosts_are_known_as_long_as_somebody_is_there():
    world = World()
    world.told("2001")
    world.told("2002")
    world.told("2001")
    assert world.registered.knows("192.0.2.20")
    assert world.registered.knows("192.0.2.21")
    world.registered.endpoints.drop("2001")
    assert world.registered.knows("192.0.2.21")
    world.registered.endpoints.drop("2002")
    world.registered.endpoints.drop("2002")
    assert not world.registered.knows("192.0.2.20")
    assert world.registered.names() == []


def test_a_registration_of_ours_ages_here():
    world = World()
    world.registered.trunk_told(*trunk_row(state(), True, Address("192.0.2.40", 1719, "ras")))
    assert world.registered.trunk("v").up
    assert world.registered.knows("192.0.2.40")
    world.now += 30
    (shown,) = world.registered.states()
    assert (shown.expires_in, shown.state_for, shown.next_in) == (30, 31, 10)
    world.now += 40
    assert not world.registered.trunk("v").up
    assert world.registered.trunk("other") is None


def test_what_is_not_wanted_any_more_is_not_shown():
    world = World()
    wish = TrunkWish("w", LOCAL, "zone", "us", "")
    world.registered.wanted([wish, replace(wish, name="v")])
    for name in ("v", "w"):
        world.registered.trunk_told(*trunk_row(state(name=name), True, None))
    world.registered.wanted([wish])
    assert [one.name for one in world.registered.states()] == ["w"]
    world.told("2001")
    world.now += 7
    world.registered.lost()
    (shown,) = world.registered.states()
    assert (shown.name, shown.registrar, shown.state, shown.state_for) == ("w", str(LOCAL), "idle", 7)
    assert shown.reason == "the H.323 process has not begun yet"
    assert not world.registered.knows("192.0.2.40")
    world.registered.wanted([])
    assert list(world.registered.states()) == []
    assert world.registered.names() == ["2001"]  # endpoints outlive the process


def test_a_wish_comes_over_without_its_password():
    wish = TrunkWish("v", LOCAL, "zone", "us", "secret", local_address="192.0.2.1", prefixes=("49",))
    row = wish_row(wish)
    assert "secret" not in str(row)
    assert wish_of(row).prefixes == ("49",)
    assert (wish_of(row).target, wish_of(row).domain, wish_of(row).username) == (LOCAL, "zone", "us")
