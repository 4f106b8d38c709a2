"""Where cases come from: files, frames, rows, queries and inbox folders, read without losing a line."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import pandas as pd

from aiops_flows.errors import SourceError

__all__ = [
    "Delivery",
    "FrameRows",
    "SqlQuery",
    "Unreadable",
    "columns_found",
    "deliveries",
    "file_kind",
    "inbox_files",
    "read_file",
]

_KINDS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_READ = f"{', '.join(_KINDS)} (the text ones also .gz)"
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError)
"""What damaged Parquet raises beside pyarrow's own errors: pandas believes what the file says of itself."""
_UTF_16 = {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
_OTHER_SEPARATORS = ";\t|"
_LONGEST_FIELD = 64 * 2**20
_SHOWN = 10


@dataclass(frozen=True)
class SqlQuery:
    """Rows that a query gives; ``url`` is a SQLAlchemy URL."""

    url: str
    sql: str


@dataclass(frozen=True)
class Unreadable:
    """A line that is no row: its text and why."""

    raw: str
    reason: str


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

    def pairs(self, place: slice, names: Sequence[str]) -> Iterator[Iterable[tuple[str, Any]]]:
        """Names and values of each of these rows, in the named columns; no row is made."""
        part = [self._columns[name][place] for name in names]
        return (zip(names, line, strict=True) for line in zip(*part, strict=True))


@dataclass(frozen=True)
class Delivery:
    """Rows that came in together, and the lines among them that are no rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    unreadable: Sequence[Unreadable] = field(default=())
    file: Path | None = None


Source = str | Path | pd.DataFrame | Sequence[Mapping[str, Any]] | SqlQuery
"""A file (.csv, .parquet, .jsonl, the text ones also .gz), a folder used as inbox, a frame, rows, or a query."""


def deliveries(source: Source) -> Iterator[Delivery]:
    """What a source holds now: one delivery, or one for each file of an inbox folder.

    Raises:
        SourceError: the source is not there, or cannot be read as what its name says.
    """
    if isinstance(source, pd.DataFrame):
        yield _from_frame("frame", source)
    elif isinstance(source, SqlQuery):
        yield _from_frame("query", _query(source))
    elif isinstance(source, str | Path):
        path = Path(source)
        yield from (read_file(file) for file in (inbox_files(path) if path.is_dir() else [path]))
    else:
        rows = list(source)
        yield Delivery("rows", list(dict.fromkeys(name for row in rows for name in row)), rows)


def columns_found(columns: Sequence[str], known: Collection[str]) -> str:
    """The columns of a delivery for an error; only their number where none is known: a first row may stand there."""
    if not set(columns) & set(known):
        return f"{len(columns)} columns, none of them known (does it begin with its header?)"
    return f"{sorted(columns)[:_SHOWN]}"


def inbox_files(folder: Path) -> list[Path]:
    """The files of an inbox that are waiting, by name; hidden, half-written (.tmp, .part) and other files are left."""
    return sorted(path for path in folder.iterdir() if path.is_file() and _is_waiting(path))


def _is_waiting(path: Path) -> bool:
    return not path.name.startswith(".") and file_kind(path) is not None


def file_kind(path: Path) -> str | None:
    """``csv``, ``parquet``, ``jsonl``, or None for a file that is not read."""
    name = path.name.lower().removesuffix(".gz")
    return _KINDS.get(Path(name).suffix)


def read_file(path: Path) -> Delivery:
    """The rows of one file.

    Raises:
        SourceError: it is missing, or is not what its name says.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; cases are read from {_READ} files or a folder")
    kind = file_kind(path)
    if kind is None:
        raise SourceError(f"{path}: files named {path.suffix or 'without a suffix'} are not read; use {_READ}")
    if kind == "parquet":
        return _from_frame(path.name, _parquet(path), path)
    text = _text(path)
    return _from_csv(path, text) if kind == "csv" else _from_json_lines(path, text)


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas(timestamp_as_object=False)
    except FileNotFoundError:
        raise  # taken by another worker
    except (pa.ArrowException, *_DAMAGED) as fault:
        said = " ".join(str(fault).split()).rstrip(".")
        raise SourceError(f"{path}: no readable Parquet file: {said}. Write it again, or send CSV") from fault
    return frame


def _text(path: Path) -> str:
    """The text of a file; bytes that are no UTF-8 stay recognisable as lone surrogates, and their row is refused."""
    try:
        data = path.read_bytes()
    except PermissionError as fault:
        raise SourceError(f"{path}: may not be read: {fault.strerror}. Give this user the right to read it") from fault
    if path.suffix.lower() == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as fault:
            raise SourceError(f"{path}: no whole gzip file: {fault}. Send it again") from fault
    if data[:4] in {codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE} or (b"\x00" in data[:4] and data[:2] not in _UTF_16):
        raise SourceError(f"{path}: begins with NUL, as UTF-16 without a mark or UTF-32 does. Send it as UTF-8")
    if data[:2] in _UTF_16:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as fault:
            raise SourceError(f"{path}: begins as UTF-16 but is not: {fault}. Send it as UTF-8") from fault
    return data.decode("utf-8-sig", errors="surrogateescape")


def _from_csv(path: Path, text: str) -> Delivery:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(lines, [])]
    if len(header) == 1 and (used := [mark for mark in _OTHER_SEPARATORS if mark in header[0]]):
        raise SourceError(f"{path}: fields are parted by {used[0]!r}; expected commas. Write it again with commas")
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise SourceError(f"{path}: columns named twice: {repeated}. Every column needs a name of its own")
    rows: list[dict[str, str]] = []
    unreadable: list[Unreadable] = []
    while True:
        try:
            line = next(lines, None)
        except csv.Error as fault:
            unreadable.append(Unreadable("", f"line {lines.line_num}: {fault}"))
            continue
        if line is None:
            break
        if len(line) == len(header):
            rows.append(dict(zip(header, line, strict=True)))
        elif line:
            reason = f"line {lines.line_num} has {len(line)} fields, the header has {len(header)}"
            unreadable.append(Unreadable(json.dumps(line), reason))
    return Delivery(path.name, header, rows, unreadable, path)


def _from_json_lines(path: Path, text: str) -> Delivery:
    rows: list[dict[str, Any]] = []
    unreadable: list[Unreadable] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as fault:
            unreadable.append(Unreadable(line, f"line {number} is no JSON: {fault}"))
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            unreadable.append(Unreadable(line, f"line {number} is a JSON {type(row).__name__}, not an object"))
    return Delivery(path.name, list(dict.fromkeys(name for row in rows for name in row)), rows, unreadable, path)


def _from_frame(name: str, frame: pd.DataFrame, path: Path | None = None) -> Delivery:
    columns = [str(column) for column in frame.columns]
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise SourceError(f"{name}: columns named twice: {repeated[:_SHOWN]}. Every column needs a name of its own")
    values = {column: _python_values(frame.iloc[:, position]) for position, column in enumerate(columns)}
    return Delivery(name, columns, FrameRows(values), (), path)


def _python_values(column: pd.Series[Any]) -> list[Any]:
    """A column as Python values; missing ones are None."""
    if not column.isna().any():
        return column.tolist()
    missing = column.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, column.astype(object).tolist(), strict=True)]


def _query(query: SqlQuery) -> pd.DataFrame:
    try:
        return pd.read_sql_query(query.sql, query.url)
    except Exception as fault:  # noqa: BLE001  the driver's own error types are as many as there are databases
        raise SourceError(
            f"the query failed: {type(fault).__name__}. Run it by hand to see why: the driver's words are left out, "
            "since they may quote rows"
        ) from None
