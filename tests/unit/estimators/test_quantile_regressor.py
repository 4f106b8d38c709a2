"""Quantiles around the answer of any regressor hold as often as they say, and the estimator keeps its manners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_regressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.quantile_regressor import QuantileRegressor

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def noisy(rows: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """A line whose noise grows with it."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, rows)
    machines = random.integers(0, 40, rows).astype(str).astype(object)
    return pd.DataFrame({"x": x, "machine": machines}), 3 * x + (0.2 + x) * random.normal(size=rows)


def test_quantiles_hold_as_often_as_they_say() -> None:
    """Of new rows about the share of its level lies below each quantile: of all, and of low and of high answers."""
    learned, new = noisy(8_000, 0), noisy(20_000, 1)
    fitted = QuantileRegressor(LinearRegression(), LEVELS, groups="machine").fit(*learned)
    below = new[1][:, None] <= fitted.predict_quantiles(new[0])
    for rows in (slice(None), new[0]["x"] < 3, new[0]["x"] > 7):
        np.testing.assert_allclose(below[rows].mean(axis=0), LEVELS, atol=0.035)


def test_quantiles_ascend_and_stay_within_the_limits() -> None:
    """Whatever the answer, no quantile is below one of a lower level, below the lowest or above the highest."""
    learned, new = noisy(500, 0), noisy(500, 1)
    fitted = QuantileRegressor(LinearRegression(), (0.9, 0.1, 0.5), groups="machine", lowest=0.0, highest=20.0)
    quantiles = fitted.fit(*learned).predict_quantiles(new[0])
    assert fitted.quantiles_.tolist() == [0.1, 0.5, 0.9]
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert quantiles.min() >= 0.0
    assert quantiles.max() <= 20.0
    assert fitted.predict(new[0]).max() <= 20.0


def test_rows_of_a_group_are_left_out_together() -> None:
    """A tree that knows each machine by heart looks sure where its rows are parted, and is not where they are not."""
    random = np.random.default_rng(0)
    machine = np.repeat(np.arange(60), 10)
    rows = pd.DataFrame({"mark": machine + 0.0, "machine": machine.astype(str).astype(object)})
    truth = random.normal(size=60)[machine] * 10
    widths = []
    for groups, seen in ((None, rows[["mark"]]), ("machine", rows)):
        fitted = QuantileRegressor(DecisionTreeRegressor(random_state=0), (0.1, 0.9), groups=groups).fit(seen, truth)
        widths.append(np.diff(fitted.predict_quantiles(seen), axis=1).mean())
    assert widths[0] < 1.0
    assert widths[1] > 10.0


def test_an_answer_depends_on_its_row_alone() -> None:
    """One by one and all at once give the same."""
    fitted = QuantileRegressor(LinearRegression(), LEVELS, groups="machine").fit(*noisy(400, 0))
    new = noisy(50, 1)[0]
    alone = np.concatenate([fitted.predict_quantiles(new.iloc[[row]]) for row in range(len(new))])
    np.testing.assert_allclose(fitted.predict_quantiles(new), alone, rtol=0, atol=1e-9)


def test_it_is_cloned_and_told_like_any_regressor() -> None:
    """Settings survive cloning, nothing is learned before `fit`, few rows make one bin, and many alike answers too."""
    plain = QuantileRegressor(LinearRegression(), LEVELS, highest=9.0)
    assert is_regressor(plain)
    assert clone(plain).get_params()["highest"] == 9.0
    few = plain.fit(pd.DataFrame({"x": np.arange(30.0)}), np.arange(30.0))
    assert few.middles_.shape == (1,)
    same = QuantileRegressor(LinearRegression(), LEVELS).fit(pd.DataFrame({"x": np.zeros(500)}), np.ones(500))
    assert same.predict_quantiles(pd.DataFrame({"x": [0.0]})).tolist() == [[1.0] * 5]


def test_levels_and_rows_that_cannot_be_are_refused() -> None:
    """The error names what was given."""
    rows, truth = noisy(20, 0)
    with pytest.raises(TrainingError, match=r"\[0.0, 0.5\]; give levels"):
        QuantileRegressor(LinearRegression(), (0.0, 0.5)).fit(rows[["x"]], truth)
    with pytest.raises(TrainingError, match="3 values of machine for 5 parts"):
        QuantileRegressor(LinearRegression(), groups="machine").fit(
            rows.assign(machine=np.arange(20) % 3).astype({"machine": object}), truth
        )
