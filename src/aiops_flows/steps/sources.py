"""Where cases come from: files, frames, rows, queries and inbox folders, read without losing a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, FrameRows, SeparateRows, Unreadable, file_text
from aiops_flows.steps.mail import MailBox, mail_delivery, mail_files
from aiops_flows.steps.turn_rows import TurnRows, joined_turns
from aiops_flows.values.frame_columns import parquet_frame, python_values, with_index

__all__ = [
    "Delivery",
    "FrameRows",
    "MailBox",
    "SqlQuery",
    "TurnRows",
    "Unreadable",
    "columns_found",
    "deliveries",
    "file_kind",
    "inbox_files",
    "read_file",
]

_KINDS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl", ".mbox": "mail", ".eml": "mail"}
_READ = f"{', '.join(_KINDS)} (the text ones also .gz)"
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError)
"""What damaged Parquet raises beside pyarrow's own errors: pandas believes what the file says of itself."""
_OTHER_SEPARATORS = ";\t|"
_LONGEST_FIELD = 64 * 2**20
_SHOWN = 10
_AT_ONCE = 5_000


@dataclass(frozen=True)
class SqlQuery:
    """Rows that a query gives; ``url`` is a SQLAlchemy URL."""

    url: str
    sql: str


Source = str | Path | pd.DataFrame | Sequence[Mapping[str, Any]] | SqlQuery | MailBox | TurnRows
"""A file (.csv, .parquet, .jsonl, .mbox, .eml, the text ones also .gz), a folder used as inbox, a frame, rows, a query,
mails of which it is said who are the agents, or a file with a row for each turn."""


def deliveries(source: Source) -> Iterator[Delivery]:
    """What a source holds now: one delivery, or one for each file of an inbox folder.

    Raises:
        SourceError: the source is not there, or cannot be read as what its name says.
    """
    if isinstance(source, pd.DataFrame):
        yield _from_frame("frame", source)
    elif isinstance(source, SqlQuery):
        yield _from_frame("query", _query(source))
    elif isinstance(source, MailBox):
        yield mail_delivery(Path(source.path).name, mail_files(source), source.agents)
    elif isinstance(source, TurnRows):
        yield joined_turns(source, _file_of_turns(source))
    elif isinstance(source, str | Path):
        path = Path(source)
        yield from (read_file(file) for file in (inbox_files(path) if path.is_dir() else [path]))
    else:
        rows = list(source)
        columns = list(dict.fromkeys(name for row in rows for name in row))
        yield Delivery("rows", columns, rows, apart=isinstance(source, SeparateRows))


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
    """``csv``, ``parquet``, ``jsonl``, ``mail``, or None for a file that is not read."""
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
    if kind == "mail":
        return mail_delivery(path.name, [path], file=path)
    text = file_text(path)
    return _from_csv(path, text) if kind == "csv" else _from_json_lines(path, text)


def _file_of_turns(source: TurnRows) -> Delivery:
    path = Path(source.path)
    if source.separator == "," and source.quoted:
        return read_file(path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; turns are read from a file with a header and a row for each turn")
    return _from_csv(path, file_text(path), separator=source.separator, quoted=source.quoted)


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame = parquet_frame(pq.read_table(path))
    except FileNotFoundError:
        raise  # taken by another worker
    except (pa.ArrowException, *_DAMAGED) as fault:
        said = " ".join(str(fault).split()).rstrip(".")
        raise SourceError(f"{path}: no readable Parquet file: {said}. Write it again, or send CSV") from fault
    return frame


def _from_csv(path: Path, text: str, *, separator: str = ",", quoted: bool = True) -> Delivery:
    csv.field_size_limit(_LONGEST_FIELD)
    written = io.StringIO(text, newline="")
    lines = csv.reader(written, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
    header = [name.strip() for name in next(lines, [])]
    if len(header) == 1 and (used := [mark for mark in _OTHER_SEPARATORS if mark in header[0]]):
        raise SourceError(f"{path}: fields are parted by {used[0]!r}; expected commas. Write it again with commas")
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise SourceError(f"{path}: columns named twice: {repeated}. Every column needs a name of its own")
    told = _Columns(header)
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
            told.add(line)
        elif line:
            reason = f"line {lines.line_num} has {len(line)} fields, the header has {len(header)}"
            unreadable.append(Unreadable(json.dumps(line), reason))
    return Delivery(path.name, header, told.rows(), unreadable, path)


class _Columns:
    """Lines taken over as columns, in which a text that comes again and again is kept once."""

    def __init__(self, header: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {name: [] for name in header}
        self._seen: list[dict[str, str]] = [{} for _ in header]
        self._waiting: list[list[str]] = []

    def add(self, line: list[str]) -> None:
        self._waiting.append(line)
        if len(self._waiting) == _AT_ONCE:
            self._take_over()

    def rows(self) -> FrameRows:
        self._take_over()
        return FrameRows(self._values)

    def _take_over(self) -> None:
        for values, seen, told in zip(
            self._values.values(), self._seen, zip(*self._waiting, strict=True), strict=False
        ):
            if len(seen) > _AT_ONCE:
                seen.clear()
            values.extend([seen.setdefault(text, text) for text in told])
        self._waiting.clear()


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
    frame = with_index(frame)
    columns = [str(column) for column in frame.columns]
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise SourceError(f"{name}: columns named twice: {repeated[:_SHOWN]}. Every column needs a name of its own")
    values = {column: python_values(frame.iloc[:, position]) for position, column in enumerate(columns)}
    return Delivery(name, columns, FrameRows(values), (), path)


def _query(query: SqlQuery) -> pd.DataFrame:
    try:
        return pd.read_sql_query(query.sql, query.url, dtype_backend="numpy_nullable")
    except Exception as fault:  # noqa: BLE001  the driver's own error types are as many as there are databases
        raise SourceError(
            f"the query failed: {type(fault).__name__}. Run it by hand to see why: the driver's words are left out, "
            "since they may quote rows"
        ) from None
