"""The operators' page and the code say the same."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from vosswitch.cli.accounts import FIELDS as ACCOUNT_FIELDS
from vosswitch.cli.cdrs import FIELDS as CDR_FIELDS
from vosswitch.cli.main import cli
from vosswitch.control.operations import OPERATIONS
from vosswitch.model.causes import END_REASONS, EndReason
from vosswitch.params import boot
from vosswitch.params.listeners import LISTEN_KEYS
from vosswitch.store.cdrs import day_table
from vosswitch.store.fields import Deployment, Expected
from vosswitch.store.provision_schema import RATE, TABLES
from vosswitch.store.rate_reading import ALIASES
from vosswitch.store.secrets import Secrets
from vosswitch.store.table import Field, Table

ROOT = Path(__file__).resolve().parents[3]
OPERATORS = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    level = heading.split(" ", 1)[0]
    _, found, rest = OPERATORS.partition(f"\n{heading}\n")
    assert found, f"docs/operators.md: expected a heading {heading!r}"
    lines = []
    for line in rest.splitlines():
        if line.startswith("#") and len(line.split(" ", 1)[0]) <= len(level):
            break
        lines.append(line)
    return "\n".join(lines)


def plain(value: Any) -> str:
    """A default as the page writes it."""
    if isinstance(value, bool):
        return "false" if value is False else "true"
    if value in ("", (), []):
        return "empty"
    if isinstance(value, (tuple, list)):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def config_row(table: str, key: str) -> str:
    """How the row of a configuration key begins."""
    return f"| `[{table}] {key}` | {plain(boot._KEYS[table][key][1])} |"


def field_default(field: Field) -> str:
    """The default of a provisioned field as the page writes it."""
    if field.required:
        return "required"
    if field.name in ("lines", "cps"):
        return "unlimited"
    if field.name == "effective":
        return "always"
    if field.secret:
        return "unchanged"
    return "none" if field.default is None else plain(field.default)


def field_row(field: Field) -> str:
    """How the row of a provisioned field begins."""
    return f"| `{field.name}` | {field_default(field)} |"


def reason_row(reason: EndReason) -> str:
    """The row of an end reason."""
    code = "as received" if reason.code is None else str(reason.code)
    sip = "as received" if reason.sip is None else "BYE" if reason.sip == 0 else str(reason.sip)
    switch = {True: "yes", False: "no", None: "-"}[reason.switch]
    return f"| `{reason.name}` | {code} | {sip} | {reason.q850} | {switch} | {reason.text} |"


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    found: list[tuple[str, click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        elif command is not None:
            found.append((" ".join((*path, name)), command))
    return found


@pytest.mark.parametrize("key", [(table, key) for table, keys in boot._KEYS.items() for key in keys], ids=".".join)
def test_every_configuration_key_is_explained_with_its_default(key):
    assert config_row(*key) in section("## The configuration file")


def test_the_keys_of_listeners_are_explained():
    for key in LISTEN_KEYS:
        assert f"`[[listen]] {key}`" in section("## The configuration file")


@pytest.mark.parametrize("table", [*TABLES.values(), RATE], ids=lambda table: table.name)
def test_every_provisioned_field_is_explained_with_its_default(table: Table):
    text = section("### `[[rate_groups.rates]]`" if table is RATE else f"### `[[{table.name}]]`")
    for field in table.fields:
        assert field_row(field) in text, f"docs/operators.md, {table.name}: expected {field_row(field)}"


def words_of(field: Field) -> list[str]:
    """The words that a field may be; none when it takes anything else."""
    for given in ("?", ["?"]):
        try:
            field.read(given, Deployment("test", Secrets("/nonexistent/key")))
        except Expected as error:
            words = re.split(", | or ", str(error))
            if words != ["true", "false"] and len(words) > 1 and all(re.fullmatch("[a-z_]+", word) for word in words):
                return words
    return []


@pytest.mark.parametrize("table", [*TABLES.values(), RATE], ids=lambda table: table.name)
def test_every_word_that_a_field_may_be_is_named(table: Table):
    text = section("### `[[rate_groups.rates]]`" if table is RATE else f"### `[[{table.name}]]`")
    for field in table.fields:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{field.name}` |"))
        missing = [word for word in words_of(field) if f"`{word}`" not in row]
        assert not missing, f"docs/operators.md, {table.name}, {field.name}: {missing}"


def test_words_of_fields_are_found():
    found = {field.name for field in TABLES["routing_gateways"].fields if words_of(field)}
    assert {"transport", "privacy", "identity_headers", "media_proxy", "large", "transfers"} <= found


def test_the_end_reasons_are_those_of_the_code():
    lines = [line for line in section("## End reasons").splitlines() if line.startswith("| `")]
    assert lines == [reason_row(reason) for reason in END_REASONS.values()]


def test_every_command_is_shown():
    papers = README + OPERATORS
    missing = [name for name, _ in commands() if f"vosswitch {name}" not in papers]
    assert not missing


def test_every_option_is_explained():
    text = section("## Commands")
    for name, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in ("config", "format"):
                longest = max(option.opts, key=len)
                assert f"`{longest}" in text, f"docs/operators.md, commands: {name} {longest}"


def test_every_control_operation_is_listed():
    text = section("## The control socket")
    for operation in OPERATIONS.values():
        assert f"| `{operation.name}` |" in text


def test_every_field_of_a_record_is_explained():
    text = section("### What `cdr list` shows")
    for field in CDR_FIELDS:
        assert f"`{field.name}`" in text, field.name


def test_every_column_of_a_day_table_is_named():
    text = section("### The tables `e_cdr_YYYYMMDD`")
    for column in day_table("20261120").columns:
        assert f"`{column.name}`" in text, column.name


def test_every_field_of_an_account_is_named():
    text = section("## Money")
    for field in ACCOUNT_FIELDS:
        assert f"`{field.name}`" in text, field.name


def test_every_heading_that_a_price_list_may_have_is_named():
    text = section("## Price lists")
    for name in (*(field.name for field in RATE.fields), *ALIASES):
        assert f"`{name}`" in text, name
