"""Columns that give the outcome away are set aside with the figure; honest ones, however strong, are not."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from aiops_flows.errors import SourceError
from aiops_flows.starting import Choices, guess_columns, guess_outcome
from aiops_flows.starting.leaking import Tables, parts_of_sum, siblings, why_gaps_leak, why_it_leaks
from aiops_flows.starting.plan import plan_of_delivery
from aiops_flows.steps.delivery import Delivery

ROWS = 600
LUCK = random.Random(3)
AMOUNTS = [LUCK.gammavariate(3, 20) for _ in range(ROWS)]
FATES = ["deny" if amount + LUCK.gauss(0, 15) > 60 else "approve" for amount in AMOUNTS]


def tables(columns: Mapping[str, Sequence[str]], truth: Sequence[str] = FATES, name: str = "fate") -> Tables:
    return Tables(dict(columns), truth, guess_outcome(name, truth))


def reason(values: Sequence[str], truth: Sequence[str] = FATES, name: str = "some column", of: str = "fate") -> str:
    """Why one column is set aside."""
    (column,) = guess_columns(Delivery("file.csv", [name], [{name: value} for value in values]))
    return why_it_leaks(column, tables({column.name: values}, truth, of))


def test_an_honest_strong_predictor_is_no_leak() -> None:
    """The amount decides most cases, and is known when they come in."""
    assert not reason([f"{amount:.2f}" for amount in AMOUNTS])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([fate.upper() for fate in FATES], "AUC 1.00"),
        ([f"{0 if fate == 'deny' else amount:.2f}" for fate, amount in zip(FATES, AMOUNTS, strict=True)], "AUC 1.00"),
        ([fate if LUCK.random() < 0.99 else LUCK.choice(FATES) for fate in FATES], "AUC 0.99"),
        ([f"{(fate == 'deny') * 5 + LUCK.gauss(0, 0.8):.3f}" for fate in FATES], "alone it tells"),
        (["" if fate == "deny" else LUCK.choice("abc") for fate in FATES], "AUC 1.00"),
        ([fate[:3] if LUCK.random() < 0.5 else "" for fate in FATES], "where it is filled in"),
    ],
)
def test_what_is_filled_in_at_the_end_is_set_aside_with_its_figure(values: list[str], words: str) -> None:
    """A copy, an amount that is 0 where the claim was denied, a near-copy, gaps, and what is filled in later."""
    assert words in reason(values)


def test_a_name_that_speaks_of_the_end_needs_less_of_a_figure() -> None:
    """AUC 0.95 is no proof alone; of a column called "close code" it is enough."""
    values = [f"{(fate == 'deny') * 2.6 + LUCK.gauss(0, 1):.3f}" for fate in FATES]
    assert not reason(values)
    assert "and its name speaks of the outcome" in reason(values, name="Close Code")
    assert "and its name speaks of the outcome" in reason(values, name="fate score")


def test_a_cause_that_is_noted_after_the_failure_is_set_aside() -> None:
    """A rare mark that always comes with the rare class is no feature, though it leaves most failures open."""
    values = ["1"] * 20 + ["0"] * 980
    truth = ["failed"] * 50 + ["fine"] * 950
    assert '100% of its 20 rows with "1" are "failed"' in reason(values, truth)
    assert not reason(values, [*["failed", "fine"] * 10, *truth[20:]])


def test_the_other_columns_of_a_list_are_set_aside_together() -> None:
    """Fire, wind and water are 0 wherever the outcome vandalism is 1, and one of the four is 1 in each row."""
    names = ["fire", "wind", "water", "vandalism"]
    perils = [LUCK.choice(names) for _ in range(ROWS)]
    rows = [{name: str(int(name == peril)) for name in names} for peril in perils]
    columns = guess_columns(Delivery("file.csv", names, rows), leave_out=["vandalism"])
    flag = [str(LUCK.randint(0, 1)) for _ in range(ROWS)]
    columns.append(replace(columns[0], name="flag", source="flag"))
    values = {name: [row[name] for row in rows] for name in names[:3]} | {"flag": flag}
    found = siblings(columns, tables(values, [row["vandalism"] for row in rows], "vandalism"))
    assert set(found) == {"fire", "wind", "water"}
    assert "with 2 more columns and the outcome it is one list" in found["fire"]


def test_parts_that_add_up_to_the_outcome_are_set_aside() -> None:
    """Casual and registered riders are the count."""
    parts = {name: [LUCK.randint(0, 300) for _ in range(ROWS)] for name in ("casual", "registered", "hour")}
    total = [str(one + two) for one, two in zip(parts["casual"], parts["registered"], strict=True)]
    values = {name: [str(number) for number in numbers] for name, numbers in parts.items()}
    rows = [dict(zip(values, line, strict=True)) for line in zip(*values.values(), strict=True)]
    columns = guess_columns(Delivery("file.csv", list(values), rows))
    found = parts_of_sum(columns, tables(values, total, "count"))
    assert set(found) == {"casual", "registered"}
    assert "R² 1.000" in found["casual"]


def test_of_a_quantity_ranks_and_zeros_give_it_away() -> None:
    """A multiple of the amount with noise, and a mark of the rows in which nothing was paid."""
    paid = [f"{0 if LUCK.random() < 0.4 else amount:.2f}" for amount in AMOUNTS]
    multiple = [f"{float(amount) * 1.2 + LUCK.gauss(0, 1):.2f}" for amount in paid]
    mark = ["no" if float(amount) == 0 else "yes" for amount in paid]
    assert "its ranks go with those of the outcome" in reason(multiple, paid, of="paid")
    assert "tells where the outcome is 0" in reason(mark, paid, of="paid")
    assert not reason([f"{amount + LUCK.gauss(0, 10):.2f}" for amount in AMOUNTS], paid, of="paid")


def test_gaps_that_any_column_has_are_no_leak() -> None:
    """Missing at random says nothing."""
    (column,) = guess_columns(Delivery("file.csv", ["a"], [{"a": "x"}, {"a": ""}]))
    values = ["x" if LUCK.random() < 0.7 else "" for _ in FATES]
    assert not why_gaps_leak(column, tables({"a": values}))


def delivery() -> Delivery:
    """A file with a leak, with names of people, accounts and streets, and with an honest amount."""
    people = ["Anna Schmidt", "John Smith", "Maria Garcia", "Pierre Dubois", "Giulia Rossi"]
    columns = {
        "amount": [f"{amount:.2f}" for amount in AMOUNTS],
        "closing code": [fate[:1] for fate in FATES],
        "contact": [people[number % len(people)] for number in range(ROWS)],
        "fate": FATES,
    }
    rows = [dict(zip(columns, line, strict=True)) for line in zip(*columns.values(), strict=True)]
    return Delivery("claims.csv", list(columns), rows)


def test_one_word_puts_a_column_back() -> None:
    """`--keep` makes it a feature again; the reason is no longer given."""
    plan = plan_of_delivery("claims-x", delivery(), "fate", Choices())
    assert set(plan.left_out) == {"closing_code", "contact"}
    assert plan.features == ["amount"]
    kept = plan_of_delivery("claims-x", delivery(), "fate", Choices(keep=["closing code"]))
    assert kept.features == ["amount", "closing_code"]
    with pytest.raises(SourceError, match="has no column 'nonsense'"):
        plan_of_delivery("claims-x", delivery(), "fate", Choices(keep=["nonsense"]))
