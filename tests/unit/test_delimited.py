"""Of a table as text, every line is a row, is reported with its number, or is counted: whatever its quotes do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aiops_flows.errors import SourceError
from aiops_flows.sources.delimited import read_delimited
from aiops_flows.sources.table import Table


def rows(table: Table) -> list[tuple[object, ...]]:
    """The rows of a table, without the names of its columns."""
    return list(zip(*table.values.values(), strict=True))


def read(text: str, **more: object) -> Table:
    """The table of a text."""
    return read_delimited(text, name="claims.csv", **more)  # type: ignore[arg-type]


def counts(table: Table) -> dict[str, int]:
    """What was left out, by thing."""
    return {part.thing: part.count for part in table.left_out}


# --- how fields are separated --------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_usual_separators_are_detected_and_reported(separator: str) -> None:
    """Once per file, from the header and the lines below it."""
    table = read(separator.join(["case_id", "price"]) + "\n" + separator.join(["A", "1"]) + "\n")
    assert table.values == {"case_id": ["A"], "price": ["1"]}
    assert table.notes[0].startswith("fields are separated by ")


def test_decimal_commas_do_not_make_a_semicolon_a_comma() -> None:
    """The separator is the one under which the lines have as many fields as the header."""
    table = read("id;Name, Vorname;Betrag\n1;Roe, Ann;12,50\n2;Doe, Jo;3,00\n")
    assert list(table.values) == ["id", "Name, Vorname", "Betrag"]
    assert rows(table) == [("1", "Roe, Ann", "12,50"), ("2", "Doe, Jo", "3,00")]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;"])
def test_the_line_that_excel_writes_says_how_fields_are_separated(line: str) -> None:
    """It is no header, and no row."""
    assert rows(read(f"{line}\r\ncase_id;price\r\nA;1,5\r\n")) == [("A", "1,5")]


def test_a_separator_that_is_declared_is_not_guessed_at() -> None:
    """Whatever else the header holds."""
    assert list(read("a;b,c\n1;2,3\n", separator=",").values) == ["a;b", "c"]


def test_a_single_column_stays_one() -> None:
    """Without any separator there is nothing to detect."""
    assert read("case_id\nA\nB\n").values == {"case_id": ["A", "B"]}


# --- what spreadsheets leave around a table --------------------------------------------------------------------------


def test_empty_columns_at_the_end_are_left_out_with_a_count() -> None:
    """They have neither a name nor a value."""
    table = read("case_id,price,,\nA,1,,\nB,2,,\n")
    assert table.values == {"case_id": ["A", "B"], "price": ["1", "2"]}
    assert (counts(table), table.unreadable) == ({"empty column": 2}, [])


def test_empty_cells_beyond_the_header_do_not_spoil_a_row() -> None:
    """But a value there does: nobody can say whose it is."""
    table = read("case_id,price\nA,1,,\nB,2,x\n")
    assert rows(table) == [("A", "1")]
    assert [line.reason for line in table.unreadable] == ["line 3 has 3 fields, the header has 2"]


def test_a_column_without_a_name_that_has_values_is_not_dropped() -> None:
    """It is reported by its place, as any column that is not part of the case."""
    assert read(",case_id\n0,A\n1,B\n").values == {"column 1": ["0", "1"], "case_id": ["A", "B"]}


def test_blank_lines_and_rows_are_counted_wherever_they_stand() -> None:
    """Before the header, between the rows, at the end."""
    table = read("\n,,\n \ncase_id,price\n\nA,1\n,\n , \nB,2\n,\n")
    assert rows(table) == [("A", "1"), ("B", "2")]
    assert counts(table) == {"empty row": 7}


def test_a_header_that_comes_again_is_not_a_row() -> None:
    """As in files that were put together from several."""
    table = read("case_id,price\nA,1\ncase_id,price\nB,2\n")
    assert rows(table) == [("A", "1"), ("B", "2")]
    assert counts(table) == {"header row": 1}


@pytest.mark.parametrize("name", ["Gro\u0308ße", " Größe\u200b", "\ufeffGröße", "Größe\u00a0"])
def test_names_of_columns_are_compared_as_they_look(name: str) -> None:
    """Composed letters, nothing invisible, no space around them."""
    assert list(read(f"case_id,{name}\nA,41\n").values) == ["case_id", "Größe"]


def test_two_columns_whose_names_look_the_same_are_refused() -> None:
    """In one spelling or in two."""
    with pytest.raises(SourceError, match="named twice"):
        read("case_id,Größe,Gro\u0308ße\nA,1,2\n")


# --- quotation marks -------------------------------------------------------------------------------------------------


def test_texts_over_several_lines_are_read_as_they_are() -> None:
    """With separators, doubled quotation marks, blank lines and every kind of line end in them."""
    text = 'case_id,remark,price\nA,"Dear all,\n\nit ""broke"", again.\r\nBye",5\nB,x,6\n'
    assert rows(read(text)) == [("A", 'Dear all,\n\nit "broke", again.\r\nBye', "5"), ("B", "x", "6")]


def test_a_letter_whose_lines_have_commas_is_not_taken_for_rows() -> None:
    """Its lines have as many fields as the header, but no id begins them."""
    letters = "".join(f'T-{n},"Hello there, please\nI called, twice\nKind regards, Bob"\n' for n in range(1, 30))
    table = read("case_id,text\n" + letters)
    assert (len(rows(table)), table.unreadable) == (29, [])


def test_a_quotation_mark_that_ends_too_early_costs_its_own_line() -> None:
    """The lines beside it are taken."""
    table = read('case_id,remark,price\nA,"he said, 5\nB,and she" said,6\nC,x,7\n')
    assert rows(table) == [("B", 'and she" said', "6"), ("C", "x", "7")]
    assert [line.reason for line in table.unreadable] == ["line 2 has a quotation mark in the midst of a field"]


def test_two_stray_quotation_marks_do_not_swallow_the_rows_between() -> None:
    """Together they look like one quoted text, but what is in it looks like rows."""
    body = "".join(f"R{n},fine,{n}\n" for n in range(10, 30))
    table = read(f'case_id,remark,price\n{body}A1,"he said,5\nB1,she said",6\nC1,x,7\n')
    assert [row[0] for row in rows(table)][-2:] == ["B1", "C1"]
    assert [line.reason for line in table.unreadable] == ["line 22 has a quotation mark that would swallow line 23"]


def test_a_quotation_mark_that_is_never_closed_costs_its_own_line() -> None:
    """Not the rest of the file."""
    body = "".join(f"R{n},fine,{n}\n" for n in range(10, 60))
    table = read(f'case_id,remark,price\nA1,"he said,5\n{body}')
    assert len(rows(table)) == 50
    assert [line.reason for line in table.unreadable] == ["line 2 has a quotation mark that is not closed"]


def test_inches_are_not_quotes() -> None:
    """A quotation mark within a field that does not begin with one means itself."""
    assert rows(read('case_id,size\nA,5" pipe\nB,"5"" pipe"\n')) == [("A", '5" pipe'), ("B", '5" pipe')]


def test_a_space_before_and_after_quotes_is_no_part_of_the_text() -> None:
    """Many programs write one after each separator."""
    assert rows(read('case_id, remark, price\nA, "x, y" , 5\n'))[0][:2] == ("A", "x, y")


def test_the_rest_of_a_text_with_stray_quotes_does_not_become_cases() -> None:
    """Its lines are reported, unless they are like the other rows."""
    body = "".join(f"T-{n},all is well\n" for n in range(100, 130))
    table = read(f'case_id,text\n{body}T-130,"Hello "Bob",\nI have, a question\nbye, bye"\nT-131,fine\n')
    assert [row[0] for row in rows(table)][-2:] == ["T-129", "T-131"]
    assert [line.reason.split()[1] for line in table.unreadable] == ["32", "33", "34"]


def test_every_line_is_somewhere() -> None:
    """Rows, lines that are reported, and what is counted add up to the lines of the file."""
    kinds = ["R{},fine,1", 'R{},"open,1', 'R{},"a" b,1', "R{}", ",,"]
    lines = [kinds[number % 5].format(number) for number in range(200)]
    table = read("\n".join(["case_id,remark,price", *lines]))
    assert len(rows(table)) + len(table.unreadable) + counts(table)["empty row"] == 200


PATTERNS = {
    "open": 'R1,"open,1\n',
    "alternating": 'x",a,"b\n',
    "midst": 'R1,"a" b,1\n',
    "doubled": '"""",""""\n',
    "never closed": '"a\n',
    "quoted": '"R1","a, b","1"\n',
    "long": 'R1,"a\nb",1\n',
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_reading_is_linear_whatever_the_quotes_do(pattern: str) -> None:
    """Four times the text takes about four times as long; a quadratic reader would take 16 times as long."""

    def seconds(size: int) -> float:
        line = PATTERNS[pattern]
        text = "case_id,remark,price\n" + line * (size // len(line))
        began = time.process_time()
        read(text)
        return time.process_time() - began

    small = min(seconds(25_000) for _ in range(2))
    large = min(seconds(100_000) for _ in range(2))
    assert large < 10 * max(small, 0.01)


# --- encodings -------------------------------------------------------------------------------------------------------


def test_a_header_that_is_not_utf_8_refuses_the_file(tmp_path: Path) -> None:
    """Else its column would be gone without a word."""
    text = "case_id,Größe\nA,41\n".encode("cp1252").decode("utf-8", "surrogateescape")
    with pytest.raises(SourceError, match=r"header \(line 1\) is not UTF-8 \(byte 0xF6, character 11\)"):
        read(text)


def test_a_line_that_is_not_utf_8_is_reported_with_its_number() -> None:
    """Its neighbours are taken."""
    text = "case_id,name\nA,Ann\nB,Z\udcfcrich\n"
    table = read(text)
    assert rows(table) == [("A", "Ann")]
    assert [line.reason for line in table.unreadable] == [
        "line 3 is not UTF-8 (byte 0xFC, character 4): save the file as UTF-8"
    ]
