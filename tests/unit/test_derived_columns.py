"""Columns computed from a case's fields stand in every frame of cases, and are stored nowhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from aiops_flows.errors import UseCaseError
from aiops_flows.review_policy import ReviewPolicy
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.frames import case_frame, empty_frame, stored_frame
from aiops_flows.steps.sources import deliveries
from aiops_flows.use_case import Case, Gate, ModelSpec, Text, UseCase


def words(cases: pd.DataFrame) -> Sequence[Any]:
    """The note in lower case."""
    return [None if note is None else note.lower() for note in cases["note"]]


def length(cases: pd.DataFrame) -> Sequence[Any]:
    """Letters in the words, a derived column itself."""
    return [None if note is None else len(note) for note in cases["words"]]


def picky(cases: pd.DataFrame) -> Sequence[Any]:
    """Fails on every batch in which somebody says "bad"."""
    if cases["note"].str.contains("bad").any():
        raise ValueError(cases["note"].iloc[0])
    return ["fine"] * len(cases)


class Letter(Case):
    """A case with what is read out of its note."""

    note: Text | None = None
    derived: ClassVar = {"words": words, "length": length}


class PickyLetter(Case):
    """A case whose derivation fails on some rows."""

    note: Text | None = None
    derived: ClassVar = {"picked": picky}


TOPIC = ModelSpec(
    "letter-topic", ["words"], "topic", DummyClassifier(), watched=["length"], gates=[Gate("accuracy", 0)]
)
LETTERS = UseCase("letters", Letter, [TOPIC], ReviewPolicy(verdicts=["yes", "no"], segments="words"))
ROWS = pd.DataFrame({"case_id": ["a", "b", "c"], "note": ["Hello", "HELLO you", None]})


def arrived(case_type: type[Case], rows: pd.DataFrame) -> pd.DataFrame:
    [delivery] = deliveries(rows)
    checked = check_rows(case_type, delivery)
    return case_frame(case_type, checked.columns | {"batch": [""] * len(checked)})


def test_arriving_and_stored_cases_have_the_same_derived_columns() -> None:
    """What is read back from the case log is the frame that arrived, derived columns and types included."""
    [delivery] = deliveries(ROWS)
    checked = check_rows(Letter, delivery)
    now = arrived(Letter, ROWS)
    stored = pd.DataFrame({"case_id": checked.case_ids, "received_at": now["received_at"], "body": checked.bodies})
    again = stored_frame(Letter, stored)
    pd.testing.assert_frame_equal(now, again)
    assert now["words"].tolist() == ["hello", "hello you", None]
    assert now["length"].tolist()[:2] == [5.0, 9.0]
    assert "words" not in checked.bodies[0]


def test_an_empty_frame_has_the_derived_columns() -> None:
    """No cases is a frame with all columns."""
    assert list(empty_frame(LETTERS).columns) == ["case_id", "batch", "received_at", "note", "words", "length"]


def test_a_derived_column_is_a_column_of_the_case() -> None:
    """Features, watched columns, segments and slices may name it."""
    assert Letter.columns() == ["case_id", "received_at", "note", "words", "length"]
    with pytest.raises(UseCaseError, match="does not have"):
        replace(LETTERS, models=[replace(TOPIC, features=["meaning"])])


def test_the_digest_of_a_case_does_not_depend_on_what_is_derived() -> None:
    """New code for a derived column must not make a redelivery a conflict."""

    class Plain(Case):
        note: Text | None = None

    [one], [other] = deliveries(ROWS), deliveries(ROWS)
    assert check_rows(Letter, one).digests == check_rows(Plain, other).digests


@pytest.mark.parametrize("name", ["note", "case_id", "batch", "verdict", "not a name"])
def test_a_derived_column_that_takes_a_name_is_refused(name: str) -> None:
    """A derived column never hides a field, nor what the library adds."""

    class Clashing(Case):
        note: Text | None = None
        derived: ClassVar = {name: words}

    with pytest.raises(UseCaseError, match=r"derived columns|adds itself"):
        replace(LETTERS, case=Clashing, models=[replace(TOPIC, features=["note"], watched=None)])


def test_a_row_on_which_a_derivation_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Its value is missing, the others have theirs, and the log tells how many without a word of the case."""
    rows = pd.DataFrame({"case_id": [str(i) for i in range(9)], "note": [*["good"] * 5, "bad 4711", *["good"] * 3]})
    with caplog.at_level(logging.WARNING):
        frame = arrived(PickyLetter, rows)
    assert frame["picked"].tolist() == [*["fine"] * 5, None, *["fine"] * 3]
    assert "1 of 9 cases" in caplog.text
    assert "4711" not in caplog.text


def test_a_derivation_that_gives_too_few_values_is_told() -> None:
    """One value a row, or the use case is wrong."""

    class Short(Case):
        note: Text | None = None
        derived: ClassVar = {"first": lambda cases: cases["note"].tolist()[:1]}

    with pytest.raises(UseCaseError, match="1 values for 3 cases"):
        arrived(Short, ROWS)
