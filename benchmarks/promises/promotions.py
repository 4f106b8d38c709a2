"""P22, the half of it that promotes: a worse challenger hardly ever wins, however often one looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from aiops_flows.evidence import PairedVerdict, compare_paired
from benchmarks.promises import Row, Table, figure, rate

__all__ = ["PROMISES", "brier_halves", "kept", "right_or_wrong", "table", "watched_z"]

PROMISES = ("P22",)
ALPHA = 0.05
LABELS = 3_000
DISCORDANT = 0.15
"""Share of the cases in which just one of two models that are each wrong in about a fifth is right."""
_ONE_SIDED = 1.645
_FIRST_LOOK = 30
_ENOUGH = 400

Floats = NDArray[np.float64]
Draw = tuple[Floats, Floats]
"""Losses of the champion and of the challenger, runs by labels."""


@dataclass(frozen=True)
class _Runs:
    """What came of many runs: our verdicts, and the labels at which a watched z-test promotes (0: never)."""

    ours: list[PairedVerdict]
    watched: NDArray[np.int64]

    @classmethod
    def of(cls, drawn: Draw, least_gain: float = 0.0, weights: Floats | None = None) -> _Runs:
        """Both on the same draws."""
        champion, challenger = drawn
        ours = [
            compare_paired(
                old, new, alpha=ALPHA, least_gain=least_gain, weights=None if weights is None else weights[run]
            )
            for run, (old, new) in enumerate(zip(champion, challenger, strict=True))
        ]
        return cls(ours, watched_z(champion - challenger))

    @property
    def promoted(self) -> int:
        """Runs in which a look after some label promotes."""
        return sum(each.evidence_for >= 1 / ALPHA for each in self.ours)

    @property
    def watched_promoted(self) -> int:
        """Runs in which the watched z-test promotes."""
        return int((self.watched > 0).sum())

    @property
    def rejected(self) -> int:
        """Runs in which a look after some label rejects."""
        return sum(each.evidence_against >= 1 / ALPHA for each in self.ours)

    def median(self, verdict: str) -> float:
        """Labels to a verdict, half of the runs; a run without it counts as endless."""
        return float(
            np.median([each.decided_at or np.inf if each.verdict == verdict else np.inf for each in self.ours])
        )


def table(draws: int, seed: int) -> Table:
    """False promotions and rejections, and how many labels the true ones take."""
    random = np.random.default_rng(seed)
    return Table(
        "P22",
        f"A challenger that is not better is promoted in at most {ALPHA:.0%} of lives, looked at after every label",
        "`new > old` on 500 labels, or a z-test at 5 % that is looked at after every label from the 30th",
        [*_false_promotions(draws, random), _false_rejection(draws, random), *_power(draws, random)],
    )


def watched_z(differences: Floats, value: float = 0.0) -> NDArray[np.int64]:
    """The label after which a z-test that is looked at every time first says "above the value"; 0 for never."""
    labels = np.arange(1, differences.shape[1] + 1)
    mean = np.cumsum(differences, axis=1) / labels
    variance = np.cumsum(differences**2, axis=1) / labels - mean**2
    shown = mean - value > _ONE_SIDED * np.sqrt(np.maximum(variance, 1e-12) / labels)
    shown[:, : _FIRST_LOOK - 1] = False
    first: NDArray[np.int64] = np.where(shown.any(axis=1), shown.argmax(axis=1) + 1, 0)
    return first


def right_or_wrong(random: np.random.Generator, runs: int, gain: float, labels: int = LABELS) -> Draw:
    """0/1 losses of two models, of which the challenger is better by so much."""
    place = random.random((runs, labels))
    only_champion, only_challenger = (DISCORDANT + gain) / 2, (DISCORDANT - gain) / 2
    both = 0.1
    champion = place < only_champion + both
    challenger = (place >= only_champion) & (place < only_champion + both + only_challenger)
    return champion.astype(np.float64), challenger.astype(np.float64)


def brier_halves(random: np.random.Generator, runs: int) -> Draw:
    """Halves of Brier scores of two models that are equally good, on cases of which each knows a part."""
    truth = random.random((runs, LABELS)) < random.beta(2, 2, (runs, LABELS))
    first, second = (np.clip(random.normal(0.3 + 0.4 * truth, 0.2), 0, 1) for _ in range(2))
    return (first - truth) ** 2, (second - truth) ** 2


def in_two_strata(random: np.random.Generator, runs: int) -> tuple[Draw, Floats]:
    """Equal on all cases, but the challenger is better where many are read, and worse where few are; with weights."""
    rare = random.random((runs, LABELS)) < 0.2 * 0.5 / (0.2 * 0.5 + 0.8 * 0.125)
    gain = np.where(rare, 0.08, -0.02)
    place = random.random((runs, LABELS))
    champion, challenger = place < 0.1 + gain / 2, (place >= 0.5) & (place < 0.6 - gain / 2)
    return (champion.astype(np.float64), challenger.astype(np.float64)), np.where(rare, 2.0, 8.0)


def _false_promotions(draws: int, random: np.random.Generator) -> list[Row]:
    worse = right_or_wrong(random, draws, -0.01)
    first_500 = int((worse[0][:, :500].sum(axis=1) > worse[1][:, :500].sum(axis=1)).sum())
    ours = _Runs.of(worse)
    strata, weights = in_two_strata(random, draws)
    equal = {
        "equally good: promoted (naive: watched z)": _Runs.of(right_or_wrong(random, draws, 0.0)),
        "equally good, Brier: promoted (naive: watched z)": _Runs.of(brier_halves(random, draws)),
        "equally good, two strata: promoted (naive: watched z)": _Runs.of(strata, weights=weights),
    }
    return [
        kept("worse by 1 point: promoted (naive: 500 labels)", ours.promoted, draws, first_500),
        kept("worse by 1 point: promoted (naive: watched z)", ours.promoted, draws, ours.watched_promoted),
        *(kept(what, runs.promoted, draws, runs.watched_promoted) for what, runs in equal.items()),
    ]


def kept(what: str, ours: int, draws: int, naive: int | None = None, *, must_fail: bool = True) -> Row:
    """A share of lives that is held to ``ALPHA``; below 400 draws, to what luck makes of it in 999 of 1,000 tries."""
    at_most = ALPHA if draws >= _ENOUGH else float(binom.ppf(0.999, draws, ALPHA)) / draws
    must_fail = must_fail and naive is not None and draws >= _ENOUGH
    return rate(what, ours, draws, naive=naive, at_most=at_most, naive_must_fail=must_fail)


def _false_rejection(draws: int, random: np.random.Generator) -> Row:
    champion, challenger = right_or_wrong(random, draws, 0.02)
    ours = _Runs.of((champion, challenger), least_gain=0.02)
    naive = int((watched_z(challenger - champion, -0.02) > 0).sum())
    return kept("better by the least gain of 2 points: rejected", ours.rejected, draws, naive)


def _power(draws: int, random: np.random.Generator) -> list[Row]:
    runs = min(draws, 400)
    gains = {0.02: 8_000, 0.05: 2_000, 0.10: 1_000}
    rows = []
    for gain, labels in gains.items():
        found = _Runs.of(right_or_wrong(random, runs, gain, labels))
        what = f"better by {gain * 100:.0f} points: labels to promote, median"
        rows.append(figure(what, runs, found.median("promote"), _median_of(found.watched)))
    equal = _Runs.of(right_or_wrong(random, runs, 0.0, 8_000), least_gain=0.02)
    rows.append(figure("equally good, least gain 2 points: labels to reject, median", runs, equal.median("reject")))
    rows.append(_foretold(runs, random))
    return rows


def _median_of(labels: NDArray[np.int64]) -> float:
    return float(np.median(np.where(labels > 0, labels, np.inf)))


def _foretold(runs: int, random: np.random.Generator) -> Row:
    """After 200 labels of a challenger that is better by 5 points."""
    champion, challenger = right_or_wrong(random, runs, 0.05, 3_000)
    ratios = []
    for old, new in zip(champion, challenger, strict=True):
        needed = compare_paired(old[:200], new[:200], alpha=ALPHA).labels_needed
        if needed:
            decided_at = compare_paired(old, new, alpha=ALPHA).decided_at
            ratios.append(((decided_at or np.inf) - 200) / needed)
    return figure("labels it took for each one foretold, median", len(ratios), float(np.median(ratios)))
