"""What a newcomer reads when the switch listens."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vosswitch.app.logs import banner
from vosswitch.model.values import Address
from vosswitch.params.listeners import Listener

OWN = Path(sys.executable).parent / "vosswitch"


def said(capfd, config):
    boot = SimpleNamespace(
        node_id=0,
        node_name="n",
        path=str(config),
        media_addresses=(("127.0.0.1", ""),),
        media_workers=1,
        listeners=(Listener("udp", "127.0.0.1", 5060), Listener("h323", "127.0.0.1", 1720)),
        media_engine="built-in",
    )
    banner(SimpleNamespace(boot=boot, sip=SimpleNamespace(addresses=[Address("127.0.0.1", 5060)])))
    return capfd.readouterr().out


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOSSWITCH_CONFIG", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_it_names_the_address_and_a_command_that_can_be_typed(capfd, folder):
    text = said(capfd, folder / "etc" / "vosswitch.toml")
    assert "listens for SIP on udp:127.0.0.1:5060" in text
    assert "H.323          h323:127.0.0.1:1720, while" in text
    command = "vosswitch" if not OWN.exists() else os.path.relpath(OWN)
    assert f"\n    {command} testcall " in text


def test_another_configuration_is_part_of_the_command(capfd, folder):
    assert "vosswitch --config b.toml cdr list " in said(capfd, folder / "b.toml")


def test_a_configuration_of_the_environment_is_found_without(capfd, folder, monkeypatch):
    monkeypatch.setenv("VOSSWITCH_CONFIG", "b.toml")
    assert "--config" not in said(capfd, folder / "b.toml")
