"""Champion and challenger on the same cases, looked at after every label."""

from typing import Any

import numpy as np
import pytest

from aiops_flows.evidence import PairedVerdict, compare_paired
from benchmarks.promises.promotions import brier_halves, right_or_wrong, watched_z

RUNS = 200
ALPHA = 0.05
MOST = ALPHA * RUNS


def compared(gain: float, *, labels: int = 1_500, seed: int = 0, **options: Any) -> list[PairedVerdict]:
    champion, challenger = right_or_wrong(np.random.default_rng(seed), RUNS, gain, labels)
    return [compare_paired(*pair, **options) for pair in zip(champion, challenger, strict=True)]


@pytest.mark.parametrize("gain", [0.0, -0.01])
def test_a_challenger_that_is_not_better_is_hardly_ever_promoted(gain: float) -> None:
    """Over all looks at 1,500 labels it is in at most 5 % of runs; a watched z-test does so in far more."""
    champion, challenger = right_or_wrong(np.random.default_rng(1), RUNS, gain, 1_500)
    ours = [compare_paired(*pair, alpha=ALPHA) for pair in zip(champion, challenger, strict=True)]
    assert sum(each.evidence_for >= 1 / ALPHA for each in ours) <= MOST
    assert (watched_z(champion - challenger) > 0).sum() > 2.5 * MOST


def test_more_labels_than_wrong_on_500_are_asked_for() -> None:
    """`new > old` on 500 labels promotes a challenger that is worse by a point in more than an eighth of runs."""
    champion, challenger = right_or_wrong(np.random.default_rng(2), RUNS, -0.01, 500)
    assert (champion.sum(axis=1) > challenger.sum(axis=1)).mean() > 0.125
    promoted = [compare_paired(*pair).verdict == "promote" for pair in zip(champion, challenger, strict=True)]
    assert sum(promoted) <= MOST


def test_losses_between_right_and_wrong_are_compared_as_well() -> None:
    """Of two models with equal Brier scores the challenger is promoted in at most 5 % of runs."""
    champion, challenger = brier_halves(np.random.default_rng(3), 50)
    found = [compare_paired(*pair, alpha=ALPHA) for pair in zip(champion, challenger, strict=True)]
    assert sum(each.evidence_for >= 1 / ALPHA for each in found) <= ALPHA * 50


def test_a_better_challenger_is_promoted() -> None:
    """One better by 10 points is promoted after 150 labels in half of the runs, and after 1,500 in all."""
    found = compared(0.10)
    assert {each.verdict for each in found} == {"promote"}
    assert np.median([each.decided_at for each in found if each.decided_at]) <= 150


def test_a_worse_challenger_is_rejected() -> None:
    """One worse by 10 points is rejected, with the interval of its gain below 0."""
    found = compared(-0.10)
    assert {each.verdict for each in found} == {"reject"}
    assert all(each.high < 0 for each in found)


def test_an_equal_challenger_is_rejected_where_a_gain_is_asked_for() -> None:
    """With a least gain of 5 points, one that is no better is rejected in nearly all runs; without, never decided."""
    assert sum(each.verdict == "reject" for each in compared(0.0, least_gain=0.05)) > 0.9 * RUNS
    assert sum(each.verdict == "keep collecting" for each in compared(0.0)) > 0.8 * RUNS


def test_one_that_has_the_least_gain_is_hardly_ever_rejected() -> None:
    """A challenger better by just the least gain is rejected in at most 5 % of runs."""
    assert sum(each.evidence_against >= 1 / ALPHA for each in compared(0.05, least_gain=0.05)) <= MOST


def test_a_challenger_that_was_better_and_is_now_worse_is_rejected() -> None:
    """Where both are shown, doubt closes the gate."""
    champion, challenger = np.repeat([1.0, 0.0], [200, 1_000]), np.repeat([0.0, 1.0], [200, 1_000])
    found = compare_paired(champion, challenger)
    assert min(found.evidence_for, found.evidence_against) >= 20
    assert found.verdict == "reject"


def test_the_verdict_at_a_look_is_what_was_first_shown_by_then() -> None:
    """A look at fewer labels says what the look at more labels says of them."""
    champion, challenger = right_or_wrong(np.random.default_rng(4), 1, 0.1, 1_000)
    whole = compare_paired(champion[0], challenger[0])
    assert whole.decided_at is not None
    before = slice(None, whole.decided_at - 1)
    assert compare_paired(champion[0][before], challenger[0][before]).verdict == "keep collecting"
    upto = slice(None, whole.decided_at)
    assert compare_paired(champion[0][upto], challenger[0][upto]).decided_at == whole.decided_at


def test_the_gain_and_its_interval_are_in_the_unit_of_the_losses() -> None:
    """The gain is the difference of the mean losses, and lies inside its interval."""
    champion, challenger = np.random.default_rng(5).random((2, 400)) * 0.5
    found = compare_paired(champion, challenger)
    gain = champion.mean() - challenger.mean()
    assert found.gain == pytest.approx(gain)
    assert -1 <= found.low < gain < found.high <= 1


def test_labels_needed_are_about_those_it_takes() -> None:
    """Of challengers better by 5 points, half of the forecasts after 200 labels are right within a factor of 3."""
    champion, challenger = right_or_wrong(np.random.default_rng(6), RUNS, 0.05, 2_000)
    shares = []
    for old, new in zip(champion, challenger, strict=True):
        needed, decided_at = compare_paired(old[:200], new[:200]).labels_needed, compare_paired(old, new).decided_at
        if needed and decided_at:
            shares.append((decided_at - 200) / needed)
    assert np.mean((np.array(shares) > 1 / 3) & (np.array(shares) < 3)) > 0.5
    assert 1 / 2 < np.median(shares) < 2


def test_labels_needed_are_not_told_where_they_cannot_be() -> None:
    """With few labels or no difference there is no forecast; a decided pair needs none."""
    same = np.tile([0.0, 0.0, 0.0, 0.0, 1.0], 200)
    assert compare_paired(same, same).labels_needed is None
    assert compare_paired(same[:20], np.roll(same[:20], 1)).labels_needed is None
    assert compare_paired(np.ones(50), np.zeros(50)).labels_needed == 0


def test_no_labels_decide_nothing() -> None:
    """Without a label the gain is unknown and may be anything."""
    found = compare_paired([], [])
    assert (found.verdict, found.gain, found.low, found.high, found.labels) == ("keep collecting", None, -1, 1, 0)


@pytest.mark.parametrize(
    ("champion", "challenger", "options", "message"),
    [
        ([0.0], [0.0, 1.0], {}, "expected one of each a case"),
        ([0.0, 2.0], [0.0, 1.0], {}, "1 of 2 losses"),
        ([0.0], [0.0], {"alpha": 0.0}, "strictly between"),
        ([0.0], [0.0], {"least_gain": -0.1}, "from 0 to below 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    champion: list[float], challenger: list[float], options: dict[str, float], message: str
) -> None:
    """Losses that do not belong together or are off the scale are errors."""
    with pytest.raises(ValueError, match=message):
        compare_paired(champion, challenger, **options)
