"""Windows of series: what was known at an origin, and what came after it; the rows that forecasters learn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Past", "Windows", "sampled"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

_RECENT = 12
_MOST_CANDIDATES = 4_000_000  # origins that are looked at: more are drawn from, seeded
_FORGETFUL = 10  # one in so many windows forgets its older past, so that new series are met while learning


@dataclass(frozen=True)
class Windows:
    """What is known at each origin; everything is computed from one row alone, at a fixed width."""

    known: Array
    """A row an origin, a column a period, the newest last; NaN where nothing is known."""
    phase: Places
    """Where in the season the first period after the origin lies."""
    season: int
    floor: float
    """The unit of series that have never sold."""

    def __len__(self) -> int:
        return len(self.known)

    def rows(self, places: Places) -> Windows:
        """Some of the windows."""
        return Windows(self.known[places], self.phase[places], self.season, self.floor)

    @cached_property
    def counts(self) -> Array:
        """How many values are known."""
        counts: Array = (~np.isnan(self.known)).sum(axis=1).astype(np.float64)
        return counts

    @cached_property
    def unit(self) -> Array:
        """What a usual period brings: the mean of the recent season and of all that is known; NaN of nothing."""
        recent, whole = _mean(self.known[:, -max(self.season, _RECENT) :]), _mean(self.known)
        unit = (np.where(np.isnan(recent), whole, recent) + whole) / 2
        unit = np.where(unit > 0, unit, self.floor)
        return np.where(self.counts > 0, unit, np.nan)

    @cached_property
    def filled(self) -> Array:
        """In units, without gaps: a missing value is taken from the season before, else after, else the row's mean."""
        scaled = self.known / self.unit[:, None]
        width, step = scaled.shape[1], self.season
        for at in range(step, width):
            scaled[:, at] = np.where(np.isnan(scaled[:, at]), scaled[:, at - step], scaled[:, at])
        for at in range(width - step - 1, -1, -1):
            scaled[:, at] = np.where(np.isnan(scaled[:, at]), scaled[:, at + step], scaled[:, at])
        return np.where(np.isnan(scaled), _mean(scaled)[:, None], scaled)

    @cached_property
    def noise(self) -> Array:
        """How far a period is from that of the season before, on average, in units; 1 where no two are known."""
        steps = np.abs(self.known[:, self.season :] - self.known[:, : -self.season])
        seasonal = _mean(steps)
        neighbours = _mean(np.abs(np.diff(self.known, axis=1)))
        found = np.where(np.isnan(seasonal), neighbours, seasonal) / self.unit
        return np.where(np.isnan(found), 1.0, found)

    @cached_property
    def zeros(self) -> Array:
        """The share of the known periods that brought nothing."""
        share: Array = (self.known == 0).sum(axis=1) / np.maximum(self.counts, 1.0)
        return share

    @cached_property
    def sale(self) -> Array:
        """What a period with demand brings, in units; 1 where there was none."""
        sold = _mean(np.where(self.known > 0, self.known, np.nan)) / self.unit
        return np.where(np.isnan(sold), 1.0, sold)

    @cached_property
    def whole(self) -> npt.NDArray[np.bool_]:
        """Whether all that is known are whole numbers: what is counted is forecast in whole numbers."""
        rounded = np.isnan(self.known) | (self.known == np.round(self.known))
        whole: npt.NDArray[np.bool_] = rounded.all(axis=1)
        return whole


@dataclass(frozen=True)
class Past:
    """Windows with what came after each."""

    windows: Windows
    path: Array
    """A column for each of the next periods; NaN where it is not known."""
    origin: Places
    """Number of the first period after the window."""

    def __len__(self) -> int:
        return len(self.windows)

    def rows(self, places: Places) -> Past:
        """Some of them."""
        return Past(self.windows.rows(places), self.path[places], self.origin[places])

    def until(self, moment: int) -> Past:
        """Those that begin before a period, with nothing of that period or later."""
        early = self.rows(np.flatnonzero(self.origin < moment))
        steps = early.origin[:, None] + np.arange(self.path.shape[1])
        return Past(early.windows, np.where(steps < moment, early.path, np.nan), early.origin)

    def since(self, moment: int) -> Past:
        """Those that begin at a period or later."""
        return self.rows(np.flatnonzero(self.origin >= moment))

    def without_old_times(self, seed: int) -> Past:
        """The same, where one row in ten knows but its last few periods, as a new series does."""
        chance = np.random.default_rng(seed)
        width = self.windows.known.shape[1]
        longest = max(self.windows.season, _RECENT)
        kept = np.where(
            chance.random(len(self)) < 1 / _FORGETFUL, chance.integers(1, longest + 1, size=len(self)), width
        )
        known = np.where(np.arange(width) >= width - kept[:, None], self.windows.known, np.nan)
        windows = Windows(known, self.windows.phase, self.windows.season, self.windows.floor)
        return self.rows_of(windows, np.flatnonzero(windows.counts > 0))

    def rows_of(self, windows: Windows, places: Places) -> Past:
        """Some of them, with other windows."""
        return Past(windows, self.path, self.origin).rows(places)


@dataclass(frozen=True)
class Histories:
    """Whole histories, and the number of the first period after each."""

    values: Array
    after: Places
    phase: Places


def sampled(histories: Histories, *, width: int, reach: int, season: int, most: int, seed: int) -> Past:
    """Windows from within histories, spread evenly over time.

    A history that is given at many origins holds its old periods many times; an even draw over the periods keeps what
    was lately from being outweighed.

    Args:
        histories: values with a row a history, the newest last.
        width: how many periods before an origin are kept.
        reach: how many periods after it are kept.
        season: periods of a season.
        most: so many windows at most.
        seed: of the draw.
    """
    values, chance = histories.values, np.random.default_rng(seed)
    length = values.shape[1]
    if values.size > _MOST_CANDIDATES:
        drawn = np.sort(chance.permutation(len(values))[: max(1, _MOST_CANDIDATES // length)])
        histories = Histories(values[drawn], histories.after[drawn], histories.phase[drawn])
        values = histories.values
    known = ~np.isnan(values)
    row, at = np.nonzero(np.cumsum(known, axis=1)[:, :-1] > 0) if length > 1 else (np.empty(0, int), np.empty(0, int))
    at = at + 1  # the first period after the window
    origin = histories.after[row] - (length - at)
    kept = _evenly(origin, most, chance)
    row, at, origin = row[kept], at[kept], origin[kept]
    padded = np.pad(values, ((0, 0), (width, reach)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)[row, at]
    path = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=1)[row, at + width]
    phase = (histories.phase[row] - (length - at)) % season
    there = np.flatnonzero(~np.isnan(windows).all(axis=1) & ~np.isnan(path).all(axis=1))
    found = Windows(windows[there], phase[there], season, usual_unit(values))
    return Past(found, path[there], origin[there])


def usual_unit(values: Array) -> float:
    """The unit of a series that has never sold: what the series here bring in the middle, of those that sell."""
    means = _mean(values)
    means = means[means > 0]
    return float(np.median(means)) if means.size else 1.0


def _evenly(moments: Places, most: int, chance: np.random.Generator) -> Places:
    """Rows so that each moment has about as many, or all it has."""
    shuffled = chance.permutation(len(moments))
    order = shuffled[np.argsort(moments[shuffled], kind="stable")]
    ordered = moments[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1))
    turn = np.arange(len(order)) - np.repeat(begins, np.diff(begins, append=len(order)))
    kept: Places = np.sort(order[np.argsort(turn, kind="stable")[:most]])
    return kept


def _mean(values: Array) -> Array:
    """The mean of what is known of each row; NaN of nothing."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    mean: Array = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return mean
