"""Plugin packages on disk: finds the folders, checks who may write to them, imports them."""

from __future__ import annotations

import importlib
import os
import stat
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

PACKAGE = "vosswitch_plugins"
"""Folders are imported below this name, so that a plugin shadows no other module."""


class UnsafeFolder(Exception):
    """Somebody who should not can change the code of a plugin."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A plugin folder that was found.

    :ivar complete: whether it holds a ``plugin.py``.
    """

    name: str
    path: str
    complete: bool


def folders(plugin_path: Iterable[str]) -> Iterator[Folder]:
    """The plugin folders of every directory on *plugin_path*, by name; directories that do not exist are skipped.

    :raises UnsafeFolder: a directory on the path itself is open to others.
    """
    for directory in map(Path, plugin_path):
        if not directory.is_dir():
            continue
        check_owner(directory)
        for item in sorted(directory.iterdir()):
            if item.is_dir() and item.name.isidentifier() and not item.name.startswith("_"):
                yield Folder(item.name, str(item.resolve()), (item / "plugin.py").is_file())


def check_owner(path: Path) -> None:
    """Refuse a file or folder that is world-writable or belongs neither to root nor to the running user.

    :raises UnsafeFolder: one line for the operator.
    """
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise UnsafeFolder(f"{path} belongs to user {found.st_uid}; expected root or the running user")
    if stat.S_IMODE(found.st_mode) & stat.S_IWOTH:
        raise UnsafeFolder(f"{path} is world-writable; expected chmod o-w")


def check_tree(folder: str) -> None:
    """`check_owner` for a plugin's folder and everything in it.

    :raises UnsafeFolder: the first thing that is open to others.
    """
    check_owner(Path(folder))
    for root, directories, files in os.walk(folder):
        for name in (*directories, *files):
            check_owner(Path(root, name))


def import_folder(name: str, folder: str) -> ModuleType:
    """Import ``plugin.py`` of a folder as ``vosswitch_plugins.<name>.plugin``."""
    package = _package(PACKAGE, None)
    whole = f"{PACKAGE}.{name}"
    loaded = sys.modules.get(whole)
    if loaded is None or list(loaded.__path__) != [folder]:
        for module in [m for m in sys.modules if m == whole or m.startswith(whole + ".")]:
            del sys.modules[module]
        setattr(package, name, _package(whole, folder))
    return importlib.import_module(f"{whole}.plugin")


def _package(whole: str, folder: str | None) -> ModuleType:
    """The package of this name, made when it is new; without a folder an empty one to hang others into."""
    if whole in sys.modules:
        return sys.modules[whole]
    initial = Path(folder, "__init__.py") if folder else None
    spec: ModuleSpec | None
    if initial is not None and initial.is_file():
        spec = spec_from_file_location(whole, initial, submodule_search_locations=[str(folder)])
    else:
        spec = ModuleSpec(whole, None, is_package=True)
        spec.submodule_search_locations = [folder] if folder else []
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[whole] = module
    if spec.loader is not None:
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[whole]
            raise
    return module
