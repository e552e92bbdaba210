"""Finds, loads and checks plugins, the built-in ones included.

`load` is called once by the composition root; what it returns is complete and checked: whatever is wrong with a plugin
is said here, at start, in one line that names it.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pluggy
from zope.interface import Interface
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from vosswitch.hooks import files, specs
from vosswitch.hooks.context import NotConfigured
from vosswitch.hooks.frozen import (
    FrozenChain,
    FrozenNotice,
    GuardedBlacklist,
    GuardedMode,
    GuardedStanding,
    GuardedStrategy,
    GuardedTransform,
)
from vosswitch.hooks.interfaces import (
    IBillingMode,
    IBlacklist,
    ICdrSink,
    INumberQuery,
    INumberTransform,
    IRoutingStrategy,
    IStandingBlacklist,
)
from vosswitch.model.interfaces import IMediaEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vosswitch.hooks.context import PluginContext
    from vosswitch.hooks.frozen import Implementation, OnFailure

FAMILIES: dict[str, type[Interface] | None] = {
    "routing_strategies": IRoutingStrategy,
    "billing_modes": IBillingMode,
    "blacklists": IBlacklist,
    "number_transforms": INumberTransform,
    "number_queries": INumberQuery,
    "media_engines": IMediaEngine,
    "cdr_sinks": ICdrSink,
    "parameters": None,
}
"""The registering hooks and what their objects provide (None: only a name is asked for)."""

PER_CALL = ("screen_call", "approve_call", "call_ended")
"""The per-call hooks."""


class PluginError(Exception):
    """A plugin that cannot be used; its text is one line that names it."""


@dataclass(frozen=True, slots=True)
class Provided:
    """One line of the listing.

    :ivar source: ``built-in``, the folder, or ``NAME VERSION`` of the distribution.
    :ivar state: ``on`` or ``off``.
    :ivar reason: why it is off; "" when it is on.
    :ivar provides: ``{family: [names]}``, and ``{"hooks": [per-call hooks]}``.
    """

    plugin: str
    source: str
    state: str = "on"
    reason: str = ""
    provides: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frozen:
    """What the switch calls for every call: isolated from failures of plugins."""

    screen_call: FrozenChain
    approve_call: FrozenChain
    call_ended: FrozenNotice
    routing_strategies: dict[str, GuardedStrategy]
    blacklists: dict[str, GuardedBlacklist]
    number_transforms: dict[str, GuardedTransform]
    billing_modes: dict[str, Any] = field(default_factory=dict)
    standing: tuple[GuardedStanding, ...] = ()


class Loaded:
    """All plugins of this process.

    :ivar routing_strategies: the registered objects by name, as the plugins gave them; likewise the other families.
    :ivar standing: the blacklists that nobody has to name; *blacklists* are the others.
    """

    __slots__ = (
        "_listing",
        "_owners",
        "_relay",
        "billing_modes",
        "blacklists",
        "cdr_sinks",
        "media_engines",
        "number_queries",
        "number_transforms",
        "parameters",
        "routing_strategies",
        "standing",
    )

    def __init__(self, relay: pluggy.PluginManager, listing: list[Provided]) -> None:
        self._relay = relay
        self._listing = listing
        self._owners: dict[tuple[str, str], str] = {}
        by_plugin = {row.plugin: row for row in listing}
        self.routing_strategies = self._collect("routing_strategies", by_plugin)
        self.billing_modes = self._collect("billing_modes", by_plugin)
        lists = self._collect("blacklists", by_plugin)
        self.standing = {name: item for name, item in lists.items() if IStandingBlacklist.providedBy(item)}
        self.blacklists = {name: item for name, item in lists.items() if name not in self.standing}
        for name, item in self.standing.items():
            if item.fails not in ("open", "closed"):
                owner = self.owner("blacklists", name)
                raise PluginError(f"plugin {owner}: {name}: fails: expected open or closed, got {item.fails!r}")
        self.number_transforms = self._collect("number_transforms", by_plugin)
        self.number_queries = self._collect("number_queries", by_plugin)
        self.media_engines = self._collect("media_engines", by_plugin)
        self.cdr_sinks = self._collect("cdr_sinks", by_plugin)
        self.parameters = self._collect("parameters", by_plugin)
        for hook in PER_CALL:
            for plugin, _ in self.implementations(hook):
                by_plugin[plugin].provides.setdefault("hooks", []).append(hook)

    def _collect(self, family: str, by_plugin: Mapping[str, Provided]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        # In order of registration, so that built-ins come first in listings.
        for implementation in getattr(self._relay.hook, family).get_hookimpls():
            plugin = implementation.plugin_name
            for item in _offered(plugin, family, implementation.function):
                if item.name in found:
                    first = self._owners[family, item.name]
                    raise PluginError(f"plugin {plugin}: {family}: {item.name!r} is already provided by plugin {first}")
                found[item.name] = item
                self._owners[family, item.name] = plugin
                by_plugin[plugin].provides.setdefault(family, []).append(item.name)
        return found

    def owner(self, family: str, name: str) -> str:
        """The plugin that provides *name*.

        :raises KeyError: none does.
        """
        return self._owners[family, name]

    def listing(self) -> list[Provided]:
        """Who provides what: one line per plugin, those that are off included."""
        return list(self._listing)

    def implementations(self, hook: str) -> list[Implementation]:
        """(plugin, function of the hook's one argument) in the order in which pluggy would call them."""
        implementations = reversed(getattr(self._relay.hook, hook).get_hookimpls())
        return [(row.plugin_name, _one_argument(row.function, row.argnames)) for row in implementations]

    def freeze(self, on_failure: OnFailure) -> Frozen:
        """Build the hot callers.

        :param on_failure: called as ``on_failure(plugin, what, exception)``; a `frozen.Failures` counts.
        """
        return Frozen(
            FrozenChain("screen_call", self.implementations("screen_call"), "open", on_failure),
            FrozenChain("approve_call", self.implementations("approve_call"), "closed", on_failure),
            FrozenNotice("call_ended", self.implementations("call_ended"), on_failure),
            {
                name: GuardedStrategy(item, self.owner("routing_strategies", name), on_failure)
                for name, item in self.routing_strategies.items()
            },
            {
                name: GuardedBlacklist(item, self.owner("blacklists", name), on_failure)
                for name, item in self.blacklists.items()
            },
            {
                name: GuardedTransform(item, self.owner("number_transforms", name), on_failure)
                for name, item in self.number_transforms.items()
            },
            self._guarded_modes(on_failure),
            tuple(
                [
                    GuardedStanding(item, self.owner("blacklists", name), on_failure)
                    for name, item in self.standing.items()
                ]
            ),
        )

    def _guarded_modes(self, on_failure: OnFailure) -> dict[str, Any]:
        """The billing modes; the switch's own are as they are."""
        instead = self.billing_modes.get("increment")
        own = self._owners.get(("billing_modes", "increment"))
        return {
            name: mode
            if self.owner("billing_modes", name) == own
            else GuardedMode(mode, self.owner("billing_modes", name), instead, on_failure)
            for name, mode in self.billing_modes.items()
        }


def _one_argument(function: Callable[..., Any], names: Sequence[str]) -> Callable[[Any], Any]:
    """pluggy lets an implementation leave out arguments; the hot callers always pass one."""
    return function if names else lambda _: function()


def _one_line(error: BaseException) -> str:
    """The error with the innermost place it came from, in one line."""
    text = " ".join(str(error).split()) or "no explanation"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = ""  # its text already says file and line
    return f"{type(error).__name__}: {text}{place}"


def _offered(plugin: str, family: str, function: Callable[[], Any]) -> list[Any]:
    """Call one registering hook and check what it gives."""
    try:
        items = list(function())
    except Exception as error:  # whatever a plugin raises stops the start with one line
        raise PluginError(f"plugin {plugin}: {family}: {_one_line(error)}") from error
    for item in items:
        _check(plugin, family, item)
    return items


def _check(plugin: str, family: str, item: Any) -> None:
    name = getattr(item, "name", None)
    if not isinstance(name, str) or not name:
        raise PluginError(f"plugin {plugin}: {family}: {item!r} has no name")
    interface = FAMILIES[family]
    if interface is None:
        return
    try:
        verifyObject(interface, item)
    except Invalid as error:
        raise PluginError(f"plugin {plugin}: {family}: {' '.join(str(error).split())}") from error


def load(
    path: Iterable[str], disabled: Iterable[str], builtins: Mapping[str, object], context: PluginContext
) -> Loaded:
    """Find all plugins, make them, and check what they register.

    :param path: the directories that hold plugin folders.
    :param disabled: names of plugins to leave off, whatever their source.
    :param builtins: the switch's own plugin objects by name; registered first, through the same hooks.
    :raises PluginError: the first plugin that cannot be used.
    """
    loading = _Loading(frozenset(disabled), context)
    for name, plugin in builtins.items():
        loading.add(name, "built-in", partial(_itself, plugin))
    for folder in _folders(path):
        if folder.complete:
            loading.add(folder.name, folder.path, loading.from_folder(folder))
        else:
            loading.listing.append(Provided(folder.name, folder.path, "off", "it has no plugin.py"))
    for point in sorted(entry_points(group=specs.PROJECT), key=lambda point: point.name):
        source = f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
        loading.add(point.name, source, loading.from_entry_point(point.name, point.load))
    try:
        loading.relay.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"plugin {_name_of(loading.relay, error.plugin)}: {_one_line(error)}") from error
    return Loaded(loading.relay, loading.listing)


def _itself(plugin: object) -> object:
    return plugin


def _name_of(relay: pluggy.PluginManager, plugin: object) -> str:
    return relay.get_name(plugin) or repr(plugin)


def _folders(path: Iterable[str]) -> list[files.Folder]:
    try:
        return list(files.folders(path))
    except (files.UnsafeFolder, OSError) as error:
        raise PluginError(f"plugin path: {error}") from error


class _Loading:
    """The plugins on their way in."""

    __slots__ = ("_context", "_disabled", "listing", "relay")

    def __init__(self, disabled: frozenset[str], context: PluginContext) -> None:
        self._disabled = disabled
        self._context = context
        self.listing: list[Provided] = []
        self.relay = pluggy.PluginManager(specs.PROJECT)
        self.relay.add_hookspecs(specs)

    def from_folder(self, folder: files.Folder) -> Callable[[], object]:
        """How to make the plugin of a folder."""

        def make() -> object:
            files.check_tree(folder.path)
            module = files.import_folder(folder.name, folder.path)
            return module.make_plugin(self._context.named(folder.name, folder.path))

        return make

    def from_entry_point(self, name: str, import_it: Callable[[], Any]) -> Callable[[], object]:
        """How to make the plugin of a distribution; its entry point names ``make_plugin``, or a module that has it."""

        def make() -> object:
            target = import_it()
            function = getattr(target, "make_plugin", target)
            made: object = function(self._context.named(name, ""))
            return made

        return make

    def add(self, name: str, source: str, make: Callable[[], object]) -> None:
        """Make one plugin and register its hooks.

        :raises PluginError: it is broken, or its name is taken.
        """
        taken = next((row.source for row in self.listing if row.plugin == name), None)
        if taken is not None:
            raise PluginError(f"plugin {name}: found twice, in {taken} and in {source}")
        if name in self._disabled:
            self.listing.append(Provided(name, source, "off", "disabled in the configuration"))
            return
        try:
            plugin = make()
            if plugin is None:
                raise TypeError("make_plugin returned None")
            self._check_wrappers(plugin)
            self.relay.register(plugin, name)
        except NotConfigured as reason:
            self.listing.append(Provided(name, source, "off", str(reason) or "not configured"))
        except files.UnsafeFolder as error:
            raise PluginError(f"plugin {name}: refused: {error}") from error
        except (Exception, SystemExit) as error:  # whatever it raises stops the start with one line
            raise PluginError(f"plugin {name}: {_one_line(error)}") from error
        else:
            self.listing.append(Provided(name, source))

    def _check_wrappers(self, plugin: object) -> None:
        """Per-call chains know no wrappers, and registering hooks are asked one by one."""
        for hook in (*FAMILIES, *PER_CALL):
            options = self.relay.parse_hookimpl_opts(plugin, hook)
            if options is not None and (options["wrapper"] or options["hookwrapper"]):
                raise TypeError(f"{hook}: hook wrappers are not supported")
