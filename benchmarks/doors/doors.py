"""The doors: each writes a table as its kind of source does, in one of the ways in which such sources are written."""

from __future__ import annotations

import csv
import enum
import io
import json
import sqlite3
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aiops_flows.serving.guard import rows_in
from aiops_flows.steps.delivery import SeparateRows
from aiops_flows.steps.sources import Source, SqlQuery
from benchmarks.doors.table import FIELDS, Address, Table

__all__ = ["DOORS", "Door", "outcomes_at_doors"]

Door = Callable[[Random, Table, Path], Source]
"""Writes a table, in a folder where it needs a file, and gives the source that intake is to read."""

_BOXES: tuple[Any, ...] = (None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, Decimal("NaN"), "", "-", " n/a ")
_ZONES = (UTC, timezone(timedelta(hours=1)), timezone(timedelta(hours=-5, minutes=-30)))
_JSON_MISSING = (None, None, float("nan"), "", "-")


# --- what a value may look like ------------------------------------------------------------------------------------


def _label_text(random: Random, label: str) -> str:
    if label in {"True", "False"}:
        return random.choice((label, label.upper(), label.lower()))
    if label.isdigit() and label[0] != "0" and len(label) < 12:
        return random.choice((label, label, f"{label}.0"))
    forms = (label, label, f" {label}", f"{label}\u00a0", f"{label}\u200b", unicodedata.normalize("NFD", label))
    return (
        random.choice(forms).replace(" ", random.choice((" ", "\u00a0", "  ")))
        if " " in label
        else random.choice(forms)
    )


def _plain_json(value: Any) -> Any:  # noqa: PLR0911  one for each kind of field
    """A value as JSON has it."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Address):
        return {"street": value.street, "since": _plain_json(value.since), "floor": value.floor}
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _clock(value)
    return str(value) if isinstance(value, UUID) else value


def _clock(value: timedelta) -> str:
    hours, rest = divmod(value.seconds, 3_600)
    part = f".{value.microseconds:06d}" if value.microseconds else ""
    return f"{value.days} days {hours:02d}:{rest // 60:02d}:{rest % 60:02d}{part}"


def _json_value(random: Random, name: str, value: Any) -> Any:  # noqa: PLR0911  one for each kind of field
    """A value as one of the programs that write JSON writes it."""
    if name == "label" and random.random() < 0.5:
        if value in {"True", "False"}:
            return value == "True"
        if value.isdigit() and value[0] != "0" and len(value) < 12:
            return random.choice((int(value), float(value)))
    if name == "label":
        return _label_text(random, value)
    if name in {"weight", "pieces", "price"}:
        whole = float(value).is_integer()
        return random.choice((float(value), str(value), int(value) if whole else float(value)))
    if name == "fragile":
        return random.choice((value, int(value), float(value), str(value)))
    if name == "sent":
        return _moment_text(random, value)
    if name == "day":
        return random.choice((value.isoformat(), f"{value.isoformat()}T00:00:00", int(value.strftime("%Y%m%d"))))
    return _plain_json(value)


def _moment_text(random: Random, value: datetime) -> Any:
    local = value.astimezone(random.choice(_ZONES))
    forms: list[Any] = [local.isoformat(), local.isoformat(sep=" "), value.replace(tzinfo=None).isoformat()]
    if value.time() == time():
        forms += [value.date().isoformat(), int(value.strftime("%Y%m%d"))]
    return random.choice(forms)


# --- files of text -------------------------------------------------------------------------------------------------


def csv_of_a_program(random: Random, table: Table, folder: Path) -> Source:
    """A CSV as a program writes it."""
    return _csv(random, table, folder / "program.csv", _program_text)


def _program_text(random: Random, name: str, value: Any) -> str:
    found = _json_value(random, name, value)
    return json.dumps(found) if isinstance(found, dict | list) else str(found)


def csv_of_europe(random: Random, table: Table, folder: Path) -> Source:
    """A CSV as a European spreadsheet writes it: decimal commas, days first."""
    mark = random.choice(("€", "EUR", ""))
    grouped = random.choice((".", " ", "\u00a0", "\u202f"))

    def text(random: Random, name: str, value: Any) -> str:
        if name in {"weight", "price"}:
            number = f"{value:,.2f}".replace(",", "#").replace(".", ",").replace("#", grouped)
            return f"{number} {mark}".strip() if name == "price" else number
        return _spreadsheet_text(random, name, value, "%d.%m.%Y", ("WAHR", "FALSCH"))

    return _csv(random, table, folder / "europe.csv", text)


def csv_of_america(random: Random, table: Table, folder: Path) -> Source:
    """A CSV as an American spreadsheet writes it: decimal points, months first where a day shows it."""

    def text(random: Random, name: str, value: Any) -> str:
        if name in {"weight", "price"}:
            sign = "$" if name == "price" else ""
            return f"-{sign}{-value:,.2f}" if value < 0 else f"{sign}{value:,.2f}"
        shown = [each for each in table.columns[name] if each is not None and getattr(each, "day", 0) > 12]
        return _spreadsheet_text(random, name, value, "%m/%d/%Y" if shown else "%d-%b-%Y", ("TRUE", "FALSE"))

    return _csv(random, table, folder / "america.csv", text)


def _spreadsheet_text(random: Random, name: str, value: Any, day: str, truth: tuple[str, str]) -> str:
    if name == "fragile":
        return truth[0] if value else truth[1]
    if name == "day":
        return str(value.strftime(day))
    if name == "sent" and value.microsecond == 0:
        midnight = value.time() == time()
        return str(value.strftime(day if midnight else f"{day} %H:%M:%S"))
    if name == "at":
        return str(value.strftime("%I:%M:%S %p"))
    return _program_text(random, name, value)


def _csv(random: Random, table: Table, path: Path, text: Callable[[Random, str, Any], str]) -> Path:
    written = io.StringIO(newline="")
    lines = csv.writer(written)
    names = random.sample(FIELDS, len(FIELDS))
    lines.writerow(["case_id", *names])
    for at, case_id in enumerate(table.ids):
        values = [table.columns[name][at] for name in names]
        cells = ["" if value is None else text(random, name, value) for name, value in zip(names, values, strict=True)]
        gaps = ["" if value is not None else random.choice(("", "-", " n/a ")) for value in values]
        lines.writerow([case_id, *(cell or gap for cell, gap in zip(cells, gaps, strict=True))])
    path.write_text(written.getvalue(), newline="")
    return path


def spreadsheet(random: Random, table: Table, folder: Path) -> Source:
    """A workbook: cells are typed where a spreadsheet has the type, and text where it has none."""
    path = folder / "table.xlsx"
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    names = random.sample(FIELDS, len(FIELDS))
    sheet.append(["case_id", *names])
    for at, case_id in enumerate(table.ids):
        values = [table.columns[name][at] for name in names]
        sheet.append([_typed_sql_id(case_id), *(_cell(random, *each) for each in zip(names, values, strict=True))])
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            if (
                cell.data_type == "f"
            ):  # a text that begins with =, as a spreadsheet stores one that a person typed as text
                cell.data_type = "s"
    workbook.save(path)
    return path


def _cell(random: Random, name: str, value: Any) -> Any:  # noqa: PLR0911  one for each kind of field
    """A value as a spreadsheet keeps it; its times are days and parts of one as a float, so no microseconds."""
    if value is None:
        return random.choice((None, None, "-", "n/a"))
    if name == "label" and value.isdigit() and value[0] != "0" and len(value) < 12:
        return random.choice((int(value), value))
    if name == "label" and value in {"True", "False"}:
        return random.choice((value == "True", value))
    if name == "sent" and value.microsecond:
        return value.isoformat()
    if name == "sent":
        return value.replace(tzinfo=None)
    if name in {"weight", "pieces", "fragile", "day", "at"}:
        return value
    if name == "price":
        return random.choice((float(value), value))
    return _program_text(random, name, value)


def json_lines(random: Random, table: Table, folder: Path) -> Source:
    """A file with one JSON object a line."""
    path = folder / "lines.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in _json_rows(random, table)))
    return path


def over_http(random: Random, table: Table, folder: Path) -> Source:  # noqa: ARG001  a door like the others
    """Rows as the resident process hands them to the flow, parsed from the body of a request."""
    rows, _ = rows_in(json.dumps(_json_rows(random, table)).encode(), 1_000)
    return SeparateRows(rows)


def _json_rows(random: Random, table: Table) -> list[dict[str, Any]]:
    rows = []
    for at, case_id in enumerate(table.ids):
        whole = case_id.isdigit() and random.random() < 0.5
        row: dict[str, Any] = {"case_id": random.choice((int(case_id), float(case_id))) if whole else case_id}
        for name in FIELDS:
            value = table.columns[name][at]
            if value is not None:
                row[name] = _json_value(random, name, value)
            elif random.random() < 0.7:
                row[name] = random.choice(_JSON_MISSING)
        rows.append(row)
    return rows


# --- typed values --------------------------------------------------------------------------------------------------


def mappings(random: Random, table: Table, folder: Path) -> Source:  # noqa: ARG001  a door like the others
    """A list of mappings with values of Python, numpy and pandas."""
    return [
        {"case_id": _typed_id(random, case_id)}
        | {name: _boxed(random, name, table.columns[name][at]) for name in FIELDS if _is_there(random, table, name, at)}
        for at, case_id in enumerate(table.ids)
    ]


def _is_there(random: Random, table: Table, name: str, at: int) -> bool:
    return table.columns[name][at] is not None or random.random() < 0.8


def _typed_id(random: Random, case_id: str) -> Any:
    if not case_id.isdigit():
        return case_id
    return random.choice((case_id, int(case_id), float(case_id), np.int64(case_id), np.float32(case_id)))


def _boxed(random: Random, name: str, value: Any) -> Any:  # noqa: C901, PLR0911  one for each kind of field
    if value is None:
        return random.choice(_BOXES)
    if name == "weight":
        return random.choice((value, np.float64(value), np.float32(value), Decimal(repr(value))))
    if name == "pieces":
        return random.choice((value, np.int64(value), float(value), np.float64(value), Decimal(value)))
    if name == "price":
        return random.choice((value, float(value), np.float64(value), str(value)))
    if name == "fragile":
        return random.choice((value, np.bool_(value), int(value)))
    if name == "sent":
        stamp = pd.Timestamp(value)
        return random.choice(
            (value, stamp, stamp.tz_convert("Europe/Berlin"), np.datetime64(value.replace(tzinfo=None)))
        )
    if name == "day":
        return random.choice((value, pd.Timestamp(value), np.datetime64(value), datetime.combine(value, time())))
    if name == "took":
        return random.choice((value, pd.Timedelta(value), np.timedelta64(value)))
    if name == "sizes":
        return random.choice((value, tuple(value), np.array(value, dtype=float)))
    if name == "level":
        return random.choice((value, str(value)))
    return _json_value(random, name, value) if name in {"label", "address"} else value


def frame(random: Random, table: Table, folder: Path) -> Source:  # noqa: ARG001  a door like the others
    """A frame with the types that pandas gives such columns; its id may be the index."""
    columns: dict[str, Any] = {name: _pandas_column(random, name, table.columns[name]) for name in FIELDS}
    ids = pd.Series([int(each) for each in table.ids] if table.ids[0].isdigit() else table.ids, name="case_id")
    made = pd.DataFrame(columns)
    if random.random() < 0.3:
        return made.set_index(pd.Index(ids))
    made.insert(random.randint(0, len(FIELDS)), "case_id", ids)
    return made


def _pandas_column(random: Random, name: str, values: list[Any]) -> Any:  # noqa: PLR0911  one for each kind of field
    if name == "label":
        return _label_column(random, values)
    if name == "pieces":
        return random.choice((pd.Series(values, dtype="Int64"), pd.Series(values, dtype="float64")))
    if name == "weight":
        return pd.Series(values, dtype=random.choice(("float64", "float32", "Float64")))
    if name == "price":
        floats = pd.Series([None if each is None else float(each) for each in values], dtype="float64")
        return random.choice((floats, pd.Series(values, dtype=object)))
    if name == "fragile":
        return pd.Series(values, dtype=random.choice(("boolean", "object")))
    if name == "sent":
        moments = pd.to_datetime(pd.Series(values, dtype=object), utc=True)
        return random.choice((moments, moments.dt.tz_convert("Asia/Tokyo"), moments.dt.tz_localize(None)))
    if name == "took":
        return random.choice(
            (pd.Series(pd.to_timedelta(pd.Series(values, dtype=object))), pd.Series(values, dtype=object))
        )
    if name == "address":
        return pd.Series([None if each is None else _plain_json(each) for each in values], dtype=object)
    return pd.Series([each.value if isinstance(each, enum.Enum) else each for each in values], dtype=object)


def _label_column(random: Random, values: list[Any]) -> Any:
    present = [each for each in values if each is not None]
    if all(each.isdigit() and each[0] != "0" and len(each) < 12 for each in present):
        numbers = pd.Series([None if each is None else int(each) for each in values], dtype="Int64")
        return random.choice((numbers, numbers.astype("float64"), numbers.astype("category")))
    if present and set(present) <= {"True", "False"}:
        return pd.Series([None if each is None else each == "True" for each in values], dtype="boolean")
    return pd.Series(values, dtype=random.choice(("object", "string", "category")))


def parquet(random: Random, table: Table, folder: Path) -> Source:
    """A Parquet file with its own types: date32, timestamps with and without zone, decimals, dictionaries."""
    arrays = {name: _arrow(random, name, table.columns[name]) for name in FIELDS}
    ids: Any = [int(each) for each in table.ids] if table.ids[0].isdigit() else table.ids
    path = folder / "table.parquet"
    pq.write_table(pa.table({"case_id": pa.array(ids)} | arrays), path)
    return path


def _arrow(random: Random, name: str, values: list[Any]) -> Any:
    kinds = {
        "note": pa.string(), "pieces": pa.int64(), "weight": pa.float64(), "price": pa.decimal128(12, 2),
        "fragile": pa.bool_(), "day": pa.date32(), "at": pa.time64("us"), "took": pa.duration("us"),
        "sizes": pa.list_(pa.float64()),
    }  # fmt: skip
    if name in kinds:
        return pa.array(values, kinds[name])
    if name == "sent":
        kind = random.choice((pa.timestamp("us", "UTC"), pa.timestamp("us", "Europe/Berlin"), pa.timestamp("us")))
        return pa.array(
            values if kind.tz else [None if each is None else each.replace(tzinfo=None) for each in values], kind
        )
    if name == "address":
        return pa.array(
            [
                None if each is None else {"street": each.street, "since": each.since, "floor": each.floor}
                for each in values
            ],
            pa.struct({"street": pa.string(), "since": pa.timestamp("us", "UTC"), "floor": pa.int32()}),
        )
    if name == "label":
        return pa.array(_label_column(random, values), from_pandas=True)
    texts = [None if each is None else str(_plain_json(each)) for each in values]
    return random.choice((pa.array(texts, pa.string()), pa.array(texts, pa.string()).dictionary_encode()))


def query(random: Random, table: Table, folder: Path) -> Source:
    """A query of a SQLite database."""
    path = folder / "table.db"
    path.unlink(missing_ok=True)
    kinds = {"pieces": "INTEGER", "weight": "REAL", "price": "NUMERIC", "fragile": "INTEGER"}
    names = ", ".join(f"{name} {kinds.get(name, 'TEXT' if name != 'label' else '')}" for name in FIELDS)
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE t (case_id, {names})")
        marks = ", ".join("?" * (len(FIELDS) + 1))
        for at, case_id in enumerate(table.ids):
            own = [_sql(random, name, table.columns[name][at]) for name in FIELDS]
            database.execute(f"INSERT INTO t VALUES ({marks})", [_typed_sql_id(case_id), *own])  # noqa: S608
    database.close()
    return SqlQuery(f"sqlite:///{path}", "SELECT * FROM t")


def _typed_sql_id(case_id: str) -> Any:
    return int(case_id) if case_id.isdigit() else case_id


def _sql(random: Random, name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "label":
        digits = value.isdigit() and value[0] != "0" and len(value) < 12
        return int(value) if digits and random.random() < 0.5 else _label_text(random, value)
    found = _plain_json(value)
    return json.dumps(found) if isinstance(found, dict | list) else found


def outcomes_at_doors(random: Random, table: Table) -> list[Source]:
    """The same class of each case, as text, numbers and frames have it; known since the same day."""
    classes = [random.randint(1, 2) for _ in table.ids]
    gap: list[Any] = [float(each) for each in classes]
    return [
        [
            {"case_id": case_id, "fate": random.choice((str(each), f"{each}.0", f" {each}\u200b")), "known_at": known}
            for case_id, each, known in zip(table.ids, classes, ["2024-03-05"] * len(table), strict=True)
        ],
        [
            {"case_id": f" {case_id}", "fate": random.choice((each, float(each), np.int64(each))), "known_at": 20240305}
            for case_id, each in zip(table.ids, classes, strict=True)
        ],
        pd.DataFrame(
            {
                "case_id": [*table.ids, "none"],
                "fate": [*gap, None],
                "known_at": [*[pd.Timestamp("2024-03-05", tz="UTC")] * len(table), pd.NaT],
            }
        ),
    ]


DOORS: dict[str, Door] = {
    "mappings": mappings,
    "CSV of a program": csv_of_a_program,
    "CSV of a European spreadsheet": csv_of_europe,
    "CSV of an American spreadsheet": csv_of_america,
    "spreadsheet": spreadsheet,
    "JSON lines": json_lines,
    "HTTP": over_http,
    "frame": frame,
    "Parquet": parquet,
    "SQL": query,
}
