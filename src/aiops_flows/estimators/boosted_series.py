"""A forecaster that learns from all series at once: linear in lags and seasons, with boosted trees on what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.forecaster import LEVELS, Forecaster
from aiops_flows.estimators.past_windows import Past, Windows

__all__ = ["BoostedForecaster"]

Array = npt.NDArray[np.float64]

_RIDGE = 1e-2
_PRIOR = {5: 0.25, 8: 0.5, 10: 0.25}  # columns of `_columns`: the season before with growth, the usual season now
_MOST_ROWS = 30_000
_FEWEST_ROWS = 50
_SHARES = np.linspace(0.0, 1.0, 11)
_CALM = 0.1  # added to the noise of a series before it weighs a row: calm series count more, but not alone


class BoostedForecaster(Forecaster):
    """Forecasts from lags, levels, growth and the season, learned from all series together.

    Each of the next periods is first a linear function of what lies behind (ridge, one for each step ahead), in units
    of the series, so that trends go on; histogram gradient boosting then learns what is left. How much of the boosted
    part is added is what did best on the latest windows, which it had not seen: none where trees do harm.
    """

    def __init__(
        self,
        season: int = 12,
        quantiles: Sequence[float] = LEVELS,
        *,
        horizon: int = 12,
        memory: int | None = None,
        history: str = "history",
        cover: str = "cover",
        windows: int = 10_000,
        rounds: int = 100,
        learning_rate: float = 0.05,
        random_state: int = 0,
    ) -> None:
        """Nothing is fitted yet; ``rounds`` and ``learning_rate`` are those of the boosting, the rest as in all."""
        super().__init__(
            season,
            quantiles,
            horizon=horizon,
            memory=memory,
            history=history,
            cover=cover,
            windows=windows,
            random_state=random_state,
        )
        self.rounds = rounds
        self.learning_rate = learning_rate

    def _tune(self, latest: Past) -> None:
        """How much of the boosted part is added."""
        linear, boosted = self._parts(latest.windows)
        left = latest.path / latest.windows.unit[:, None] - linear
        weight = _weights(latest)[:, None]
        lost = [float(np.nanmean(weight * (left - share * boosted) ** 2)) for share in _SHARES]
        self.share_ = float(_SHARES[int(np.argmin(lost))])

    def _learn(self, past: Past) -> None:
        past = past.without_old_times(self.random_state)
        goal = past.path / past.windows.unit[:, None]
        weight = _weights(past)
        steps = _columns(past.windows, self.reach_)
        self.weights_ = np.stack([_ridge(steps[at], goal[:, at], weight) for at in range(self.reach_)])
        left = goal - np.column_stack([steps[at] @ self.weights_[at] for at in range(self.reach_)])
        row, at = np.nonzero(np.isfinite(left))
        if len(row) < _FEWEST_ROWS:
            raise TrainingError(
                f"{type(self).__name__} found {len(row)} periods to learn from; it needs {_FEWEST_ROWS}. Give longer "
                "histories or more of them"
            )
        drawn = np.sort(np.random.default_rng(self.random_state).permutation(len(row))[:_MOST_ROWS])
        row, at = row[drawn], at[drawn]
        self.trees_ = HistGradientBoostingRegressor(
            max_iter=self.rounds,
            learning_rate=self.learning_rate,
            min_samples_leaf=int(np.clip(len(row) // 100, 20, 200)),
            l2_regularization=10.0,
            early_stopping=False,
            max_bins=63,  # scikit-learn 1.9 takes a second to place 255 of them for weighted rows
            random_state=self.random_state,
        ).fit(_tree_columns(past.windows, steps, row, at), left[row, at], sample_weight=weight[row])

    def _parts(self, windows: Windows) -> tuple[Array, Array]:
        """The linear part and the boosted part of each of the next periods, in units."""
        steps = _columns(windows, self.reach_)
        linear = np.column_stack([steps[at] @ self.weights_[at] for at in range(self.reach_)])
        row, at = (places.ravel() for places in np.indices(linear.shape))
        boosted = self.trees_.predict(_tree_columns(windows, steps, row, at)) if len(row) else np.empty(0)
        return linear, boosted.reshape(linear.shape)

    def _expected(self, windows: Windows) -> Array:
        linear, boosted = self._parts(windows)
        return linear + self.share_ * boosted


def _weights(past: Past) -> Array:
    """Calm series weigh more than noisy ones, and large ones more than small, by the root of what they bring."""
    return np.sqrt(past.windows.unit) / (_CALM + past.windows.noise)


def _columns(windows: Windows, reach: int) -> list[Array]:
    """What each of the next periods is a sum of: lags of its season, levels, and both moved by recent growth."""
    values, season = windows.filled, windows.season
    width = values.shape[1]
    recent = max(1, season // 4)
    level, before = values[:, -recent:].mean(axis=1), values[:, -season - recent : width - season].mean(axis=1)
    year, past = values[:, -season:].mean(axis=1), values[:, -2 * season : -season].mean(axis=1)
    lately, growth = _ratio(level, before), _ratio(year, past)
    shape = _shape(values, season)
    now = values[:, -recent:].sum(axis=1) / np.maximum(shape[:, -recent:].sum(axis=1), _CALM)
    longer = values[:, -max(2 * recent, 6) :].mean(axis=1)
    levels = [values[:, -1], values[:, -2], values[:, -3], level, longer, year, past, values.mean(axis=1), now]
    said = []
    for step in range(reach):
        at = step % season
        lags = [values[:, max(width - back * season + at, 0)] for back in (1, 2, 3)]
        usual = shape[:, at]
        moved = [lags[0] * lately, lags[0] * growth, lags[1] * growth * lately]
        seasonal = [usual, usual * now, usual * year, usual * year * growth]
        said.append(np.column_stack([np.ones(len(values)), *lags, *moved, *seasonal, *levels]))
    return said


def _shape(values: Array, season: int) -> Array:
    """What each period of a season is of its season's mean, over all seasons of the window."""
    seasons = values.shape[1] // season
    folded = values[:, -seasons * season :].reshape(len(values), seasons, season)
    share = (folded + _CALM) / (folded.mean(axis=2, keepdims=True) + _CALM)
    shape: Array = share.mean(axis=1)
    return shape


def _ratio(now: Array, before: Array) -> Array:
    """Growth, by a quarter at most: what has just jumped is not taken to jump again."""
    return np.clip((now + _CALM) / (before + _CALM), 0.8, 1.25)


def _tree_columns(windows: Windows, steps: list[Array], row: Any, at: Any) -> Array:
    """What the trees see of periods: the linear columns, and what the window is like."""
    if not len(row):
        return np.empty((0, 1))
    lagged = np.stack(steps, axis=1)[row, at]
    like = np.column_stack(
        [windows.noise, windows.zeros, windows.sale, np.log(windows.unit), windows.counts, windows.filled.std(axis=1)]
    )
    phase = (windows.phase[row] + at) % windows.season
    return np.column_stack([lagged[:, 1:], like[row], phase, at])


def _ridge(columns: Array, goal: Array, weight: Array) -> Array:
    """The weights of columns by which a goal is met, those known alone; close to the usual season where little is."""
    there = np.isfinite(goal)
    weighted = columns[there] * weight[there][:, None]
    square = weighted.T @ columns[there]
    strength = _RIDGE * max(float(np.trace(square)) / len(square), 1.0)
    prior = np.zeros(columns.shape[1])
    prior[list(_PRIOR)] = list(_PRIOR.values())
    met = weighted.T @ goal[there] + strength * prior
    return np.asarray(np.linalg.solve(square + strength * np.eye(len(square)), met), dtype=np.float64)
