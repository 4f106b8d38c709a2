"""Live frames and stored frames hold the same types and values, whatever the type of a field."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, Field

from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.frames import case_frame, stored_frame
from aiops_flows.steps.sources import deliveries
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Moment, Text


class Kind(enum.Enum):
    """A label of a closed set."""

    SHOES = "shoes"
    LAMPS = "lamps"


class Size(enum.IntEnum):
    """A number of a closed set."""

    SMALL = 1
    LARGE = 2


class Part(BaseModel):
    """A record within a case."""

    name: str
    price: Decimal | None = None
    made: date | None = None


FIELDS: dict[str, tuple[Any, list[Any]]] = {
    "label": (str | None, ["a", None, 7.0]),
    "text": (Text | None, ["a b", None, "c"]),
    "whole": (int, [1, 2, "3"]),
    "whole with a gap": (int | None, [1, None, 3.0]),
    "number": (float | None, [1, None, 2.5]),
    "money": (Decimal | None, ["12.50", None, 3]),
    "truth": (bool | None, [True, None, "no"]),
    "moment": (Moment | None, ["2024-03-05T01:00+01:00", None, datetime(2024, 3, 5)]),  # noqa: DTZ001
    "datetime": (datetime | None, ["2024-03-05", None, 20240306]),
    "day": (date | None, ["2024-03-05", None, date(2024, 3, 6)]),
    "time": (time | None, ["14:30", None, time(8)]),
    "duration": (timedelta | None, ["PT90S", None, timedelta(days=1)]),
    "Enum": (Kind | None, ["shoes", None, Kind.LAMPS]),
    "IntEnum": (Size | None, [1, None, "2"]),
    "Literal": (Literal["a", 1] | None, ["a", None, "1"]),
    "UUID": (UUID | None, [str(UUID(int=1)), None, UUID(int=2)]),
    "model": (Part | None, [{"name": "a", "price": "1.50", "made": 20240305}, None, Part(name="b")]),
    "models": (list[Part], [[{"name": "a"}], [], [{"name": "b", "price": 2}]]),
    "set": (set[str], [["b", "a"], [], {"c", "a", "b"}]),
    "frozenset": (frozenset[int] | None, [[3, 1, 2], None, frozenset({1})]),
    "list": (list[float | None], [[1, None], [], [float("nan")]]),
    "dict": (dict[str, date], [{"a": "2024-03-05"}, {}, {"b": 20240306}]),
    "tuple": (tuple[int, str] | None, [(1, "a"), None, ["2", 7.0]]),
    "thread": (Thread | None, ["Customer: hello", None, [{"role": "agent", "content": "hi"}]]),
}


def frames(kind: Any, values: Sequence[Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The live and the stored frame of cases with one field."""

    class Wanted(Case):
        field: kind = Field(None)

    (delivery,) = deliveries([{"case_id": f"C-{at}", "field": value} for at, value in enumerate(values)])
    checked = check_rows(Wanted, delivery)
    assert not checked.refused, checked.refused[0].reason
    live = case_frame(Wanted, checked.columns | {"batch": [""] * len(checked)})
    received = pd.Series(pd.NaT, range(len(checked)), dtype="datetime64[us, UTC]")
    stored = pd.DataFrame({"case_id": checked.case_ids, "received_at": received, "body": checked.bodies})
    return live, stored_frame(Wanted, stored)


@pytest.mark.parametrize("name", FIELDS)
def test_live_and_stored_frames_are_the_same(name: str) -> None:
    """Type by type, with and without gaps."""
    live, stored = frames(*FIELDS[name])
    pd.testing.assert_frame_equal(live, stored)
    assert [type(value) for value in live["field"]] == [type(value) for value in stored["field"]]


def test_an_enum_is_its_value_and_a_decimal_a_number() -> None:
    """Rules compare them with labels and numbers."""
    assert frames(*FIELDS["Enum"])[0]["field"].tolist() == ["shoes", None, "lamps"]
    money = frames(*FIELDS["money"])[0]["field"]
    assert (money < 5).tolist() == [False, False, True]
    assert frames(*FIELDS["duration"])[0]["field"].tolist()[::2] == [90.0, 86_400.0]


def test_the_order_of_a_set_makes_no_other_case() -> None:
    """The body of a case with a set is the same in every process."""
    first, second = frames(set[str], [["b", "a", "c"]])[0], frames(set[str], [["c", "b", "a"]])[0]
    assert first["field"].tolist() == second["field"].tolist() == [["a", "b", "c"]]


def test_arrays_as_parquet_gives_lists_are_lists() -> None:
    """Long, short and empty ones, and a row without one; a required list takes no part in what may be missing."""
    arrays = [np.array([1.0, 2.0]), np.array([]), np.array([3.0])]
    live, stored = frames(list[float], arrays)
    assert live["field"].tolist() == stored["field"].tolist() == [[1.0, 2.0], [], [3.0]]
    live, _ = frames(list[float] | None, [*arrays, None])
    assert live["field"].tolist() == [[1.0, 2.0], [], [3.0], None]
