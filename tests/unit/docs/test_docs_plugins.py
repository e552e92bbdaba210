"""The page for plugin authors and the code say the same."""

import inspect
from pathlib import Path

import pytest

from vosswitch.hooks import PluginContext, interfaces, kit, specs
from vosswitch.hooks.manager import FAMILIES, PER_CALL
from vosswitch.model.call import CallAttempt, Candidate
from vosswitch.routing.strategies import DEFAULT_ORDER

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")

HOOKS = {name: item for name, item in vars(specs).items() if hasattr(item, f"{specs.PROJECT}_spec")}
FAMILY_INTERFACES = [
    item for item in vars(interfaces).values() if getattr(item, "__module__", "") == interfaces.__name__
]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/plugin.py"))


def test_every_hook_is_known_here():
    assert set(HOOKS) == {*FAMILIES, *PER_CALL}


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_listed_with_its_exact_arguments(name):
    arguments = ", ".join(inspect.signature(HOOKS[name]).parameters)
    assert f"| `{name}({arguments})` |" in PAGE


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_its_rate_and_failure_rule(name):
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}("))
    said = inspect.getdoc(HOOKS[name]) or ""
    rate, rule = (cell.strip() for cell in row.split("|")[2:4])
    assert rate.startswith("per call" if "Rate: per call" in said else "start-up")
    assert rule == ("open" if "Fails open" in said else "closed" if "Fails closed" in said else "stops the start")


@pytest.mark.parametrize("interface", FAMILY_INTERFACES, ids=lambda item: item.getName())
def test_every_method_of_an_interface_is_listed_with_its_exact_arguments(interface):
    _, found, rest = PAGE.partition(f"\n### {interface.getName()}\n")
    assert found
    text = rest.partition("\n##")[0]
    for name, item in interface.namesAndDescriptions():
        if hasattr(item, "getSignatureString"):
            assert f"`{name}{item.getSignatureString()}`" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_walked_through(name):
    assert f"\n### {name}\n" in PAGE
    assert f"`plugins/{name}`" in PAGE


def test_the_context_is_explained():
    shown = {name for name in dir(PluginContext) if not name.startswith("_")} - {"http_client", "named"}
    for name in shown:
        assert f"| `{name}" in PAGE, name


@pytest.mark.parametrize("kind", [CallAttempt, Candidate])
def test_every_field_of_a_value_is_explained(kind):
    _, found, rest = PAGE.partition(f"\n| `{kind.__name__}` | |\n")
    assert found
    text = rest.partition("\n\n")[0]
    for name in kind.__slots__:
        assert f"`{name}`" in text, name


def test_every_check_of_the_kit_is_listed():
    for name, item in vars(kit).items():
        if name.startswith("check_"):
            first, *others = inspect.signature(item).parameters.values()
            more = "".join(f", {item.name}={'()' if item.default == () else '...'}" for item in others)
            assert f"| `{name}({first.name}{more})` |" in PAGE


def test_the_default_order_is_that_of_the_code():
    assert ", ".join(f"`{name}`" for name in DEFAULT_ORDER) in PAGE
