"""Certificates for losses between 0 and 1: amounts, costs, sums of several errors."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from aiops_flows.evidence import certify_threshold, upper_bound
from aiops_flows.evidence.bounded import log_evidence, mean_below

RESPLITS = 400
LIMIT, SURE = 0.05, 0.90

Floats = NDArray[np.float64]


def losses_of(kind: str, mean: Floats, random: np.random.Generator) -> Floats:
    """Losses of the given means: of many shapes between 0 and 1."""
    losses: NDArray[Any]
    if kind == "beta":
        losses = random.beta(np.maximum(2 * mean, 1e-9), 2 * (1 - mean))
    elif kind == "half or nothing":
        losses = 0.5 * (random.random(len(mean)) < 2 * mean)
    elif kind == "worst or little":
        worst = random.random(len(mean)) < mean / 4
        losses = np.where(worst, 1.0, 0.75 * mean / (1 - mean / 4))
    else:
        few_between = np.where(random.random(len(mean)) < 1 / len(mean), 0.5, 1.0)
        losses = few_between * (random.random(len(mean)) < mean)
    return np.asarray(losses, np.float64)


@pytest.mark.parametrize("kind", ["beta", "half or nothing", "worst or little", "few between"])
def test_a_certificate_for_losses_keeps_its_word(kind: str) -> None:
    """Of 400 draws at most 10 % have a mean loss above the limit, whatever the shape of the losses."""
    broken = 0
    for seed in range(RESPLITS):
        random = np.random.default_rng(seed)
        confidence = random.random(1_000)
        found = certify_threshold(
            confidence,
            losses_of(kind, 0.3 * (1 - confidence), random),
            max_error=LIMIT,
            confidence_level=SURE,
        )
        broken += found.threshold is not None and 0.15 * (1 - found.threshold) > LIMIT
        assert found.error_upper <= LIMIT or found.threshold is None
    assert broken <= binom.ppf(0.999, RESPLITS, 1 - SURE)


@pytest.mark.parametrize("kind", ["beta", "half or nothing", "worst or little", "few between"])
@pytest.mark.parametrize("rows", [60, 600])
def test_evidence_against_what_is_true_is_rare(kind: str, rows: int) -> None:
    """Losses with exactly the mean of the limit are called below it in at most the chance that was named."""
    random = np.random.default_rng(0)
    called = [
        log_evidence(
            losses_of(kind, np.full(rows, LIMIT), random),
            np.array([rows]),
            limit=LIMIT,
            chance=0.1,
        )[0]
        >= -np.log(0.1)
        for _ in range(1_000)
    ]
    assert np.mean(called) <= 0.1


def test_the_bound_on_a_mean_holds_and_is_narrow() -> None:
    """It lies above the true mean in more than 90 % of draws, and for right or wrong rows near the exact one."""
    random = np.random.default_rng(0)
    bounds = [
        mean_below(
            losses_of("beta", np.full(400, 0.04), random),
            limit=LIMIT,
            chance=0.1,
        )
        for _ in range(300)
    ]
    assert np.mean(np.array(bounds) < 0.04) <= 0.1
    wrong = np.append(np.ones(12), np.zeros(388))
    assert upper_bound(12, 400, 0.9) < mean_below(wrong, limit=LIMIT, chance=0.1) < upper_bound(12, 400, 0.995)
    assert mean_below(np.ones(20), limit=LIMIT, chance=0.1) == 1


def test_the_certified_threshold_and_its_bound_agree() -> None:
    """The bound of a certified threshold is never above the limit, and never below what was observed."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        confidence = random.random(3_000)
        losses = losses_of("beta", 0.3 * (1 - confidence), random)
        found = certify_threshold(confidence, losses, max_error=LIMIT, confidence_level=SURE)
        assert found.threshold is not None
        reached = losses[confidence >= found.threshold]
        assert found.wrong == pytest.approx(reached.sum())
        assert reached.mean() < found.error_upper <= LIMIT
        assert "on average" in found.reason


def test_truth_values_and_ones_are_the_same_losses() -> None:
    """Booleans, and 0 and 1 as numbers, give the same certificate: the exact one."""
    random = np.random.default_rng(0)
    confidence = random.random(2_000)
    wrong = random.random(2_000) < 0.2 * (1 - confidence)
    certificates = [
        certify_threshold(confidence, loss, max_error=LIMIT, confidence_level=SURE)
        for loss in (wrong, wrong.astype(float), wrong.astype(int), list(wrong))
    ]
    assert len(set(certificates)) == 1


def test_losses_that_vary_less_are_certified_further() -> None:
    """The same mean loss spread evenly covers more than as rare total losses."""
    random = np.random.default_rng(0)
    confidence = random.random(5_000)
    mean = 0.3 * (1 - confidence)
    even = certify_threshold(confidence, mean, max_error=LIMIT, confidence_level=SURE)
    rare = certify_threshold(confidence, random.random(5_000) < mean, max_error=LIMIT, confidence_level=SURE)
    assert rare.coverage < even.coverage <= 1 / 3


@pytest.mark.parametrize("loss", [[0.5, 1.5], [0.5, -0.1], [0.5, np.nan]])
def test_a_loss_that_is_none_is_refused(loss: list[float]) -> None:
    """Losses lie between 0 and 1."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        certify_threshold([0.5, 0.6], loss, max_error=LIMIT, confidence_level=SURE)


@pytest.mark.parametrize("rows", [0, 20])
def test_too_few_losses_certify_nothing(rows: int) -> None:
    """A handful of small losses proves nothing, and the reason says how many are needed."""
    found = certify_threshold(np.ones(rows), np.full(rows, 0.01), max_error=LIMIT, confidence_level=SURE)
    assert found.threshold is None
    assert "at least 59" in found.reason


def test_many_rows_are_certified_at_once() -> None:
    """Twenty thousand losses take less than half a second of processor time, so that a policy can be tried out."""
    random = np.random.default_rng(0)
    confidence = random.random(20_000)
    losses = losses_of("beta", 0.3 * (1 - confidence), random)
    begun = time.process_time()
    certify_threshold(confidence, losses, max_error=LIMIT, confidence_level=SURE)
    assert time.process_time() - begun < 0.5
