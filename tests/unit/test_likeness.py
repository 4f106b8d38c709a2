"""Batches like the certified rows are decided; what is not like them goes to people, small batches included."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from sklearn.dummy import DummyClassifier, DummyRegressor

from aiops_flows.evidence.shift import chance_of_more
from aiops_flows.steps.certificate import Certificate, CertifiedRows
from aiops_flows.steps.likeness import FEWEST_COMPARED, MOST_COMPARED, Before, Unlike, describe_rows, unlike_parts
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase

FEATURES = ["amount", "region", "site", "age"]


class Order(Case):
    """An order."""

    amount: float
    region: str | None = None
    site: str | None = None
    age: float | None = None


ORDERS = UseCase(
    "orders",
    Order,
    [
        ModelSpec("orders-fraud", FEATURES, "fraud", DummyClassifier()),
        ModelSpec("orders-cost", FEATURES, "cost", DummyRegressor()),
    ],
    ReviewPolicy(verdicts=["yes", "no"], auto={"no": lambda orders: orders["fraud"] == "no"}, batch_false_alarms=0.02),
)


def orders(rows: int, seed: int, frauds: float = 0.06) -> pd.DataFrame:
    """Orders with the answers of two models; ``age`` lacks in a tenth, ``site`` never."""
    random = np.random.default_rng(seed)
    fraud = random.random(rows) < frauds
    return pd.DataFrame(
        {
            "amount": random.gamma(2.0, 200.0, rows),
            "region": random.choice(["north", "south", "west"], rows),
            "site": random.choice([f"site {number}" for number in range(20)], rows),
            "age": np.where(random.random(rows) < 0.1, np.nan, random.uniform(18, 80, rows)),
            "fraud": np.where(fraud, "yes", "no").astype(object),
            "fraud_confidence": np.where(fraud, random.uniform(0.5, 0.8, rows), random.beta(8, 1, rows)),
            "cost": random.gamma(2.0, 50.0, rows),
            "cost_confidence": np.nan,
        }
    )


CERTIFIED = describe_rows(ORDERS, orders(3_000, 0))
NONE_BEFORE = orders(0, 0)


def unlike(batch: pd.DataFrame, before: pd.DataFrame = NONE_BEFORE) -> list[Unlike]:
    return unlike_parts(ORDERS, CERTIFIED, batch, Before.of(ORDERS, before))


def sent(batch: pd.DataFrame, before: pd.DataFrame = NONE_BEFORE) -> int:
    """How many cases of a batch go to people."""
    stopped = np.zeros(len(batch), dtype=bool)
    for part in unlike(batch, before):
        stopped |= part.cases
    return int(stopped.sum())


@pytest.mark.parametrize(("hits", "of", "before", "rows"), [(5, 20, 30, 3_000), (0, 10, 3, 50), (40, 100, 900, 3_000)])
def test_the_chance_is_that_of_the_hypergeometric_distribution(hits: int, of: int, before: int, rows: int) -> None:
    """The upper tail, as SciPy's."""
    expected = hypergeom.sf(hits - 1, rows + of, before + hits, of)
    assert chance_of_more(hits, of, before, rows) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("window", [FEWEST_COMPARED, MOST_COMPARED])
@pytest.mark.parametrize("size", [1, 10, 100, 400])
def test_batches_like_the_certified_rows_are_sent_to_review_no_more_often_than_set(size: int, window: int) -> None:
    """Of 200 batches at most the policy's share of cases goes to people, whatever the size of the batches."""
    cases = stopped = 0
    for seed in range(1, 201):
        drawn = orders(max(size, window), seed)
        batch, before = drawn.iloc[:size], drawn.iloc[size:]
        cases, stopped = cases + size, stopped + sent(batch.reset_index(drop=True), before)
    assert stopped <= 0.02 * cases


def test_a_column_that_a_source_lost_sends_every_case_to_people() -> None:
    """Alone, in a small batch, or in a large one; the reason names the column."""
    for size in (1, 20, 2_000):
        batch = orders(size, 1).assign(site=None)
        assert sent(batch) == size
        assert "site is missing, and none of the 3000 certified rows lacked it" in unlike(batch)[0].reason


def test_a_column_that_lacked_sometimes_and_now_always_is_noticed_in_a_window_of_recent_cases() -> None:
    """One case without it proves nothing; two hundred in a row do, and then each single one goes to people."""
    lost = orders(FEWEST_COMPARED, 2).assign(age=np.nan)
    assert sent(lost.iloc[:1]) == 0
    assert sent(lost.iloc[:1], lost.iloc[1:]) == 1
    assert sent(lost) == FEWEST_COMPARED


def test_a_change_too_small_for_two_hundred_cases_is_noticed_in_a_thousand() -> None:
    """13 % frauds instead of 6 %: most batches of 50 look as usual; with a thousand cases hardly any does."""
    noticed = {FEWEST_COMPARED: 0, MOST_COMPARED: 0}
    for seed in range(1, 21):
        drawn = orders(MOST_COMPARED, seed, frauds=0.13)
        batch = drawn.tail(50).reset_index(drop=True)
        for window in noticed:
            noticed[window] += sent(batch, drawn.iloc[-window:-50]) == 50
    assert noticed[MOST_COMPARED] >= 18
    assert noticed[FEWEST_COMPARED] <= 10


def test_a_change_that_is_over_is_forgotten_after_two_hundred_cases() -> None:
    """The long window still holds the frauds; the latest cases are as certified, so they are decided."""
    usual = orders(FEWEST_COMPARED, 3, frauds=0.05)
    before = pd.concat([orders(MOST_COMPARED - FEWEST_COMPARED, 2, frauds=0.3), usual.iloc[:-50]], ignore_index=True)
    assert sent(usual.tail(50).reset_index(drop=True), before) == 0
    assert sent(before.iloc[:50], before.iloc[50:800]) == 50


def test_only_the_affected_cases_go_to_people() -> None:
    """Where half of a batch has sites that no certified row had, the other half is decided."""
    batch = orders(1_000, 3)
    batch.loc[:499, "site"] = [f"new site {number}" for number in range(500)]
    assert sent(batch) == 500
    assert any("site has a value that hardly any certified row has" in part.reason for part in unlike(batch))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fraud": "yes"}, "fraud is 'yes' in"),
        ({"fraud": "perhaps"}, "fraud is another answer than usual in"),
        ({"fraud_confidence": 0.55}, "fraud_confidence is at most"),
        ({"cost": 5_000.0}, "cost is at most"),
        ({"amount": 1e6}, "amount is outside the range"),
    ],
)
def test_other_answers_scores_and_amounts_are_noticed(change: dict[str, Any], reason: str) -> None:
    """A third of the cases with other answers, other confidence, other amounts: the reason gives both shares."""
    batch = orders(600, 4)
    for column, value in change.items():
        batch.loc[:199, column] = value
    reasons = [part.reason for part in unlike(batch)]
    assert any(reason in each and "of the last 600 cases" in each for each in reasons)


def test_a_small_difference_in_a_large_batch_is_no_alarm() -> None:
    """Of 50,000 cases 8 % are frauds instead of 6 %: certain, and too small to do harm; 15 % are not."""
    assert sent(orders(50_000, 5, frauds=0.08)) == 0
    assert sent(orders(50_000, 5, frauds=0.15)) == 50_000


def test_what_is_remembered_is_read_back_and_holds_no_value_of_a_case() -> None:
    """Shares, limits and digests: nobody finds a site or a rare region in a certificate."""
    rows = orders(3_000, 6)
    rows.loc[0, "region"] = "the only one"
    described = describe_rows(ORDERS, rows)
    nothing: dict[str, Any] = {"coverage": 0.0, "labels_used": 0, "error_upper": None, "rows_digest": "", "reason": ""}
    certificate = Certificate("orders-fraud", 1, "", None, 0.05, 0.9, companions={}, rows=described, **nothing)
    text = certificate.to_json()
    assert Certificate.from_json(text) == certificate
    assert "the only one" not in text
    assert "site 7" not in text
    assert len(json.dumps(json.loads(text)["rows"])) < 20_000


def test_nothing_is_compared_where_nothing_is_remembered() -> None:
    """An empty memory, and an empty batch, send nobody to people."""
    assert unlike_parts(ORDERS, CertifiedRows(0, [], 0), orders(10, 1), Before.of(ORDERS, NONE_BEFORE)) == []
    assert unlike(orders(0, 1)) == []
    assert replace(ORDERS.review, batch_false_alarms=0.0).batch_false_alarms == 0
