"""What all forecasters share: histories in, the next periods out, as an expected sum with its quantiles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.forecast_errors import Ask, Errors, learned_errors, quantiles_of
from aiops_flows.estimators.past_windows import Histories, Past, Windows, sampled
from aiops_flows.series.history import Series, first_after, phases, values_of

__all__ = ["LEVELS", "Forecaster"]

Array = npt.NDArray[np.float64]

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Levels of the quantiles that forecasters give by default."""

_SHORTEST_MEMORY = 60  # by default
_SHORTEST_WINDOW = 6
_SEASONS = 3
_FEWEST = 20
_CUTS = (0.55, 0.70, 0.85)
"""Where the time that histories span is cut: what comes after each cut is forecast from before it, to learn the errors.
One cut alone would take the luck of one stretch of time for the rule."""
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class _Came:
    """Sums that were forecast, what came of each, and the number of its first period."""

    ask: Ask
    came: Array
    origin: npt.NDArray[np.int64]


class Forecaster(RegressorMixin, BaseEstimator):
    """Demand over the next periods, from the history of each series alone; one model for all series.

    ``fit(X, y)`` takes a frame with a column of histories (see `aiops_flows.series.history`) and, where there is one, a
    column ``cover`` (over how many next periods the quantity is asked for; else 1), and the sum over them as ``y``. It
    learns from all windows within the histories, and how far it is off from the latest of them, forecast from before.

    ``predict`` gives the expected sum, ``predict_quantiles`` its quantiles along ``quantiles_``, ``predict_path`` those
    of each of the next ``horizon`` periods by itself. No answer is negative, and quantiles of series of whole numbers
    are whole numbers. A row without any known value gets NaN.
    """

    _learns: ClassVar[bool] = True
    """Whether forecasts rest on what was learned from other windows, not on their own window alone."""
    _most_errors: ClassVar[int] = 4_000
    """From so many windows at most the errors are learned."""
    _last: tuple[bytes, tuple[Array, tuple[Array, Array] | None]] | None = None

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
        random_state: int = 0,
    ) -> None:
        """Nothing is fitted yet.

        Args:
            season: periods of a season: 12 of months, 7 of days, 168 of hours; 1 for none.
            quantiles: levels, strictly between 0 and 1.
            horizon: over how many next periods `predict_path` goes.
            memory: over how many past periods a forecast looks; 60 by default, and always three seasons at least.
            history: the column of histories.
            cover: the column that says over how many periods the quantity is asked for.
            windows: from so many windows at most it learns.
            random_state: seed of all draws.
        """
        self.season = season
        self.quantiles = quantiles
        self.horizon = horizon
        self.memory = memory
        self.history = history
        self.cover = cover
        self.windows = windows
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any) -> Self:  # noqa: N803  scikit-learn's name
        """Learn from histories, and from the sums that came after them.

        Raises:
            TrainingError: the histories hold too little.
        """
        self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        self.quantiles_ = np.sort(np.asarray(self.quantiles, dtype=np.float64))
        self.floor_ = 1.0
        cover = self._cover(X)
        self.reach_ = int(max(self.horizon, cover.max(initial=1)))
        past = self._past(X)
        self.floor_ = past.windows.floor
        if len(past) < _FEWEST:
            raise TrainingError(
                f"{type(self).__name__} found {len(past)} windows in {len(X)} histories; it needs {_FEWEST}, each with "
                "a known period before and after its origin. Give longer histories or more of them"
            )
        ends = (self._windows(X), cover, np.asarray(y, dtype=np.float64), _origins(X[self.history]))
        self.errors_ = self._learned_errors(past, ends)
        if self._learns:
            self._learn(past)
        self._last = None
        return self

    def predict(self, X: pd.DataFrame) -> Array:  # noqa: N803
        """The expected sum over the cover of each row."""
        return self._by_parts(X, lambda ask: ask.expected)

    def predict_quantiles(self, X: pd.DataFrame) -> Array:  # noqa: N803
        """The quantiles of that sum, a column a level of ``quantiles_``, ascending."""
        return self._by_parts(X, lambda ask: quantiles_of(ask, self.errors_))

    def predict_path(self, X: pd.DataFrame) -> Array:  # noqa: N803
        """The quantiles of each of the next ``horizon`` periods by itself: rows, periods, levels."""
        check_is_fitted(self, "errors_")
        return np.concatenate([self._path(part) for part in _parts(X)])

    def _path(self, X: pd.DataFrame) -> Array:  # noqa: N803
        windows = self._windows(X)
        said = self._said(windows)
        steps = range(1, self.horizon + 1)
        quantiles = [quantiles_of(self._asked(windows, said, step, step), self.errors_) for step in steps]
        return np.stack(quantiles, axis=1)

    def _by_parts(self, X: pd.DataFrame, told: Any) -> Array:  # noqa: N803
        check_is_fitted(self, "errors_")
        parts = [told(self._ask(self._windows(part), self._cover(part))) for part in _parts(X)]
        return np.concatenate(parts)

    # What a forecaster is: two functions of windows.

    def _learn(self, past: Past) -> None:
        """Learn how the next periods follow from windows."""

    def _tune(self, latest: Past) -> None:
        """Choose what is best chosen on windows that were not learned from."""

    def _expected(self, windows: Windows) -> Array:
        """What is expected of each of the next ``reach_`` periods, in units."""
        raise NotImplementedError

    def _raw(self, windows: Windows) -> tuple[Array, Array] | None:  # noqa: ARG002  for those that have some
        """Its own quantiles, in units: of each period, and of the sums up to it (rows, periods, levels)."""
        return None

    # From there to sums and errors.

    def _said(self, windows: Windows) -> tuple[Array, tuple[Array, Array] | None]:
        """What is said of windows; the last answer is kept, as sum, quantiles and path are asked for in turn."""
        key = hashlib.sha256(windows.known.tobytes() + windows.phase.tobytes()).digest()
        if self._last is None or self._last[0] != key:
            self._last = (key, (np.maximum(self._expected(windows), 0.0), self._raw(windows)))
        return self._last[1]

    def __getstate__(self) -> Any:
        """What is stored; not the last answer."""
        return {name: value for name, value in super().__getstate__().items() if name != "_last"}

    def _ask(self, windows: Windows, cover: npt.NDArray[np.int64]) -> Ask:
        """What is asked of each row: the sum over its own cover."""
        said = self._said(windows)
        parts = {count: np.flatnonzero(cover == count) for count in np.unique(cover).tolist()}
        asks = [(rows, self._asked(windows.rows(rows), _rows(said, rows), 1, count)) for count, rows in parts.items()]
        order = np.argsort(np.concatenate([rows for rows, _ in asks])) if asks else np.empty(0, dtype=int)
        return _together([ask for _, ask in asks], windows, order, len(self.quantiles_))

    def _asked(self, windows: Windows, said: tuple[Array, tuple[Array, Array] | None], first: int, last: int) -> Ask:
        """The sum over the next periods ``first`` to ``last``, counted from 1."""
        path, raw = said
        unit, rows = windows.unit, len(windows)
        expected = _extended(path, last, windows.season)[:, first - 1 : last].sum(axis=1) * unit
        levels = np.repeat(expected[:, None], len(self.quantiles_), axis=1)
        if raw is not None:
            own = raw[0] if first == last and first > 1 else raw[1]
            at = min(last, self.reach_) - 1
            within = _extended(path, at + 1, windows.season)[:, min(first - 1, at) : at + 1].sum(axis=1) * unit
            far = 1.0 if first == last else last / (at + 1)
            levels = expected[:, None] + (own[:, at] * unit[:, None] - within[:, None]) * far
        return Ask(windows, expected, levels, np.full(rows, float(last - first + 1)), np.full(rows, float(last)))

    def _learned_errors(self, past: Past, ends: tuple[Windows, Any, Array, Any]) -> Errors:
        """The errors of forecasts from rolling origins: of each stretch of time, made from what was known before it."""
        cuts = np.unique(np.quantile(past.origin, _CUTS).astype(np.int64)).tolist()
        after = [*cuts[1:], None]
        chance = np.random.default_rng(self.random_state + 1)
        parts = [self._errors_between(past, ends, chance, *span) for span in zip(cuts, after, strict=True)]
        ask = _joined([part.ask for part in parts])
        came, origin = (np.concatenate([getattr(part, name) for part in parts]) for name in ("came", "origin"))

        there = np.flatnonzero(np.isfinite(came) & np.isfinite(ask.expected))
        if len(there) < _FEWEST:
            raise TrainingError(
                f"{type(self).__name__} found {len(there)} sums after the origins that its errors are learned from; it "
                f"needs {_FEWEST}. Give longer histories, or ask for fewer periods"
            )
        return learned_errors(
            _some(ask, there),
            came[there],
            self.quantiles_,
            origin=origin[there],
            histories=len(ends[1]),
            seed=self.random_state,
        )

    def _errors_between(
        self,
        past: Past,
        ends: tuple[Windows, Any, Array, Any],
        chance: np.random.Generator,
        since: int,
        before: int | None,
    ) -> _Came:
        """What was forecast at the origins of a stretch of time from what was known before it, and what came."""
        if self._learns:
            self._learn(past.until(since))
        self._last = None
        stretch = past.since(since)
        if before is not None:
            stretch = stretch.until(before)
        self._tune(stretch)
        most = max(self._most_errors // len(_CUTS), 1)
        stretch = stretch.rows(np.sort(chance.permutation(len(stretch))[:most]))
        asks, truths = self._inner(stretch, np.unique(ends[1]))
        origins = [stretch.origin] * len(asks)

        windows, cover, truth, origin = ends
        own = (origin >= since) & np.isfinite(truth) & np.isfinite(windows.unit)
        if before is not None:
            own &= origin < before
        late = np.sort(chance.permutation(np.flatnonzero(own))[:most])
        if len(late):
            asks.append(self._ask(windows.rows(late), cover[late]))
            truths.append(truth[late])
            origins.append(origin[late])
        return _Came(_joined(asks), np.concatenate(truths), np.concatenate(origins))

    def _inner(self, past: Past, covers: Any) -> tuple[list[Ask], list[Array]]:
        """Sums over the next periods, and single periods, of windows within histories."""
        grid = sorted({1, self.reach_, (self.reach_ + 1) // 2, *np.quantile(covers, [0.0, 0.5, 1.0]).astype(int)})
        said, asks, truths = self._said(past.windows), list[Ask](), list[Array]()
        for last in grid:
            for first in {1, last}:
                asks.append(self._asked(past.windows, said, first, last))
                truths.append(past.path[:, first - 1 : last].sum(axis=1))
        return asks, truths

    def _past(self, X: pd.DataFrame) -> Past:  # noqa: N803
        column = X[self.history]
        histories = Histories(values_of(column), _origins(column), phases(column, self.season))
        return sampled(
            histories,
            width=self._width(),
            reach=self.reach_,
            season=self.season,
            most=self.windows,
            seed=self.random_state,
        )

    def _windows(self, X: pd.DataFrame) -> Windows:  # noqa: N803
        column = X[self.history]
        return Windows(values_of(column, self._width()), phases(column, self.season), self.season, self.floor_)

    def _width(self) -> int:
        return max(self.memory or _SHORTEST_MEMORY, _SEASONS * self.season, _SHORTEST_WINDOW)

    def _cover(self, X: pd.DataFrame) -> npt.NDArray[np.int64]:  # noqa: N803
        cover = X[self.cover].to_numpy(dtype=np.float64) if self.cover in X.columns else np.ones(len(X))
        return np.maximum(np.nan_to_num(cover, nan=1.0), 1).astype(np.int64)


def _parts(X: pd.DataFrame) -> list[pd.DataFrame]:  # noqa: N803
    return [X.iloc[start : start + _ROWS_AT_ONCE] for start in range(0, max(len(X), 1), _ROWS_AT_ONCE)]


def _origins(column: Iterable[Any]) -> npt.NDArray[np.int64]:
    """The number of the first period after each history, on a clock on which all groups of histories end together.

    Histories whose times overlap keep their distance, as they may be of one series or share their luck. Groups that
    have no time in common (series that were recorded in different years) are laid one beside the other: else what is
    latest would be some of the series, and the errors of all would be learned from those.
    """
    histories = [cast("Series", each) if isinstance(each, Mapping) else None for each in column]
    after = np.array([0 if each is None else first_after(each) for each in histories], dtype=np.int64)
    known = np.array([place for place, each in enumerate(histories) if each is not None], dtype=np.int64)
    if not len(known):
        return after
    length = np.array([len(each["values"]) for each in histories if each is not None], dtype=np.int64)
    order = np.argsort(after[known] - length, kind="stable")
    begun, ended = (after[known] - length)[order], after[known][order]
    latest = np.maximum.accumulate(ended)
    apart = np.concatenate([[False], begun[1:] >= latest[:-1]])
    group = np.cumsum(apart)
    end_of_group = np.array([ended[group == each].max() for each in range(int(group[-1]) + 1)])
    after[known[order]] = ended + ended.max() - end_of_group[group]
    return after


def _extended(path: Array, last: int, season: int) -> Array:
    """A path that goes on as its last season did."""
    short = last - path.shape[1]
    if short <= 0:
        return path
    again = path[:, -min(season, path.shape[1]) :]
    return np.column_stack([path, np.tile(again, (1, -(-short // again.shape[1])))[:, :short]])


def _rows(said: tuple[Array, tuple[Array, Array] | None], rows: Any) -> tuple[Array, tuple[Array, Array] | None]:
    path, raw = said
    return path[rows], None if raw is None else (raw[0][rows], raw[1][rows])


def _some(ask: Ask, rows: Any) -> Ask:
    return Ask(ask.windows.rows(rows), ask.expected[rows], ask.raw[rows], ask.count[rows], ask.lead[rows])


def _joined(asks: list[Ask]) -> Ask:
    """All of them, one under the other."""
    windows = asks[0].windows
    known, phase = (np.concatenate([getattr(ask.windows, name) for ask in asks]) for name in ("known", "phase"))
    arrays = [np.concatenate([getattr(ask, name) for ask in asks]) for name in ("expected", "raw", "count", "lead")]
    return Ask(Windows(known, phase, windows.season, windows.floor), *arrays)


def _together(asks: list[Ask], windows: Windows, order: Any, levels: int) -> Ask:
    """What was asked by cover, in the order of the rows."""
    if not asks:
        return Ask(windows, np.empty(0), np.empty((0, levels)), np.empty(0), np.empty(0))
    return _some(_joined(asks), order)
