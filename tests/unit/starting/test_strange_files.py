"""Files as spreadsheets and exports write them: each becomes a use case that takes its rows, or the reason is given."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from aiops_flows.starting import Column, Plan, Written, plan_of_file, write

Row = dict[str, str]


def rows_of_a_shop(change: Callable[[int, Row], Row]) -> list[Row]:
    """150 cases with an id, an amount and a kind, of which half are late."""
    luck = random.Random(1)
    rows = []
    for number in range(150):
        amount, kind = luck.gammavariate(3, 20), luck.choice("abc")
        late = amount + luck.gauss(0, 10) + 20 * (kind == "b") > 60
        row = {"id": f"R-{number:04d}", "amount": f"{amount:.2f}", "kind": kind, "fate": "late" if late else "in time"}
        rows.append(change(number, row))
    return rows


def more(name: str, value: Callable[[int], str]) -> Callable[[int, Row], Row]:
    """A change that adds a column before the outcome."""
    return lambda number, row: {**{key: row[key] for key in list(row)[:-1]}, name: value(number), "fate": row["fate"]}


def changed(name: str, value: Callable[[int, str], str]) -> Callable[[int, Row], Row]:
    """A change of the values of a column."""
    return lambda number, row: {**row, name: value(number, row[name])}


@dataclass(frozen=True)
class Made:
    """What was made of a file."""

    plan: Plan
    written: Written

    def column(self, source: str) -> Column:
        """The column of that name in the file."""
        plan = self.plan
        (column,) = [each for each in (*plan.columns, plan.case_id, plan.received) if each and each.source == source]
        return column


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Made]:
    """Writes a file and makes a use case of it."""

    def make(change: Callable[[int, Row], Row], after: Callable[[str], str] = str, separator: str = ",") -> Made:
        rows = rows_of_a_shop(change)
        quoted = [
            [f'"{cell}"' if separator in cell else cell for cell in row] for row in (rows[0], *map(dict.values, rows))
        ]
        text = after("\n".join(separator.join(line) for line in quoted) + "\n")
        file = tmp_path / "past.csv"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        plan = plan_of_file("shop-x", file, "fate")
        return Made(plan, write(plan, tmp_path / "made"))

    return make


same = more("region", lambda number: "abc"[number % 3])

VALUES = MappingProxyType(
    {
        "day first": (more("Order Date", lambda n: f"{1 + n % 28:02d}-{1 + n % 12:02d}-2025"), "Order Date", "moment"),
        "two-digit years": (more("Received", lambda n: f"{1 + n % 28}.{1 + n % 12}.25"), "Received", "moment"),
        "decimal commas": (more("cost", lambda n: f"{n * 7 % 99},{n % 90 + 10}"), "cost", "number"),
        "dollars": (more("cost", lambda n: f"${n + 1000:,.2f}"), "cost", "number"),
        "percent": (more("rate", lambda n: f"{n % 30}.5%"), "rate", "number"),
        "open end": (
            more("closed", lambda n: "9999-12-31" if n % 3 else f"2025-01-{1 + n % 28:02d}"),
            "closed",
            "moment",
        ),
    }
)


@pytest.mark.parametrize("case", VALUES)
def test_values_are_read_by_the_case_type_that_is_written(made: Callable[..., Made], case: str) -> None:
    """Every guess is tried against the rows: none would go to quarantine."""
    change, name, holds = VALUES[case]
    result = made(change)
    assert result.column(name).holds == holds
    assert (result.written.trial.taken, result.written.trial.refused) == (150, 0)


@pytest.mark.parametrize(
    ("change", "classes"),
    [
        (changed("fate", lambda n, fate: "" if n % 17 == 0 else "1.0" if fate == "late" else "0.0"), {"0", "1"}),
        (
            changed("fate", lambda n, fate: ["TRUE", "True", "true"][n % 3] if fate == "late" else "FALSE"),
            {"True", "False"},
        ),
    ],
)
def test_one_class_in_several_spellings_is_one(
    made: Callable[..., Made], change: Callable[[int, Row], Row], classes: set[str]
) -> None:
    """0.0 and 1.0 are classes, and TRUE is true; the rules of the policy name them as they are recorded."""
    result = made(change)
    assert set(result.plan.outcome.classes) == classes
    assert set(result.plan.limits.automatic) == classes


def test_rows_that_would_go_to_quarantine_are_counted_with_their_reason(made: Callable[..., Made]) -> None:
    """Two days that nobody can read: the column stays a date, and the two rows are named by reason."""
    result = made(more("opened", lambda n: "last Tuesday" if n in {7, 8} else f"2025-02-{1 + n % 28:02d}"))
    assert (result.written.trial.taken, result.written.trial.refused) == (148, 2)
    (refusal,) = result.written.trial.refusals
    assert refusal.rows == 2
    assert "opened" in refusal.reason or "received_at" in refusal.reason
    assert "last Tuesday" in str(refusal)


def test_a_third_of_the_lines_is_unreadable_and_said_so(made: Callable[..., Made]) -> None:
    """Fifty lines with a field too many are counted, and the first are named."""

    def spoilt(text: str) -> str:
        return "\n".join(line + ",oops" * (number % 3 == 1) for number, line in enumerate(text.split("\n")) if line)

    result = made(same, spoilt)
    place = result.plan.notes.index("50 of 150 lines of past.csv were not read:")
    assert "lines 2, 5, 8, " in result.plan.notes[place + 1]


@pytest.mark.parametrize(
    ("after", "separator", "note"),
    [
        (lambda text: "\n" + text, ",", "1 empty row"),
        (lambda text: "sep=;\n" + text, ";", "semicolons"),
        (lambda text: text.replace("\n", ";;\n"), ";", "2 empty columns"),
        (str, "\t", "tabs"),
    ],
)
def test_what_a_spreadsheet_leaves_around_a_table_is_left_out_and_reported(
    made: Callable[..., Made], after: Callable[[str], str], separator: str, note: str
) -> None:
    """Blank lines, ``sep=``, trailing columns and other separators: every row is a case."""
    result = made(same, after, separator)
    assert (result.written.trial.taken, result.written.trial.refused) == (150, 0)
    assert any(note in each for each in result.plan.notes)


def test_one_byte_in_another_encoding_costs_one_row_that_is_named(made: Callable[..., Made]) -> None:
    """The line is counted with its number; nothing of the folder fails."""
    result = made(more("place", lambda n: "M\udcfcnchen" if n == 3 else "Bonn"))
    assert result.written.trial.taken == 149
    assert "1 of 150 lines of past.csv were not read:" in result.plan.notes
    assert any("lines 5: is not UTF-8" in each for each in result.plan.notes)
