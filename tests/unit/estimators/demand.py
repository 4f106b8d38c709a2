"""Made-up demand: series with a season and growth, series of few sales, and the lines of past origins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.series.history import series_of

FIRST = 600  # the number of the month January 2020
COVER = 3


def steady(count: int = 60, periods: int = 72, seed: int = 0) -> npt.NDArray[np.float64]:
    """A row a series: its size, its growth, a season that all share more or less, and noise."""
    chance = np.random.default_rng(seed)
    time = np.arange(periods)
    size = chance.lognormal(4, 1, (count, 1))
    growth = 1 + chance.normal(0.006, 0.003, (count, 1)) * time
    season = 1 + chance.uniform(0.1, 0.5, (count, 1)) * np.sin(2 * np.pi * time / 12)
    return np.asarray(size * growth * season * chance.lognormal(0, 0.08, (count, periods)))


def scarce(count: int = 120, periods: int = 72, seed: int = 0) -> npt.NDArray[np.float64]:
    """A row a series: whole numbers, mostly zero, each series at its own rate."""
    chance = np.random.default_rng(seed)
    rate = chance.uniform(0.05, 0.5, (count, 1))
    return np.asarray(
        (chance.random((count, periods)) < rate) * (1 + chance.poisson(1.5, (count, periods))), dtype=float
    )


def lines(values: npt.NDArray[np.float64], origins: list[int], cover: int = COVER) -> pd.DataFrame:
    """What was known of each series at each origin, with the demand of the next ``cover`` months."""
    rows = [
        {"history": series_of("month", FIRST, row[:at]), "cover": cover, "demand": row[at : at + cover].sum()}
        for at in origins
        for row in values
    ]
    return pd.DataFrame(rows)
