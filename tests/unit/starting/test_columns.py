"""What the columns of a stranger's file are taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from aiops_flows.errors import SourceError
from aiops_flows.starting import guess_columns, guess_outcome
from aiops_flows.starting.columns import guess_id, guess_received
from aiops_flows.starting.leaking import numbers_rows, tells_all
from aiops_flows.starting.naming import identifier
from aiops_flows.steps.delivery import Delivery
from aiops_flows.use_case import Case

FORMS = {
    "2026-03-01": "",
    "2026-03-01T10:00:00+01:00": "",
    "31.03.2026": "%d.%m.%Y",
    "31/03/2026": "%d/%m/%Y",
    "03/31/2026": "%m/%d/%Y",
    "31.03.2026 10:15": "%d.%m.%Y %H:%M",
    "31-Mar-26": "%d-%b-%y",
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


@pytest.mark.parametrize(("value", "form"), FORMS.items())
def test_moments_are_read_in_the_form_they_are_written_in(value: str, form: str) -> None:
    """A day above 12 says which number is the day."""
    found = guess_columns(column(value, value))[0]
    assert (found.holds, found.form) == ("moment", form)


def test_a_day_that_could_be_a_month_is_not_guessed() -> None:
    """03/04/2026 is two days: it stays a label, rather than wrong in silence."""
    assert guess_columns(column("03/04/2026", "05/06/2026"))[0].holds == "label"


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
    assert getattr(guess_received(found), "source", "") == "received"
    assert guess_id(found[:1], 3) is None


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
    [(["a"] * 99, "1 different values"), ([f"x{n}" for n in range(99)], "99 different"), (["a", "b"], "2 rows tell")],
)
def test_what_is_no_outcome_is_refused_with_the_reason(values: list[str], words: str) -> None:
    """The same everywhere, different everywhere, or hardly told: nothing could be learned."""
    with pytest.raises(SourceError, match=words):
        guess_outcome("fate", values)


def test_a_column_that_tells_the_outcome_is_found() -> None:
    """What is filled in when a case is closed must not be learned from; what only helps may be."""
    outcome = guess_outcome("fate", ["good", "bad"] * 100)
    told = ["good", "bad"] * 100
    closing, helping = (guess_columns(column(*values))[0] for values in (["GOOD", "BAD"] * 100, ["a", "b", "c"] * 66))
    assert tells_all(closing, ["GOOD", "BAD"] * 100, told, outcome)
    assert not tells_all(helping, (["a", "b", "c"] * 67)[:200], told, outcome)
    amounts = [str(number) for number in range(200)]
    quantity = guess_outcome("amount", amounts)
    assert tells_all(guess_columns(column(*amounts))[0], [str(2 * number) for number in range(200)], amounts, quantity)


def test_a_file_without_rows_is_refused() -> None:
    """Nothing can be guessed from a header."""
    with pytest.raises(SourceError, match="has no rows"):
        guess_columns(Delivery("file.csv", ["a"], []))


def test_a_cause_that_is_noted_after_the_failure_tells_the_outcome() -> None:
    """A rare mark that always comes with the rare class is no feature, though it leaves most failures open."""
    marked, plain = [("1", "failed")] * 20, [("0", "failed")] * 30 + [("0", "fine")] * 950
    values, outcomes = zip(*marked, *plain, strict=True)
    (mark,) = guess_columns(column(*values))
    assert tells_all(mark, values, outcomes, guess_outcome("state", outcomes))
    honest = [*outcomes[:10], *["fine"] * 10, *outcomes[20:]]
    assert not tells_all(mark, values, honest, guess_outcome("state", honest))


def test_a_column_that_counts_the_rows_is_known() -> None:
    """Whole numbers without a gap, none twice, in any order; with a gap they may mean something."""
    for values, counts in ((["3", "1", "2", "4"], True), (["3", "1", "2", "5"], False), (["1", "1", "2", "3"], False)):
        (numbers,) = guess_columns(column(*values))
        assert numbers_rows(numbers, values) == counts
