"""A certificate never rests on what a rule that does not look at the model gets as well."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from aiops_flows.evidence.thresholds import ThresholdCertificate, certify_threshold

RESPLITS = 400
SURE = 0.90


def certified(sure: object, wrong: object, max_error: float = 0.10, **more: object) -> ThresholdCertificate:
    return certify_threshold(sure, wrong, max_error=max_error, confidence_level=SURE, **more)  # type: ignore[arg-type]


def test_what_always_no_gets_as_well_is_not_certified() -> None:
    """Frauds are 6 %, and a model that cannot tell them is wrong in 6 %: within a limit of 10 %, and no better."""
    random = np.random.default_rng(0)
    sure, fraud = random.random(3_550), random.random(3_550) < 0.06
    assert certified(sure, fraud).coverage == 1
    found = certified(sure, fraud, naive_loss=fraud)
    assert found.threshold is None
    assert "no better than a naive rule that decides every case alike" in found.reason
    assert f"wrong in {fraud.mean():.2%} on all 3550 rows" in found.reason
    assert "allow_naive=True" in found.reason


def test_a_model_that_knows_more_than_the_naive_rule_is_certified() -> None:
    """Where the surest are wrong far less often than all, they are certified, with the naive figures beside them."""
    random = np.random.default_rng(1)
    sure = random.random(3_550)
    fraud = random.random(3_550) < 0.12 * (1 - sure)
    found = certified(sure, fraud, naive_loss=fraud)
    assert found.threshold is not None
    assert 0.1 < found.coverage < 1
    assert found.naive is not None
    assert found.error_upper <= found.naive.at_least < found.naive.loss
    assert found.naive.rows == 3_550


@pytest.mark.parametrize("share", [0.01, 0.03, 0.06, 0.10])
def test_a_model_without_knowledge_is_called_better_in_a_tenth_of_the_draws_at_most(share: float) -> None:
    """Of 400 draws in which confidence says nothing, at most 10 % certify anything."""
    broken = 0
    for seed in range(RESPLITS):
        random = np.random.default_rng(seed)
        fraud = random.random(2_000) < share
        broken += certified(random.random(2_000), fraud, naive_loss=fraud).threshold is not None
    assert broken <= binom.ppf(0.999, RESPLITS, 1 - SURE)


def test_where_the_naive_rule_is_never_wrong_nothing_is_certified() -> None:
    """Nothing can be better than a rule that was right in every row."""
    right = np.zeros(500)
    assert certified(np.ones(500), right).threshold == 1
    assert certified(np.ones(500), right, naive_loss=right).threshold is None


def test_losses_between_0_and_1_are_compared_with_the_naive_ones_too() -> None:
    """A mean cost is certified only below what the same decision for every case would cost."""
    random = np.random.default_rng(2)
    sure = random.random(4_000)
    cost = random.beta(1, 30, 4_000) * 2 * (1 - sure)
    alike = random.permutation(cost)
    found = certified(sure, cost, naive_loss=cost)
    assert found.threshold is not None
    assert found.naive is not None
    assert found.error_upper < found.naive.at_least + 1e-6
    assert certified(random.random(4_000), alike, naive_loss=alike).threshold is None


def test_the_search_stops_at_the_threshold_of_another_proof() -> None:
    """Nothing below it is decided; and where too few rows reach it, nothing at all, which the reason says."""
    random = np.random.default_rng(3)
    sure = random.random(2_000)
    wrong = random.random(2_000) < 0.02
    assert (certified(sure, wrong).threshold or 0) < 0.5
    assert certified(sure, wrong, not_below=0.5).threshold == 0.5
    nothing = certified(sure, wrong, not_below=0.99)
    assert nothing.threshold is None
    assert "true classes are missed too often below 0.99" in nothing.reason
