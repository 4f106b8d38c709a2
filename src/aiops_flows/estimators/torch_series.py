"""A forecaster with one network for all series, which says quantiles of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.forecaster import LEVELS, Forecaster
from aiops_flows.estimators.past_windows import Past, Windows
from aiops_flows.estimators.series_network import Goals, Inputs, Plan, Weights, answered, trained

__all__ = ["TorchForecaster"]

Array = npt.NDArray[np.float64]

_CALM = 0.1
_LARGEST = 20.0  # units beyond which a value is cut, so that one delivery does not move a forecast without bound


class TorchForecaster(Forecaster):
    """Forecasts of one global network, learned by pinball loss from all series together.

    It sees the window in units, the season, and how noisy and how new the series is. Its quantiles of each period and
    of each sum are its own, and then corrected by how they did on the latest windows, which it had not seen. What was
    fitted is arrays; torch is imported by `fit` only.
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
        hidden: int = 128,
        dropout: float = 0.1,
        learning_rate: float = 2e-3,
        batch_size: int = 128,
        epochs: int = 20,
        random_state: int = 0,
    ) -> None:
        """Nothing is fitted yet; ``hidden`` to ``epochs`` are those of the network, the rest as in all."""
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
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs

    def _learn(self, past: Past) -> None:
        past = past.without_old_times(self.random_state)
        weight = np.sqrt(past.windows.unit)
        noise = _CALM + past.windows.noise
        goals = Goals(past.path / past.windows.unit[:, None], weight / weight.mean(), noise)
        self.weights_: Weights = trained(self._inputs(past.windows), goals, self._plan())

    def _expected(self, windows: Windows) -> Array:
        return self._answered(windows)[:, :, 0]

    def _raw(self, windows: Windows) -> tuple[Array, Array]:
        said, levels = self._answered(windows), len(self.quantiles_)
        counts = np.arange(1, self.reach_ + 1)[:, None]
        return said[:, :, 1 : 1 + levels], said[:, :, 1 + levels :] * counts

    def _answered(self, windows: Windows) -> Array:
        return answered(self.weights_, self._inputs(windows), len(self.quantiles_))

    def _inputs(self, windows: Windows) -> Inputs:
        values = np.minimum(windows.filled, _LARGEST)
        season = windows.season
        angle = 2 * np.pi * windows.phase / season
        like = [
            np.log(windows.noise + 0.01),
            windows.zeros,
            np.log(windows.sale),
            1.0 / (1.0 + windows.counts),
            np.sin(angle),
            np.cos(angle),
            np.sin(2 * angle),
            np.cos(2 * angle),
        ]
        base = np.tile(values[:, -season:], (1, -(-self.reach_ // season)))[:, : self.reach_]
        newest = values[:, -min(2 * season + 3, values.shape[1]) :]
        return Inputs(np.column_stack([np.log1p(values), *like]), newest - 1.0, base)

    def _plan(self) -> Plan:
        return Plan(
            self.quantiles_,
            self.hidden,
            self.dropout,
            self.learning_rate,
            self.batch_size,
            self.epochs,
            self.random_state,
        )
