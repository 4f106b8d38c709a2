"""What the models of machines are made of: windows of sensors and age in, a risk or the remaining life out."""

from __future__ import annotations

from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from aiops_flows.estimators.quantile_regressor import QuantileRegressor
from aiops_flows.estimators.windows import WindowParts

__all__ = ["LEVELS", "failure_risk", "remaining_life"]

LEVELS = (0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Of the quantiles of the remaining life; what is dear is a failure, so the low ones are there."""
_TREES: dict[str, Any] = {
    "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 40, "l2_regularization": 10.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip


def failure_risk(longest: int = 30) -> Pipeline:
    """Probabilities that a machine fails before it is looked at again, and that it does not."""
    return make_pipeline(_numbers(longest), HistGradientBoostingClassifier(max_iter=80, **_TREES))


def remaining_life(highest: float, longest: int = 30) -> QuantileRegressor:
    """Cycles left, up to ``highest``, with quantiles; the machines themselves are left out in turn to find these."""
    trees = HistGradientBoostingRegressor(max_iter=100, **_TREES)
    return QuantileRegressor(
        make_pipeline(_numbers(longest), trees), LEVELS, groups="machine", lowest=0.0, highest=highest
    )


def _numbers(longest: int) -> Any:
    return make_column_transformer((WindowParts(longest=longest), ["sensors"]), ("passthrough", ["age"]))
