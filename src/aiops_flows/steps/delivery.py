"""What a source gives: rows that came in together, and the bytes and text of files."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, overload

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError
from aiops_flows.settings import Settings
from aiops_flows.sources.encoding import BAD_BYTES, decoded
from aiops_flows.sources.left_out import LeftOut, added_up
from aiops_flows.sources.table import Unreadable

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
    "printed_name",
    "row_json",
]

_UNPACKED = 64 * 2**20  # bytes that any file may unpack to
_TIMES_PACKED = 200  # a larger one may be this many times as large as its file: text is 3 to 30 times


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
        return (dict(zip(self._columns, line, strict=True)) for line in zip(*self._columns.values(), strict=True))

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        return self._columns[name]


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
    notes: Sequence[str] = field(default=())
    """What was detected while reading, for the log: how fields are separated, how dates are written."""
    keyed: bool = False
    """Whether each row names its own columns, as JSON lines do, so that a row may leave one out."""


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


def row_json(row: Any) -> str:
    """A row of any kind as text, for the quarantine; what JSON cannot hold is written as Python shows it.

    The same row gives the same text, whatever the order of its columns.
    """
    try:
        return json.dumps(row, default=str, sort_keys=True, skipkeys=True)
    except (TypeError, ValueError, RecursionError):  # names of several types have no order
        pass
    try:
        return json.dumps({str(name): str(value) for name, value in row.items()}, sort_keys=True)
    except (TypeError, ValueError, RecursionError, AttributeError):
        return json.dumps(ascii(row))


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
    except FileNotFoundError:
        raise
    except OSError as fault:
        raise SourceError(f"{printed_name(path)}: cannot be read: {fault.strerror}. See that this user may") from fault
    if path.suffix.lower() != ".gz":
        return data
    most = max(_UNPACKED, _TIMES_PACKED * len(data))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise SourceError(f"{printed_name(path)}: no whole gzip file: {fault}. Send it again") from fault
    if len(unpacked) > most:
        raise SourceError(
            f"{printed_name(path)}: unpacks to more than {most:,} bytes, as no text does. Send it unpacked, in parts"
        )
    return unpacked


def file_text(path: Path, encoding: str | None = None) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or in an encoding that is declared.

    Args:
        path: of the file; unpacked where its name ends in ``.gz``.
        encoding: of text that is not UTF-8; by default the setting ``AIOPS_FILE_ENCODING``, which is empty. Then bytes
            that are not UTF-8 stay recognisable as lone surrogates, and their row is refused.

    Raises:
        SourceError: it may not be read, or is in another encoding.
    """
    data = file_bytes(path)
    text = decoded(data, name=printed_name(path), encoding=encoding)
    if encoding is None and BAD_BYTES.search(text) and (declared := Settings().file_encoding):
        return decoded(data, name=printed_name(path), encoding=declared)
    return text


def printed_name(path: Path) -> str:
    """The name of a file as it can be logged, stored and printed: what is not printable is written as its escape."""
    text = path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
