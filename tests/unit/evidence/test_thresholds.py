"""Certified thresholds, and the plug-in control that must fail."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from aiops_flows.evidence import certify_threshold, upper_bound

Sample = tuple[NDArray[np.float64], NDArray[np.bool_]]
RESPLITS = 400
MAX_ERROR = 0.05
SURE = 0.90


def error_at(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance to be wrong of an overconfident model; its mean above t is 0.6 * (1 - t) / 2 exactly."""
    return 0.6 * (1 - confidence)


def drawn(rows: int, seed: int) -> Sample:
    random = np.random.default_rng(seed)
    confidence = random.random(rows)
    return confidence, random.random(rows) < error_at(confidence)


def true_error(threshold: float) -> float:
    return 0.3 * (1 - threshold)


def plug_in(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float | None:
    """The naive control: the lowest threshold above which the observed error is small enough."""
    order = np.argsort(-confidence)
    observed = np.cumsum(wrong[order]) / np.arange(1, len(order) + 1)
    kept = np.flatnonzero(observed <= MAX_ERROR)
    return float(confidence[order][kept[-1]]) if len(kept) else None


def certified(confidence: NDArray[np.float64], wrong: NDArray[np.bool_]) -> float | None:
    return certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE).threshold


def violations(find: Callable[[NDArray[np.float64], NDArray[np.bool_]], float | None], rows: int) -> int:
    found = [find(*drawn(rows, seed)) for seed in range(RESPLITS)]
    return sum(threshold is not None and true_error(threshold) > MAX_ERROR for threshold in found)


@pytest.mark.parametrize("rows", [300, 1_000, 5_000])
def test_a_certificate_is_broken_no_more_often_than_it_says(rows: int) -> None:
    """Of 400 draws at most 10 % break the bound in truth; the plug-in threshold breaks it in half."""
    assert violations(certified, rows) <= binom.ppf(0.999, RESPLITS, 1 - SURE)
    assert violations(plug_in, rows) >= 0.4 * RESPLITS


def wavy_error(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """An error that goes up and down: surest of all in some that are often wrong."""
    return np.select(
        [confidence > 0.97, confidence > 0.955, confidence > 0.8, confidence > 0.75], [0.0, 0.25, 0.01, 0.25], 0.06
    )


def test_a_certificate_holds_where_the_most_confident_are_not_the_best() -> None:
    """Also with an error that does not fall with confidence, the bound is broken in at most 10 % of 400 draws."""
    grid = np.linspace(0, 1, 200_001)
    above = np.cumsum(wavy_error(grid)[::-1])[::-1] / np.arange(len(grid), 0, -1)
    broken = 0
    for seed in range(RESPLITS):
        random = np.random.default_rng(seed)
        confidence = random.random(2_000)
        threshold = certified(confidence, random.random(2_000) < wavy_error(confidence))
        broken += threshold is not None and above[np.searchsorted(grid, threshold)] > MAX_ERROR
    assert broken <= binom.ppf(0.999, RESPLITS, 1 - SURE)


def test_a_certificate_covers_much_of_what_could_be_decided() -> None:
    """With 10,000 labels it covers more than half of what an oracle that knows the error could decide."""
    best = MAX_ERROR / 0.3
    found = [certify_threshold(*drawn(10_000, seed), max_error=MAX_ERROR, confidence_level=SURE) for seed in range(30)]
    assert np.mean([each.coverage for each in found]) >= 0.6 * best
    assert all(each.error_upper <= MAX_ERROR or each.threshold is None for each in found)


def test_a_certificate_says_what_it_rests_on() -> None:
    """Coverage, wrong rows and the upper bound are those of the rows at or above the threshold."""
    confidence, wrong = drawn(3_000, 0)
    found = certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE)
    assert found.threshold is not None
    reached = confidence >= found.threshold
    assert found.labels_used == 3_000
    assert found.coverage == pytest.approx(reached.mean())
    assert found.wrong == wrong[reached].sum()
    assert found.error_upper == pytest.approx(upper_bound(int(found.wrong), int(reached.sum()), 1 - 0.1 / 3))


def test_the_order_of_rows_does_not_matter() -> None:
    """The same rows in another order give the same certificate."""
    confidence, wrong = drawn(2_000, 0)
    mixed = np.random.default_rng(1).permutation(2_000)
    given = [
        certify_threshold(*pair, max_error=MAX_ERROR, confidence_level=SURE)
        for pair in ((confidence, wrong), (confidence[mixed], wrong[mixed]))
    ]
    assert given[0] == given[1]


def test_the_scale_of_the_confidence_does_not_matter() -> None:
    """A model whose confidences all lie close together is certified for the same rows."""
    confidence, wrong = drawn(2_000, 0)
    plain = certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE)
    squeezed = certify_threshold(0.9 + confidence / 100, wrong, max_error=MAX_ERROR, confidence_level=SURE)
    assert plain.coverage == squeezed.coverage


@pytest.mark.parametrize("rows", [0, 1, 58])
def test_too_few_labels_certify_nothing(rows: int) -> None:
    """Fewer rows than could prove the bound give no threshold, and how many are needed."""
    found = certify_threshold(np.ones(rows), np.zeros(rows, bool), max_error=MAX_ERROR, confidence_level=SURE)
    assert found.threshold is None
    assert (found.coverage, found.error_upper) == (0, 1)
    assert "at least 59" in found.reason


def test_a_model_that_is_too_often_wrong_certifies_nothing() -> None:
    """Where even the most confident rows are wrong too often, there is no threshold, and the reason counts them."""
    found = certify_threshold(
        np.linspace(0, 1, 500), np.arange(500) % 4 == 0, max_error=MAX_ERROR, confidence_level=SURE
    )
    assert found.threshold is None
    assert "most confident rows were wrong" in found.reason


def test_a_perfect_model_decides_everything() -> None:
    """Without an error in many rows everything is covered, ties in confidence included."""
    assert certify_threshold(np.ones(500), np.zeros(500, bool), max_error=0.05, confidence_level=0.9).coverage == 1


def test_rows_without_a_confidence_are_never_decided() -> None:
    """NaN confidences count against coverage and certify nothing themselves."""
    confidence = np.where(np.arange(1_000) < 500, np.nan, 0.9)
    found = certify_threshold(confidence, np.zeros(1_000, bool), max_error=0.05, confidence_level=0.9)
    assert found.coverage == 0.5
    nothing = certify_threshold(np.full(500, np.nan), np.zeros(500, bool), max_error=0.05, confidence_level=0.9)
    assert nothing.threshold is None


def test_starts_can_be_given() -> None:
    """Thresholds chosen on other rows are searched from, and none above the best of them is returned."""
    confidence, wrong = drawn(3_000, 0)
    found = certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE, starts=[0.95])
    assert found.threshold is not None
    assert found.threshold <= 0.95
    assert (
        certify_threshold(confidence, wrong, max_error=MAX_ERROR, confidence_level=SURE, starts=[2.0]).threshold is None
    )


@pytest.mark.parametrize(("max_error", "level"), [(0, 0.9), (1, 0.9), (0.05, 0), (0.05, 1)])
def test_a_bound_that_means_nothing_is_refused(max_error: float, level: float) -> None:
    """Error and confidence lie strictly between 0 and 1."""
    with pytest.raises(ValueError, match="strictly between"):
        certify_threshold([0.5], [False], max_error=max_error, confidence_level=level)


def test_one_label_a_row_is_expected() -> None:
    """Rows without a label are refused, not guessed."""
    with pytest.raises(ValueError, match="one of each a row"):
        certify_threshold([0.5, 0.6], [False], max_error=0.05, confidence_level=0.9)
