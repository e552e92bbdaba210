"""Where simulated nodes keep their files."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """In memory where there is such a place: what a power loss takes is simulated, so real syncs only cost time."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("sim")
        return
    with TemporaryDirectory(prefix="vosswitch-sim-", dir=memory) as made:
        yield Path(made)
