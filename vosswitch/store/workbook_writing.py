"""Writes XLSX workbooks: one sheet, row by row, with prices as exact numbers and everything else as text."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any

from vosswitch.store.workbook import MOST_ROWS, BadWorkbook

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?", re.ASCII)
"""What a spreadsheet shows again as it was written: up to 15 digits."""
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_BATCH = 2000

_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    '<sheets><sheet name="Rates" sheetId="1" r:id="rId1"/></sheets></workbook>',
}


def write_workbook(path: str, heading: Sequence[str], rows: Iterable[Sequence[Any]], numbers: Collection[int]) -> int:
    """Write a workbook; how many rows it has without the heading.

    :param numbers: places of cells that are numbers where a spreadsheet keeps them exactly.
    :raises BadWorkbook: more rows than a sheet has.
    """
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, _HEAD + text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as out:
            out.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            waiting = [_row(1, heading, ())]
            for count, row in enumerate(rows, 1):
                if count >= MOST_ROWS:
                    raise BadWorkbook(f"expected at most {MOST_ROWS - 1} rates for a workbook; CSV takes more")
                waiting.append(_row(count + 1, row, numbers))
                if len(waiting) >= _BATCH:
                    out.write("".join(waiting).encode())
                    waiting.clear()
            out.write("".join(waiting).encode())
            out.write(b"</sheetData></worksheet>")
    return count


def _row(number: int, cells: Sequence[Any], numbers: Collection[int]) -> str:
    parts = [
        _cell(chr(65 + at), number, str(cell), number=at in numbers) for at, cell in enumerate(cells) if cell != ""
    ]
    return f'<row r="{number}">{"".join(parts)}</row>'


def _cell(letter: str, row: int, text: str, *, number: bool) -> str:
    if number and _NUMBER.fullmatch(text):
        return f'<c r="{letter}{row}"><v>{text}</v></c>'
    bare = _NOT_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    if "&" in bare or "<" in bare or ">" in bare:
        bare = bare.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<c r="{letter}{row}" t="inlineStr"><is><t xml:space="preserve">{bare}</t></is></c>'
