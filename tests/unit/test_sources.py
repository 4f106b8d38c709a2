"""Whatever a file holds, every line of it ends as a row, an unreadable line with a reason, or one clear error."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import SourceError
from aiops_flows.steps.sources import Delivery, SqlQuery, TableFile, deliveries, inbox_files, read_file


def one(source: object) -> Delivery:
    """The only delivery of a source."""
    (delivery,) = deliveries(source)  # type: ignore[arg-type]
    return delivery


def test_the_same_rows_come_out_of_every_kind_of_source(tmp_path: Path) -> None:
    """CSV, gzipped CSV, Parquet, JSON lines, frame, rows and query tell the same."""
    rows = [{"case_id": "a", "amount": 1.5}, {"case_id": "b", "amount": 2.0}]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "x.csv", index=False)
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress((tmp_path / "x.csv").read_bytes()))
    frame.to_parquet(tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    frame.to_sql("cases", f"sqlite:///{tmp_path / 'x.db'}", index=False)
    query = SqlQuery(f"sqlite:///{tmp_path / 'x.db'}", "SELECT * FROM cases")
    sources: list[object] = [tmp_path / f"x.{kind}" for kind in ("csv", "csv.gz", "parquet", "jsonl")]
    for source in [*sources, frame, rows, query]:
        told = [(row["case_id"], float(row["amount"])) for row in one(source).rows]
        assert told == [("a", 1.5), ("b", 2.0)], source


def test_missing_values_of_a_frame_are_none() -> None:
    """NaN, NaT and NA mean that nothing is there; infinity is a value, and a bad one."""
    frame = pd.DataFrame(
        {"a": [1.0, np.nan, np.inf], "b": ["x", None, pd.NA], "c": [pd.Timestamp("2026-01-01"), pd.NaT, pd.NaT]}
    )
    rows = one(frame).rows
    assert [row["a"] for row in rows] == [1.0, None, float("inf")]
    assert [row["b"] for row in rows] == ["x", None, None]
    assert [row["c"] is None for row in rows] == [False, True, True]


def test_a_line_with_too_many_or_too_few_fields_is_told_apart(tmp_path: Path) -> None:
    """The good lines around it are rows."""
    (tmp_path / "x.csv").write_text("case_id,amount\na,1\nb\nc,3,4\nd,4\n\n")
    delivery = one(tmp_path / "x.csv")
    assert [row["case_id"] for row in delivery.rows] == ["a", "d"]
    assert [line.reason for line in delivery.unreadable] == [
        "line 3 has 1 field, the header has 2",
        "line 4 has 3 fields, the header has 2",
    ]


def test_a_wrong_encoding_spoils_only_its_own_rows(tmp_path: Path) -> None:
    """The line is reported with its number, and the others are taken."""
    (tmp_path / "x.csv").write_bytes(b"case_id,region\na,north\nb,Z\xfcrich\nc,south\n")
    delivery = one(tmp_path / "x.csv")
    assert [row["region"] for row in delivery.rows] == ["north", "south"]
    assert delivery.unreadable[0].reason.startswith("line 3 is not UTF-8 (byte 0xFC, character 4)")


def test_utf_16_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    """What spreadsheets write is read."""
    (tmp_path / "a.csv").write_text("case_id\nü\n", encoding="utf-16")
    (tmp_path / "b.csv").write_text("case_id\nü\n", encoding="utf-8-sig")
    assert [list(one(tmp_path / name).rows) for name in ("a.csv", "b.csv")] == [[{"case_id": "ü"}]] * 2


def test_bad_json_lines_are_told_apart(tmp_path: Path) -> None:
    """A line that is no JSON object, or is nested without end, spoils nothing but itself."""
    deep = "[" * 100_000
    (tmp_path / "x.jsonl").write_text(f'{{"case_id": "a"}}\n{{"case_id": \n[1]\n{deep}\n{{"case_id": "b"}}\n')
    delivery = one(tmp_path / "x.jsonl")
    assert [row["case_id"] for row in delivery.rows] == ["a", "b"]
    assert len(delivery.unreadable) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "no such file"),
        ("x.xlsx", b"PK", "not an .xlsx file"),
        ("x.xls", b"\xd0\xcf\x11\xe0", "Save it as .xlsx, or as CSV UTF-8"),
        ("x.txt", b"a,b", "are not read"),
        ("x.parquet", b"no parquet", "no readable Parquet"),
        ("x.csv.gz", b"no gzip", "no whole gzip"),
        ("x.csv", b"a,b,a\n1,2,3\n", "named twice"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16-le"), "Send it as UTF-8"),
        ("x.csv", "a,b\n1,2\n".encode("utf-32"), "Send it as UTF-8"),
    ],
)
def test_what_is_no_source_is_said_at_once(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """The error names the file and what was expected."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        one(tmp_path / name)


def test_a_failing_query_is_a_source_error() -> None:
    """The driver's error is told in our words."""
    with pytest.raises(SourceError, match="the query failed"):
        one(SqlQuery("sqlite://", "SELECT * FROM nothing"))


@pytest.mark.parametrize("content", [b"", b"\n", b"case_id,amount\n"])
def test_an_empty_file_is_no_error(tmp_path: Path, content: bytes) -> None:
    """Nothing came, and that is all."""
    (tmp_path / "x.csv").write_bytes(content)
    assert list(one(tmp_path / "x.csv").rows) == []


def test_an_inbox_leaves_half_written_and_foreign_files(tmp_path: Path) -> None:
    """Only whole files of a known kind are waiting, in the order of their names."""
    for name in ("b.csv", "a.jsonl", ".hidden.csv", "c.csv.part", "notes.txt", "d.tmp"):
        (tmp_path / name).write_text("")
    (tmp_path / "done").mkdir()
    assert [path.name for path in inbox_files(tmp_path)] == ["a.jsonl", "b.csv"]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv.gz", "x.jsonl.gz"])
def test_a_damaged_file_is_a_source_error(tmp_path: Path, name: str) -> None:
    """Whatever bytes are spoilt, the file is read or refused: nothing else reaches who works through an inbox."""
    path, random = tmp_path / name, np.random.default_rng(0)
    if name.endswith(".parquet"):
        pd.DataFrame({"case_id": ["a", "b"], "amount": [1.0, 2.0]}).to_parquet(path)
    else:
        path.write_bytes(gzip.compress(b"case_id,amount\na,1\nb,2\n" * 20))
    whole = path.read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(4, len(whole), random.integers(1, 20)):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_file(path)
        except SourceError:
            refused += 1
    assert refused > 100


def test_a_file_in_an_older_encoding_is_read_where_that_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one file, or by a setting for all that are not UTF-8; UTF-8 stays UTF-8."""
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_bytes("case_id,Größe\na,Zürich\n".encode("cp1252"))
    new.write_text("case_id,Größe\na,Zürich\n")
    assert one(TableFile(old, encoding="cp1252")).rows[0] == {"case_id": "a", "Größe": "Zürich"}
    monkeypatch.setenv("AIOPS_FILE_ENCODING", "cp1252")
    assert [one(path).rows[0]["Größe"] for path in (old, new)] == ["Zürich", "Zürich"]


def test_a_row_that_is_not_a_mapping_with_text_keys_is_reported(tmp_path: Path) -> None:
    """What csv.DictReader makes of one field too many, a list, a number as a name: the others are taken."""
    (tmp_path / "x.csv").write_text("case_id,amount\na,1\nb,2,3\n")
    with (tmp_path / "x.csv").open(newline="") as file:
        rows: list[object] = [*csv.DictReader(file), ["c", 3], {1: "d"}, {"case_id": "e"}]
    delivery = one(rows)
    assert [row["case_id"] for row in delivery.rows] == ["a", "e"]
    assert [line.reason for line in delivery.unreadable] == [
        "row 2 has more fields than the header",
        "row 3 is a list; expected a mapping from column to value",
        "row 4 has a int as the name of a column; expected text",
    ]


def test_a_json_object_that_names_a_key_twice_is_reported(tmp_path: Path) -> None:
    """Python would take the last of the two values, and say nothing."""
    (tmp_path / "x.jsonl").write_text('{"case_id": "a", "amount": 1, "amount": 2}\n{"case_id": "b"}\n')
    delivery = one(tmp_path / "x.jsonl")
    assert [row["case_id"] for row in delivery.rows] == ["b"]
    assert "names ['amount'] twice" in delivery.unreadable[0].reason


def test_keys_of_rows_are_compared_as_they_look() -> None:
    """A row that names a column in two spellings is reported."""
    rows = [{"case_id": "a", "Gro\u0308ße": 1}, {"case_id": "b", "Größe": 2, "Gro\u0308ße": 3}]
    delivery = one(rows)
    assert list(delivery.rows) == [{"case_id": "a", "Größe": 1}]
    assert len(delivery.unreadable) == 1


def test_an_index_with_a_name_is_a_column(tmp_path: Path) -> None:
    """Of a frame and of Parquet: it often holds the ids."""
    frame = pd.DataFrame({"amount": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="case_id"))
    frame.to_parquet(tmp_path / "x.parquet")
    for source in (frame, tmp_path / "x.parquet"):
        assert [row["case_id"] for row in one(source).rows] == ["a", "b"]
    both = frame.assign(case_id=frame.index)
    assert [row["case_id"] for row in one(both).rows] == ["a", "b"]
    with pytest.raises(SourceError, match="a column and the index"):
        one(frame.assign(case_id=["c", "d"]))


def test_tables_of_tabs_have_a_name_of_their_own(tmp_path: Path) -> None:
    """As .tsv; the separator is detected as in .csv."""
    (tmp_path / "x.tsv").write_text("case_id\tamount\na\t1\n")
    assert list(one(tmp_path / "x.tsv").rows) == [{"case_id": "a", "amount": "1"}]


def test_an_inbox_does_not_leave_tables_that_are_not_read(tmp_path: Path) -> None:
    """They wait like others, to be refused with the way out; what Excel has open does not."""
    for name in ("a.xls", "b.xlsx", "~$b.xlsx"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in inbox_files(tmp_path)] == ["a.xls", "b.xlsx"]
