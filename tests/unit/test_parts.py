"""How labelled rows are parted: by a hash that never changes, by a field, or by time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from aiops_flows.steps.parts import Cut, cut, cut_of, parts_of
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase


class Reading(Case):
    """What a machine said at a moment."""

    machine: str | None = None
    heat: float = 0.0


def use_case(by: str) -> UseCase:
    spec = ModelSpec(name="wear", features=["heat"], output="wear", estimator=LinearRegression())
    return UseCase(name="machines", case=Reading, models=[spec], review=ReviewPolicy(verdicts=["go"]), cut=by)


def months(count: int, each: int = 1, known_after: int = 1) -> pd.DataFrame:
    """Cases received at the beginning of each month, whose outcome is known so many months later."""
    begins = pd.date_range("2024-01-01", periods=count + known_after, freq="MS", tz="UTC")
    rows = [(month, number) for month in range(count) for number in range(each)]
    return pd.DataFrame(
        {
            "case_id": [f"{month}/{number}" for month, number in rows],
            "received_at": [begins[month] for month, _ in rows],
            "known_at": [begins[month + known_after] for month, _ in rows],
            "body": [json.dumps({"machine": f"M{number}"}) for _, number in rows],
        }
    )


def test_the_cut_by_case_id_is_what_it_was() -> None:
    """The part of a case id is fixed for ever: a version trained years ago finds its rows again."""
    assert cut(["a", "b", "c", "d", "e", "P0-000001"]).tolist() == [
        "train",
        "train",
        "train",
        "judge",
        "train",
        "certify",
    ]
    assert Cut().as_dict() == {}
    assert parts_of(use_case("case_id"), months(3)).tolist() == cut(["0/0", "1/0", "2/0"]).tolist()


def test_cases_with_the_same_value_of_the_field_are_in_one_part() -> None:
    """No machine is learned from and judged on; a case without one is learned from only."""
    stored = months(10, each=40)
    stored["part"] = parts_of(use_case("machine"), stored)
    stored["machine"] = [json.loads(body)["machine"] for body in stored["body"]]
    assert len(stored[["machine", "part"]].drop_duplicates()) == 40
    assert set(stored["part"]) == {"train", "judge", "certify"}
    nobody = months(1).assign(body="{}")
    assert parts_of(use_case("machine"), nobody).tolist() == ["train"]


@pytest.mark.parametrize("known_after", [1, 3])
def test_by_time_the_latest_certify_and_nothing_known_too_late_is_learned(known_after: int) -> None:
    """Train, judge and certify follow each other; a label that was known only once judging began is in no part."""
    stored = months(20, each=2, known_after=known_after).sample(frac=1.0, random_state=0)
    chosen = cut_of(use_case("received_at"), stored)
    parts = pd.Series(chosen.parts(stored), index=stored.index).sort_index().iloc[::2].tolist()
    assert parts == ["train"] * (15 - known_after) + [""] * (known_after - 1) + ["judge"] * 3 + ["certify"] * 3
    assert chosen.judge_from == datetime(2025, 3, 1, tzinfo=UTC)
    assert Cut.of_record(json.dumps(chosen.as_dict())) == chosen


def test_by_time_three_moments_are_the_fewest() -> None:
    """With fewer moments of receipt than parts nothing can be parted, and nothing is."""
    assert parts_of(use_case("received_at"), months(3)).tolist() == ["train", "judge", "certify"]
    assert parts_of(use_case("received_at"), months(2, each=50)).tolist() == [""] * 100


def test_judging_never_begins_before_it_did_for_the_champion() -> None:
    """However a record grows, is filled up backwards or loses its past, nothing learned from is ever judged on."""
    random = np.random.default_rng(5)
    everything, business = months(60, each=3, known_after=2), use_case("received_at")
    learned: set[Any] = set()
    before = None
    for now in range(20, 60, 4):
        moment = everything["received_at"].iloc[3 * now]
        there = (everything["known_at"] <= moment) & (random.random(len(everything)) < random.uniform(0.3, 1.0))
        there &= everything["received_at"] >= everything["received_at"].iloc[3 * random.integers(0, 15)]
        stored = everything[there]
        chosen = cut_of(business, stored, not_before=before)
        parts = chosen.parts(stored)
        assert not learned & set(stored["case_id"][np.isin(parts, ["judge", "certify"])])
        if chosen.judge_from is not None:
            learned |= set(stored["case_id"][parts == "train"])
            before = chosen.judge_from
    assert len(learned) > 50


def test_nothing_is_judged_until_something_came_that_the_champion_has_not_seen() -> None:
    """Where the champion learned from all but one moment, there is no cut: doubt closes the gate."""
    stored, business = months(20), use_case("received_at")
    last = stored["received_at"].iloc[-1].to_pydatetime()
    assert set(cut_of(business, stored, not_before=last).parts(stored)) == {""}
    two = stored["received_at"].iloc[-2].to_pydatetime()
    assert cut_of(business, stored, not_before=two).parts(stored).tolist()[-3:] == ["train", "judge", "certify"]
