"""Public machines: the remaining life of engines and the failures of single machines, beside known baselines."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.maintenance.data import DATA, ai4i, engine_looks, engines, latest_looks, remaining_at_the_end
from flows.machine_estimators import LEVELS, remaining_life

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(
        not ((DATA / "cmapss").is_dir() and (DATA / "ai4i2020").is_dir()),
        reason="AIOPS_SHARED_DATA names no folder that holds cmapss/ and ai4i2020/",
    ),
]


def test_the_remaining_life_of_public_engines_is_told_with_its_doubt() -> None:
    """Nearer than trees on rolling means (15.9 cycles, capped at 125), and four in five inside the 80 % interval."""
    learned = engine_looks(engines(DATA, "train"), every=10, longest=50)
    features = ["sensors", "age", "machine"]
    model = remaining_life(125.0, 50).fit(learned[features], np.minimum(learned["left"], 125))
    last = latest_looks(engines(DATA, "test"), longest=50)
    truth = np.minimum(remaining_at_the_end(DATA), 125)
    assert np.sqrt(np.mean((model.predict(last[features]) - truth) ** 2)) < 14.5
    low, high = (model.predict_quantiles(last[features])[:, LEVELS.index(level)] for level in (0.1, 0.9))
    assert 0.7 <= np.mean((low <= truth) & (truth <= high)) <= 0.92


def test_failures_of_public_machines_are_found() -> None:
    """With heat, power and strain among the columns, average precision beyond the 0.828 of the plain sensors."""
    machines = ai4i(DATA)
    trees = HistGradientBoostingClassifier(max_iter=150, learning_rate=0.06, max_leaf_nodes=15, random_state=0)
    parts = StratifiedKFold(3, shuffle=True, random_state=0)
    told = cross_val_predict(
        trees, machines.drop(columns="failure"), machines["failure"], cv=parts, method="predict_proba"
    )
    assert average_precision_score(machines["failure"] == "yes", told[:, 1]) > 0.85
