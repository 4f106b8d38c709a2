"""Breaks in the supply of data, told apart from drift and from chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aiops_flows.drift import find_breaks
from aiops_flows.drift.quality import FACTORS
from tests.unit.drift.test_measuring import ODD


def supply(count: int, seed: int) -> pd.DataFrame:
    """Columns of every kind as they should come."""
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 61)
    return pd.DataFrame(
        {
            "weight": random.normal(80, 12, count),
            "amount": random.lognormal(4, 1, count).round(2),
            "pieces": random.poisson(3, count),
            "gaps": np.where(random.random(count) < 0.2, np.nan, random.normal(size=count)),
            "code": random.choice([f"c{n}" for n in range(60)], count, p=shares / shares.sum()).astype(object),
            "urgent": random.random(count) < 0.02,
            "id": [f"{seed}-{n}" for n in range(count)],
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90, count), unit="D"),
        }
    )


COLUMNS = list(supply(1, 0).columns)
BEFORE = supply(2_000, 1)


def kinds(now: pd.DataFrame, columns: list[str] = COLUMNS) -> list[tuple[str, str]]:
    return [(each.column, each.kind) for each in find_breaks(BEFORE, now, columns)]


@pytest.mark.parametrize("count", [50, 200, 1_000])
def test_an_unchanged_supply_has_no_break(count: int) -> None:
    """In a hundred checks of unchanged rows, at any size, nothing is called broken."""
    found = [find_breaks(supply(1_000, 2 * n), supply(count, 2 * n + 1), COLUMNS) for n in range(100)]
    assert [each for each in found if each] == []


def test_a_world_that_moves_is_no_break() -> None:
    """Shifts, other shares of the same codes and a growing spread are drift, not a broken supply."""
    now = supply(1_000, 2)
    now["weight"] += 10
    now["amount"] *= 1.2
    now["gaps"] *= 1.3
    now["code"] = now["code"].to_numpy()[np.sort(np.random.default_rng(0).integers(0, 1_000, 1_000) // 3)]
    assert kinds(now) == []


BREAKS = {
    "missing column": lambda now: now.drop(columns="weight"),
    "type": lambda now: now.assign(weight=now["weight"].astype(str)),
    "missing values": lambda now: now.assign(weight=now["weight"].where(np.arange(len(now)) % 4 > 0)),
    "unit": lambda now: now.assign(weight=now["weight"] * 1000),
    "constant": lambda now: now.assign(weight=0.0),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_break_is_found_and_named(kind: str) -> None:
    """Each kind of break is found in the column it is in, under its name, and nowhere else."""
    assert kinds(BREAKS[kind](supply(1_000, 2))) == [("weight", kind)]


def test_new_codes_are_a_break_where_many_rows_have_them() -> None:
    """A tenth of the rows with codes that never came is a break; one row in fifty is drift at most."""
    now = supply(1_000, 2)
    at = np.arange(1_000)
    assert kinds(now.assign(code=np.where(at % 10 == 0, "X" + now["code"], now["code"]))) == [("code", "new values")]
    assert kinds(now.assign(code=np.where(at % 50 == 0, "X" + now["code"], now["code"]))) == []


@pytest.mark.parametrize("words", FACTORS)
@pytest.mark.parametrize("up", [True, False], ids=["times", "divided"])
def test_numbers_in_another_unit_are_found(words: str, up: bool) -> None:
    """Numbers of a narrow column times each factor, or divided by it, are a change of unit that names the factor."""
    factor = FACTORS[words] if up else 1 / FACTORS[words]
    now = supply(1_000, 2)
    found = find_breaks(BEFORE, now.assign(weight=now["weight"] * factor), ["weight"])
    assert [each.kind for each in found] == ["unit"]
    assert words in found[0].found


def test_a_growing_scale_is_seldom_taken_for_another_unit() -> None:
    """Where a column truly grows or shrinks by any factor up to three, a unit is named in at most a tenth."""
    random = np.random.default_rng(3)
    named = 0
    for number in range(150):
        now = supply(1_000, 100 + number)
        scaled = now.assign(weight=now["weight"] * np.exp(random.uniform(-1.1, 1.1)))
        named += bool(find_breaks(BEFORE, scaled, ["weight"]))
    assert named <= 15


def test_no_value_of_a_case_is_in_a_break() -> None:
    """What is found is told in shares and kinds, so that a break may stand in an alarm."""
    now = supply(1_000, 2)
    now["code"] = "canary-" + now["code"]
    now["weight"] = 4_711.25
    now["urgent"] = "canary"
    told = " ".join(str(each) for each in find_breaks(BEFORE, now, COLUMNS))
    assert "canary" not in told
    assert "4711" not in told


@pytest.mark.parametrize("name", ODD)
def test_no_column_makes_the_search_fail(name: str) -> None:
    """Every kind of value is judged, against itself without a break and against any other without an exception."""
    frame = pd.DataFrame({"odd": ODD[name]})
    assert find_breaks(frame, frame, ["odd"]) == []
    for other in ODD.values():
        find_breaks(frame, pd.DataFrame({"odd": other}), ["odd"])
    assert find_breaks(frame, frame.head(0), ["odd"]) == []
    assert find_breaks(frame.head(0), frame, ["odd"]) == []


def test_very_large_frames_cost_no_more_than_a_sample() -> None:
    """Beyond ``max_rows`` a seeded sample is looked at, the same one each time."""
    now = supply(3_000, 2).assign(weight=lambda rows: rows["weight"] * 12)
    found = find_breaks(BEFORE, now, COLUMNS, max_rows=500)
    assert [each.kind for each in found] == ["unit"]
    assert found == find_breaks(BEFORE, now, COLUMNS, max_rows=500)
