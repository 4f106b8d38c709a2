"""How a source writes a column is decided once for the column, over all its rows, and reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aiops_flows.steps.checking import Checked, check_rows
from aiops_flows.steps.delivery import Delivery, SeparateRows
from aiops_flows.steps.sources import deliveries
from aiops_flows.use_case import Case, Moment


class Sale(Case):
    """A case with amounts and days."""

    amount: float | None = None
    fee: float | None = None
    pieces: int | None = None
    sold: Moment | None = None


def checked(**columns: Sequence[Any]) -> Checked:
    """What becomes of rows with these columns."""
    lines = zip(*columns.values(), strict=True)
    rows = [{"case_id": f"S-{at}"} | dict(zip(columns, line, strict=True)) for at, line in enumerate(lines)]
    return check_rows(Sale, Delivery("sales", ["case_id", *columns], rows))


def read(**columns: Sequence[Any]) -> list[Any]:
    """The values of the first named column, of which none is refused."""
    found = checked(**columns)
    assert not found.refused, found.refused[0].reason
    values = found.columns[next(iter(columns))]
    return [value.date().isoformat() if hasattr(value, "date") else value for value in values]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234", "7,5"], [1.234, 7.5]),
        (["1,234", "7.5"], [1234, 7.5]),
        (["1.234", "1.234,56"], [1234, 1234.56]),
        (["1.234", "7.5"], [1.234, 7.5]),
        (["1,234", "1,234,567"], [1234, 1234567]),
        (["1.234", "2.500"], [1.234, 2.5]),
        (["€ 1.234", "€ 0,50"], [1234, 0.5]),
        (["5%", "12,5%", "0"], [0.05, 0.125, 0]),
        (["1,234", "", "0,5"], [1.234, None, 0.5]),
    ],
)
def test_other_rows_show_what_a_comma_means(texts: list[str], numbers: list[float | None]) -> None:
    """One row alone may be two numbers; the column is in one convention."""
    assert read(amount=texts) == numbers


def test_other_columns_show_it_too() -> None:
    """A source has one convention: 1.234 beside 7,50 is a thousand and more, and 1,234 beside 7.50 too."""
    assert read(amount=["1.234", "2.500"], fee=["7,50", "1,25"]) == [1234, 2500]
    assert read(amount=["1,234", "2,500"], fee=["7.50", "1.25"]) == [1234, 2500]
    assert read(pieces=["1.234", "2"], fee=["7,50", "1,25"]) == [1234, 2]


def test_a_column_that_nothing_explains_is_refused_with_the_question() -> None:
    """Nothing is guessed: each such row is in quarantine, and says how to declare the field."""
    found = checked(amount=["1,234", "2,500", "12"])
    assert [row.case_id for row in found.refused] == ["S-0", "S-1"]
    assert all('Written("1.234,56")' in row.reason for row in found.refused)
    assert found.columns["amount"] == [12.0]


def test_a_column_in_two_conventions_is_refused_where_it_matters() -> None:
    """What is one number in either convention is read; what is two is not."""
    found = checked(amount=["1.234,5", "1,234.5", "1,234"])
    assert found.columns["amount"] == [1234.5, 1234.5]
    assert [row.case_id for row in found.refused] == ["S-2"]


@pytest.mark.parametrize("texts", [["$5", "€5"], ["5 EUR", "5 CHF"], ["5%", "5"]])
def test_two_units_in_one_column_are_refused(texts: list[str]) -> None:
    """Dollars and euros, or percentages and numbers, are no one quantity."""
    assert len(checked(amount=texts).refused) == 2


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["03/04/2024", "13/04/2024"], ["2024-04-03", "2024-04-13"]),
        (["03/04/2024", "04/13/2024"], ["2024-03-04", "2024-04-13"]),
        (["3/4/24", "31/1/24"], ["2024-04-03", "2024-01-31"]),
        (["03-04-2024", "13-04-2024"], ["2024-04-03", "2024-04-13"]),
        (["03/04/2024 14:30", "13/04/2024 2:30 PM"], ["2024-04-03", "2024-04-13"]),
        (["5.3.25", "06.03.2025", "2025-03-07"], ["2025-03-05", "2025-03-06", "2025-03-07"]),
    ],
)
def test_other_rows_show_whether_the_day_comes_first(texts: list[str], days: list[str]) -> None:
    """A thirteenth month does not exist."""
    assert read(sold=texts) == days


def test_days_that_nothing_explains_are_refused_with_the_question() -> None:
    """Where no day is above 12 both orders fit; a day that is both is read."""
    found = checked(sold=["03/04/2024", "05/05/2024", "2024-05-06"])
    assert [row.case_id for row in found.refused] == ["S-0"]
    assert 'Written("day first")' in found.refused[0].reason
    assert "no row shows which" in found.refused[0].reason


def test_days_in_both_orders_are_refused() -> None:
    """A column with 13/04 and 04/13 shows nothing of the others."""
    found = checked(sold=["13/04/2024", "04/13/2024", "03/04/2024"])
    assert len(found.refused) == 3


def test_a_typing_error_does_not_refuse_the_column() -> None:
    """One month of 13 among hundreds of days is a mistake of that row."""
    days = [f"{day:02d}/04/2024" for day in range(1, 29)] * 8
    found = checked(sold=[*days, "04/13/2024"])
    assert [row.case_id for row in found.refused] == [f"S-{len(days)}"]
    assert len(found) == len(days)


def test_two_digits_in_front_may_be_a_year() -> None:
    """24-03-05 is refused with the formats to choose from."""
    assert '"%y-%m-%d"' in checked(sold=["24-03-05"]).refused[0].reason


def test_how_a_column_is_read_is_reported_without_its_values() -> None:
    """Columns written as Python and ISO 8601 have it are not mentioned."""
    found = checked(
        amount=["1.234,56 €", "7,50 €"], fee=["7.5", "8"], pieces=["1", "2"], sold=["13/04/2024", "03/04/2024"]
    )
    assert found.notes == [
        "amount is read as decimals with a comma (1.234,56), amounts in EUR",
        "sold is read with the day first",
    ]


def test_rows_of_different_senders_explain_nothing_of_each_other() -> None:
    """What one of them sends decides nothing about another's."""
    rows = SeparateRows([{"case_id": "A", "amount": "1.234"}, {"case_id": "B", "amount": "1.234,56"}])
    found = check_rows(Sale, next(iter(deliveries(rows))))
    assert found.columns["amount"] == [1.234, 1234.56]


def test_what_a_column_shows_does_not_depend_on_the_order_of_its_rows() -> None:
    """The last row explains the first."""
    days = ["03/04/2024"] * 1_500 + ["13/04/2024"]
    assert read(sold=days)[0] == read(sold=days[::-1])[-1] == "2024-04-03"
