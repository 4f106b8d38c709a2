"""How often an operator would be called on real claims: by drift alone, and by drift that is expected to matter.

A model of the published claims learns once a year whether a claim is denied; in each month after it, the claims of that
month are compared with what it learned from. Beside the verdict stand the expected rise of the share of wrong
answers, and the rise that the outcomes show afterwards. Outcomes are taken as known two months after receipt.

``python -m benchmarks.drift_matters`` prints the months and the counts; 2 where the claims are not there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from aiops_flows.drift import measure_drift
from aiops_flows.drift.impact import DriftImpact, drift_impact
from benchmarks.claims_replay import find_published

__all__ = ["Month", "claims", "main", "months"]

LABELS = ["Claim Type", "Claim Site", "Airport Code", "Airline Name", "Item Category"]
COLUMNS = [*LABELS, "days"]
YEARS = (2011, 2012, 2013)
TOLERANCE = 0.02
KNOWN_AFTER = pd.Timedelta(days=61)
"""How long after receipt the outcome of a claim is taken as known."""
_SINCE = 1_000
_FOLDS = 5
_ROWS = 5_000


@dataclass(frozen=True)
class Month:
    """One check."""

    name: str
    rows: int
    drift: bool
    matters: bool
    expected: float
    """Rise of the share of wrong answers."""
    realised: float


def months(table: pd.DataFrame) -> Iterator[Month]:
    """The checks, month by month."""
    for year in YEARS:
        learned = table[table["received"].dt.year < year]
        learned = learned[learned["received"].dt.year >= year - 1].reset_index(drop=True)
        folds = np.random.default_rng(year).integers(0, _FOLDS, len(learned))
        answers = pd.concat([_asked(learned[folds != fold], learned[folds == fold]) for fold in range(_FOLDS)])
        current = _fitted(learned)
        since = table[table["received"].dt.year == year]
        for month, rows in since.groupby(since["received"].dt.to_period("M")):
            now, known = _answers(current, rows), since[since["received"] < month.start_time - KNOWN_AFTER].tail(_SINCE)
            later = _answers(current, known) if len(known) else now.iloc[:0]
            verdict = measure_drift(learned.sample(min(_ROWS, len(learned)), random_state=0), rows, COLUMNS).verdict
            impact = drift_impact(
                _columns(answers),
                answers["wrong"].to_numpy(),
                _columns(now),
                since=_columns(later),
                since_loss=later["wrong"].to_numpy(),
                tolerance=TOLERANCE,
            )
            if isinstance(impact, DriftImpact):
                realised = float(now["wrong"].mean() - answers["wrong"].mean())
                yield Month(str(month), len(rows), verdict == "drift", impact.matters, impact.rise, realised)


def _asked(train: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    return _answers(_fitted(train), others)


def _fitted(train: pd.DataFrame) -> Pipeline:
    codes = OrdinalEncoder(max_categories=200, handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, LABELS), remainder="passthrough")
    model = make_pipeline(columns, HistGradientBoostingClassifier(max_iter=100, random_state=0))
    return model.fit(train[COLUMNS], train["denied"])


def _answers(model: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
    """``answer``, ``confidence`` and ``wrong`` (1 or 0) of each row."""
    shares = model.predict_proba(rows[COLUMNS])
    said = shares.argmax(axis=1)
    wrong = (said == 1) != rows["denied"].to_numpy()
    return pd.DataFrame({"answer": said, "confidence": shares.max(axis=1), "wrong": wrong.astype(float)})


def claims(file: Path) -> pd.DataFrame:
    """The closed claims with ``received``, ``denied``, ``days`` from the incident, and the labels."""
    read = pd.read_csv(file, dtype=str, keep_default_na=False)
    read = read[read["Disposition"].isin(["Deny", "Approve in Full", "Settle"])]
    received = pd.to_datetime(read["Date Received"], errors="coerce")
    incident = pd.to_datetime(read["Incident Date"], errors="coerce", format="mixed")
    found = read[LABELS].assign(received=received, days=(received - incident).dt.days.astype(float))
    return found.assign(denied=read["Disposition"] == "Deny")[received.notna()].reset_index(drop=True)


def _columns(frame: pd.DataFrame) -> dict[str, np.ndarray[Any, Any]]:
    """A frame as arrays by name."""
    return {str(name): frame[name].to_numpy() for name in frame}


def main() -> int:
    """Prints the months, and how often each rule calls."""
    file = find_published()
    if file is None:
        print("the published claims are not there: AIOPS_SHARED_DATA names no folder that holds them", file=sys.stderr)
        return 2
    found = list(months(claims(file)))
    print("expected and realised: rise of the share of wrong answers")
    print(f"{'month':8} {'claims':>7} {'drift':>6} {'matters':>8} {'expected':>9} {'realised':>9}")
    for each in found:
        words = ["yes" if flag else "no" for flag in (each.drift, each.matters)]
        print(f"{each.name:8} {each.rows:7,} {words[0]:>6} {words[1]:>8} {each.expected:+9.3f} {each.realised:+9.3f}")
    called = [each for each in found if each.drift and each.matters]
    worse = [each for each in found if each.realised >= TOLERANCE]
    both = sum(each.realised >= TOLERANCE for each in called)
    print(f"\nchecks {len(found)}; drift {sum(each.drift for each in found)}; drift that matters {len(called)}")
    print(
        f"months in which the answers really were {TOLERANCE:.0%} or more worse: {len(worse)}; of these called: {both}"
    )
    expected, realised = (np.array([getattr(each, name) for each in found]) for name in ("expected", "realised"))
    print(f"correlation of expected and realised rise: {np.corrcoef(expected, realised)[0, 1]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
