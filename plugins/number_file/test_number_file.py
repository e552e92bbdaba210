"""The file's numbers are refused, as caller and as callee, and no others."""

import pytest

from plugins.number_file.plugin import NumberFile, make_plugin, read
from vosswitch.hooks import NotConfigured, kit

LIST = NumberFile(read("# scammers\n4390099\n88213*  # satellite\n\n"))


def test_keeps_the_contract():
    kit.check_blacklist(LIST)


@pytest.mark.parametrize(
    ("caller", "callee", "refused"),
    [
        ("4390099", "49301", True),
        ("4312345", "4390099", True),
        ("4312345", "882131234", True),
        ("4312345", "49301", False),
        ("439009", "49301", False),
        ("", "49301", False),
    ],
)
def test_only_listed_numbers_are_refused(caller, callee, refused):
    answer = LIST.screen(kit.attempt(caller=caller, callee=callee))
    assert (answer is not None) is refused
    if refused:
        assert answer.reason == "blacklisted"


class _Context:
    def __init__(self, folder):
        self.folder = str(folder)


def test_stays_off_without_its_file(tmp_path):
    with pytest.raises(NotConfigured):
        make_plugin(_Context(tmp_path))


def test_reads_its_file(tmp_path):
    (tmp_path / "numbers.txt").write_text("4390099\n")
    (found,) = make_plugin(_Context(tmp_path)).blacklists()
    assert found.screen(kit.attempt(callee="4390099")) is not None
