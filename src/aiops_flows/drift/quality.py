"""Breaks in the supply of data, told apart from drift: what a column holds is no longer what it held.

A world that moves changes a column by degrees; a supply that breaks leaves it out, changes its type, its unit or its
codes, empties it, or freezes it. Each kind is judged by a rule that needs two things: the change is large enough to be
a break, and it lies beyond chance. Were the current rows more rows of the reference, at least one break would be found
in at most `RATE` of all checks, over all columns together (Bonferroni over columns and kinds); the bounds of the kinds
are exact or conservative, so it is less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import hypergeom, kstwobign

from aiops_flows.drift.columns import MOST_ROWS, Reading, coded, numbers_of, reading_of, sample_rows, series_of
from aiops_flows.drift.report import BreakKind, DataQualityBreak
from aiops_flows.drift.texts import text_columns
from aiops_flows.texts.threads import said

__all__ = ["FACTORS", "FEWEST_ROWS", "RATE", "DataQualityBreak", "find_breaks"]

RATE = 0.001
"""Share of checks of unchanged data that may find a break, over all columns."""
FEWEST_ROWS = 50
"""Rows a side below which only a missing column and another type are breaks."""
FACTORS = {
    "1000": 1000.0,
    "100": 100.0,
    "60": 60.0,
    "24": 24.0,
    "12": 12.0,
    "10": 10.0,
    "7": 7.0,
    "3.6 (km/h for m/s)": 3.6,
    "3.281 (feet for metres)": 3.28084,
    "2.54 (cm for inches)": 2.54,
    "2.205 (pounds for kg)": 2.20462,
    "1.609 (km for miles)": 1.609344,
}
"""Between units that are mixed up, by the words for them; each counts the other way round as well."""
_SMALLEST_LOSS = 0.10  # of a share of rows without a value: from 5 % to 11 % within a year is drift
_SMALLEST_NEWS = 0.05  # of a share of rows with new values
_SHAPE = 0.1  # Kolmogorov-Smirnov distance up to which two shapes are alike, though the world moved as well
_SPREADS = 3.0  # standard errors within which the ratio of scales must meet the factor
_SHARPNESS = 20.0  # and at most this part of the factor's logarithm: a vague ratio would meet any factor
_KINDS_BY_CHANCE = 4


@dataclass(frozen=True)
class _Sides:
    """One column of both frames, with the chance that each of its rules may err with."""

    name: str
    reference: pd.Series[Any]
    current: pd.Series[Any]
    readings: tuple[Reading, Reading]
    chance: float

    def found(self, kind: BreakKind, found: str, expected: str) -> DataQualityBreak:
        return DataQualityBreak(self.name, kind, found, expected)

    @property
    def few(self) -> bool:
        return min(len(self.reference), len(self.current)) < FEWEST_ROWS


def find_breaks(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str],
    *,
    rate: float = RATE,
    seed: int = 0,
    max_rows: int = MOST_ROWS,
    texts: Collection[str] = (),
) -> list[DataQualityBreak]:
    """Where the current rows no longer hold what the reference held, by columns in the order given.

    - ``missing column``: the reference has it, the current rows do not.
    - ``type``: numbers, moments and categories took each other's place.
    - ``missing values``: ten points more than before, and twice as many or half of what was there.
    - ``new values``: five points more rows than before with values that the reference never had.
    - ``unit``: numbers times a factor between two units, the shape unchanged.
    - ``constant``: one value only, where there were several.

    Of a text (named in ``texts``, or told by its look) no new values are looked for: all of them are new.

    A column that the reference does not have, or has no value of, is not judged. Never an exception because of the
    data. Of more than ``max_rows`` rows a side a sample with this seed is looked at.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate {rate} must lie between 0 and 1, such as {RATE}")
    reference, current = sample_rows(reference, max_rows, seed), sample_rows(current, max_rows, seed)
    if current.empty:
        return []
    names = [name for name in dict.fromkeys(columns) if name in reference.columns]
    written = text_columns(reference, current, names, texts)
    if written:
        reference, current = (_with_plain_texts(side, written) for side in (reference, current))
    chance = rate / (max(len(names), 1) * _KINDS_BY_CHANCE)
    return list(
        chain.from_iterable(_breaks(name, reference, current, chance, is_text=name in written) for name in names)
    )


def _with_plain_texts(side: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The frame with conversations as what the customer said in them."""
    plain = {
        name: [said(value) if isinstance(value, list) else value for value in series_of(side, name)] for name in names
    }
    return side.assign(
        **{name: pd.Series(values, side.index, object) for name, values in plain.items() if name in side}
    )


def _breaks(
    name: str, reference: pd.DataFrame, current: pd.DataFrame, chance: float, *, is_text: bool
) -> list[DataQualityBreak]:
    before, now = series_of(reference, name), series_of(current, name)
    sides = _Sides(name, before, now, (reading_of(before), reading_of(now)), chance)
    if sides.readings[0] == "empty":
        return []
    if name not in current.columns:
        return [sides.found("missing column", "no such column", f"a column of {len(before)} reference rows")]
    if sides.readings[1] != "empty" and sides.readings[0] != sides.readings[1]:
        return [sides.found("type", *(_TYPES[reading] for reading in sides.readings[::-1]))]
    rules = [_missing, _constant] if is_text else _RULES[sides.readings[1]]
    return [] if sides.few else [found for rule in rules if (found := rule(sides)) is not None]


_TYPES: dict[Reading, str] = {
    "numeric": "numbers",
    "moment": "moments",
    "categorical": "categories",
    "empty": "nothing",
}


def _missing(sides: _Sides) -> DataQualityBreak | None:
    """Exact under exchangeable rows: the missing ones are divided between the sides at random (Fisher)."""
    before, now = (int(side.isna().sum()) for side in (sides.reference, sides.current))
    rows_before, rows_now = len(sides.reference), len(sides.current)
    share_before, share_now = before / rows_before, now / rows_now
    large = share_now - share_before >= _SMALLEST_LOSS
    if not large or not (share_now >= 2 * share_before or 1 - share_now <= (1 - share_before) / 2):
        return None
    if hypergeom.sf(now - 1, rows_before + rows_now, before + now, rows_now) > sides.chance:
        return None
    return sides.found("missing values", f"{share_now:.1%} of rows without a value", f"about {share_before:.1%}")


def _constant(sides: _Sides) -> DataQualityBreak | None:
    """The chance that all current values are one, had they been drawn with the reference's."""
    before, now = sides.reference.dropna(), sides.current.dropna()
    if len(now) < FEWEST_ROWS or len(before) < FEWEST_ROWS or len(set(map(str, now.iloc[:FEWEST_ROWS]))) > 1:
        return None
    codes, _ = coded(np.concatenate([before.astype(object).to_numpy(), now.astype(object).to_numpy()]))
    if len(np.unique(codes[len(before) :])) > 1 or len(distinct := np.unique(codes[: len(before)])) < 2:
        return None
    counts = np.bincount(codes)
    if float(_all_current(counts, len(codes), len(now), at_least=len(now)).sum()) > sides.chance:
        return None
    return sides.found("constant", "one value in all rows", f"several: the reference has {len(distinct)}")


def _all_current(counts: NDArray[np.int64], rows: int, rows_now: int, *, at_least: int) -> NDArray[np.float64]:
    """For values that so many of the rows have: the chance that all current rows are of that value."""
    enough = counts[counts >= at_least].astype(np.float64)
    ways = gammaln(enough + 1) - gammaln(enough - rows_now + 1) - gammaln(rows + 1) + gammaln(rows - rows_now + 1)
    chances: NDArray[np.float64] = np.exp(ways)
    return chances


def _new_values(sides: _Sides) -> DataQualityBreak | None:
    """Rows whose value the reference never had, against a bound on how many chance leaves.

    A value that c of n rows have is on the current side alone with probability C(n - c, m - c) / C(n, m). These events
    are negatively associated (Joag-Dev and Proschan 1983), so that Chernoff's bound holds for their weighted sum.
    """
    before, now = sides.reference.dropna(), sides.current.dropna()
    if len(now) < FEWEST_ROWS or len(before) < FEWEST_ROWS:
        return None
    codes, labels = coded(np.concatenate([before.astype(object).to_numpy(), now.astype(object).to_numpy()]))
    counts = np.bincount(codes, minlength=len(labels))
    new = np.bincount(codes[: len(before)], minlength=len(labels)) == 0
    rows = int(counts[new].sum())
    sizes, many = np.unique(counts, return_counts=True)
    alone = _alone(sizes, len(codes), len(now))
    expected = float((sizes * many * alone).sum()) / len(now)
    if rows / len(now) - expected < _SMALLEST_NEWS or _tail(sizes, many, alone, rows) > sides.chance:
        return None
    found = f"{rows / len(now):.1%} of rows with values that the reference never had"
    return sides.found("new values", found, f"about {expected:.1%} by chance")


def _alone(sizes: NDArray[np.int64], rows: int, rows_now: int) -> NDArray[np.float64]:
    """The chance that all rows with a value are current ones, for values that so many rows have."""
    fits = np.minimum(sizes, rows_now).astype(np.float64)
    ways = gammaln(rows - fits + 1) - gammaln(rows_now - fits + 1) - gammaln(rows + 1) + gammaln(rows_now + 1)
    chances: NDArray[np.float64] = np.where(sizes <= rows_now, np.exp(ways), 0.0)
    return np.minimum(chances, 1.0)


def _tail(sizes: NDArray[np.int64], many: NDArray[np.int64], alone: NDArray[np.float64], rows: int) -> float:
    """Chernoff's bound for a sum of ``rows`` or more, the best of a grid."""
    tilts = np.geomspace(1e-4, 20.0, 120)[:, None]
    lifted = np.minimum(tilts * sizes, 600.0)
    capped = np.where(tilts * sizes > 600.0, np.inf, np.log1p(alone * np.expm1(lifted)))
    logs = (many * np.where(alone > 0, capped, 0.0)).sum(axis=1) - tilts[:, 0] * rows
    return float(np.exp(min(float(np.nanmin(logs)), 0.0)))


def _unit(sides: _Sides) -> DataQualityBreak | None:
    """Numbers that are the reference's times a factor between units, in scale and in shape.

    The ratio of geometric means must meet the factor within three of its standard errors, be known sharply beside the
    factor's size, and the numbers divided by the factor must be distributed as before, though not those that came.
    """
    before, now = (_finite(numbers_of(side, "numeric")) for side in (sides.reference, sides.current))
    scales = [np.log(np.abs(side[side != 0])) for side in (before, now)]
    if min(len(scale) for scale in scales) < FEWEST_ROWS:
        return None
    ratio = float(scales[1].mean() - scales[0].mean())
    error = float(np.sqrt(sum(np.var(scale) / len(scale) for scale in scales)))
    found = _factor(ratio, error)
    if found is None or _apart(before, now) <= _by_chance(len(before), len(now), sides.chance):
        return None
    words, factor = found
    limit = max(_SHAPE, _by_chance(len(before), len(now), 0.01))
    if _apart(before, now / factor) > min(limit, _apart(before, now) / 2):
        return None
    return sides.found("unit", f"numbers {np.exp(ratio):.4g} times as large, of the same shape: {words}", "as before")


def _finite(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Finite numbers small enough to be multiplied by any factor."""
    return numbers[np.abs(numbers) < 1e300]


def _factor(ratio: float, error: float) -> tuple[str, float] | None:
    """The factor, in words and as a number, that the logarithm of a ratio meets."""
    for words, factor in FACTORS.items():
        size = float(np.log(factor))
        tolerance = max(_SPREADS * error, 1e-3)
        if tolerance <= size / _SHARPNESS and abs(abs(ratio) - size) <= tolerance:
            return (f"times {words}", factor) if ratio > 0 else (f"divided by {words}", 1 / factor)
    return None


def _apart(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Kolmogorov-Smirnov distance; values that are apart by rounding alone are equal."""
    scale = max(float(np.abs(before).mean()), 1e-300)
    sides = [np.sort(np.round(side / scale, 9)) for side in (before, now)]
    merged = np.concatenate(sides)
    steps = [np.searchsorted(side, merged, side="right") / len(side) for side in sides]
    return float(np.abs(steps[0] - steps[1]).max())


def _by_chance(rows: int, rows_now: int, chance: float) -> float:
    """The distance that chance exceeds with this probability (Smirnov 1948; conservative where values repeat)."""
    return float(kstwobign.isf(chance)) * float(np.sqrt((rows + rows_now) / (rows * rows_now)))


_RULES: dict[Reading, list[Callable[[_Sides], DataQualityBreak | None]]] = {
    "numeric": [_missing, _constant, _unit],
    "moment": [_missing, _constant],
    "categorical": [_missing, _constant, _new_values],
    "empty": [_missing],
}
