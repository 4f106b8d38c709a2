"""Qualities of quantiles and of what answers cost: as scikit-learn has them, resampled as on rows drawn again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from aiops_flows.evidence.answers import Answers, Scored, even_pair, read_answers
from aiops_flows.evidence.comparison import Comparison
from aiops_flows.evidence.intervals import exact_interval
from aiops_flows.evidence.metrics import METRICS
from aiops_flows.evidence.resampling import resample_counts

LEVELS = (0.1, 0.5, 0.9)
RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.normal(100, 10, 400)
QUANTILES = np.stack([np.full(400, 100 + 10 * z) for z in (-1.2816, 0.0, 1.2816)], axis=1)
SAID = Scored(
    np.full(400, 100.0), quantiles=QUANTILES, levels=LEVELS, costs=np.abs(TRUTH - 100), scales=np.full(400, 10.0)
)
NAMES = ["pinball_loss", "coverage_error", "mean_scaled_error", "mean_cost"]


def answers(said: Scored = SAID) -> Answers:
    read = read_answers("regressor", TRUTH, {"": said})[""]
    assert isinstance(read, Answers)
    return read


def test_pinball_loss_is_the_mean_over_levels() -> None:
    """Each level as scikit-learn has it."""
    expected = np.mean([mean_pinball_loss(TRUTH, QUANTILES[:, i], alpha=level) for i, level in enumerate(LEVELS)])
    assert METRICS["pinball_loss"].of(answers()) == pytest.approx(expected)


def test_coverage_error_is_the_distance_from_the_promise() -> None:
    """Of the outermost levels that lie evenly about the median, both ends included."""
    inside = ((QUANTILES[:, 0] <= TRUTH) & (QUANTILES[:, 2] >= TRUTH)).mean()
    assert METRICS["coverage_error"].of(answers()) == pytest.approx(abs(inside - 0.8))
    assert even_pair((0.05, 0.1, 0.5, 0.9)) == (1, 3)
    assert even_pair((0.1, 0.25)) is None


def test_errors_are_counted_in_each_rows_own_unit() -> None:
    """Rows whose unit is missing or 0 are left out."""
    scales = np.where(np.arange(400) < 100, 0.0, np.where(np.arange(400) < 200, np.nan, 10.0))
    some = answers(Scored(SAID.values, scales=scales))
    assert METRICS["mean_scaled_error"].of(some) == pytest.approx(np.abs(TRUTH[200:] - 100).mean() / 10)


@pytest.mark.parametrize("name", NAMES)
def test_a_resample_is_the_quality_of_the_rows_drawn(name: str) -> None:
    """Counting rows gives what repeating them gives."""
    counts = resample_counts(np.zeros(400, np.int64), 5, 0)
    told = METRICS[name].resampled(answers(), counts)
    drawn = [METRICS[name].of(answers().rows(np.repeat(np.arange(400), each.astype(int)))) for each in counts]
    assert told == pytest.approx(drawn)


def test_quantiles_that_cross_are_sorted() -> None:
    """They say the same in any order of their columns' values."""
    crossed = Scored(SAID.values, quantiles=QUANTILES[:, ::-1], levels=LEVELS)
    assert np.array_equal(np.asarray(answers(crossed).quantiles), QUANTILES)


@pytest.mark.parametrize(
    ("said", "name", "reason"),
    [
        (Scored(SAID.values), "pinball_loss", "no quantiles are given"),
        (Scored(SAID.values), "coverage_error", "no quantiles are given"),
        (Scored(SAID.values, quantiles=QUANTILES[:, :2], levels=(0.1, 0.5)), "coverage_error", "no two levels"),
        (Scored(SAID.values, quantiles=QUANTILES[:9], levels=LEVELS), "pinball_loss", "quantiles of shape (9, 3)"),
        (Scored(SAID.values, quantiles=QUANTILES * np.nan, levels=LEVELS), "wape", "quantiles that are not finite"),
        (Scored(SAID.values), "mean_cost", "the cost of its answers is not known"),
        (Scored(SAID.values, costs=np.where(TRUTH > 100, np.nan, -1.0)), "mean_cost", "the cost of 400 of 400 rows"),
        (Scored(SAID.values, scales=np.zeros(400)), "mean_scaled_error", "0 of 400 rows have a scale above 0"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(said: Scored, name: str, reason: str) -> None:
    """Missing and odd numbers are told, never guessed."""
    found = Comparison.of("regressor", TRUTH, {"it": said}).estimate(METRICS[name], "it")
    assert isinstance(found, str)
    assert reason in found


def test_the_interval_of_coverage_is_exact() -> None:
    """Where every truth lies inside, resampling would say that it always does; the exact interval does not."""
    wide = Scored(SAID.values[:40], quantiles=QUANTILES[:40] + np.array([-90, 0, 90]), levels=LEVELS)
    comparison = Comparison.of("regressor", TRUTH[:40], {"it": wide}, of_slice=True)
    found = comparison.estimate(METRICS["coverage_error"], "it")
    assert not isinstance(found, str)
    interval = comparison.interval(METRICS["coverage_error"], found)
    assert interval.low == pytest.approx(exact_interval(40, 40, 0.9).low - 0.8)
    assert [interval.high, found.value] == pytest.approx([0.2, 0.2])


def test_cost_is_a_quality_of_classes_too() -> None:
    """What acting on a class costs comes from the cases, as with quantities."""
    said = Scored(["yes"] * 40, costs=np.arange(40.0))
    found = Comparison.of("classifier", ["yes", "no"] * 20, {"it": said}).value(METRICS["mean_cost"], "it")
    assert found == 19.5
    assert math.isnan(METRICS["mean_cost"].function(TRUTH, TRUTH))
    assert not METRICS["mean_cost"].measures("writer")
