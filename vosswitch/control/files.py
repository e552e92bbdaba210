"""The control socket's place in the file system."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

_LONGEST = 107
"""Bytes of a path that a Unix socket can be bound to (``sun_path`` less its final zero)."""


class InUse(OSError):
    """Another switch answers at this socket; its text is one line for the operator."""


def claim(path: str) -> None:
    """Make room for the socket: create its folder, remove the socket of a switch that is gone.

    :raises InUse: something listens there, or the path is no socket.
    :raises OSError: the folder cannot be written, or the path is too long for a socket.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, f"a control socket's path has at most {_LONGEST} bytes", path)
    Path(path).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise InUse(f"{path}: expected a socket or nothing there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except OSError:
            pass  # full backlog or no permission: somebody is there
    raise InUse(f"{path}: another switch is running here")


def group_of(path: str) -> int:
    """The group that owns the socket."""
    return Path(path).stat().st_gid
