"""Rows of cells under a header, as columns: what Excel and other programs leave around a table is left out, counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiops_flows.errors import SourceError
from aiops_flows.sources.column_names import clean_name, clean_names
from aiops_flows.sources.left_out import LeftOut, added_up

__all__ = ["Table", "TableBuilder", "Unreadable"]

_AT_ONCE = 5_000
_SHOWN = 10
_NO_VALUE = "no value in any column"


@dataclass(frozen=True)
class Unreadable:
    """A line that is no row: its text and why."""

    raw: str
    reason: str
    case_id: str | None = None
    """The case that it would have become, where that is known."""


@dataclass(frozen=True)
class Table:
    """A table as it was read: its cells are texts, or typed values where the file has types."""

    values: dict[str, list[Any]]
    """Column -> its value in each row."""
    unreadable: list[Unreadable] = field(default_factory=list)
    """Lines that are no rows, with the reason of each."""
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was detected: how fields are separated, which sheet was read."""


class TableBuilder:
    """Takes rows of cells in the order of the file, and gives the table.

    Args:
        header: the cells of the header.
        name: of the source, for errors.
        unit: what a row is called in reasons: ``line`` of a text, ``row`` of a sheet.
    """

    def __init__(self, header: Sequence[Any], *, name: str, unit: str = "line") -> None:
        self._names = _names(header, name)
        self._header = [_text(cell) for cell in header]
        self._unit = unit
        self._fewest = max((place + 1 for place, each in enumerate(self._names) if each), default=0)
        self._columns: list[list[Any]] = [[] for _ in self._names]
        self._seen: list[dict[str, str]] = [{} for _ in self._names]
        self._waiting: list[Sequence[Any]] = []
        self.unreadable: list[Unreadable] = []
        self.empty_rows = 0
        self._headers = 0

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self._names)

    def add(self, cells: Sequence[Any], number: int) -> None:
        """Take one row; ``number`` is its place in the file, from 1."""
        if _is_blank(cells):
            self.empty_rows += 1
        elif len(cells) == self.width:
            self._add_whole(cells)
        elif (fitted := self._fitted(cells)) is not None:
            self._add_whole(fitted)
        else:
            fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
            reason = f"{self._unit} {number} has {fields}, the header has {self._fewest}"
            self.unreadable.append(Unreadable(json.dumps(list(cells), default=str), reason))

    def add_many(self, rows: Sequence[Sequence[str]], number: int) -> None:
        """Take rows that follow each other, the first of which has this number; most of them need no second look."""
        for place, cells in enumerate(rows, start=number):
            if len(cells) == self.width and cells[0] and not cells[0].isspace() and cells[0] != self._header[0]:
                self._waiting.append(cells)
                if len(self._waiting) == _AT_ONCE:
                    self._take_over()
            else:
                self.add(cells, place)

    def _fitted(self, cells: Sequence[Any]) -> Sequence[Any] | None:
        """The row with as many cells as the header, where only cells without a value are too many or too few."""
        if len(cells) > self.width:
            return cells[: self.width] if _is_blank(cells[self.width :]) else None
        if len(cells) >= self._fewest:
            return [*cells, *[""] * (self.width - len(cells))]
        return None

    def _add_whole(self, cells: Sequence[Any]) -> None:
        if cells[0] == self._header[0] and [_text(cell) for cell in cells] == self._header:
            self._headers += 1
            return
        self._waiting.append(cells)
        if len(self._waiting) == _AT_ONCE:
            self._take_over()

    def _take_over(self) -> None:
        """Append the waiting rows to the columns; a text that comes again and again is stored once."""
        for values, seen, cells in zip(self._columns, self._seen, zip(*self._waiting, strict=True), strict=False):
            if len(seen) > _AT_ONCE:
                seen.clear()
            values.extend([seen.setdefault(cell, cell) if cell.__class__ is str else cell for cell in cells])
        self._waiting.clear()

    def table(self, notes: Sequence[str] = ()) -> Table:
        """All that was taken, without the columns that have neither a name nor a value."""
        self._take_over()
        values: dict[str, list[Any]] = {}
        empty = 0
        for place, (name, column) in enumerate(zip(self._names, self._columns, strict=True)):
            if name:
                values[name] = column
            elif _is_blank(column):
                empty += 1
            else:
                values[self._place_name(place)] = column
        left_out = [
            LeftOut("empty row", self.empty_rows, _NO_VALUE),
            LeftOut("empty column", empty, "no name and no value"),
            LeftOut("header row", self._headers, "the header again"),
        ]
        return Table(values, self.unreadable, list(added_up(left_out)), list(notes))

    def _place_name(self, place: int) -> str:
        """A name for a column that has values and no name, so that it is reported like any other."""
        name = f"column {place + 1}"
        while name in self._names:
            name += "_"
        return name


def _names(header: Sequence[Any], source: str) -> list[str]:
    names = clean_names("" if cell is None else cell for cell in header)
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise SourceError(f"{source}: columns named twice: {repeated[:_SHOWN]}. Every column needs a name of its own")
    return names


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _is_blank(cells: Sequence[Any]) -> bool:
    """Whether no cell has a value; a cell of spaces has none."""
    if not any(cells):  # the quick answer for most rows that are blank; 0 and False are values
        return all(cell is None or cell == "" for cell in cells)
    return all(cell is None or (isinstance(cell, str) and not clean_name(cell)) for cell in cells)
