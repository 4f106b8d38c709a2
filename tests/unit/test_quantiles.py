"""Quantiles of a regressor: asked through any Pipeline, kept as JSON text, read back as columns."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from aiops_flows.errors import UseCaseError
from aiops_flows.steps.inference import answer, predict_with
from aiops_flows.steps.quantiles import Quantities, quantile_columns
from aiops_flows.use_case import ModelSpec, quantile_column
from tests.crates import SpreadRegressor, demand, make_crates, make_demand

CASES = make_crates(300, seed=3).assign(batch="")
FEATURES, TRUTH = CASES[["usual", "wild"]], make_demand(CASES)["demand"].to_numpy()
COLUMNS = ["demand_q10", "demand_q25", "demand_q50", "demand_q75", "demand_q90"]


class Odd(RegressorMixin, BaseEstimator):
    """Says of the first rows what no model should."""

    def __init__(self, quantiles: tuple[float, ...] = (0.1, 0.9)) -> None:
        self.quantiles = quantiles

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """A quantity; of a shelf of usually 0 none."""
        return np.where(X["usual"] == 0, np.nan, 10.0)

    def predict_quantiles(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """The wrong way round; of a shelf of usually less it fails."""
        if (X["usual"] < 0).any():
            raise ValueError
        return np.tile([12.0, 8.0], (len(X), 1))

    def predict_path(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """Of no shelf."""
        raise ZeroDivisionError(len(X))


def fitted(estimator: BaseEstimator | None = None) -> BaseEstimator:
    found: BaseEstimator = (estimator or SpreadRegressor()).fit(FEATURES, TRUTH)
    return found


def test_a_level_has_a_column() -> None:
    """Tenths, hundredths and thousandths are told apart."""
    assert [quantile_column("d", level) for level in (0.05, 0.1, 0.975, 0.999)] == [
        "d_q5",
        "d_q10",
        "d_q97_5",
        "d_q99_9",
    ]
    assert demand.quantile_columns == COLUMNS
    assert demand.added_columns == ["demand", "demand_confidence", "demand_version", "demand_note", *COLUMNS]
    assert replace(demand, estimator=LinearRegression(), gates=[]).quantiles == ()
    with pytest.raises(UseCaseError, match="strictly between 0 and 1"):
        replace(demand, estimator=SpreadRegressor(quantiles=(0.1, 1.0)))


def test_a_pipeline_gives_the_quantiles_of_its_last_step() -> None:
    """Behind the steps before it, skipped ones included; plain regressors are asked as before."""
    spread = SpreadRegressor(quantiles=(0.9, 0.1))
    piped = make_pipeline(FunctionTransformer(), "passthrough", spread).fit(FEATURES, TRUTH)
    told = Quantities.of(piped)
    assert (told.levels, told.width) == ((0.1, 0.9), 3)
    assert np.array_equal(told.ask(FEATURES), Quantities.of(fitted(spread)).ask(FEATURES))
    plain = Quantities.of(make_pipeline(StandardScaler(), LinearRegression()).fit(FEATURES, TRUTH))
    assert (plain.levels, plain.width) == ((), 1)
    assert np.isnan(plain.read(plain.ask(FEATURES))[2]).all()


def test_an_answer_does_not_depend_on_the_others() -> None:
    """The same case alone and among others has the same columns, to the last bit."""
    model = fitted()
    together = predict_with(demand, model, 1, CASES)
    alone = pd.concat([predict_with(demand, model, 1, CASES.iloc[[at]]) for at in (0, 7, 299)])
    pd.testing.assert_frame_equal(alone, together.iloc[[0, 7, 299]])
    width = (together["demand_q90"] - together["demand_q10"]) / together["demand"]
    assert together["demand_confidence"].to_numpy() == pytest.approx(1 / (1 + width))


def test_quantiles_are_read_back_as_they_were_said() -> None:
    """To the last bit from the text, whatever else stands in it; a path has six digits."""
    model = fitted()
    said = answer(demand, model, CASES)
    back = quantile_columns(demand, [*(said.scores or []), None, "{}"], None)
    frame = predict_with(demand, model, 1, CASES)
    assert all((back[name].iloc[:300] == frame[name]).all() and back[name].iloc[300:].isna().all() for name in COLUMNS)
    first = json.loads((said.scores or [""])[0])
    assert np.array(first["path"]) == pytest.approx(np.tile(frame[COLUMNS].iloc[0] / 2, (2, 1)), rel=1e-5)
    assert max(len(str(number)) for row in first["path"] for number in row) <= 8
    other = replace(demand, estimator=SpreadRegressor(quantiles=(0.1, 0.99)), gates=[])
    assert quantile_columns(other, said.scores or [], None)["demand_q99"].isna().all()
    assert predict_with(other, model, 1, CASES)["demand_q10"].notna().all()


def test_odd_quantiles_are_sorted_or_told() -> None:
    """Crossing ones are sorted; a row at which the model fails, or says what is not finite, is told apart."""
    spec = ModelSpec("crates-odd", ["usual", "wild"], "demand", Odd())
    said = answer(spec, Odd(), CASES.assign(usual=[0.0, -1.0, *CASES["usual"].iloc[2:]]))
    assert set(said.failures) == {0, 1}
    assert said.values[:3] == [None, None, 10.0]
    assert (said.scores or [])[:3] == ["{}", "{}", '{"q10":8.0,"q90":12.0}']
    assert said.confidences[2] == pytest.approx(1 / 1.4)
