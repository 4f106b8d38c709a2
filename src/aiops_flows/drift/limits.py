"""Drift limits with the false-alarm rate that the user sets, calibrated on the rows themselves.

Were the current rows more rows of the reference, every division of the pooled rows into both sides would have been
equally likely. So the rows are divided anew many times, each column's distance is standardised over the divisions, and
the largest standardised distance of the true division is compared with those of the others. This holds the rate for
all columns together, at any number of rows and whatever the columns have to do with each other
(Westfall and Young 1993, max-T; Phipson and Smyth 2010 for counting the true division among them). The same
divisions, looked at for one column alone, hold a rate for that column.

Rows are moved in random blocks and distances are taken between histograms of the blocks: divisions of blocks are a
subgroup of the divisions of rows, so the test stays exact (Hemerik and Goeman 2018), at a cost that hardly grows
with the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "Histogram", "calibrate"]

_BLOCKS = 128  # of the smaller side
_MOST_BLOCKS = 4 * _BLOCKS  # of the larger side: its other rows stay where they are, which costs little power
_DIVISIONS = 499
_MOST_DIVISIONS = 4_999

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """The rows of both sides in bins, and the distance between the counts of two sides."""

    bins: NDArray[np.int64]
    """The bin of each row, the reference's first; -1 for a row that is not counted."""
    size: int
    distance: Callable[[Counts, Counts], Counts]
    """Takes the counts of reference and current, divisions by bins, and gives a distance a division."""


@dataclass(frozen=True)
class Calibration:
    """What the divisions say of the true one: lists with one entry a histogram."""

    p_value: float
    distances: list[float]
    limits: list[float | None]
    """A distance above it is drift, at the rate asked for over all histograms together; None where none can move."""
    exceeded: list[bool]
    own_p_values: list[float]
    """The p-value of the column that each histogram is of, for that column alone."""
    own_limits: list[float | None]
    """As ``limits``, at the column rate for the column alone; None where there is no such rate."""
    own_exceeded: list[bool]


def calibrate(
    histograms: Sequence[Histogram],
    rows_reference: int,
    rows_current: int,
    *,
    rate: float,
    seed: int,
    columns: Sequence[int],
    column_rate: float | None = None,
) -> Calibration:
    """Limits for these histograms, at least one of which unchanged data exceeds with probability ``rate``.

    ``columns`` numbers the column that each histogram is of; with a ``column_rate`` there are limits at least one of
    which is exceeded within any one column with that probability.
    """
    divisions = min(max(_DIVISIONS, math.ceil(5 / min(rate, column_rate or rate)) - 1), _MOST_DIVISIONS)
    layout = _lay_out(rows_reference, rows_current, divisions, np.random.default_rng(seed))
    distances = _distances(histograms, layout, rows_reference)
    centre, scale = distances.mean(axis=0), distances.std(axis=0)
    moves = scale > 1e-9 * (centre + 1e-3)  # below it is rounding
    standardised: Counts = np.where(moves, (distances - centre) / np.where(moves, scale, 1.0), -np.inf)
    standardised = np.round(standardised, 9)  # so that equal distances are equal, in whatever order they were summed
    largest = standardised.max(axis=1)
    limit = _limit(largest[1:], rate)
    own = _own_largest(standardised, columns)
    own_limit = np.full(len(columns), np.inf)
    if column_rate is not None:
        own_limit = np.array([_limit(each[1:], column_rate) for each in own])
    return Calibration(
        p_value=float((largest >= largest[0]).mean()),
        distances=distances[0].tolist(),
        limits=_numbers(centre + limit * scale, moves),
        exceeded=(standardised[0] > limit).tolist(),
        own_p_values=[float((each >= each[0]).mean()) for each in own],
        own_limits=_numbers(centre + np.where(moves, own_limit, 0.0) * scale, moves & np.isfinite(own_limit)),
        own_exceeded=(standardised[0] > own_limit).tolist(),
    )


def _own_largest(standardised: Counts, columns: Sequence[int]) -> list[Counts]:
    """For each histogram, the largest standardised distance of its column in each division."""
    numbers = np.array(columns)
    largest = {number: standardised[:, numbers == number].max(axis=1) for number in set(columns)}
    return [largest[number] for number in columns]


def _numbers(values: Counts, known: NDArray[np.bool_]) -> list[float | None]:
    return [float(value) if there else None for value, there in zip(values, known, strict=True)]


def _limit(largest: Counts, rate: float) -> float:
    """What the true division must exceed for a p-value of at most ``rate``."""
    above = max(math.floor(rate * (len(largest) + 1) + 1e-9), 1) - 1
    return float(np.sort(largest)[::-1][above])


@dataclass(frozen=True)
class _Layout:
    """Which rows move together, and which blocks each division calls current; the true division is the first."""

    block: NDArray[np.int64]
    """The block of each row, -1 for rows that stay on their side."""
    current: NDArray[np.float32]
    """Divisions by blocks: 1 where the block is current."""


def _lay_out(rows_reference: int, rows_current: int, divisions: int, random: np.random.Generator) -> _Layout:
    block_rows = math.ceil(min(rows_reference, rows_current) / _BLOCKS)
    blocks_reference, blocks_current = (
        min(rows // block_rows, _MOST_BLOCKS) for rows in (rows_reference, rows_current)
    )
    block = np.concatenate(
        [
            _random_blocks(rows_reference, block_rows, blocks_reference, 0, random),
            _random_blocks(rows_current, block_rows, blocks_current, blocks_reference, random),
        ]
    )
    blocks = blocks_reference + blocks_current
    current = np.zeros((divisions + 1, blocks), np.float32)
    current[0, blocks_reference:] = 1
    chosen = np.argpartition(random.random((divisions, blocks)), blocks_current - 1, axis=1)[:, :blocks_current]
    np.put_along_axis(current[1:], chosen, 1, axis=1)
    return _Layout(block, current)


def _random_blocks(
    rows: int, block_rows: int, blocks: int, first: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """The block of each row of one side, drawn at random, numbered from ``first``."""
    block = np.full(rows, -1, np.int64)
    block[random.permutation(rows)[: blocks * block_rows]] = first + np.arange(blocks).repeat(block_rows)
    return block


def _distances(histograms: Sequence[Histogram], layout: _Layout, rows_reference: int) -> Counts:
    """The distance of each histogram (columns) under each division (rows)."""
    blocks = layout.current.shape[1]
    by_block = np.hstack([_block_counts(histogram, layout.block, blocks) for histogram in histograms])
    moved = layout.current @ by_block  # whole numbers below 2**24: exact in float32
    found, start = [], 0
    for histogram in histograms:
        current = moved[:, start : start + histogram.size] + _fixed_counts(histogram, layout.block, rows_reference)
        total = np.bincount(histogram.bins[histogram.bins >= 0], minlength=histogram.size)
        found.append(histogram.distance(total - current, current))
        start += histogram.size
    return np.stack(found, axis=1)


def _block_counts(histogram: Histogram, block: NDArray[np.int64], blocks: int) -> NDArray[np.float32]:
    counted = (block >= 0) & (histogram.bins >= 0)
    place = block[counted] * histogram.size + histogram.bins[counted]
    counts = np.bincount(place, minlength=blocks * histogram.size)
    return counts.reshape(blocks, histogram.size).astype(np.float32)


def _fixed_counts(histogram: Histogram, block: NDArray[np.int64], rows_reference: int) -> Counts:
    """Counts of the current rows that are in no block."""
    bins, stays = histogram.bins[rows_reference:], block[rows_reference:] < 0
    return np.bincount(bins[stays & (bins >= 0)], minlength=histogram.size).astype(np.float64)
