"""What the papers point at exists."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAPERS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_FILE = re.compile(r"`((?:vosswitch|plugins|tests|etc|docs)/[A-Za-z0-9_./-]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def _anchor(heading: str) -> str:
    """As the usual renderers make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_exists(paper):
    named = set(_FILE.findall(paper.read_text(encoding="utf-8")))
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(paper):
    for link in _LINK.findall(paper.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = paper.parent / name if name else paper
        assert target.exists(), link
        if anchor:
            assert anchor in {_anchor(found) for found in _HEADING.findall(target.read_text(encoding="utf-8"))}, link


def test_the_layers_on_the_architecture_page_are_those_that_are_checked():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["importlinter:contract:layers"]["layers"].strip().splitlines()
    present = [" | ".join(room for room in line.split(" | ") if not room.startswith("(")) for line in lines]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert "\n".join(["```", *filter(None, present), "```"]) in page


def test_every_room_is_on_the_architecture_page():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = [path.parent.name for path in (ROOT / "vosswitch").glob("*/__init__.py")]
    assert rooms
    for room in rooms:
        assert re.search(rf"\b{room}\b", page), room
