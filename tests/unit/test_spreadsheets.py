"""A spreadsheet gives typed values, and never an empty cell for one that holds something else."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.sources import spreadsheet
from aiops_flows.sources.spreadsheet import MERGED, read_sheet
from aiops_flows.sources.table import Table
from aiops_flows.steps.sources import TableFile, deliveries

HALF_PAST_TEN = datetime.combine(date(2024, 3, 5), time(10, 30))  # a sheet knows no time zones


def workbook(fill: Callable[[Any], None]) -> bytes:
    """The bytes of a workbook that was filled."""
    book = openpyxl.Workbook()
    book.active.title = "Claims"
    fill(book)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def table_of(*rows: list[Any]) -> Table:
    """The table of a sheet with these rows."""

    def fill(book: Any) -> None:
        for row in rows:
            book.active.append(row)

    return read_sheet(workbook(fill), name="claims.xlsx")


def test_cells_keep_their_types() -> None:
    """Numbers, truth values, days and times; nothing is taken for a text or a day too many."""
    table = table_of(
        ["case_id", "whole", "amount", "flag", "day", "at"],
        ["A", 7, 1.5, True, date(2024, 3, 5), HALF_PAST_TEN],
        ["B", None, 0, False, date(2024, 3, 6), None],
    )
    assert table.values == {
        "case_id": ["A", "B"],
        "whole": [7, None],
        "amount": [1.5, 0],
        "flag": [True, False],
        "day": [date(2024, 3, 5), date(2024, 3, 6)],
        "at": [HALF_PAST_TEN, None],
    }


def test_a_number_that_is_shown_with_leading_zeros_is_that_text() -> None:
    """A postcode is what people see."""

    def fill(book: Any) -> None:
        book.active.append(["case_id", "postcode"])
        book.active.append(["A", 1067])
        book.active["B2"].number_format = "00000"

    assert read_sheet(workbook(fill), name="x").values["postcode"] == ["01067"]


def test_errors_formulas_and_merged_cells_are_not_empty_cells() -> None:
    """They are texts that no number, date or label accepts."""

    def fill(book: Any) -> None:
        sheet = book.active
        for row in (["case_id", "total", "price"], ["A", "=1+1", "#N/A"], ["B", 6, 5], ["C", None, None]):
            sheet.append(row)
        sheet["C2"].data_type = "e"
        sheet.merge_cells("C3:C4")

    table = read_sheet(workbook(fill), name="x")
    assert table.values["price"] == ["#N/A", 5, MERGED]
    assert table.values["total"] == ["=1+1", 6, None]


def test_what_stands_around_the_table_is_left_out_with_a_count() -> None:
    """Blank rows above, between and below; columns without name and value; the header again."""
    table = table_of(
        [], [None, None], ["case_id", None, "price"], ["A", None, 1], [" "], ["case_id", None, "price"], ["B", None, 2]
    )
    assert table.values == {"case_id": ["A", "B"], "price": [1, 2]}
    assert {part.thing: part.count for part in table.left_out} == {"empty row": 3, "empty column": 1, "header row": 1}


def test_the_only_visible_sheet_that_is_not_empty_is_read() -> None:
    """Hidden ones are counted; of several somebody must say which."""

    def fill(book: Any) -> None:
        book.active.append(["case_id"])
        book.active.append(["A"])
        book.create_sheet("Empty")
        hidden = book.create_sheet("Lists")
        hidden.append(["north"])
        hidden.sheet_state = "hidden"

    table = read_sheet(workbook(fill), name="x")
    assert (table.values, table.notes) == ({"case_id": ["A"]}, ["sheet 'Claims' was read"])
    assert [(part.thing, part.count) for part in table.left_out] == [("sheet", 1)]


def test_of_several_sheets_one_must_be_named(tmp_path: Path) -> None:
    """The error names them, and how to choose."""

    def fill(book: Any) -> None:
        book.active.append(["case_id"])
        book.create_sheet("More").append(["case_id", "B"])

    path = tmp_path / "x.xlsx"
    path.write_bytes(workbook(fill))
    with pytest.raises(SourceError, match=r"2 sheets with content: \['Claims', 'More'\]"):
        list(deliveries(path))
    (delivery,) = deliveries(TableFile(path, sheet="More"))
    assert delivery.columns == ["case_id", "B"]
    with pytest.raises(SourceError, match="has no sheet 'Other'"):
        list(deliveries(TableFile(path, sheet="Other")))


def test_a_workbook_without_rows_is_empty() -> None:
    """Nothing came, and that is all."""
    assert read_sheet(workbook(lambda _: None), name="x").values == {}


@pytest.mark.parametrize(
    ("data", "hint"),
    [(b"", "damaged"), (b"PK\x03\x04 and no more", "damaged"), (b"\xd0\xcf\x11\xe0" + bytes(600), "older .xls")],
)
def test_what_is_no_workbook_is_refused_with_the_way_out(data: bytes, hint: str) -> None:
    """An .xls under another name, a password, a transfer that broke."""
    with pytest.raises(SourceError, match=hint):
        read_sheet(data, name="x.xlsx")


def test_a_package_that_unpacks_to_too_much_is_refused_before_it_is_read() -> None:
    """By what its parts say of their size, which the unpacking does not exceed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", bytes(40 * 2**20))
    with pytest.raises(SourceError, match="unpacks to 41,943,040 bytes"):
        read_sheet(packed.getvalue(), name="x.xlsx")


def test_a_cell_at_the_end_of_the_sheet_does_not_fill_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes can say that there are 17 thousand million cells; the limit is smaller here, to be quick."""
    monkeypatch.setattr(spreadsheet, "_MOST_CELLS", 100_000)

    def fill(book: Any) -> None:
        book.active["A1"] = "case_id"
        for row in range(2, 20):
            book.active.cell(row, 16_384, 1)

    with pytest.raises(SourceError, match="more than"):
        read_sheet(workbook(fill), name="x.xlsx")
