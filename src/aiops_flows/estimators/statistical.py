"""A forecaster that fits well-kept statistical models to each series by itself."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.forecaster import Forecaster
from aiops_flows.estimators.past_windows import Windows

__all__ = ["StatisticalForecaster"]

Array = npt.NDArray[np.float64]

_INTERMITTENT = 1.32  # periods from one demand to the next, from which on demand is intermittent (Syntetos et al. 2005)
_FEWEST = 8
_LONGEST_SEASON = 24
_WITHIN = 3.0  # a forecast so many times beyond all that was seen is a model gone astray


class StatisticalForecaster(Forecaster):
    """The mean of exponential smoothing, complex exponential smoothing and Theta; other models of intermittent demand.

    Series with demand in fewer than three of four periods (Syntetos, Boylan and Croston 2005) are forecast by the mean
    of TSB (Teunter, Syntetos and Babai 2011), which follows items that stop selling, and of IMAPA (Petropoulos and
    Kourentzes 2015). The models are statsforecast's (the extra ``planning``). Nothing is kept of a series: a forecast
    fits its history anew, in some 20 ms; errors are learned from 300 windows. Of seasons longer than 24 periods Theta
    alone is used.
    """

    _learns: ClassVar[bool] = False
    _most_errors: ClassVar[int] = 300

    def _expected(self, windows: Windows) -> Array:
        values, paths = windows.filled, np.full((len(windows), self.reach_), np.nan)
        models: dict[tuple[str, int], list[Any]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # models that do not suit a series say so, and are left out
            for row in np.flatnonzero(windows.counts > 0).tolist():
                begun = int(np.argmin(np.isnan(windows.known[row])))
                paths[row] = _forecast(values[row, begun:], self.reach_, windows.season, models)
        return paths


def _forecast(values: Array, reach: int, season: int, models: dict[tuple[str, int], list[Any]]) -> Array:
    """The expected path of one series; its mean where it is short or still."""
    if len(values) < _FEWEST or np.ptp(values) == 0:
        return np.full(reach, values.mean())
    kind, turn = _kind(values), season if len(values) >= 2 * season + 3 else 1
    if (kind, turn) not in models:
        models[kind, turn] = _models(kind, turn)
    said = [path for model in models[kind, turn] if (path := _path(model, values, reach)) is not None]
    return np.mean(said, axis=0) if said else np.full(reach, values.mean())


def _kind(values: Array) -> str:
    if (values > 0).sum() * _INTERMITTENT <= len(values):
        return "intermittent"
    return "positive" if values.min() > 0 else "smooth"


def _models(kind: str, season: int) -> list[Any]:
    try:
        from statsforecast import models
    except ImportError as fault:
        raise TrainingError(
            "StatisticalForecaster needs statsforecast, which is not installed: pip install 'aiops-flows[planning]'"
        ) from fault
    if kind == "intermittent":
        return [models.TSB(alpha_d=0.2, alpha_p=0.1), models.IMAPA()]
    theta = models.DynamicOptimizedTheta(season_length=season)
    if season > _LONGEST_SEASON:
        return [theta]  # the others take no such season, or minutes
    parts = "ZZN" if season == 1 else "MZM" if kind == "positive" else "AZA"
    return [models.AutoETS(season_length=season, model=parts), models.AutoCES(season_length=season), theta]


def _path(model: Any, values: Array, reach: int) -> Array | None:
    """What one model forecasts; None where it cannot be fitted, or goes far beyond all that was seen."""
    try:
        path: Array = np.asarray(model.forecast(values, reach)["mean"], dtype=np.float64)
    except Exception:  # noqa: BLE001  statsforecast raises plain ones where no model of a family can be fitted
        return None
    sane = np.isfinite(path).all() and np.abs(path).max() <= _WITHIN * np.abs(values).max()
    return path if sane else None
