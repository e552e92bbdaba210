"""Finding, loading and checking plugins."""

from __future__ import annotations

import os
import textwrap

import pytest
from zope.interface import implementer

from vosswitch.hooks import PluginContext, hookimpl
from vosswitch.hooks.interfaces import IBlacklist, IRoutingStrategy
from vosswitch.hooks.manager import PluginError, load
from vosswitch.hooks.offers import Offers

CONTEXT = PluginContext(
    parameter={"SS_X": 1}.__getitem__, wall=lambda: 0.0, monotonic=lambda: 0.0, log=None, http_client=object
)

GOOD = """
    from zope.interface import implementer
    from vosswitch.hooks import hookimpl
    from vosswitch.hooks.interfaces import IBlacklist

    @implementer(IBlacklist)
    class List:
        def __init__(self, name):
            self.name = name
        def screen(self, attempt):
            return None

    class Plugin:
        def __init__(self, context):
            self.context = context
        @hookimpl
        def blacklists(self):
            return [List(self.context.name)]
        @hookimpl
        def screen_call(self):
            return None

    def make_plugin(context):
        return Plugin(context)
"""


@pytest.fixture
def drop(tmp_path):
    tmp_path.chmod(0o755)

    def write(name, source):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "plugin.py").write_text(textwrap.dedent(source))
        return folder

    return write


def loaded(tmp_path, disabled=(), builtins=None):
    return load([str(tmp_path)], disabled, builtins or {}, CONTEXT)


@implementer(IRoutingStrategy)
class Cheapest:
    name = "price"

    def key(self, candidate, request):
        return candidate.price


class BuiltIn:
    @hookimpl
    def routing_strategies(self):
        return [Cheapest()]


def test_a_folder_dropped_in_is_loaded_with_its_own_context(tmp_path, drop):
    drop("badnumbers", GOOD)
    found = loaded(tmp_path)
    assert list(found.blacklists) == ["badnumbers"]
    assert found.owner("blacklists", "badnumbers") == "badnumbers"
    assert found.freeze(print).screen_call(None) is None


def test_built_ins_come_through_the_same_hooks_and_first(tmp_path, drop):
    drop("badnumbers", GOOD)
    found = loaded(tmp_path, builtins={"routing": BuiltIn()})
    assert [(row.plugin, row.source, row.provides) for row in found.listing()] == [
        ("routing", "built-in", {"routing_strategies": ["price"]}),
        ("badnumbers", str(tmp_path / "badnumbers"), {"blacklists": ["badnumbers"], "hooks": ["screen_call"]}),
    ]


def test_a_disabled_plugin_is_not_even_imported(tmp_path, drop):
    drop("broken", "1/0")
    found = loaded(tmp_path, disabled=["broken"])
    assert [(row.state, row.reason) for row in found.listing()] == [("off", "disabled in the configuration")]


def test_not_configured_stays_off_politely(tmp_path, drop):
    drop(
        "shy",
        """
        from vosswitch.hooks import NotConfigured
        def make_plugin(context):
            raise NotConfigured("no server given")
        """,
    )
    assert [(row.state, row.reason) for row in loaded(tmp_path).listing()] == [("off", "no server given")]


def test_a_folder_without_plugin_is_listed_as_off(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "empty").mkdir()
    (tmp_path / "__pycache__").mkdir()
    assert [(row.plugin, row.state, row.reason) for row in loaded(tmp_path).listing()] == [
        ("empty", "off", "it has no plugin.py")
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("def make_plugin(context:\n  pass", "SyntaxError"),
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
        ("x = 1", "has no attribute 'make_plugin'"),
        ("def make_plugin(context): raise SystemExit(3)", "SystemExit"),
        ("def make_plugin(context): return None", "make_plugin returned None"),
        (
            """
            from vosswitch.hooks import hookimpl
            class P:
                @hookimpl
                def screen_cal(self, attempt): pass
            def make_plugin(context): return P()
            """,
            "screen_cal",
        ),
        (
            """
            from vosswitch.hooks import hookimpl
            class P:
                @hookimpl
                def screen_call(self, call): pass
            def make_plugin(context): return P()
            """,
            "call",
        ),
        (
            """
            from vosswitch.hooks import hookimpl
            class P:
                @hookimpl
                def blacklists(self): return [object()]
            def make_plugin(context): return P()
            """,
            "has no name",
        ),
        (
            """
            from vosswitch.hooks import hookimpl
            class L:
                name = "l"
            class P:
                @hookimpl
                def blacklists(self): return [L()]
            def make_plugin(context): return P()
            """,
            "IBlacklist",
        ),
        (
            """
            from vosswitch.hooks import hookimpl
            class P:
                @hookimpl
                def blacklists(self): raise OSError("list is away")
            def make_plugin(context): return P()
            """,
            "OSError: list is away",
        ),
        (
            """
            from vosswitch.hooks import hookimpl
            class P:
                @hookimpl(wrapper=True)
                def screen_call(self): yield
            def make_plugin(context): return P()
            """,
            "wrappers are not supported",
        ),
    ],
)
def test_a_broken_plugin_stops_the_start_with_one_line_naming_it(tmp_path, drop, source, said):
    drop("ugly", source)
    with pytest.raises(PluginError) as error:
        loaded(tmp_path)
    text = str(error.value)
    assert text.startswith("plugin ugly: ")
    assert said in text
    assert "\n" not in text


def test_the_same_name_twice_in_a_family_is_an_error_naming_both(tmp_path, drop):
    drop("one", GOOD.replace("self.context.name", '"spam"'))
    drop("two", GOOD.replace("self.context.name", '"spam"'))
    with pytest.raises(PluginError, match="plugin two: blacklists: 'spam' is already provided by plugin one"):
        loaded(tmp_path)


def test_the_same_plugin_name_from_two_places_is_an_error(tmp_path, drop):
    drop("routing", GOOD)
    with pytest.raises(PluginError, match="plugin routing: found twice, in built-in and in "):
        loaded(tmp_path, builtins={"routing": BuiltIn()})


@pytest.mark.parametrize("what", ["", "plugin.py"])
def test_a_world_writable_plugin_is_refused(tmp_path, drop, what):
    place = drop("open", GOOD) / what
    place.chmod(0o777)
    with pytest.raises(PluginError, match=r"plugin open: refused: .* is world-writable; expected chmod o-w"):
        loaded(tmp_path)
    place.chmod(0o755)
    assert list(loaded(tmp_path).blacklists) == ["open"]


def test_a_world_writable_plugin_path_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(PluginError, match="world-writable"):
        loaded(tmp_path)


def test_a_plugin_of_a_stranger_is_refused(tmp_path, drop):
    if os.geteuid() != 0:
        pytest.skip("needs root to give a folder away")
    os.chown(drop("theirs", GOOD), 12345, -1)
    with pytest.raises(PluginError, match=r"plugin theirs: refused: .* belongs to user 12345"):
        loaded(tmp_path)


def test_a_directory_that_does_not_exist_holds_no_plugins(tmp_path):
    assert loaded(tmp_path / "nowhere").listing() == []


def test_plugins_with_modules_of_their_own_do_not_shadow_each_other(tmp_path, drop):
    for name in ("one", "two"):
        folder = drop(
            name, "from . import numbers\n" + textwrap.dedent(GOOD).replace("self.context.name", "numbers.NAME")
        )
        (folder / "numbers.py").write_text(f"NAME = 'list of {name}'\n")
    (tmp_path / "two" / "__init__.py").write_text("'''A package.'''\n")
    assert list(loaded(tmp_path).blacklists) == ["list of one", "list of two"]


def test_every_family_checks_what_it_is_given():
    @implementer(IBlacklist)
    class NoScreen:
        name = "x"

    class Plugin:
        @hookimpl
        def blacklists(self):
            return [NoScreen()]

    with pytest.raises(PluginError, match=r"plugin mine: blacklists: .*screen"):
        load([], [], {"mine": Plugin()}, CONTEXT)


def test_offers_register_what_they_are_given():
    found = load([], [], {"routing": Offers(routing_strategies=[Cheapest()])}, CONTEXT)
    assert [row.provides for row in found.listing()] == [{"routing_strategies": ["price"]}]
