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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Calibration", "Histogram", "MeanVectors", "Measure", "calibrate", "joint_limit"]

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

    def sums(self, group: NDArray[np.int64], groups: int) -> NDArray[np.float32]:
        """The counts of each group of rows; rows of group -1 are in none."""
        counted = (group >= 0) & (self.bins >= 0)
        place = group[counted] * self.size + self.bins[counted]
        counts = np.bincount(place, minlength=groups * self.size)
        return counts.reshape(groups, self.size).astype(np.float32)


@dataclass(frozen=True)
class MeanVectors:
    """The rows of both sides as vectors, and the distance between the means of two sides.

    Squared, it is the unbiased estimate of the maximum mean discrepancy with the linear kernel (Gretton et al. 2012,
    lemma 6), taken as 0 where it is negative.
    """

    vectors: csr_matrix
    there: NDArray[np.bool_]
    """Whether a row has a value."""

    @property
    def size(self) -> int:
        """The dimensions of a vector, the number of rows and their squared lengths."""
        return int(self.vectors.shape[1]) + 2

    def sums(self, group: NDArray[np.int64], groups: int) -> NDArray[np.float32]:
        """For each group of rows the sum of the vectors, their number and squared lengths; -1 is no group."""
        from scipy.sparse import csr_matrix

        rows = np.flatnonzero((group >= 0) & self.there)
        chosen = csr_matrix((np.ones(len(rows), np.float32), (group[rows], rows)), (groups, len(group)))
        squares = self.vectors.multiply(self.vectors).sum(axis=1)
        parts = [(chosen @ self.vectors).toarray(), chosen.sum(axis=1), chosen @ squares]
        return np.hstack([np.asarray(part) for part in parts]).astype(np.float32)

    def distance(self, reference: Counts, current: Counts) -> Counts:
        """How far the means of both sides are apart."""
        within = [_mean_product(side) for side in (reference, current)]
        between = (reference[:, :-2] * current[:, :-2]).sum(axis=1)
        between /= np.maximum(reference[:, -2] * current[:, -2], 1.0)
        apart: Counts = np.sqrt(np.maximum(within[0] + within[1] - 2 * between, 0.0))
        return apart


def _mean_product(side: Counts) -> Counts:
    """The mean inner product of two different rows of a side."""
    total, rows, squares = (side[:, :-2] ** 2).sum(axis=1), side[:, -2], side[:, -1]
    mean: Counts = (total - squares) / np.maximum(rows * (rows - 1), 1.0)
    return mean


Measure = Histogram | MeanVectors


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
    standardised: list[float]
    """The standardised distances of the true division."""
    largest: Counts
    """Of each division, the true one first, the largest standardised distance."""


def calibrate(
    histograms: Sequence[Measure],
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
        limits=_numbers(centre + np.where(moves, limit, 0.0) * scale, moves),
        exceeded=(standardised[0] > limit).tolist(),
        own_p_values=[float((each >= each[0]).mean()) for each in own],
        own_limits=_numbers(centre + np.where(moves, own_limit, 0.0) * scale, moves & np.isfinite(own_limit)),
        own_exceeded=(standardised[0] > own_limit).tolist(),
        standardised=standardised[0].tolist(),
        largest=largest,
    )


def joint_limit(calibrations: Sequence[Calibration], rate: float) -> tuple[float, Counts]:
    """What unchanged data exceeds in any of several comparisons with probability ``rate``, and their largest distances.

    The largest distances are standardised, one a division, the true one first. The rows of the comparisons are apart,
    and each is divided by itself: the divisions of all together are one group, so the test over all of them is as exact
    as over one.
    """
    divisions = min(len(each.largest) for each in calibrations)
    largest: Counts = np.max([each.largest[:divisions] for each in calibrations], axis=0)
    return _limit(largest[1:], rate), largest


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


def _distances(histograms: Sequence[Measure], layout: _Layout, rows_reference: int) -> Counts:
    """The distance of each histogram (columns) under each division (rows)."""
    fixed = np.where(layout.block < 0, 0, -1)
    fixed[:rows_reference] = -1  # the current rows that are in no block
    blocks, every = layout.current.shape[1], np.zeros(len(layout.block), np.int64)
    found = []
    for histogram in histograms:
        moved = layout.current @ histogram.sums(layout.block, blocks)  # counts below 2**24: exact in float32
        current = moved.astype(np.float64) + histogram.sums(fixed, 1)
        found.append(histogram.distance(histogram.sums(every, 1) - current, current))
    return np.stack(found, axis=1)
