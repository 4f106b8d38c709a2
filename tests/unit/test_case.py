"""A case holds only what can be stored, computed with, and shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

from aiops_flows.texts.derived import CustomerWords, TextLength
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Text


class Ticket(Case):
    """A case with one field of each kind."""

    absent: ClassVar[frozenset[str]] = frozenset({"", "-"})

    amount: float = Field(gt=0)
    days: int = Field(ge=0)
    region: str
    note: Text | None = None
    opened: date | None = None
    closed: datetime | None = None


GOOD: dict[str, Any] = {"case_id": "A-1", "amount": 12.5, "days": 3, "region": "Chicago O'Hare (north)"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", float("nan")),
        ("amount", float("inf")),
        ("amount", 1e300),
        ("amount", "twelve"),
        ("amount", "=1+1"),
        ("days", -1),
        ("days", 10**30),
        ("region", "north\x00"),
        ("region", "\ud800"),
        ("region", "x" * 201),
        ("region", "'; DROP TABLE cases;--"),
        ("region", "north'); DROP TABLE cases;--"),
        ("region", "<script>alert(1)</script>"),
        ("region", "=cmd|' /C calc'!A0"),
        ("region", "@SUM(A1)"),
        ("note", "x" * 100_001),
        ("note", "a\x00b"),
        ("case_id", ""),
        ("case_id", "<b>"),
        ("received_at", "yesterday"),
        ("received_at", "9999-12-31"),
        ("received_at", "9999-12-31T23:59:59-05:00"),
        ("received_at", "0001-01-01T00:00:00+02:00"),
        ("opened", "9999-12-31"),
        ("closed", "0203-05-01T00:00:00"),
    ],
)
def test_what_cannot_be_stored_or_computed_with_is_no_case(field: str, value: object) -> None:
    """A poisoned value is refused, whatever its field."""
    with pytest.raises(ValidationError):
        Ticket.model_validate(GOOD | {field: value})


@pytest.mark.parametrize(
    "region", ["Cameras; Cameras", "Baggage/Cases/Purses", "Zürich", "東京", "A&B #3", "50%", "x-ray"]
)
def test_ordinary_labels_are_taken(region: str) -> None:
    """A name or a code as people write it is a label."""
    assert Ticket.model_validate(GOOD | {"region": region}).region == region


def test_free_text_may_hold_what_a_label_may_not() -> None:
    """Text is kept as it is; showing it safely is the page's work."""
    note = "He wrote: <b>5 > 3</b>; = see 'A1' -- thanks"
    assert Ticket.model_validate(GOOD | {"note": note}).note == note


def test_a_moment_without_a_zone_is_utc() -> None:
    """Times are aware, always."""
    case = Ticket.model_validate(GOOD | {"received_at": "2026-03-03 14:00"})
    assert case.received_at is not None
    assert case.received_at.isoformat() == "2026-03-03T14:00:00+00:00"


def test_a_field_may_have_any_name() -> None:
    """A field called like a word of pydantic's schemas is a field like any other, and a label is held to its form."""

    class Machine(Case):
        type: str
        fields: int = 0
        pattern: str | None = None

    assert Machine(case_id="m1", type="L", pattern="plain").type == "L"
    with pytest.raises(ValidationError, match="type"):
        Machine(case_id="m1", type="<b>L</b>")


def test_unknown_columns_do_not_make_a_row_bad() -> None:
    """A source may tell more than the case asks for."""
    assert Ticket.model_validate(GOOD | {"colour": "red"}).case_id == "A-1"


def test_a_case_knows_which_columns_hold_free_text() -> None:
    """Declared texts and conversations, and words derived of them; labels and other derived columns are none."""

    class Letter(Case):
        derived: ClassVar = {"words": CustomerWords("body"), "size": TextLength("words")}
        kind: str
        body: Text | None = None
        note: Text
        talk: Thread | None = None

    assert Letter.texts() == ["body", "note", "talk", "words"]
