"""The forecast that needs no learning: the next season is as the last."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.forecaster import Forecaster
from aiops_flows.estimators.past_windows import Windows

__all__ = ["SeasonalNaive"]


class SeasonalNaive(Forecaster):
    """What the same period of the season before brought; where it is not known, that of the season before it.

    The baseline that other forecasters must beat. Its quantiles come from how far it was off, as those of the others.
    """

    _learns: ClassVar[bool] = False

    def _expected(self, windows: Windows) -> npt.NDArray[np.float64]:
        season = windows.filled[:, -windows.season :]
        return np.tile(season, (1, -(-self.reach_ // windows.season)))[:, : self.reach_]
