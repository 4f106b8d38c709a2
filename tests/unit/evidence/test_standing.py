"""The standing watch: quiet while the limit holds, soon awake when it does not, and no burst taken for a change."""

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aiops_flows.evidence import Watch, watch_mean
from benchmarks.promises.monitors import bad_day, calibration_gaps, errors, two_strata
from benchmarks.promises.promotions import watched_z

RUNS = 200
ALPHA = 0.05
LIMIT = 0.10
MOST = ALPHA * RUNS


def watched(losses: NDArray[np.float64], **options: Any) -> list[Watch]:
    return [watch_mean(row, **({"limit": LIMIT, "alpha": ALPHA} | options)) for row in losses]


def alarms(found: list[Watch]) -> int:
    return sum(each.first_alarm is not None for each in found)


def test_a_healthy_model_hardly_ever_raises_an_alarm() -> None:
    """At the limit itself, over 2,000 labels, at most 5 % of lives have one; a watched z-test has one in far more."""
    losses = errors(np.random.default_rng(0), RUNS, 10_000, 2_000)
    assert alarms(watched(losses)) <= MOST
    assert (watched_z(losses, LIMIT) > 0).sum() > 2 * MOST


def test_a_model_below_the_limit_raises_next_to_none() -> None:
    """At 8 % of a limit of 10 %, alarms are fewer than 2 % of lives."""
    assert alarms(watched(errors(np.random.default_rng(1), RUNS, 10_000, 1_000, 0.08))) <= 0.02 * RUNS


@pytest.mark.parametrize("quiet", [0, 300, 600])
def test_a_doubled_error_is_caught_within_150_labels(quiet: int) -> None:
    """The median, from the first label on as well as after hundreds of quiet ones."""
    found = watched(errors(np.random.default_rng(2), RUNS, quiet, quiet + 800))
    labels = np.array([each.first_alarm or np.inf for each in found])
    assert np.median(labels[labels > quiet] - quiet) <= 150
    assert sum(labels <= quiet) <= MOST


@pytest.mark.parametrize("named", [True, False])
def test_one_bad_day_is_a_burst(named: bool) -> None:
    """25 labels of which 60 % are wrong raise an alarm, and it is not called sustained."""
    losses = bad_day(np.random.default_rng(3), RUNS, 0.05)
    days = np.arange(losses.shape[1]) // 25
    verdicts = [each.verdict for each in watched(losses, periods=days if named else None)]
    assert verdicts.count("burst") > 0.9 * RUNS
    assert verdicts.count("sustained") <= MOST


def test_a_change_that_lasts_is_called_sustained_soon() -> None:
    """300 labels after the error has doubled, three quarters are called so and hardly any a burst."""
    losses = errors(np.random.default_rng(4), RUNS, 300, 600)
    verdicts = [each.verdict for each in watched(losses, periods=np.arange(600) // 25)]
    assert verdicts.count("sustained") > 0.75 * RUNS
    assert verdicts.count("burst") < 0.2 * RUNS


def test_an_alarm_stays() -> None:
    """It is first raised at the same label however much later one looks."""
    losses = errors(np.random.default_rng(5), 1, 300, 900)[0]
    whole = watch_mean(losses, limit=LIMIT, alpha=ALPHA)
    assert whole.first_alarm is not None
    assert watch_mean(losses[: whole.first_alarm - 1], limit=LIMIT, alpha=ALPHA).verdict == "quiet"
    assert watch_mean(losses[: whole.first_alarm], limit=LIMIT, alpha=ALPHA).first_alarm == whole.first_alarm


def test_the_worst_period_is_named() -> None:
    """The reason says without which period the alarm would not stand."""
    losses = np.zeros(400)
    losses[200:220] = 1.0
    days = np.datetime64("2024-03-01") + np.arange(400) // 20
    found = watch_mean(losses, limit=LIMIT, alpha=ALPHA, periods=days)
    assert found.verdict == "burst"
    assert "the period 2024-03-11" in found.reason


def test_weighted_labels_speak_of_all_cases() -> None:
    """Where the worse kind is read more often, the weights keep the alarms below 5 %; without them, all have one."""
    losses, weights = two_strata(np.random.default_rng(6), 80)
    weighted = [
        watch_mean(row, limit=LIMIT, alpha=ALPHA, weights=own) for row, own in zip(losses, weights, strict=True)
    ]
    assert alarms(weighted) <= ALPHA * 80
    assert alarms(watched(losses)) == 80
    assert np.mean([each.value for each in weighted]) == pytest.approx(LIMIT, abs=0.01)


def test_a_calibration_gap_is_watched_on_its_own_scale() -> None:
    """At its tolerance it raises no more alarms than it may; at three times that, it raises them."""
    at, above = (calibration_gaps(np.random.default_rng(7), 60, gap) for gap in (0.03, 0.09))
    assert alarms(watched(at, limit=0.03, low=-0.2)) <= ALPHA * 60
    found = watched(above, limit=0.03, low=-0.2)
    assert alarms(found) > 0.95 * 60
    assert np.mean([each.value for each in found]) == pytest.approx(0.09, abs=0.01)


def test_too_few_labels_are_not_called_quiet() -> None:
    """Without an alarm, quiet is said only from as many labels as it takes to show a doubled error."""
    right = np.zeros(200)
    assert [watch_mean(right[:count], limit=LIMIT, alpha=ALPHA).verdict for count in (0, 67, 68, 200)] == [
        "too few",
        "too few",
        "quiet",
        "quiet",
    ]
    assert watch_mean(np.ones(10), limit=LIMIT, alpha=ALPHA).first_alarm is not None


def test_a_life_of_5000_labels_is_read_in_milliseconds() -> None:
    """Under 50 ms at best of five, with a change and named days."""
    losses, days = errors(np.random.default_rng(8), 1, 3_000, 5_000)[0], np.arange(5_000) // 25
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        watch_mean(losses, limit=LIMIT, alpha=ALPHA, periods=days)
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 0.05


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        ([[0.0]], {}, "expected one a label"),
        ([0.0, 1.0], {"periods": [1]}, "1 periods for 2 losses"),
        ([0.0], {"alpha": 1.0}, "strictly between"),
        ([0.0], {"limit": 1.0}, "expected one strictly between"),
    ],
)
def test_what_cannot_be_watched_is_refused(losses: Any, options: dict[str, Any], message: str) -> None:
    """Shapes and limits that mean nothing are errors."""
    with pytest.raises(ValueError, match=message):
        watch_mean(losses, **({"limit": LIMIT, "alpha": ALPHA} | options))
