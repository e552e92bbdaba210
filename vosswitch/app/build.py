"""Makes the rooms of a node from its configuration; what each one needs stands in its constructor."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from vosswitch import __version__
from vosswitch.app.credentials import Credentials
from vosswitch.app.endpoints import NAME, Keeping
from vosswitch.app.holding import Holding
from vosswitch.app.numberqueries import HttpQuery, SipQuery
from vosswitch.app.ras import Ras
from vosswitch.call.builtins import builtins
from vosswitch.call.deciding.decide import Decider
from vosswitch.call.deciding.means import Means
from vosswitch.call.deciding.view import NodeView
from vosswitch.call.dips import Dips
from vosswitch.call.fraud.files import BlockFile
from vosswitch.call.records import Days
from vosswitch.call.service import CallService
from vosswitch.call.switchboard import Switchboard
from vosswitch.h323.kept import revive
from vosswitch.h323.service import H323Service
from vosswitch.hooks.context import PluginContext
from vosswitch.hooks.manager import Loaded, PluginError, load
from vosswitch.media.service import MediaService
from vosswitch.model.trunk import TrunkWish
from vosswitch.model.values import Address, CallIds
from vosswitch.params.boot import BadSetting
from vosswitch.params.listeners import of_h323, of_sip
from vosswitch.sip.registrations.files import RegistrationFile
from vosswitch.sip.registrations.safekeeping import Safekeeping
from vosswitch.sip.registrations.upkeep import Upkeep
from vosswitch.sip.service import SipService
from vosswitch.sip.transport import BadCertificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from vosswitch.app.node import Switch
    from vosswitch.call.snapshot import Snapshot
    from vosswitch.params.boot import Boot
    from vosswitch.store.hints import Hints


def wall_ms() -> int:
    """The wall clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def plugins(boot: Boot, parameter: Callable[[str], Any]) -> Loaded:
    """All plugins, the built-in ones included.

    :param parameter: the effective value of a system parameter by name.
    :raises BadSetting: one of them cannot be used.
    """
    context = PluginContext(
        parameter=parameter,
        wall=time.time,
        monotonic=time.monotonic,
        log=Logger(namespace="vosswitch.plugins"),
        http_client=_http_client,
    )
    try:
        return load(boot.plugin_path, boot.plugins_disabled, builtins(), context)
    except PluginError as error:
        raise BadSetting(str(error)) from None


def _http_client() -> Any:
    import treq  # noqa: PLC0415 - only plugins that ask for it pay for it

    return treq


def media_engine(node: Switch) -> Any:
    """The engine that the configuration names: our own workers, or a plugin's.

    :raises BadSetting: no plugin offers it.
    """
    boot = node.boot
    if boot.media_engine == "built-in":
        return MediaService(
            node.reactor,
            boot.media_addresses,
            boot.media_workers,
            lambda: node.snapshot.parameters,
            Logger(namespace="vosswitch.media"),
            shown={listener.host: listener.advertise for listener in boot.listeners if listener.advertise},
            on_trouble=partial(node.note_trouble, "media"),
        )
    engine = node.plugins.media_engines.get(boot.media_engine)
    if engine is None:
        known = ", ".join(["built-in", *node.plugins.media_engines])
        raise BadSetting(f"{boot.path}: [media] engine: expected one of {known}, got {boot.media_engine!r}")
    return engine


def calls(node: Switch) -> CallService:
    """The call room; its way out and its decider come once the SIP room is there."""
    board = Switchboard(
        clock=node.reactor,
        journal=node.journal,
        balances=node.balances,
        limits=node.limits,
        legs=None,
        media=node.media,
        tallies=node.tallies,
        want=node.wanting,
        ended=lambda call: None,
        availability=node.availability,
        gauges=node.gauges,
        throttling=node.throttling,
        guard=node.guard,
        pins=node.pins,
    )
    days = Days(ZoneInfo(node.boot.timezone))
    ids = CallIds(node.boot.node_id, node.last_flowno)
    service = CallService(board, None, lambda: node.snapshot, ids, days, wall_ms, node.frozen.call_ended)
    service.dips = dips(node)
    return service


def dips(node: Switch) -> Dips:
    """Who asks about numbers, our own way and with plugins."""
    own = (HttpQuery(_http_client), SipQuery(lambda: node.sip, lambda: node.snapshot))
    queries = {query.name: query for query in own} | node.plugins.number_queries

    def failed(source: str, error: Exception) -> None:
        taken = source in node.plugins.number_queries
        node.failures(node.plugins.owner("number_queries", source) if taken else source, "number query", error)

    return Dips(node.reactor, queries, failed)


def sip(node: Switch) -> SipService:
    """The SIP room, with the call room as its user.

    :raises BadSetting: a certificate cannot be used.
    """
    try:
        return _sip(node)
    except BadCertificate as error:
        raise BadSetting(str(error)) from None


def _sip(node: Switch) -> SipService:
    return SipService(
        node.reactor,
        parameters=lambda: node.snapshot.parameters,
        credentials=Credentials(lambda: node.snapshot, node.boot.realm),
        calls=node.calls,
        realm=node.boot.realm,
        user_agent=f"vosswitch/{__version__}",
        listeners=of_sip(node.boot.listeners),
        log=Logger(namespace="vosswitch.sip"),
        name_servers=node.boot.name_servers,
        prefer=node.boot.dns_prefer,
        tls=node.boot.tls,
    )


def h323(node: Switch) -> H323Service:
    """The H.323 room; its process comes when somebody speaks it."""
    service = H323Service(
        node.reactor,
        of_h323(node.boot.listeners),
        lambda: node.snapshot.parameters,
        Credentials(lambda: node.snapshot, node.boot.realm),
        node.calls,
        f"vosswitch/{__version__}",
        Logger(namespace="vosswitch.h323"),
        partial(node.note_trouble, "h323"),
    )
    service.emergencies = lambda: [one for group in node.snapshot.emergency for one in group.numbers.countable]
    return service


def ras(node: Switch) -> Ras:
    """Registration by H.323, in both directions."""
    return Ras(node, Credentials(lambda: node.snapshot, node.boot.realm), Logger(namespace="vosswitch.h323"))


def endpoints(node: Switch) -> Keeping:
    """What has the endpoints that are registered by H.323 outlive the node."""
    directory = node.ras.registered.endpoints
    safekeeping = Safekeeping(
        directory,
        RegistrationFile(node.boot.spool_directory, NAME),
        revive,
        partial(deferToThreadPool, node.reactor, node.reactor.getThreadPool()),
        node.sip.timers,
        time.time,
        partial(node.note_trouble, "h323 registrations"),
    )
    keeping = Keeping(
        node.reactor, directory, safekeeping, of_h323(node.boot.listeners), node.ras.may_stay, node.h323.tell
    )
    node.h323.beginning = keeping.begin
    return keeping


def upkeep(node: Switch) -> Upkeep:
    """What goes on in the SIP room beside its calls."""
    return Upkeep(
        node.sip,
        Credentials(lambda: node.snapshot, node.boot.realm),
        lambda: node.snapshot.parameters,
        RegistrationFile(node.boot.spool_directory),
        partial(deferToThreadPool, node.reactor, node.reactor.getThreadPool()),
        time.time,
        partial(node.note_trouble, "registrations"),
    )


def holding(node: Switch) -> Holding:
    """Keeps and tells whom the node holds off."""
    return Holding(
        node.reactor,
        node.guard,
        BlockFile(node.boot.spool_directory),
        partial(deferToThreadPool, node.reactor, node.reactor.getThreadPool()),
        partial(node.note_trouble, "blocks"),
        Logger(namespace="vosswitch.fraud"),
    )


def named_places(snapshot: Snapshot) -> list[Address]:
    """Where routing gateways are that SIP's name service shall look up."""
    return [gateway.target for gateway in snapshot.gateways.gateways.values() if gateway.profile.h323 is None]


def kept_alive(snapshot: Snapshot) -> tuple[tuple[Address, str | None], ...]:
    """The gateways with an address or a name that want keep-alives (`PeerProfile.keep_alive`), with our IP to them."""
    found: list[tuple[Address, str | None]] = []
    for customer in snapshot.mapping_gateways.values():
        if customer.profile.keep_alive and not customer.locked:
            found += [(Address(host, port), None) for host, port in customer.places]
    for vendor in snapshot.gateways.gateways.values():
        wants = vendor.profile.keep_alive and vendor.transport in {"udp", "auto"}
        if wants and vendor.address and not vendor.locked:
            found.append((vendor.target, vendor.local_address or None))
    return tuple(found)


def trunk_wishes(snapshot: Snapshot) -> list[TrunkWish]:
    """The registrations by SIP that routing gateways ask for (`PeerProfile.register`); a locked one asks for none."""
    return [
        TrunkWish(
            name=gateway.name,
            target=gateway.target,
            domain=gateway.profile.from_domain or gateway.address,
            username=gateway.registers_as,
            password=gateway.password,
            realm=gateway.realm or None,
            local_address=gateway.local_address or None,
            tls_name=gateway.profile.tls_name,
        )
        for gateway in snapshot.gateways.gateways.values()
        if gateway.profile.register
        and gateway.address
        and gateway.password
        and not gateway.locked
        and gateway.profile.h323 is None
    ]


def decider(node: Switch) -> Decider:
    """Who decides calls, live ones and questions alike."""
    means = Means(
        node.plugins.billing_modes,
        node.frozen,
        node.balances,
        lambda decision: NodeView(
            node.limits,
            node.tallies,
            decision,
            node.registrations,
            node.availability,
            node.reactor.seconds(),
            node.gauges,
            node.balances,
        ),
        node.registrations,
        random.SystemRandom(),
        guard=node.guard,
        asks=True,
        pins=node.pins,
    )
    return Decider(means)


def change_hints(node: Switch) -> Hints | None:
    """What tells other nodes of changes, when Redis is configured.

    :raises BadSetting: its URL cannot be used.
    """
    boot = node.boot
    if not boot.redis_url:
        return None
    from vosswitch.store.hints import BadRedisUrl, Hints, channel_of, read_url  # noqa: PLC0415 - only with Redis

    try:
        target = read_url(boot.redis_url)
    except BadRedisUrl as error:
        raise BadSetting(f"{boot.path}: [redis] url: {error}") from None
    seq = lambda: node.snapshot.seq  # noqa: E731
    log = Logger(namespace="vosswitch.redis")
    hints = Hints(node.reactor, target, channel_of(boot.database_url), seq, node.recorder.apply, log)
    hints.recalled = node.recorder.recalled
    return hints
