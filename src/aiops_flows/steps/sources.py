"""Where cases come from: files, frames, rows, queries and inbox folders, read without losing a line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.errors import SourceError
from aiops_flows.sources.column_names import clean_name, clean_names
from aiops_flows.sources.delimited import read_delimited
from aiops_flows.sources.spreadsheet import read_sheet
from aiops_flows.sources.table import Table, Unreadable
from aiops_flows.steps.delivery import Delivery, FrameRows, SeparateRows, file_bytes, file_text, printed_name, row_json
from aiops_flows.steps.mail import MailBox, mail_delivery, mail_files
from aiops_flows.steps.turn_rows import TurnRows, joined_turns
from aiops_flows.values.frame_columns import parquet_frame, python_values, with_index

__all__ = [
    "Delivery",
    "FrameRows",
    "MailBox",
    "SqlQuery",
    "TableFile",
    "TurnRows",
    "Unreadable",
    "columns_found",
    "deliveries",
    "file_kind",
    "from_rows",
    "inbox_files",
    "read_file",
]

_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "spreadsheet",
    ".xlsm": "spreadsheet",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".mbox": "mail",
    ".eml": "mail",
}
_REFUSED = {".xls": "spreadsheet", ".xlsb": "spreadsheet", ".ods": "spreadsheet", ".numbers": "spreadsheet"}
"""Tables in files that are not read: they are refused with the way out, never left in an inbox without a word."""
_READ = f"{', '.join(_KINDS)} (the text ones also .gz)"
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError)
"""What damaged Parquet raises beside pyarrow's own errors: pandas believes what the file says of itself."""
_SHOWN = 10


@dataclass(frozen=True)
class TableFile:
    """A table in a file (.csv, .tsv, .xlsx) whose form is declared; without that it is detected, once per file."""

    path: str | Path
    separator: str | None = None
    """Between fields of a text; by default that under which most lines have as many fields as the header."""
    quoted: bool = True
    """Fields may stand in double quotes. Exports with tabs often have quotation marks that mean nothing."""
    encoding: str | None = None
    """Of a text that is not UTF-8, such as ``cp1252``; by default the setting ``AIOPS_FILE_ENCODING``."""
    sheet: str | None = None
    """Of a spreadsheet; by default the only visible one that is not empty."""


@dataclass(frozen=True)
class SqlQuery:
    """Rows that a query gives; ``url`` is a SQLAlchemy URL."""

    url: str
    sql: str


Source = str | Path | pd.DataFrame | Sequence[Mapping[str, Any]] | SqlQuery | MailBox | TableFile | TurnRows
"""A file (.csv, .tsv, .xlsx, .parquet, .jsonl, .mbox, .eml, the text ones also .gz), a folder used as inbox, a frame,
rows, a query, a table whose form is declared, mails with the addresses of the agents, or a file with a row for each
turn."""


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
        yield mail_delivery(printed_name(Path(source.path)), mail_files(source), source.agents)
    elif isinstance(source, TableFile):
        yield _from_table_file(source)
    elif isinstance(source, TurnRows):
        yield joined_turns(source, _file_of_turns(source))
    elif isinstance(source, str | Path):
        path = Path(source)
        yield from (read_file(file) for file in (inbox_files(path) if path.is_dir() else [path]))
    else:
        yield replace(from_rows("rows", source), apart=isinstance(source, SeparateRows))


def columns_found(columns: Sequence[str], known: Collection[str]) -> str:
    """The columns of a delivery for an error; only their number where none is known: a first row may stand there."""
    if not set(columns) & set(known):
        return f"{len(columns)} columns, none of them known (does it begin with its header?)"
    return f"{sorted(columns)[:_SHOWN]}"


def inbox_files(folder: Path) -> list[Path]:
    """The files of an inbox that are waiting, by name; hidden, half-written (.tmp, .part) and other files are left."""
    return sorted(path for path in folder.iterdir() if path.is_file() and _is_waiting(path))


def _is_waiting(path: Path) -> bool:
    if path.name.startswith((".", "~$")):  # hidden, or the mark that Excel has the file open
        return False
    return file_kind(path) is not None or path.suffix.lower() in _REFUSED


def file_kind(path: Path) -> str | None:
    """``csv``, ``spreadsheet``, ``parquet``, ``jsonl``, ``mail``, or None for a file that is not read."""
    name = path.name.lower().removesuffix(".gz")
    return _KINDS.get(Path(name).suffix)


def read_file(path: Path) -> Delivery:
    """The rows of one file, whatever its form: text with any usual separator, spreadsheet, Parquet, JSON lines, mail.

    How the file is written is detected once, and stands in ``notes``. What is not a row is in ``unreadable`` with the
    number of its line; what was left out beside (empty rows and columns, repeated headers) is counted in ``left_out``.
    Values are as the file has them: what they mean is decided by the case type, in `check_rows`.

    Raises:
        SourceError: it is missing, or is not what its name says.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder; cases are read from {_READ} files or a folder")
    kind = file_kind(path)
    if path.suffix.lower() in _REFUSED:
        raise SourceError(f"{path}: {path.suffix} files are not read. Save it as .xlsx, or as CSV UTF-8, and send that")
    if kind is None:
        raise SourceError(f"{path}: files named {path.suffix or 'without a suffix'} are not read; use {_READ}")
    if kind == "parquet":
        return _from_frame(printed_name(path), _parquet(path), path)
    if kind == "mail":
        return mail_delivery(printed_name(path), [path], file=path)
    if kind == "jsonl":
        return _from_json_lines(path, file_text(path))
    return _from_table_file(TableFile(path))


def _file_of_turns(source: TurnRows) -> Delivery:
    if source.separator == "," and source.quoted:
        return read_file(Path(source.path))
    return _from_table_file(TableFile(source.path, separator=source.separator, quoted=source.quoted))


def _from_table_file(source: TableFile) -> Delivery:
    path = Path(source.path)
    if not path.is_file():
        raise SourceError(f"{path}: no such file; expected a table with a header and a row for each case or turn")
    if file_kind(path) == "spreadsheet":
        return _from_table(path, read_sheet(file_bytes(path), name=printed_name(path), sheet=source.sheet))
    text = file_text(path, source.encoding)
    table = read_delimited(text, name=printed_name(path), separator=source.separator, quoted=source.quoted)
    return _from_table(path, table)


def _from_table(path: Path, table: Table) -> Delivery:
    rows = FrameRows(table.values)
    return Delivery(
        printed_name(path),
        list(table.values),
        rows,
        table.unreadable,
        path,
        left_out=table.left_out,
        notes=table.notes,
    )


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


def _from_json_lines(path: Path, text: str) -> Delivery:
    rows: list[dict[str, Any]] = []
    unreadable: list[Unreadable] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_object)
        except (ValueError, RecursionError) as fault:
            unreadable.append(Unreadable(line, f"line {number} is not valid JSON: {fault}"))
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            unreadable.append(Unreadable(line, f"line {number} is a JSON {type(row).__name__}, not an object"))
    return replace(from_rows(printed_name(path), rows, unreadable), file=path)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; Python would take the last of two values under one name, and say nothing."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object names {sorted({name for name in names if names.count(name) > 1})} twice")
    return values


def from_rows(name: str, rows: Iterable[Any], unreadable: Sequence[Unreadable] = ()) -> Delivery:
    """Rows that name their own columns, as a delivery; what is not a mapping with text keys is unreadable.

    Args:
        name: of the source, for people.
        rows: mappings from column to value, such as those of ``csv.DictReader``.
        unreadable: what was no row before.
    """
    good: list[Mapping[str, Any]] = []
    bad = list(unreadable)
    cleaned: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        try:
            good.append(_with_clean_names(row, cleaned))
        except ValueError as fault:
            bad.append(Unreadable(row_json(row), f"row {number} {fault}"))
    return Delivery(name, list(dict.fromkeys(column for row in good for column in row)), good, bad, keyed=True)


def _with_clean_names(row: Any, cleaned: dict[str, str]) -> Mapping[str, Any]:
    """The row, its columns named as names are compared; ``cleaned`` remembers the names that came before."""
    if not isinstance(row, Mapping):
        raise ValueError(f"is a {type(row).__name__}; expected a mapping from column to value")  # noqa: TRY004
    if None in row:
        raise ValueError("has more fields than the header")
    if other := [column for column in row if not isinstance(column, str)]:
        raise ValueError(f"has a {type(other[0]).__name__} as the name of a column; expected text")
    for column in row:
        if column not in cleaned:
            cleaned[column] = clean_name(column)
    if all(cleaned[column] == column for column in row):
        return row
    renamed = {cleaned[column]: value for column, value in row.items()}
    if len(renamed) < len(row):
        raise ValueError("names a column twice, in letters that look the same")
    return renamed


def _from_frame(name: str, frame: pd.DataFrame, path: Path | None = None) -> Delivery:
    _refuse_two_meanings(name, frame)
    frame = with_index(frame)
    columns = clean_names(frame.columns)
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise SourceError(f"{name}: columns named twice: {repeated[:_SHOWN]}. Every column needs a name of its own")
    values = {column: python_values(frame.iloc[:, position]) for position, column in enumerate(columns)}
    return Delivery(name, columns, FrameRows(values), (), path)


def _refuse_two_meanings(name: str, frame: pd.DataFrame) -> None:
    """See that an index with the name of a column has the same values."""
    columns: list[Any] = list(frame.columns)
    for place, level in enumerate(frame.index.names):
        if level is None or columns.count(level) != 1:
            continue
        position = columns.index(level)
        column: pd.Series[Any] = frame.iloc[:, position]
        if not frame.index.get_level_values(place).equals(pd.Index(column)):
            raise SourceError(f"{name}: {level!r} is a column and the index, with other values. Drop one of them")


def _query(query: SqlQuery) -> pd.DataFrame:
    try:
        return pd.read_sql_query(query.sql, query.url, dtype_backend="numpy_nullable")
    except Exception as fault:  # noqa: BLE001  the driver's own error types are as many as there are databases
        raise SourceError(
            f"the query failed: {type(fault).__name__}. Run it by hand to see why: the driver's words are left out, "
            "since they may quote rows"
        ) from None
