"""Types of the library from a module in ASN.1: ``python -m tests.support.asn1_compiled FILE`` reads its text."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def compiled(name: str, lines: list[str], path: Path) -> Any:
    """The types that *lines* define, as attributes; compiled by a process, since the compiler knows one module only.

    :param path: where the generated Python goes.
    """
    text = f"{name} DEFINITIONS AUTOMATIC TAGS ::= BEGIN\n" + "\n".join(lines) + "\nEND"
    command = [sys.executable, "-m", "tests.support.asn1_compiled", str(path)]
    subprocess.run(command, input=text, text=True, cwd=_ROOT, check=True, capture_output=True, timeout=120)
    return runpy.run_path(str(path))[name]


def _main(path: str) -> None:
    from pycrate_asn1c.asnproc import (  # type: ignore[import-untyped]  # noqa: PLC0415
        PycrateGenerator,
        compile_text,
        generate_modules,
    )

    compile_text(sys.stdin.read())
    generate_modules(PycrateGenerator, path)


if __name__ == "__main__":
    _main(sys.argv[1])
