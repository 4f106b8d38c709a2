"""Tables in spreadsheets (.xlsx), with what their cells do not say as plainly as they seem to.

openpyxl reads them: of a cell it says whether it holds an error, a formula or a date, where quicker readers give an
empty cell. A cell without a plain value becomes a text that no number, date or label accepts (``#N/A``, the formula,
``#MERGED!``): so its row is refused, with that reason and the column, and nothing counts as missing that is not.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiops_flows.errors import SourceError
from aiops_flows.sources.left_out import LeftOut
from aiops_flows.sources.table import Table, TableBuilder

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

__all__ = ["MERGED", "read_sheet"]

MERGED = "#MERGED!"
"""Stands in a cell that is merged with the one above it: whether the value is meant for both, nobody can say."""

_UNPACKED = 256 * 2**20  # bytes that a workbook may unpack to
_TIMES_PACKED = 200
_MOST_PARTS = 10_000  # files in the package
_MOST_ROWS = 1_048_576  # of a sheet, by its format
_MOST_CELLS = 20_000_000
_CHUNK = 2**20
_OVERLAP = 200  # bytes: longer than any element that is looked for
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s+ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_LEADING_ZEROS = re.compile(r"0{2,}")
_CLOCK = re.compile(r"[hHsS]|AM/PM")


@dataclass(frozen=True)
class _Marks:
    """What of a sheet its cells do not show."""

    merged: Mapping[int, Sequence[int]]
    """Row -> columns, from 1, of the cells that are merged with one above them."""
    formulas: bool


def read_sheet(data: bytes, *, name: str, sheet: str | None = None) -> Table:
    """The table of one sheet: its first row that is not empty is the header.

    Numbers, texts, truth values, dates and times come typed. A whole number that is shown with leading zeros (format
    ``00000``) comes as that text.

    Args:
        data: the bytes of the workbook.
        name: of the file, for errors.
        sheet: its name; by default the only visible sheet that is not empty.

    Raises:
        SourceError: it is not a workbook, unpacks to too much, or it is open which sheet is meant.
    """
    try:
        import openpyxl
    except ImportError as fault:
        raise SourceError(
            f"{name}: spreadsheets are read with openpyxl: pip install 'aiops-flows[spreadsheets]', or send CSV UTF-8"
        ) from fault
    _refuse_bombs(data, name)
    try:
        computed = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        title, hidden = _sheet(computed, name, sheet)
        marks = _marks(data, _part_of(data, title))
        formulas = None
        if marks.formulas:
            formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        table = _table(_rows(computed, formulas, title, marks), name)
    except SourceError:
        raise
    except Exception as fault:  # a damaged package fails in as many ways as there are parts in it
        raise SourceError(
            f"{name}: not a readable spreadsheet ({type(fault).__name__}). Save it again as .xlsx, or send CSV UTF-8"
        ) from fault
    left_out = [*table.left_out, *([LeftOut("sheet", hidden, "hidden")] if hidden else [])]
    return replace(table, left_out=left_out, notes=[f"sheet {title!r} was read"])


def _refuse_bombs(data: bytes, name: str) -> None:
    """See that the package is whole, and unpacks to no more than tables do."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as fault:
        hint = "an older .xls, or protected by a password" if data[:4] == b"\xd0\xcf\x11\xe0" else "damaged"
        raise SourceError(f"{name}: not an .xlsx file ({hint}). Save it as .xlsx, or send CSV UTF-8") from fault
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _UNPACKED or unpacked > max(_TIMES_PACKED * len(data), 2**24) or len(parts) > _MOST_PARTS:
        raise SourceError(f"{name}: unpacks to {unpacked:,} bytes in {len(parts):,} parts. Send it as CSV, in parts")


def _sheet(workbook: Workbook, name: str, sheet: str | None) -> tuple[str, int]:
    """The name of the sheet to read, and how many hidden ones with content are left out."""
    worksheets = workbook.worksheets
    titles = [each.title for each in worksheets]
    if sheet is not None:
        if sheet not in titles:
            raise SourceError(f"{name}: has no sheet {sheet!r}; it has {titles}")
        return sheet, 0
    filled = [each for each in worksheets if _has_content(each)]
    visible = [each.title for each in filled if each.sheet_state == "visible"]
    if len(visible) > 1:
        raise SourceError(
            f"{name}: has {len(visible)} sheets with content: {visible}. Name one, TableFile(path, "
            f"sheet={visible[0]!r}), or send each as a file of its own"
        )
    if not visible:
        return next((each.title for each in worksheets if each.sheet_state == "visible"), titles[0]), len(filled)
    return visible[0], len(filled) - 1


def _has_content(worksheet: Any) -> bool:
    worksheet.reset_dimensions()
    rows = worksheet.iter_rows(values_only=True)
    return any(any(cell is not None for cell in row) for row, _ in zip(rows, range(_MOST_ROWS), strict=False))


def _part_of(data: bytes, title: str) -> str:
    """The part of the package that holds a sheet."""
    from openpyxl.reader.excel import ExcelReader

    reader = ExcelReader(io.BytesIO(data), read_only=True)
    reader.read_manifest()
    reader.read_workbook()
    return next(str(relation.target) for each, relation in reader.parser.find_sheets() if each.name == title)


def _marks(data: bytes, part: str) -> _Marks:
    """Merged cells and formulas, seen in the sheet's XML as it is unpacked: openpyxl streams cells without them."""
    merged: dict[int, list[int]] = defaultdict(list)
    count = 0
    formulas = False
    with zipfile.ZipFile(io.BytesIO(data)) as package, package.open(part) as sheet:
        before = b""
        while chunk := sheet.read(_CHUNK):
            text = before + chunk
            formulas = formulas or _FORMULA.search(text) is not None
            for left, top, right, bottom in _MERGE.findall(text):
                columns = range(_column(left), _column(right) + 1)
                count += len(columns) * (int(bottom) - int(top))
                if count > _MOST_ROWS:
                    raise SourceError(f"more than {_MOST_ROWS:,} merged cells. Send the table as CSV")
                for row in range(int(top) + 1, int(bottom) + 1):
                    merged[row] += columns
            before = text[-_OVERLAP:]
    return _Marks(merged, formulas)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:4]:
        number = 26 * number + letter - 64
    return number


def _rows(
    computed: Workbook, formulas: Workbook | None, title: str, marks: _Marks
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Number and cells of each row."""
    sheets = [workbook[title] for workbook in (computed, formulas) if workbook is not None]
    for each in sheets:
        each.reset_dimensions()  # what a sheet says of its own size may be wrong, or too large
    cells_read = 0
    for number, same_row in enumerate(zip(*(each.iter_rows() for each in sheets), strict=True), start=1):
        row = same_row[0]
        cells_read += len(row)
        if number > _MOST_ROWS or cells_read > _MOST_CELLS:
            raise SourceError(f"has more than {_MOST_ROWS:,} rows or {_MOST_CELLS:,} cells. Send it as CSV, in parts")
        values = [_value(cell) for cell in row]
        if len(same_row) > 1:
            values = [
                str(formula.value) if value is None and formula.data_type == "f" else value
                for value, formula in zip(values, same_row[1], strict=True)
            ]
        for place in marks.merged.get(number, ()):
            values += [None] * (place - len(values))
            values[place - 1] = MERGED if values[place - 1] is None else values[place - 1]
        yield number, values


def _value(cell: Any) -> Any:
    """The value of a cell; whole days as dates, and numbers shown with leading zeros as the text that is shown."""
    value = cell.value
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, datetime):
        return value if _CLOCK.search(cell.number_format) or value.time() != datetime.min.time() else value.date()
    if isinstance(value, int) and not isinstance(value, bool) and _LEADING_ZEROS.fullmatch(cell.number_format):
        return f"{value:0{len(cell.number_format)}d}"
    return value


def _table(rows: Iterator[tuple[int, Sequence[Any]]], name: str) -> Table:
    empty = 0
    for number, cells in rows:
        if any(cell is not None and cell != "" for cell in cells):
            builder = TableBuilder(cells, name=name, unit="row")
            break
        empty = number
    else:
        return Table({})
    builder.empty_rows += empty
    for number, cells in rows:
        builder.add([*cells, *[None] * (builder.width - len(cells))], number)
    return builder.table()
