"""The same thing is the same value, whatever type a source gives it."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

from aiops_flows.errors import UseCaseError
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Moment, Text
from aiops_flows.values import Written, is_missing, label_of, text_of
from aiops_flows.values.missing import absent_of

MIDNIGHT = datetime(2024, 3, 5, tzinfo=UTC)
BOXES: list[Any] = [None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT, Decimal("NaN"), np.datetime64("NaT")]


class Colour(enum.Enum):
    """A closed set of labels."""

    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """A record within a case."""

    street: str
    since: datetime | None = None
    floor: int = 0


class Parcel(Case):
    """A case with one field of each kind."""

    absent: ClassVar[frozenset[str]] = frozenset({"", "-", "-999", "9999-12-31"})

    label: str | None = None
    note: Text | None = None
    weight: float | None = None
    pieces: int | None = None
    price: Decimal | None = None
    fragile: bool | None = None
    sent: Moment | None = None
    day: date | None = None
    at: time | None = None
    took: timedelta | None = None
    colour: Colour | None = None
    level: Literal[1, 2] | None = None
    key: UUID | None = None
    address: Address | None = None
    sizes: list[float | None] | None = None
    tags: set[str] | None = None
    thread: Thread | None = None


def read(**values: Any) -> Any:
    """The value of the one field that is named."""
    case = Parcel.model_validate({"case_id": "P-1"} | values)
    return getattr(case, next(iter(values)))


def refusal(**values: Any) -> str:
    """Why the value of the one field that is named is refused."""
    with pytest.raises(ValidationError) as fault:
        read(**values)
    return str(fault.value.errors()[0]["msg"])


@pytest.mark.parametrize("value", BOXES, ids=repr)
def test_missing_is_missing_in_every_field(value: Any) -> None:
    """None, NaN and NaT of Python, numpy, pandas and Decimal say nothing, in a field and at any depth."""
    assert is_missing(value)
    for name in ("label", "note", "weight", "pieces", "price", "fragile", "sent", "day", "at", "took", "colour", "key"):
        assert read(**{name: value}) is None
    assert read(thread=value) is None
    assert read(sizes=[1, value]) == [1.0, None]
    assert read(address={"street": "North", "since": value, "floor": value}) == Address(street="North")


@pytest.mark.parametrize(
    "value", [7, 7.0, "7", "7.0", " 7 ", np.int64(7), np.float32(7), Decimal("7.00"), b"7"], ids=repr
)
def test_one_number_has_one_text(value: Any) -> None:
    """A whole number is written without a point, in labels, ids and numbers alike."""
    assert read(label=value) == "7"
    assert Parcel(case_id=value).case_id == "7"
    assert read(pieces=value) == 7
    assert read(price=value) == Decimal(7)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"), (1e3, "1000"), (2**60, str(2**60)), (0.1, "0.1"), (np.float32(0.1), "0.1"), (1e-7, "0.0000001"),
        (bool(1), "True"), (np.bool_(0), "False"), ("TRUE", "True"), ("true", "True"), (Decimal("1.50"), "1.5"),
        (Colour.RED, "red"), (UUID(int=1), str(UUID(int=1))), (date(2024, 3, 5), "2024-03-05"),
        (pd.Timestamp("2024-03-05"), "2024-03-05"), ("007.0", "007.0"), ("1.10", "1.10"), ("1e3", "1e3"),
    ],
    ids=repr,
)  # fmt: skip
def test_one_value_has_one_label(value: Any, text: str) -> None:
    """Numbers, truth values, days and members of an Enum have one spelling; codes that only look alike are left."""
    assert label_of(value) == text


def test_a_float_that_may_be_another_whole_number_is_no_label() -> None:
    """Beyond 2**53 a gap in a column of ids would make neighbours one."""
    with pytest.raises(ValueError, match=r"2\*\*53"):
        text_of(float(2**53 + 2))
    assert "2**53" in refusal(label=1e22)


@pytest.mark.parametrize(
    "label", ["Zürich", "Zu\u0308rich", " Zürich\u200b", "\ufeffZürich", "Zürich\u00a0", "Zürich\u2060"], ids=ascii
)
def test_what_nobody_sees_makes_no_other_label(label: str) -> None:
    """Composed and decomposed letters, spaces at the ends and signs without width are one label."""
    assert read(label=label) == "Zürich"


def test_spaces_inside_a_label_are_single_and_plain() -> None:
    """A no-break space between two words is a space."""
    assert read(label="in\u00a0 review") == "in review"


def test_free_text_stays_as_it_is() -> None:
    """A customer's words are not normalised."""
    text = " TRUE \u200b 7.0  Zu\u0308rich "
    assert read(note=text) == text


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-05", "2024-03-05T00:00:00Z", "2024-03-05 01:00+01:00", "20240305", 20240305, 20240305.0,
        np.int64(20240305), "5.3.2024", "05.03.24", "5. 3. 2024", "2024/3/5", "5 March 2024", "Mar 5, 2024",
        "05-Mar-24", "5. März 2024", "13/03/2024 ", date(2024, 3, 5), datetime(2024, 3, 5), MIDNIGHT,  # noqa: DTZ001
        pd.Timestamp("2024-03-05"), pd.Timestamp("2024-03-05 01:00", tz="Europe/Berlin"), np.datetime64("2024-03-05"),
        pd.Period("2024-03-05", "D"),
    ],
    ids=repr,
)  # fmt: skip
def test_one_day_is_one_moment(value: Any) -> None:
    """However a source writes a day, it is the same moment in UTC."""
    expected = MIDNIGHT.replace(day=13) if value == "13/03/2024 " else MIDNIGHT
    sent = read(sent=value)
    assert sent == expected
    assert sent.utcoffset() == timedelta(0)
    assert type(sent) is datetime


@pytest.mark.parametrize("value", [45356, 45356.5, "45356", "45356.5", 1709596800, "1709596800000", 0, 20241305, True])
@pytest.mark.parametrize("field", ["sent", "day"])
def test_a_number_alone_is_never_a_date(field: str, value: Any) -> None:
    """Neither a serial number of a spreadsheet nor seconds of a computer; the refusal says how to declare it."""
    reason = refusal(**{field: value})
    assert "Written(" in reason


@pytest.mark.parametrize("field", ["at", "took"])
@pytest.mark.parametrize("value", [0.5, 3600, "3600", "0.5"])
def test_a_number_alone_is_no_time_of_day_and_no_duration(field: str, value: Any) -> None:
    """What it counts must be declared."""
    assert "Written(" in refusal(**{field: value})


def test_dates_within_records_are_read_alike() -> None:
    """A nested model is no back door."""
    assert read(address={"street": "North", "since": 20240305}).since == MIDNIGHT
    assert "number alone" in refusal(address={"street": "North", "since": 45356})
    assert read(address='{"street": "North", "since": "-"}') == Address(street="North")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("14:30", time(14, 30)), ("2:30 PM", time(14, 30)), ("12:05 am", time(0, 5)), ("9:05:07", time(9, 5, 7)),
        (time(14, 30), time(14, 30)),
    ],
    ids=repr,
)  # fmt: skip
def test_times_of_day(value: Any, expected: time) -> None:
    """By the clock of twelve hours or of twenty-four."""
    assert read(at=value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "PT1H30M",
        "1:30:00",
        "01:30",
        "0 days 01:30:00",
        timedelta(hours=1.5),
        pd.Timedelta("90min"),
        np.timedelta64(90, "m"),
    ],
    ids=repr,
)
def test_durations(value: Any) -> None:
    """As ISO 8601, as a clock, and as pandas writes them."""
    assert read(took=value) == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,56", 1234.56), ("1,234.56", 1234.56), ("1 234,56", 1234.56), ("1\u00a0234,56", 1234.56),
        ("1\u202f234.56", 1234.56), ("1'234.56", 1234.56), ("1\u2019234.56", 1234.56), ("12,34,567.8", 1234567.8),
        ("12,5", 12.5), ("0,123", 0.123), ("1.234.567", 1234567), ("1,234,567", 1234567), ("1.234", 1.234),
        ("€ 1.234,50", 1234.5), ("$1,234.50", 1234.5), ("-$5", -5), ("1.234,50 €", 1234.5), ("CHF 1'234.50", 1234.5),
        ("1 234,50 zł", 1234.5), ("(12.50)", -12.5), ("12.50-", -12.5), ("\u221212.5", -12.5), ("5%", 0.05),
        ("12,5 %", 0.125), ("1e3", 1000), (" 7.50 ", 7.5),
    ],
)  # fmt: skip
def test_numbers_as_spreadsheets_write_them(text: str, number: float) -> None:
    """In Europe and America, with currency and percent, where the text alone says which number it is."""
    assert read(weight=text) == number


@pytest.mark.parametrize(
    "text", ["1,234", "twelve", "1_000", "1.2.3", "1,23,4", "12.34,56.7", "--5", "$", "%", "5 apples"]
)
def test_what_is_no_number_or_two_numbers_is_refused(text: str) -> None:
    """A comma between thousands or before decimals is a question, and no guess."""
    assert "number" in refusal(weight=text) or "comma" in refusal(weight=text)


def test_truth_values_are_no_numbers() -> None:
    """True in a column of amounts is a mistake of the source."""
    assert "truth value" in refusal(weight=True)
    assert "truth value" in refusal(pieces=np.bool_(1))


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "1.0", "TRUE", "Yes", "WAHR", "oui", np.bool_(1), Decimal(1)])
def test_truth_values_have_many_words(value: Any) -> None:
    """As programs, people and spreadsheets of several languages write them."""
    assert read(fragile=value) is True


def test_choices_are_found_by_their_text() -> None:
    """A member of an Enum and a value of a Literal, from whatever type."""
    assert read(colour="red") is Colour.RED
    assert read(colour=" red\u200b") is Colour.RED
    assert read(level="1") == read(level=1.0) == read(level=np.int64(1)) == 1
    assert "red" in refusal(colour="green")


@pytest.mark.parametrize(
    "values",
    [
        {"weight": "-999"}, {"weight": -999}, {"pieces": -999.0}, {"sent": "9999-12-31"}, {"label": "-"},
        {"day": date(9999, 12, 31)}, {"sent": datetime(9999, 12, 31, tzinfo=UTC)},
    ],
    ids=repr,
)  # fmt: skip
def test_what_means_no_value_does_so_in_every_type(values: dict[str, Any]) -> None:
    """A number or a day that a case type lists as absent is absent as a number and as a day too."""
    assert all(absent_of(Parcel.absent).covers(value) for value in values.values())


@pytest.mark.parametrize(
    ("how", "value", "kind", "expected"),
    [
        ("excel", 45356, Moment, MIDNIGHT), ("excel", "45356", date, MIDNIGHT.date()),
        ("excel", 45356.25, Moment, MIDNIGHT.replace(hour=6)), ("excel", 1, date, date(1900, 1, 1)),
        ("excel", 0.5, time, time(12)), ("excel", "2024-03-05", Moment, MIDNIGHT),
        ("epoch seconds", 1709596800, Moment, MIDNIGHT), ("epoch milliseconds", "1709596800000", Moment, MIDNIGHT),
        ("%d/%m/%Y", "05/03/2024", Moment, MIDNIGHT), ("%m/%d/%y", "03/05/24", date, MIDNIGHT.date()),
        ("%d%m%Y", 5032024, Moment, MIDNIGHT), ("%d%m%Y", 1112024, date, date(2024, 11, 1)),
        ("%Y%m%d%H%M", 202403050000, Moment, MIDNIGHT),
        ("day first", "05/03/2024", Moment, MIDNIGHT), ("month first", "03/05/2024", Moment, MIDNIGHT),
        ("month first", "2024-03-05", Moment, MIDNIGHT), ("%Hh%M", "14h30", time, time(14, 30)),
        ("minutes", 90, timedelta, timedelta(minutes=90)), ("hours", "1.5", timedelta, timedelta(minutes=90)),
        ("1.234,56", "1.234", float, 1234.0), ("1,234.56", "1,234", int, 1234), ("1.234,56", 1.5, float, 1.5),
        ("1.234,56", "1.234,50 €", Decimal, Decimal("1234.5")),
    ],
    ids=repr,
)  # fmt: skip
def test_a_field_declares_how_it_is_written(how: str, value: Any, kind: Any, expected: Any) -> None:
    """Formats, serial numbers, seconds and signs; what needs no rule is read beside it."""

    class Declared(Case):
        field: Annotated[kind, Written(how)] | None = None

    assert Declared.model_validate({"case_id": "D", "field": value}).field == expected


def test_a_declared_currency_refuses_others() -> None:
    """An amount in dollars is no amount in euros."""

    class Paid(Case):
        amount: Annotated[float, Written("1.234,56", currency="EUR")]

    assert Paid.model_validate({"case_id": "A", "amount": "€ 1.234"}).amount == 1234
    with pytest.raises(ValidationError, match="USD"):
        Paid.model_validate({"case_id": "A", "amount": "US$ 5,00"})


@pytest.mark.parametrize(
    ("kind", "how"), [(str, "excel"), (float, "%d.%m.%Y"), (timedelta, "excel"), (date, "1.234,56")]
)
def test_a_rule_that_does_not_fit_its_field_is_refused_at_the_declaration(kind: Any, how: str) -> None:
    """A date format on a number is a mistake that shows at once."""
    with pytest.raises(UseCaseError, match="Written"):

        class Wrong(Case):
            field: Annotated[kind, Written(how)]


@pytest.mark.parametrize("kind", [bytes, Any, int | str, complex], ids=str)
def test_types_whose_values_depend_on_the_source_are_refused_at_the_declaration(kind: Any) -> None:
    """7 of a frame and '7' of a CSV would be two values."""
    with pytest.raises(UseCaseError, match=r"Wrong\.field"):

        class Wrong(Case):
            field: kind
