"""Columns that are derived from the history of a quantity, for `Case.derived`: called with a frame, one value a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aiops_flows.series.history import values_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Doubt", "RecentLevel", "ShareOfZeros"]

_Values = NDArray[np.float64]
_Found = NDArray[np.bool_]

_JUMP = np.log(7.5)  # tens, dozens, hundreds: less a quarter, as a season may work against the jump
_LATELY = 3  # periods within which a changed unit shows
_BEFORE = 12  # periods with which they are compared
_FEWEST_BEFORE = 4
_LOOKED_AT = 24
_ABSURD = 4.0
_SURPRISE = 1e-3


@dataclass(frozen=True)
class RecentLevel:
    """A derived column: the mean of the known values of the last periods; missing where none is known."""

    column: str
    periods: int = 12

    def __call__(self, frame: pd.DataFrame) -> list[float | None]:
        """One number a case, or None."""
        return _mean_or_none(values_of(frame[self.column], self.periods))


@dataclass(frozen=True)
class ShareOfZeros:
    """A derived column: the share of the known values that are zero: how intermittent a demand is."""

    column: str
    periods: int | None = None
    """Of the last periods; by default of all."""

    def __call__(self, frame: pd.DataFrame) -> list[float | None]:
        """One share from 0 to 1 a case, or None."""
        values = values_of(frame[self.column], self.periods)
        return _mean_or_none(np.where(np.isnan(values), np.nan, values == 0))


def _mean_or_none(values: _Values) -> list[float | None]:
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    means = np.where(known, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    return [mean if some else None for mean, some in zip(means.tolist(), count.tolist(), strict=True)]


@dataclass(frozen=True)
class Doubt:
    """A derived column: why a person should look at a history before anything follows from it; empty where nothing is.

    The first that holds: ``no history``; ``short history`` (fewer than ``fewest`` values known); ``gap at the end``;
    ``mostly missing`` (of the last 24 periods since it began); ``level jumped`` to about ten times or more, or to a
    tenth or less, within the last three periods, as when pieces become dozens or hundreds; ``absurd last value`` (more
    than four times all of the last 24); ``stopped selling`` (zeros since longer than the share of zeros before lets
    expect once in a thousand times).
    """

    column: str
    fewest: int = 6
    """Known values below which a history is short."""

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """One text a case."""
        values = values_of(frame[self.column], max(_LOOKED_AT, self.fewest))
        known = np.isfinite(values).sum(axis=1)
        periods = np.array(
            [len(each["values"]) if isinstance(each, Mapping) else 0 for each in frame[self.column]], dtype=np.int64
        )
        tests = {
            "no history": known == 0,
            "short history": known < self.fewest,
            "gap at the end": np.isnan(values[:, -1]),
            "mostly missing": 2 * known < np.minimum(periods, values.shape[1]),
            "level jumped": _level_jumped(values),
            "absurd last value": _absurd_last(values),
            "stopped selling": _stopped(values),
        }
        found = np.select(list(tests.values()), list(tests), "")
        return [str(text) for text in found]


def _level_jumped(values: _Values) -> _Found:
    """Whether the sales of the last one, two or three periods all lie far apart from those before."""
    found = np.zeros(len(values), dtype=bool)
    sold = np.where(values > 0, values, np.nan)
    for lately in range(1, _LATELY + 1):
        new, old = sold[:, -lately:], sold[:, -lately - _BEFORE : -lately]
        enough = np.isfinite(new).all(axis=1) & (np.isfinite(old).sum(axis=1) >= _FEWEST_BEFORE)
        logs = np.log(np.where(enough[:, None], new, 1.0)).mean(axis=1)
        far = np.abs(logs - np.log(_median(old, enough))) > _JUMP
        least, most = _extremes(old)
        up = np.where(enough[:, None], new, 0.0).min(axis=1) > 2 * most
        down = np.where(enough[:, None], new, np.inf).max(axis=1) < least / 2
        found |= enough & far & (up | down)
    return found


def _absurd_last(values: _Values) -> _Found:
    """Whether the last value is beyond all before it; counts are given room for a few pieces more."""
    size = np.abs(values)
    least, most = _extremes(np.where(size[:, :-1] > 0, size[:, :-1], np.nan))
    smallest = np.where(np.isfinite(least), least, 0.0)
    largest = np.where(most > 0, most, np.inf)
    return np.asarray(size[:, -1] > _ABSURD * (largest + smallest), dtype=bool)


def _stopped(values: _Values) -> _Found:
    """Whether zeros have followed each other for longer than the share of zeros before lets expect."""
    known = np.isfinite(values)
    sold = known & (values != 0)
    run = np.where(sold.any(axis=1), sold[:, ::-1].argmax(axis=1), 0)
    before = np.arange(values.shape[1])[None, :] < values.shape[1] - run[:, None]
    zeros = (known & ~sold & before).sum(axis=1)
    share = (zeros + 1) / ((known & before).sum(axis=1) + 2)  # Laplace's rule of succession
    return np.asarray((run > 0) & (share**run < _SURPRISE), dtype=bool)


def _extremes(values: _Values) -> tuple[_Values, _Values]:
    """The least and the largest known value of each row; infinite, and zero, where none is known."""
    known = np.isfinite(values)
    return np.where(known, values, np.inf).min(axis=1), np.where(known, values, 0.0).max(axis=1)


def _median(values: _Values, wanted: _Found) -> _Values:
    found = np.ones(len(values))
    if wanted.any():
        found[wanted] = np.nanmedian(values[wanted], axis=1)
    return found
