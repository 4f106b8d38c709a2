"""What a source gives: rows that came in together, and the bytes and text of files."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, overload

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError
from aiops_flows.sources.left_out import LeftOut, added_up

__all__ = [
    "Delivery",
    "FrameRows",
    "RowsForm",
    "SeparateRows",
    "Unreadable",
    "cases_in",
    "column_of",
    "file_bytes",
    "file_text",
]

_UTF_16 = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
_UNPACKED = 64 * 2**20  # bytes that any file may unpack to
_TIMES_PACKED = 200  # a larger one may be this many times as large as its file: text is 3 to 30 times


@dataclass(frozen=True)
class Unreadable:
    """A line that is no row: its text and why."""

    raw: str
    reason: str
    case_id: str | None = None
    """The case that it would have become, where that is known."""


class FrameRows(Sequence[Mapping[str, Any]]):
    """The rows of a frame, kept as columns; each row is made when it is asked for."""

    def __init__(self, columns: Mapping[str, list[Any]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(place, slice):
            part = [values[place] for values in self._columns.values()]
            return [dict(zip(self._columns, line, strict=True)) for line in zip(*part, strict=True)]
        return {name: values[place] for name, values in self._columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (dict(pairs) for pairs in self.pairs(slice(None), list(self._columns)))

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        return self._columns[name]

    def pairs(self, place: slice, names: Sequence[str]) -> Iterator[Iterable[tuple[str, Any]]]:
        """Names and values of each of these rows, in the named columns; no row is made."""
        part = [self._columns[name][place] for name in names]
        return (zip(names, line, strict=True) for line in zip(*part, strict=True))


class SeparateRows(list[Mapping[str, Any]]):
    """Rows that only came at the same time: each is read as if it were alone."""


@dataclass(frozen=True)
class Delivery:
    """Rows that came in together, and the lines among them that are no rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    unreadable: Sequence[Unreadable] = field(default=())
    file: Path | None = None
    left_out: Sequence[LeftOut] = field(default=())
    """What the source holds that is neither in a row nor unreadable, with counts."""
    apart: bool = False
    """Whether each row is from another sender: then no row shows how another one writes its numbers and dates."""


class RowsForm(Protocol):
    """How many rows of a source become one case; declared as ``rows`` of a case type."""

    def fits(self, case_type: type[Case], delivery: Delivery) -> bool:
        """Whether the delivery has such rows; else each of its rows is a case as it stands."""
        ...

    def cases_of(self, case_type: type[Case], delivery: Delivery, now: datetime, *, past: bool) -> Delivery:
        """The delivery with one row a case; rows of which no case can be made are told among the unreadable.

        With ``past`` the cases that would have been made of it earlier, to learn from, and not the present ones.
        """
        ...


def cases_in(case_type: type[Case], delivery: Delivery, now: datetime, *, past: bool = False) -> Delivery:
    """The delivery with one row a case, present or past, where the case type says how its rows are joined."""
    form: RowsForm | None = case_type.rows
    if form is None or not delivery.rows or not form.fits(case_type, delivery):
        return delivery
    made = form.cases_of(case_type, delivery, now, past=past)
    of_the_form = [part for part in made.left_out if part not in delivery.left_out]
    return replace(made, left_out=added_up([*delivery.left_out, *of_the_form]))


def column_of(delivery: Delivery, name: str) -> list[Any]:
    """The values of one column, None where a row has none."""
    if isinstance(delivery.rows, FrameRows):
        return delivery.rows.column(name)
    return [row.get(name) for row in delivery.rows]


def file_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked where its name ends in ``.gz``.

    Raises:
        SourceError: it may not be read, is no whole gzip file, or unpacks to much more than text does.
    """
    try:
        data = path.read_bytes()
    except PermissionError as fault:
        raise SourceError(f"{path}: may not be read: {fault.strerror}. Give this user the right to read it") from fault
    if path.suffix.lower() != ".gz":
        return data
    most = max(_UNPACKED, _TIMES_PACKED * len(data))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise SourceError(f"{path}: no whole gzip file: {fault}. Send it again") from fault
    if len(unpacked) > most:
        raise SourceError(f"{path}: unpacks to more than {most:,} bytes, as no text does. Send it unpacked, in parts")
    return unpacked


def file_text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 stay recognisable as lone surrogates, and their row is refused.

    Raises:
        SourceError: it may not be read, or is in another encoding.
    """
    data = file_bytes(path)
    if data[:4] in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE} or (b"\x00" in data[:4] and data[:2] not in _UTF_16):
        raise SourceError(f"{path}: begins with NUL, as UTF-16 without a mark or UTF-32 does. Send it as UTF-8")
    if data[:2] in _UTF_16:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as fault:
            raise SourceError(f"{path}: begins as UTF-16 but is not: {fault}. Send it as UTF-8") from fault
    return data.decode("utf-8-sig", errors="surrogateescape")
