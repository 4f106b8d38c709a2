"""The verdict on drift: Evidently's distances, held against limits that are calibrated on the rows themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift.columns import MOST_ROWS, PooledColumn, read_column, sample_rows, text_column
from aiops_flows.drift.distances import area_between, jensen_shannon, spread
from aiops_flows.drift.limits import Calibration, Counts, Histogram, MeanVectors, Measure, calibrate
from aiops_flows.drift.report import ColumnDrift, DriftReport, Method, Verdict
from aiops_flows.drift.texts import MOST_TEXT_ROWS, DescribedText, Spelled, spelled, text_columns

__all__ = ["FEWEST_ROWS", "calibrated_slice", "measure_drift"]

FEWEST_ROWS = 50
"""Rows a side below which the verdict is ``unknown``: the test would stay exact, but miss all except the grossest."""
_SMALLEST_RATE = 0.001  # smaller ones would need more divisions than are made
_KNOTS = 64


@dataclass(frozen=True)
class _Measured:
    """One column with its distance, and the histograms of its values and of its missing values."""

    column: PooledColumn
    method: Method
    distance: float | None
    values: Measure | None
    missing: Histogram | None
    of: str = ""


def measure_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str],
    *,
    false_alarm_rate: float = 0.05,
    column_rate: float | None = None,
    seed: int = 0,
    max_rows: int = MOST_ROWS,
    texts: Collection[str] = (),
) -> DriftReport:
    """Whether the current rows could be more rows of the reference, and how far each column is from that.

    Distances are Evidently's: normed Wasserstein for numbers and moments, Jensen-Shannon for all else, missing values
    left out. The verdict compares the values of all columns, and their shares of missing values, with random
    re-divisions of the same rows (`limits`), so that data in which nothing changed gives "drift" with probability
    ``false_alarm_rate`` over all columns together, at any number of rows. With a ``column_rate``, each column beside
    that says whether it alone moved, with that probability in unchanged data; the verdict does not depend on it. Rows
    are taken as independent of each other. Too little data gives "unknown" with the reason, never an exception.

    A column of text, be it named in ``texts`` or told by its look, is measured on its descriptors
    (`texts.DESCRIPTORS`), which together count as one column; of more than 5,000 rows a side a sample is taken then.
    """
    _refuse_rate("false_alarm_rate", false_alarm_rate)
    if column_rate is not None:
        _refuse_rate("column_rate", column_rate)
    measured, rows = _read(reference, current, columns, seed, max_rows, texts)
    if doubt := _doubt(measured, *rows):
        return _report("unknown", _columns(measured, None), rows, (false_alarm_rate, column_rate), reason=doubt)
    found = _calibrated(measured, rows, (false_alarm_rate, column_rate), seed)
    moved = _columns(measured, found)
    return _report(
        "drift" if any(found.exceeded) else "no drift",
        moved,
        rows,
        (false_alarm_rate, column_rate),
        reason=_finding(moved, found.p_value, false_alarm_rate),
        p_value=found.p_value,
    )


def calibrated_slice(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str],
    *,
    rate: float,
    seed: int = 0,
    texts: Collection[str] = (),
) -> tuple[list[str], Calibration] | str:
    """For one slice of the rows, the column that each histogram is of and what its divisions say; or why nothing.

    The arguments are those of `measure_drift`; limits for several slices together come from `limits.joint_limit`.
    """
    _refuse_rate("rate", rate)
    measured, rows = _read(reference, current, columns, seed, MOST_ROWS, texts)
    if doubt := _doubt(measured, *rows):
        return doubt
    names = [_owner(each) for each in measured for part in (each.values, each.missing) if part]
    return names, _calibrated(measured, rows, (rate, None), seed)


def _read(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    columns: Sequence[str],
    seed: int,
    max_rows: int,
    texts: Collection[str],
) -> tuple[list[_Measured], tuple[int, int]]:
    """The columns of both sides, of at most so many rows each, and how many rows these are."""
    written = text_columns(reference, current, columns, texts)
    if written:
        max_rows = min(max_rows, MOST_TEXT_ROWS)
    reference, current = sample_rows(reference, max_rows, seed), sample_rows(current, max_rows, seed)
    return _all_measured(spelled(reference, current, columns, written)), (len(reference), len(current))


def _refuse_rate(name: str, rate: float) -> None:
    if not _SMALLEST_RATE <= rate < 1:
        raise ValueError(f"{name} {rate} must lie between {_SMALLEST_RATE} and 1, such as 0.05")


def _calibrated(
    measured: Sequence[_Measured], rows: tuple[int, int], rates: tuple[float, float | None], seed: int
) -> Calibration:
    owners = {name: number for number, name in enumerate(dict.fromkeys(_owner(each) for each in measured))}
    parts = [(owners[_owner(each)], part) for each in measured for part in (each.values, each.missing) if part]
    numbers, histograms = [number for number, _ in parts], [histogram for _, histogram in parts]
    rate, column_rate = rates
    return calibrate(histograms, *rows, rate=rate, seed=seed, columns=numbers, column_rate=column_rate)


def _owner(each: _Measured) -> str:
    """The watched column that something was measured of."""
    return each.of or each.column.name


def _all_measured(frames: Spelled) -> list[_Measured]:
    measured = []
    for name in frames.columns:
        if name in frames.texts:
            measured.append(_meaning(name, frames.texts[name]))
        else:
            found = _measure(read_column(name, frames.reference, frames.current))
            once = name not in frames.of or name.endswith(".length")  # a text that is missing is missing once
            measured.append(replace(found, of=frames.of.get(name, ""), missing=found.missing if once else None))
    return measured


def _meaning(name: str, text: DescribedText) -> _Measured:
    """Where the words of a text lie."""
    rows_reference = len(text.reference)
    column = text_column(name, rows_reference, text.there)
    if not _both_sides_have_values(column):
        return _Measured(column, "none", None, None, None, text.name)
    vectors = MeanVectors(text.vectors, text.there)
    sides = (np.arange(len(text.there)) >= rows_reference).astype(np.int64)
    before, now = (side[None, :] for side in vectors.sums(sides, 2).astype(np.float64))
    return _Measured(column, "mean vectors", float(vectors.distance(before, now)[0]), vectors, None, text.name)


def _measure(column: PooledColumn) -> _Measured:
    missing = _missing_histogram(column)
    if not _both_sides_have_values(column):
        return _Measured(column, "none", None, None, missing)
    if column.kind == "numeric":
        distance, histogram = _numeric(column)
        return _Measured(column, "wasserstein", distance, histogram, missing)
    split = column.rows_reference
    known, now = (_counts(codes, len(column.labels)) for codes in (column.codes[:split], column.codes[split:]))
    histogram = Histogram(column.codes, len(column.labels), jensen_shannon)
    return _Measured(column, "jensenshannon", float(jensen_shannon(known, now)), histogram, missing)


def _counts(codes: NDArray[np.int64], size: int) -> Counts:
    return np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)


def _both_sides_have_values(column: PooledColumn) -> bool:
    return not (column.missing[: column.rows_reference].all() or column.missing[column.rows_reference :].all())


def _missing_histogram(column: PooledColumn) -> Histogram | None:
    if not column.missing.any() or column.missing.all():
        return None
    return Histogram(column.missing.astype(np.int64), 2, _share_moved)


def _share_moved(reference: Counts, current: Counts) -> Counts:
    """How far the share of the second bin is apart."""
    moved: Counts = np.abs(reference[:, 1] / reference.sum(axis=1) - current[:, 1] / current.sum(axis=1))
    return moved


def _numeric(column: PooledColumn) -> tuple[float, Histogram]:
    """The exact distance, and bins of about equally many rows, each standing for the mean of its values."""
    there = np.flatnonzero(~column.missing)
    there = there[np.argsort(column.numbers[there])]
    ordered, of_reference = column.numbers[there], there < column.rows_reference
    norm = spread(ordered[of_reference])
    edges = np.unique(ordered[np.linspace(0, len(ordered) - 1, _KNOTS + 1).astype(np.int64)])
    starts = np.searchsorted(ordered, edges)
    rows = np.diff(starts, append=len(ordered))
    means = np.add.reduceat(ordered, starts) / rows
    bins = np.full(len(column.numbers), -1, np.int64)
    bins[there] = np.arange(len(starts)).repeat(rows)
    histogram = Histogram(bins, len(starts), partial(_binned_area, steps=np.diff(means) / norm))
    return area_between(ordered, of_reference) / norm, histogram


def _binned_area(reference: Counts, current: Counts, steps: Counts) -> Counts:
    """Wasserstein distance of two histograms whose bins lie ``steps`` apart."""
    gap = np.cumsum(_shares(reference), axis=1) - np.cumsum(_shares(current), axis=1)
    area: Counts = np.abs(gap[:, :-1]) @ steps
    return area


def _shares(counts: Counts) -> Counts:
    shares: Counts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    return shares


def _doubt(measured: Sequence[_Measured], rows_reference: int, rows_current: int) -> str:
    """Why nothing can be said, or nothing."""
    for side, rows in (("reference", rows_reference), ("current", rows_current)):
        if rows < FEWEST_ROWS:
            return f"{rows} {side} rows; at least {FEWEST_ROWS} are needed on each side to tell drift from chance"
    if not measured:
        return "no column is watched; name at least one"
    absent = [each.column.name for each in measured if each.column.note.startswith("in neither")]
    if absent:
        return f"watched columns that neither side has: {', '.join(absent[:10])}"
    if all(each.column.missing.all() for each in measured):
        return "no watched column has a value on either side"
    return ""


def _columns(measured: Sequence[_Measured], found: Calibration | None) -> list[ColumnDrift]:
    if found is None:
        return [_column(each, None, None) for each in measured]
    parts = iter(_parts(found))
    return [
        _column(each, next(parts) if each.values else None, next(parts) if each.missing else None) for each in measured
    ]


@dataclass(frozen=True)
class _Part:
    """What the calibration says of one histogram."""

    distance: float
    limit: float | None
    exceeded: bool
    p_value: float
    own_limit: float | None
    own_exceeded: bool


def _parts(found: Calibration) -> list[_Part]:
    lists = (found.distances, found.limits, found.exceeded, found.own_p_values, found.own_limits, found.own_exceeded)
    return [_Part(*each) for each in zip(*lists, strict=True)]


def _column(each: _Measured, values: _Part | None, missing: _Part | None) -> ColumnDrift:
    column = each.column
    share = [float(side.mean()) if len(side) else 0.0 for side in np.split(column.missing, [column.rows_reference])]
    notes = [column.note] if column.note else []
    parts = [part for part in (values, missing) if part is not None]
    if missing is not None and (missing.exceeded or missing.own_exceeded):
        notes.append(f"the share of missing values moved from {share[0]:.3g} to {share[1]:.3g}")
    return ColumnDrift(
        name=column.name,
        kind=column.kind,
        method=each.method,
        distance=each.distance,
        limit=None if values is None else _on_scale(values, values.limit, each.distance),
        drifted=any(part.exceeded for part in parts),
        missing_reference=share[0],
        missing_current=share[1],
        new_values=column.new_values,
        note="; ".join(notes),
        p_value=parts[0].p_value if parts else None,
        own_limit=None if values is None else _on_scale(values, values.own_limit, each.distance),
        alarmed=any(part.own_exceeded for part in parts),
        of=each.of,
    )


def _on_scale(values: _Part, limit: float | None, distance: float | None) -> float | None:
    """A limit for the exact distance: the histogram's, by the ratio of both distances of the true division."""
    return limit * distance / values.distance if limit is not None and distance and values.distance > 0 else limit


def _report(
    verdict: Verdict,
    columns: list[ColumnDrift],
    rows: tuple[int, int],
    rates: tuple[float, float | None],
    *,
    reason: str,
    p_value: float | None = None,
) -> DriftReport:
    return DriftReport(
        verdict=verdict,
        columns=columns,
        rows_reference=rows[0],
        rows_current=rows[1],
        p_value=p_value,
        alarm_rate=rates[0],
        column_rate=rates[1],
        reason=reason,
    )


def _finding(columns: Sequence[ColumnDrift], p_value: float, rate: float) -> str:
    """The verdict in one sentence, the columns furthest beyond their limits first."""
    drifted = sorted((column for column in columns if column.drifted), key=_excess, reverse=True)
    if not drifted:
        return (
            f"differences as large as these are common in unchanged data (p = {p_value:.3g}; drift is p up to {rate:g})"
        )
    names = ", ".join(column.name for column in drifted[:10])
    more = f" and {len(drifted) - 10} more" if len(drifted) > 10 else ""
    return f"{len(drifted)} of {len(columns)} columns moved: {names}{more} (p = {p_value:.3g})"


def _excess(column: ColumnDrift) -> float:
    return column.distance / column.limit if column.distance and column.limit else 0.0
