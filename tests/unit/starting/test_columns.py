"""What the columns of a stranger's file are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from aiops_flows.errors import SourceError
from aiops_flows.starting import guess_columns, guess_outcome
from aiops_flows.starting.columns import guess_id, guess_received
from aiops_flows.starting.leaking import numbers_rows
from aiops_flows.starting.naming import identifier
from aiops_flows.steps.delivery import Delivery
from aiops_flows.use_case import Case

FORMS = {
    "2026-03-01": "",
    "2026-03-01T10:00:00+01:00": "",
    "31.03.2026": "",
    "5.3.25": "",
    "31/03/2026": "day first",
    "13-06-2025": "day first",
    "03/31/2026": "month first",
    "31.03.2026 10:15": "",
    "31-Mar-26": "",
    "20260331": "",
}


def column(*values: str, name: str = "Some Name") -> Delivery:
    return Delivery("file.csv", [name], [{name: value} for value in values])


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        (["1", "2", "-7"], "whole number"),
        (["1.5", "2", "1e3"], "number"),
        (["01234", "00001"], "label"),  # a number would lose the zeros
        (["nan", "1.5"], "number"),
        (["1e99", "2"], "label"),  # beyond what estimators compute with
        (["1_000", "2"], "label"),
        (["north", "south", "north"], "label"),
        (["<b>bold</b>", "x"], "text"),
        (["=cmd", "x"], "text"),
        ([f"sentence number {n} of many" for n in range(9)], "text"),
        (["", "NA", "-"], "nothing"),
    ],
)
def test_a_column_is_taken_for_what_it_holds(values: list[str], holds: str) -> None:
    """Numbers, labels and text are told apart by every value, not by the first."""
    assert guess_columns(column(*values))[0].holds == holds


@pytest.mark.parametrize(("value", "written"), FORMS.items())
def test_moments_are_read_in_the_form_they_are_written_in(value: str, written: str) -> None:
    """A day above 12 says which number is the day, and the field declares it."""
    (found,) = guess_columns(column(value, value))
    assert (found.holds, found.written) == ("moment", written)


def test_a_day_that_could_be_a_month_is_not_guessed() -> None:
    """03/04/2026 is two days: it stays a label, with the question, rather than wrong in silence."""
    (found,) = guess_columns(column("03/04/2026", "05/06/2026"))
    assert found.holds == "label"
    assert "may be day/month or month/day" in found.why


@pytest.mark.parametrize(
    ("values", "written", "plain"),
    [
        (["1,50", "20,75"], "1.234,56", ["1.50", "20.75"]),
        (["1.234,50", "7"], "1.234,56", ["1234.50", "7"]),
        (["$1,234.50", "$7.00"], "1,234.56", ["1234.50", "7.00"]),
        (["1 234,50 €", "7,00 €"], "1.234,56", ["1234.50", "7.00"]),
        (["5%", "12.5%"], "", ["0.05", "0.125"]),
        (["(12.00)", "3.00"], "1,234.56", ["-12.00", "3.00"]),
        (["1.5", "2"], "", ["1.5", "2"]),
    ],
)
def test_numbers_are_read_as_spreadsheets_write_them(values: list[str], written: str, plain: list[str]) -> None:
    """Decimal commas, thousands, currencies and percentages are numbers, and the field declares their form."""
    (found,) = guess_columns(column(*values))
    assert found.holds in {"number", "whole number"}
    assert found.written == written
    assert [found.plain(value) for value in values] == plain


def test_the_currency_of_amounts_is_declared() -> None:
    """An amount in another one will be refused."""
    (found,) = guess_columns(column("1,50 €", "20,75 €"))
    assert found.currency == "EUR"


@pytest.mark.parametrize(
    ("open_end", "others"),
    [
        ("9999-12-31", "2025-01-13"),
        ("31.12.9999", "13.01.2025"),
        ("0000-00-00", "2025-01-13"),
        ("unknown", "2025-01-13"),
    ],
)
def test_a_day_that_nobody_means_is_no_value(open_end: str, others: str) -> None:
    """The open end of a contract goes to the strings that mean "no value", and is reported with its rows."""
    (found,) = guess_columns(column(*[others] * 60, open_end, open_end))
    assert (found.holds, found.missing) == ("moment", 2)
    assert open_end in found.absent
    assert f'taken for no value: "{open_end}" (2 rows)' in found.why


def test_a_few_values_that_cannot_be_read_are_reported() -> None:
    """The column is what nearly all of its rows are; the others would go to quarantine."""
    (found,) = guess_columns(column(*["2025-01-13"] * 99, "last Tuesday"))
    assert found.holds == "moment"
    assert "1 not readable" in found.why


@pytest.mark.parametrize(
    ("name", "values", "written"),
    [
        ("Created", ["45356", "45357"], "excel"),
        ("timestamp", ["1709600000", "1709600060"], "epoch seconds"),
        ("time", ["1709600000000", "1709600060000"], "epoch milliseconds"),
    ],
)
def test_numbers_in_a_column_of_dates_are_read_by_a_declared_rule(name: str, values: list[str], written: str) -> None:
    """Serial numbers of a spreadsheet and epoch seconds, where the name says that they are dates."""
    (found,) = guess_columns(column(*values, name=name))
    assert (found.holds, found.written) == ("moment", written)
    (number,) = guess_columns(column(*values, name="count"))
    assert number.holds == "whole number"


def test_what_means_no_value_is_counted_and_named() -> None:
    """The strings that stand for "no value" come into the case type, and the field may be missing."""
    found = guess_columns(column("1.5", "NA", "", "-"))[0]
    assert found.missing == 3
    assert found.absent == {"NA", "-"}


def test_names_become_names_of_fields_and_stay_apart() -> None:
    """Words of Python, of the library and of pydantic give way, and two columns never get one name."""
    names = ["from", "batch", "copy", "model_id", "Days Used", "daysUsed", "2nd", "Größe (m)"]
    rows = [dict.fromkeys(names, "1")]
    found = [each.name for each in guess_columns(Delivery("file.csv", names, rows))]
    assert found == ["from_", "batch_", "copy_", "the_model_id", "days_used", "days_used_2", "n2nd", "grosse_m"]


@given(st.text(min_size=1, max_size=30))
def test_every_column_gets_a_name_that_a_field_can_have(source: str) -> None:
    """Whatever a file calls a column, a case type with that field can be declared."""
    name = identifier(source)
    assert name.isidentifier()
    told = create_model("Told", __base__=Case, **{name: (str, ...)})  # type: ignore[call-overload]
    assert name in told.model_fields


def test_the_id_and_the_day_of_receipt_are_found_by_name_and_content() -> None:
    """An id is there in every row and never twice; a day of receipt is never missing."""
    names = ["shop_id", "claim_no", "incurred_at", "received"]
    rows = [
        dict(zip(names, ("1", f"C-{number}", "" if number else "2026-01-01", "2026-02-01"), strict=True))
        for number in range(3)
    ]
    found = guess_columns(Delivery("file.csv", names, rows))
    assert getattr(guess_id(found, 3), "source", "") == "claim_no"
    assert getattr(guess_received(found, 3), "source", "") == "received"
    assert guess_id(found[:1], 3) is None


@pytest.mark.parametrize(
    ("names", "received"),
    [
        (["incurred", "Eingangsdatum"], "Eingangsdatum"),
        (["Close Date", "Date Received", "Incident Date"], "Date Received"),
        (["bind date", "incident date"], "incident date"),  # the later one
        (["Geburtsdatum", "closed at", "due day"], ""),
    ],
)
def test_the_day_of_receipt_is_the_one_that_is_called_so(names: list[str], received: str) -> None:
    """In other languages too; no end, no birthday; of several days that are called nothing else, the latest."""
    rows = [{name: f"2025-{place + 1:02d}-{day:02d}" for place, name in enumerate(names)} for day in (1, 2, 3)]
    found = guess_columns(Delivery("file.csv", names, rows))
    assert getattr(guess_received(found, 3), "source", "") == received


def test_one_gap_in_many_rows_is_no_reason_to_lose_the_day_of_receipt() -> None:
    """Its row goes to quarantine, with the reason."""
    rows = [{"received": "" if day == 7 else "2025-01-13"} for day in range(300)]
    found = guess_columns(Delivery("file.csv", ["received"], rows))
    assert guess_received(found, 300) is not None
    assert guess_received(found, 100) is None


def test_an_outcome_is_classes_or_a_quantity() -> None:
    """Few different values are classes, the most frequent first; many numbers are a quantity."""
    classes = guess_outcome("Fate", ["shelf"] * 60 + ["scrap"] * 40)
    assert (classes.kind, classes.classes) == ("classes", ("shelf", "scrap"))
    assert guess_outcome("flag", ["0", "1"] * 50).classes == ("0", "1")
    quantity = guess_outcome("amount", [str(number) for number in range(100)])
    assert (quantity.kind, quantity.usual, quantity.mostly_lowest) == ("quantity", 49.5, False)
    assert guess_outcome("claims", ["0"] * 60 + [str(number) for number in range(40)]).mostly_lowest


@pytest.mark.parametrize(
    ("values", "words"),
    [(["a"] * 99, "1 different values"), ([f"x{n}" for n in range(99)], "99 different"), (["a", "b"], "2 rows have")],
)
def test_what_is_no_outcome_is_refused_with_the_reason(values: list[str], words: str) -> None:
    """The same everywhere, different everywhere, or hardly told: nothing could be learned."""
    with pytest.raises(SourceError, match=words):
        guess_outcome("fate", values)


def test_a_file_without_rows_is_refused() -> None:
    """Nothing can be guessed from a header."""
    with pytest.raises(SourceError, match="has no rows"):
        guess_columns(Delivery("file.csv", ["a"], []))


def test_a_column_that_counts_the_rows_is_known() -> None:
    """Whole numbers without a gap, none twice, in any order; with a gap they may mean something."""
    for values, counts in ((["3", "1", "2", "4"], True), (["3", "1", "2", "5"], False), (["1", "1", "2", "3"], False)):
        (numbers,) = guess_columns(column(*values))
        assert numbers_rows(numbers, values) == counts
