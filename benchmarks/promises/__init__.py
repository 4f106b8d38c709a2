"""The statistical promises as tables: many draws, our rule and a naive one on the same draws, and whether ours held.

A part is a module of this folder with two names:

- ``PROMISES``: the numbers of the promises that it proves, such as ``("P20",)``;
- ``table(draws, seed)``: what came of so many draws.

``python -m benchmarks.promises`` finds the parts by themselves. Whatever a part draws comes from its seed, so that the
same command gives the same table. A part whose data is absent says so in ``Table.left_out`` and judges the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiops_flows.evidence import exact_interval

__all__ = ["Figure", "Part", "Row", "Table", "figure", "rate"]


@dataclass(frozen=True)
class Figure:
    """A measured number, with its 95 % interval where it is a rate."""

    value: float
    low: float | None = None
    high: float | None = None

    def within(self, at_least: float | None, at_most: float | None) -> bool:
        """Whether it keeps to the limits that are given."""
        return (at_least is None or self.value >= at_least) and (at_most is None or self.value <= at_most)


@dataclass(frozen=True)
class Row:
    """One figure of ours, the naive rule's on the same draws, and the limits that ours is held to."""

    what: str
    draws: int
    ours: Figure
    naive: Figure | None = None
    at_least: float | None = None
    at_most: float | None = None
    naive_must_fail: bool = False
    """A naive rule that keeps to the limits as well would show that the test cannot tell good from bad."""

    @property
    def judged(self) -> bool:
        """Whether it is held to anything."""
        return self.at_least is not None or self.at_most is not None

    @property
    def held(self) -> bool:
        """Ours keeps to the limits, and the naive rule breaks them where it must."""
        missed = self.naive is not None and not self.naive.within(self.at_least, self.at_most)
        return self.ours.within(self.at_least, self.at_most) and (missed or not self.naive_must_fail)


@dataclass(frozen=True)
class Table:
    """What came of one promise."""

    promise: str
    """Its number, such as ``P20``."""
    title: str
    """What is promised, in one sentence."""
    naive: str
    """What the naive rule does."""
    rows: Sequence[Row]
    left_out: Sequence[str] = ()
    """What was not run, and why."""

    @property
    def held(self) -> bool:
        """Every figure that is held to limits keeps to them."""
        return all(row.held for row in self.rows)


class Part(Protocol):
    """A module that proves promises."""

    PROMISES: tuple[str, ...]

    def table(self, draws: int, seed: int) -> Table:
        """What came of so many draws."""
        ...


def rate(
    what: str,
    hits: int,
    draws: int,
    *,
    naive: int | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    naive_must_fail: bool = False,
) -> Row:
    """The share of draws in which something happened, ours and the naive rule's, with exact 95 % intervals."""
    other = None if naive is None else _share(naive, draws)
    return Row(what, draws, _share(hits, draws), other, at_least, at_most, naive_must_fail)


def figure(
    what: str,
    draws: int,
    ours: float,
    naive: float | None = None,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """A mean, a median or a distance, ours and the naive rule's."""
    return Row(what, draws, Figure(ours), None if naive is None else Figure(naive), at_least, at_most)


def _share(hits: int, draws: int) -> Figure:
    low, high = exact_interval(hits, draws)
    return Figure(hits / draws, low, high)
