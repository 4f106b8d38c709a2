"""A regressor with a spread predicts what its regressor does, and is surer where it is nearer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import clone, is_regressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from aiops_flows.estimators.spread import RegressorWithSpread
from aiops_flows.registry import model_file
from aiops_flows.registry.trusted import names


def orders(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Quantities whose noise grows with a column."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"size": random.uniform(1, 10, rows), "noise": random.uniform(0, 3, rows)})
    return table, np.asarray(20 * table["size"] + random.normal(size=rows) * table["noise"] ** 2)


def test_it_is_surer_where_it_is_nearer() -> None:
    """The surest third is off by less than a third of the least sure, on rows it has not seen."""
    table, quantity = orders(2_000, 0)
    model = RegressorWithSpread(LinearRegression(), RandomForestRegressor(50, min_samples_leaf=20, random_state=0))
    model.fit(table, quantity)
    later, truth = orders(1_000, 1)
    sure, off = model.predict_confidence(later), np.abs(model.predict(later) - truth)
    assert ((sure >= 0) & (sure <= 1)).all()
    order = np.argsort(-sure)
    assert off[order[:333]].mean() < off[order[-333:]].mean() / 3


def test_it_predicts_what_its_regressor_does() -> None:
    """The spread is beside the quantity and does not change it; fitting twice gives the same."""
    table, quantity = orders(300, 0)
    model = RegressorWithSpread(LinearRegression()).fit(table, quantity)
    assert np.allclose(model.predict(table), LinearRegression().fit(table, quantity).predict(table))
    assert np.array_equal(model.predict_confidence(table), clone(model).fit(table, quantity).predict_confidence(table))
    assert is_regressor(model)
    assert model.feature_names_in_.tolist() == ["size", "noise"]


def test_a_share_of_the_quantity_can_be_what_counts() -> None:
    """With relative distances a large quantity with the same noise is the surer one."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"size": random.uniform(1, 100, 2_000)})
    quantity = np.asarray(table["size"] + random.normal(size=2_000))
    spread = RandomForestRegressor(30, min_samples_leaf=20, random_state=0)
    model = RegressorWithSpread(LinearRegression(), spread, relative=True).fit(table, quantity)
    small, large = model.predict_confidence(pd.DataFrame({"size": [2.0, 90.0]}))
    assert large > small


def test_a_constant_quantity_is_sure() -> None:
    """Where nothing was ever off, confidence is a number all the same."""
    table = pd.DataFrame({"size": np.arange(20.0)})
    sure = RegressorWithSpread(LinearRegression()).fit(table, np.zeros(20)).predict_confidence(table)
    assert np.allclose(sure, 1.0)


def test_it_is_stored_without_pickle() -> None:
    """The registry's list knows it, and what is read back says the same."""
    table, quantity = orders(100, 0)
    model = RegressorWithSpread(LinearRegression()).fit(table, quantity)
    content, _ = model_file.to_bytes(model, names())
    back = model_file.open_model(content, names(), "orders")
    assert np.array_equal(back.predict_confidence(table), model.predict_confidence(table))
