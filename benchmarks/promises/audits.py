"""P21: how often the audit lane's interval holds the truth, beside figures from whatever happened to be read.

Each draw is a use case with its decided cases and their true losses. A person reads some of them, with recorded
probabilities; the truth is the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops_flows.evidence import AuditEstimate, audit_probabilities, audited_share, exact_interval
from benchmarks.promises import Row, Table, figure, rate

__all__ = ["PROMISES", "Lane", "lanes", "rows_of", "table"]

PROMISES = ("P21",)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cases:
    """Decided cases: their losses, the probability with which each is read, and the loss a model expects of each."""

    loss: Floats
    probability: Floats
    expected: Floats | None = None
    reviewed: NDArray[np.bool_] | None = None
    """The cases that policy left to people: all that a naive figure looks at, where there are such cases."""


@dataclass(frozen=True)
class Lane:
    """A use case from which decided cases are drawn."""

    name: str
    draw: Callable[[np.random.Generator], Cases]
    naive_must_fail: bool = False
    """Whether what is read differs from the rest, so that its plain mean is wrong."""


def table(draws: int, seed: int) -> Table:
    """Coverage of the 95 % intervals, mean estimate and width, for each lane."""
    rows = [row for lane in lanes() for row in rows_of(lane, draws, seed)]
    return Table(
        "P21",
        "95 % intervals for the quality of all decisions hold it in at least 93 % of the draws",
        "the plain mean of what was reviewed or read anyhow, with its exact interval",
        rows,
    )


def rows_of(lane: Lane, draws: int, seed: int) -> Iterator[Row]:
    """How often both intervals hold the truth, the mean of both estimates, and the width of the intervals."""
    ours, naive, truths = np.zeros((draws, 3)), np.zeros((draws, 3)), np.zeros(draws)
    for draw in range(draws):
        random = np.random.default_rng((seed, draw))
        cases = lane.draw(random)
        read = random.random(len(cases.loss)) < cases.probability
        seen = read if cases.reviewed is None else cases.reviewed
        ours[draw], naive[draw] = _estimated(cases, read), _plain(cases.loss[seen])
        truths[draw] = cases.loss.mean()
    held = [int(((each[:, 1] <= truths) & (truths <= each[:, 2])).sum()) for each in (ours, naive)]
    must_fail = lane.naive_must_fail and draws >= 100
    yield rate(
        f"{lane.name}: interval holds the truth",
        held[0],
        draws,
        naive=held[1],
        at_least=0.93,
        naive_must_fail=must_fail,
    )
    means = [float(np.nanmean(each[:, 0])) for each in (ours, naive)]
    yield figure(f"{lane.name}: mean estimate (truth {truths.mean():.4f})", draws, *means)
    yield figure(f"{lane.name}: width", draws, *(float((each[:, 2] - each[:, 1]).mean()) for each in (ours, naive)))


def lanes() -> list[Lane]:
    """From a lane beside reviews down to a handful of readings."""
    return [
        Lane("doubtful ones reviewed, 2 % of the rest", _beside_reviews, naive_must_fail=True),
        Lane("40 readings, error 2 %", lambda random: _alike(random, 2_000, 0.02)),
        Lane("40 readings, error 10 %", lambda random: _alike(random, 2_000, 0.10)),
        Lane("400 readings, error 2 %", lambda random: _alike(random, 20_000, 0.02)),
        Lane("2 % of most, 20 % of a worse tenth", _unequal, naive_must_fail=True),
        Lane("three strata with a floor", _with_floor, naive_must_fail=True),
        Lane("costs, 40 readings", _costs),
        Lane("with a model of the errors", _foreseen),
    ]


def _estimated(cases: Cases, read: NDArray[np.bool_]) -> tuple[float, float, float]:
    number = len(cases.loss)
    if cases.expected is None:
        found = audited_share(cases.loss[read], cases.probability[read], population=number)
    else:
        found = audited_share(cases.loss, cases.probability, population=number, expected=cases.expected, labelled=read)
    return _ends(found)


def _ends(found: AuditEstimate) -> tuple[float, float, float]:
    return np.nan if found.value is None else found.value, found.low, found.high


def _plain(losses: Floats) -> tuple[float, float, float]:
    if not len(losses):
        return np.nan, 0.0, 1.0
    return float(losses.mean()), *exact_interval(round(losses.sum()), len(losses))


def _beside_reviews(random: np.random.Generator) -> Cases:
    """People answer what policy may not decide, the least confident quarter, and read 2 % of the rest."""
    confidence = random.random(5_000)
    wrong, doubtful = random.random(5_000) < 0.39 * (1 - confidence), confidence < 0.25
    return Cases(wrong.astype(np.float64), np.where(doubtful, 1.0, 0.02), reviewed=doubtful)


def _alike(random: np.random.Generator, cases: int, error: float) -> Cases:
    return Cases((random.random(cases) < error).astype(np.float64), np.full(cases, 0.02))


def _unequal(random: np.random.Generator) -> Cases:
    worse = random.random(3_000) < 0.1
    wrong = random.random(3_000) < np.where(worse, 0.30, 0.02)
    return Cases(wrong.astype(np.float64), np.where(worse, 0.20, 0.02))


def _with_floor(random: np.random.Generator) -> Cases:
    """A big stratum, a small one and a tiny one, each with at least 20 expected readings."""
    strata = random.choice(["big", "small", "tiny"], 3_000, p=[0.93, 0.06, 0.01])
    errors = np.select([strata == "big", strata == "small"], [0.02, 0.20], 0.40)
    wrong = random.random(3_000) < errors
    return Cases(wrong.astype(np.float64), audit_probabilities(strata, share=0.02, floor=20, recent={}))


def _costs(random: np.random.Generator) -> Cases:
    """Losses between 0 and 1: most nothing, many small, a few of the worst."""
    size = np.minimum(np.exp(random.normal(0, 1.5, 2_000)) / 50, 1)
    return Cases(size * (random.random(2_000) < 0.5), np.full(2_000, 0.02))


def _foreseen(random: np.random.Generator) -> Cases:
    """A model that knows which tenth is often wrong."""
    error = np.where(random.random(3_000) < 0.1, 0.6, 0.01)
    return Cases((random.random(3_000) < error).astype(np.float64), np.full(3_000, 0.04), error)
