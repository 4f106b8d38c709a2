"""How far forecasts are off, learned from forecasts of periods that were left out: what turns them into quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import PoissonRegressor

from aiops_flows.estimators.past_windows import Windows

__all__ = ["Ask", "Errors", "learned_errors", "quantiles_of"]

Array = npt.NDArray[np.float64]
Errors = dict[str, Array]
"""What was learned: plain arrays."""

_TINY = 0.02
_LONGER = 0.8  # errors of the periods of a sum go together to some degree
_SHRINK = 10.0  # by the number of histories: how strongly sizes are held to the usual ones
_WIDEST = 2.5  # standard deviations
_ROWS_A_GROUP = 250
_MOST_GROUPS = 12


@dataclass(frozen=True)
class Ask:
    """A sum over some of the next periods that is asked for, a row each."""

    windows: Windows
    expected: Array
    """What is forecast of the sum."""
    raw: Array
    """Its quantiles as the forecaster gives them itself, a column a level; the expected sum where it gives none."""
    count: Array
    """Over how many periods."""
    lead: Array
    """The last of them, counted from 1."""


def learned_errors(
    ask: Ask, truth: Array, levels: Array, *, origin: npt.NDArray[np.int64], histories: int, seed: int
) -> Errors:
    """The size of errors by a log-linear model, and beyond it their distribution in groups of alike rows.

    The size is a locally weighted conformal score (Lei and others 2018); each quantile is corrected by the quantile of
    what is left (Romano, Patterson and Candès 2019), by groups of how many usual sales are asked for, so that the
    share of zeros is met. Counts are spread over half a unit to each side first (Machado and Santos Silva 2005).
    From few ``histories`` sizes move less from the usual ones.
    """
    chance = np.random.default_rng(seed)
    spread = np.where(ask.windows.whole, chance.uniform(-0.5, 0.5, len(truth)), 0.0)
    came = truth + spread
    columns = _columns(ask)
    centre, deviation = columns.mean(axis=0), np.maximum(columns.std(axis=0), 1e-9)
    usual = _usual_size(ask)
    shrink = float(np.clip(_SHRINK / histories, 0.01, 0.3))
    sizes = np.abs(came - ask.expected) / ask.windows.unit / usual
    bounded = np.clip((columns - centre) / deviation, -_WIDEST, _WIDEST)
    model = PoissonRegressor(alpha=shrink, max_iter=500).fit(bounded, sizes, sample_weight=usual)
    errors = {"centre": centre, "deviation": deviation, "weights": model.coef_, "start": np.array([model.intercept_])}
    left = (came[:, None] - ask.raw) / _size(ask, errors)[:, None]
    place = _place(ask)
    order = np.argsort(place, kind="stable")
    groups = np.array_split(order, int(np.clip(len(order) // _ROWS_A_GROUP, 1, _MOST_GROUPS)))
    errors["places"] = np.array([float(place[group].mean()) for group in groups])
    errors["shifts"] = np.array([_shifts(left[group], levels, len(np.unique(origin[group]))) for group in groups])
    return errors


def quantiles_of(ask: Ask, errors: Errors) -> Array:
    """The quantiles of each sum, ascending, never negative; whole numbers of what is counted."""
    places, shifts = errors["places"], errors["shifts"]
    at = _place(ask)
    moved = np.column_stack([np.interp(at, places, shifts[:, level]) for level in range(shifts.shape[1])])
    said = np.sort(ask.raw + _size(ask, errors)[:, None] * moved, axis=1)
    said = np.maximum(np.where(ask.windows.whole[:, None], np.round(said), said), 0.0)
    return np.where(np.isnan(ask.expected)[:, None], np.nan, said)


def _shifts(left: Array, levels: Array, draws: int) -> Array:
    """The quantile of each column at its level, a little outside, as a finite sample of so many draws needs it.

    Rows of one origin share their luck, so the draws are origins, not rows.
    """
    rows = draws
    corrected = np.clip(np.where(levels < 0.5, levels - (1 - levels) / rows, levels + levels / rows), 0.0, 1.0)
    return np.array([np.quantile(left[:, at], level) for at, level in enumerate(corrected)])


def _columns(ask: Ask) -> Array:
    windows = ask.windows
    return np.column_stack(
        [
            np.log(ask.expected / windows.unit + _TINY),
            np.log(windows.noise + _TINY),
            np.log(ask.count),
            np.log(ask.lead),
            np.log(windows.sale),
            windows.zeros,
            1.0 / (1.0 + windows.counts),
        ]
    )


def _size(ask: Ask, errors: Errors) -> Array:
    """How far off a forecast is on average; what lies outside of all that was learned from counts as its edge."""
    columns = np.clip((np.nan_to_num(_columns(ask)) - errors["centre"]) / errors["deviation"], -_WIDEST, _WIDEST)
    usual = np.nan_to_num(_usual_size(ask) * ask.windows.unit, nan=1.0)
    size: Array = np.exp(columns @ errors["weights"] + errors["start"][0]) * usual
    return size


def _usual_size(ask: Ask) -> Array:
    """What is taken for the size, in units, before anything is learned: the noise of the series, more for sums."""
    size: Array = (ask.windows.noise + _TINY) * ask.count**_LONGER
    return size


def _place(ask: Ask) -> Array:
    """How many usual sales the sum is expected to be, on a bent scale."""
    sales = np.nan_to_num(ask.expected / (ask.windows.unit * ask.windows.sale), nan=1.0)
    bent: Array = expit(np.log(sales + _TINY))
    return bent
