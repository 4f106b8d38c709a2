"""Public series of demand as panels: Australian retail, spare parts of cars, and hourly rentals of bicycles."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aiops_flows.series.history import series_of
from aiops_flows.series.periods import Every, number_of

__all__ = ["Panel", "bike_rentals", "car_parts", "retail"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Many series over the same periods."""

    names: pd.DataFrame
    """The key of each series, a row a series."""
    every: Every
    first: int
    """Number of the first period."""
    values: Array
    """A row a series, a column a period; NaN where nothing is known."""

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return int(self.values.shape[1])

    def lines(self, origin: int, cover: int, longest: int | None = None) -> pd.DataFrame:
        """What is known of each series before the period ``origin``, and the ``demand`` of the next ``cover`` periods.

        Series that have not begun are left out; the index is the row of the series.
        """
        begun = max(0, origin - longest) if longest else 0
        known = self.values[:, begun:origin]
        rows = np.flatnonzero(~np.isnan(known).all(axis=1))
        histories = [self._history(known[row], begun) for row in rows]
        demand = self.values[rows, origin : origin + cover].sum(axis=1)
        short = demand if origin + cover <= self.periods else np.full(len(rows), np.nan)
        return pd.DataFrame({"history": histories, "cover": cover, "demand": short}, index=rows)

    def past_lines(self, origins: list[int], cover: int, longest: int | None = None) -> pd.DataFrame:
        """The lines of many origins, one under the other."""
        return pd.concat([self.lines(origin, cover, longest) for origin in origins], ignore_index=True)

    def _history(self, known: Array, begun: int) -> Any:
        at = int(np.argmin(np.isnan(known)))
        return series_of(self.every, self.first + begun + at, known[at:])


def retail(folder: Path) -> Panel:
    """Monthly turnover of 152 retail series by state and industry, April 1982 to December 2018, million dollars."""
    rows = _r_objects(folder / "aus_retail" / "aus_retail.rda")["aus_retail"]
    wide = rows.set_index(["State", "Industry", "Month"])["Turnover"].unstack()  # noqa: PD010  no sums are asked for
    begun = datetime.fromtimestamp(float(wide.columns[0]) * 86_400, UTC)
    return Panel(wide.index.to_frame(index=False), "month", number_of(begun, "month"), wide.to_numpy(dtype=float))


def car_parts(folder: Path) -> Panel:
    """Monthly sales of 2,509 spare parts of cars, January 1998 to March 2002: the parts without a gap, of 2,674."""
    wide = _r_objects(folder / "intermittent" / "carparts.rda")["carparts"].T
    values = wide.to_numpy(dtype=float)
    whole = ~np.isnan(values).any(axis=1)
    names = pd.DataFrame({"part": wide.index.astype(str)[whole]})
    return Panel(names, "month", number_of(datetime(1998, 1, 1, tzinfo=UTC), "month"), values[whole])


def bike_rentals(folder: Path, every: Every = "hour") -> Panel:
    """Rentals of bicycles in Washington, 2011 and 2012, by hour or day: one series; hours without a row had none."""
    with (
        zipfile.ZipFile(folder / "bike_sharing" / "bike_sharing_dataset.zip") as archive,
        archive.open("hour.csv") as file,
    ):
        rows = pd.read_csv(file)
    days = pd.to_datetime(rows["dteday"], utc=True)
    moments = days + pd.to_timedelta(rows["hr"], unit="h")
    grid = pd.date_range(days.min(), days.max() + pd.Timedelta(hours=23), freq="h")
    hourly = pd.Series(rows["cnt"].to_numpy(dtype=float), index=moments).reindex(grid, fill_value=0.0)
    values = hourly if every == "hour" else hourly.resample("D").sum()
    return Panel(
        pd.DataFrame({"city": ["Washington"]}),
        every,
        number_of(values.index[0].to_pydatetime(), every),
        values.to_numpy()[None, :],
    )


def _r_objects(file: Path) -> dict[str, Any]:
    """The objects in a file of R; a matrix of series becomes a frame with a column a series."""
    import rdata
    from rdata.conversion import DEFAULT_CLASS_MAP, convert

    def matrix(values: Any, attributes: Any) -> pd.DataFrame:
        return pd.DataFrame(np.asarray(values), columns=list(map(str, attributes["dimnames"][1])))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes of R that mean nothing here
        return dict(convert(rdata.parser.parse_file(file), constructor_dict={**DEFAULT_CLASS_MAP, "mts": matrix}))
