"""Drift is weighed by what it is expected to do to errors and to automatic decisions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aiops_flows.drift.impact import DriftImpact, drift_impact

Side = dict[str, NDArray[np.generic]]


def answers(rows: int, seed: int, *, pay: float = 0.5, sure: float = 2.0) -> Side:
    """Answers *pay* and *deny*; *deny* is said with less confidence where ``sure`` is small."""
    random = np.random.default_rng(seed)
    answer = np.where(random.random(rows) < pay, "pay", "deny").astype(object)
    return {"answer": answer, "confidence": 0.5 + random.beta(sure, 2.0, rows) / 2}


def wrong(side: Side, seed: int) -> NDArray[np.float64]:
    """Wrong as often as the confidence says; *pay* three times as often."""
    random = np.random.default_rng(seed)
    chance = (1 - side["confidence"].astype(float)) * np.where(side["answer"] == "pay", 1.5, 0.5)
    return (random.random(len(chance)) < chance).astype(float)


def impact(now: Side, *, threshold: float | None = None, rows: int = 2_000) -> DriftImpact:
    before = answers(rows, 1)
    found = drift_impact(before, wrong(before, 2), now, tolerance=0.02, threshold=threshold)
    assert isinstance(found, DriftImpact)
    return found


def test_the_expected_error_is_the_true_one_where_the_mix_changed() -> None:
    """Another mix of classes and less confidence: the estimate is what the present answers turn out to be."""
    now = answers(20_000, 3, pay=0.9, sure=1.0)
    found = impact(now)
    assert abs(found.loss_now - wrong(now, 4).mean()) < 0.03, "the rise is one of 22 points"
    assert found.rise_low < found.rise < found.rise_high
    assert found.matters
    assert "the share of wrong answers is expected to go from 2" in found.reason


def test_a_mix_that_makes_answers_safer_does_not_matter() -> None:
    """It drifted, and nobody needs to be called."""
    found = impact(answers(2_000, 3, pay=0.1, sure=2.5))
    assert found.rise < -0.05
    assert not found.matters


def test_unchanged_answers_matter_in_hardly_any_check() -> None:
    """By chance alone a rise of two points that is also certain is rare."""
    alarms = sum(impact(answers(1_000, seed)).matters for seed in range(100, 130))
    assert alarms <= 1


def test_a_changed_share_of_automatic_decisions_matters_to_the_desk() -> None:
    """Errors fall, but a fifth more of the cases go to people."""
    found = impact(answers(2_000, 3, pay=0.1, sure=1.2), threshold=0.75)
    assert found.automatic_before is not None
    assert found.automatic_now is not None
    assert found.automatic_before - found.automatic_now > 0.1
    assert found.rise < found.tolerance
    assert found.matters
    assert "certified threshold went from 5" in found.reason


def test_quantities_are_compared_by_their_size() -> None:
    """Where large amounts are wrong by more, a shift to large amounts is expected to cost, as a share of the error."""
    random = np.random.default_rng(0)
    before = {"answer": random.gamma(2, 100, 2_000), "confidence": np.full(2_000, np.nan)}
    now = {"answer": random.gamma(3, 100, 2_000), "confidence": np.full(2_000, np.nan)}
    lost = before["answer"] * random.random(2_000)
    found = drift_impact(before, lost, now, tolerance=0.10, relative=True)
    assert isinstance(found, DriftImpact)
    assert found.matters
    assert abs(found.loss_now / found.loss_before - 1.5) < 0.15
    same = drift_impact(before, lost, before, tolerance=0.10, relative=True)
    assert isinstance(same, DriftImpact)
    assert same.rise == 0


def test_too_few_answers_say_so() -> None:
    """Nothing is estimated from a handful."""
    before = answers(30, 1)
    assert "30 labelled and 40 present answers" in str(
        drift_impact(before, wrong(before, 2), answers(40, 3), tolerance=0.02)
    )


def test_a_class_that_was_never_answered_before_counts_as_wrong_as_its_confidence() -> None:
    """Its errors are those of all answers of that confidence."""
    now = answers(2_000, 3)
    now["answer"] = np.full(2_000, "settle", dtype=object)
    found = impact(now)
    assert abs(found.rise) < 0.03


def test_labels_since_the_training_show_what_confidence_does_not() -> None:
    """The answers look the same and are wrong more often: labelled cases that came later show it."""
    before, now, since = answers(2_000, 1), answers(1_000, 3), answers(300, 5)
    worse = np.maximum(wrong(since, 6), np.random.default_rng(7).random(300) < 0.15)
    blind = drift_impact(before, wrong(before, 2), now, tolerance=0.02)
    told = drift_impact(before, wrong(before, 2), now, since=since, since_loss=worse, tolerance=0.02)
    few = {name: side[:40] for name, side in since.items()}
    too_few = drift_impact(before, wrong(before, 2), now, since=few, since_loss=worse[:40], tolerance=0.02)
    assert isinstance(blind, DriftImpact)
    assert isinstance(told, DriftImpact)
    assert not blind.matters
    assert told.matters
    assert 0.04 < told.rise < 0.15
    assert too_few == blind
