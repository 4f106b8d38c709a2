"""True classes are not decided away: their shares, the rare ones together, and how often the promise is broken."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from aiops_flows.evidence.missed import OTHERS, certify_missed

RESPLITS = 400
SURE = 0.90
Drawn = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.object_]]


def claims(rows: int, seed: int, frauds: float = 0.06) -> Drawn:
    """Claims that a model calls "no" with more confidence the less they look like a fraud; true share below t: t**3."""
    random = np.random.default_rng(seed)
    fraud = random.random(rows) < frauds
    sure = np.where(fraud, random.random(rows) ** 3, random.random(rows))
    return sure, fraud, np.where(fraud, "yes", "no").astype(object)


def true_share_missed(threshold: float) -> float:
    """The share of frauds whose confidence reaches the threshold: P(u**3 >= t)."""
    return float(1 - threshold ** (1 / 3))


@pytest.mark.parametrize(("rows", "limit"), [(2_000, 0.10), (5_000, 0.05)])
def test_a_class_is_missed_more_often_than_promised_in_a_tenth_of_the_draws_at_most(rows: int, limit: float) -> None:
    """Of 400 draws at most 10 % break the limit; the threshold that only looked right breaks it in half."""
    broken = naive = 0
    for seed in range(RESPLITS):
        sure, fraud, truth = claims(rows, seed)
        threshold = certify_missed(sure, fraud, truth, {"yes": limit}, confidence_level=SURE).threshold
        assert threshold is not None
        broken += true_share_missed(threshold) > limit
        looked_right = np.sort(sure[fraud])[::-1][int(limit * fraud.sum())]
        naive += true_share_missed(looked_right) > limit
    assert 0 < broken <= binom.ppf(0.999, RESPLITS, 1 - SURE)
    assert naive >= 0.3 * RESPLITS


def test_deciding_every_case_alike_is_not_certified_for_the_class_that_is_never_named() -> None:
    """A model that cannot tell frauds decides a twentieth of all cases at most, and not all of them."""
    random = np.random.default_rng(0)
    fraud = random.random(3_550) < 0.06
    found = certify_missed(
        random.random(3_550), fraud, np.where(fraud, "yes", "no"), {"yes": 0.05}, confidence_level=SURE
    )
    assert found.threshold is not None
    assert found.threshold > 0.95
    assert found.classes["yes"].share_upper <= 0.05


def test_a_class_with_too_few_rows_allows_nothing_and_says_how_many_it_takes() -> None:
    """Twenty frauds prove nothing at 5 %; the reason names the class, the number needed and the way out."""
    truth = np.array(["yes"] * 20 + ["no"] * 1_980, dtype=object)
    found = certify_missed(np.ones(2_000), np.zeros(2_000, bool), truth, {"yes": 0.05}, confidence_level=SURE)
    assert found.threshold is None
    assert "only 20 labelled rows are truly 'yes'; at least 45 are needed" in found.reason
    assert "set max_missed" in found.reason
    assert certify_missed(np.ones(2_000), truth == "yes", truth, {"yes": 1.0}, confidence_level=SURE).threshold == 0


def test_rare_classes_among_many_are_certified_together() -> None:
    """Two intents of twenty have few rows: they are promised together, and each of the others by itself."""
    sizes = {"a": 10, "b": 50, **{f"common {number}": 300 for number in range(18)}}
    truth = np.repeat(np.array(list(sizes), dtype=object), list(sizes.values()))
    limits = dict.fromkeys(sizes, 0.05)
    found = certify_missed(np.ones(len(truth)), np.zeros(len(truth), bool), truth, limits, confidence_level=SURE)
    assert found.threshold == 0
    assert found.classes[OTHERS].classes == ["a", "b"]
    assert found.classes[OTHERS].rows == 60
    assert len(found.classes) == 19


def test_where_all_of_many_classes_are_rare_they_have_one_promise() -> None:
    """150 intents with 50 rows each: a few of them are hard, and that keeps nobody from deciding the others."""
    truth = np.repeat(np.array([f"intent {number}" for number in range(150)], dtype=object), 50)
    wrong = np.isin(truth, ["intent 1", "intent 2"]) & (np.arange(len(truth)) % 2 == 0)
    found = certify_missed(np.ones(len(truth)), wrong, truth, dict.fromkeys(set(truth), 0.05), confidence_level=SURE)
    assert found.threshold == 0
    assert found.classes[OTHERS].rows == 7_500


def test_rows_that_are_never_decided_miss_nothing() -> None:
    """Without a confidence a case goes to a person, however wrong deciding it would be."""
    truth = np.array(["yes"] * 100, dtype=object)
    found = certify_missed(np.full(100, np.nan), np.ones(100, bool), truth, {"yes": 0.05}, confidence_level=SURE)
    assert found.threshold == 0
    assert found.classes["yes"].missed == 0


def test_the_order_of_rows_does_not_matter_and_ties_are_decided_alike() -> None:
    """The same rows in another order give the same threshold, and rows of one confidence stay together."""
    sure, fraud, truth = claims(3_000, 1)
    sure = sure.round(2)
    mixed = np.random.default_rng(2).permutation(3_000)
    one = certify_missed(sure, fraud, truth, {"yes": 0.1}, confidence_level=SURE)
    other = certify_missed(sure[mixed], fraud[mixed], truth[mixed], {"yes": 0.1}, confidence_level=SURE)
    assert one == other
    assert one.threshold in sure
    assert (fraud & (sure >= (one.threshold or 0))).sum() == one.classes["yes"].missed
