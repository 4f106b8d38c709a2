"""How well the library decides the published claims of 2012 and 2013, trained again as deployed.

    python -m benchmarks.claims_quality [--data FILE] [--every DAYS] [--models disposition amount]

Claims received in 2010 and 2011 are history, with the outcomes that were known on 2012-01-01. What follows comes in
order of receipt through the same functions as the tasks call, on a case log in SQLite and an MLflow store in a
temporary folder. The published file does not say when a claim was closed: `flows.published_claims` assumes it, and says
how.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiops_flows.case_log import audit, questions
from aiops_flows.steps.workspace import Workspace
from benchmarks.claims_figures import (
    Answered,
    Figures,
    amount_figures,
    answered,
    automatic_figures,
    paid_figures,
    unseen_by_quarter,
)
from benchmarks.claims_replay import PUBLISHED, Replay, Stream, find_published, replay, utc, workspace_in
from benchmarks.claims_report import YEARS, report
from flows.claims import CLAIMS

__all__ = ["main", "measured"]

RESULTS = Path(__file__).resolve().parent / "results"
HISTORY_FROM, START, END = utc("2010-01-01"), utc("2012-01-01"), utc("2014-01-01")
EVERY_DAYS = 28
"""Weekly, as ``prefect.yaml`` has it, costs 12 minutes of a core in place of 4; AUC and ECE differ by 0.003 at most."""

BASELINE: dict[str, dict[int, Figures]] = {
    "baseline of the data's README, frozen": {
        2012: {"auc": 0.697, "brier": 0.220, "ece": 0.082},
        2013: {"auc": 0.691, "brier": 0.228, "ece": 0.098},
    },
    "baseline of the data's README, trained again on 2011-12": {2013: {"auc": 0.703, "brier": 0.217, "ece": 0.050}},
}
"""Gradient boosting trained on every labelled claim of two years, whenever its outcome became known."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the replay, print the report and write it beside this file."""
    asked = _asked(arguments)
    file = asked.data or find_published()
    if file is None or not file.is_file():
        print(f"No file of published claims. Name it with --data, or set AIOPS_SHARED_DATA to what holds {PUBLISHED}.")
        return 1
    with TemporaryDirectory() as home, workspace_in(Path(home)) as place:
        begun = time.perf_counter(), time.process_time()
        done = replay(
            place,
            Stream.read(file),
            history_from=HISTORY_FROM,
            start=START,
            end=END,
            every=timedelta(days=asked.every),
            models=asked.models,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        took = {"wall": time.perf_counter() - begun[0], "cpu": time.process_time() - begun[1]}
        found = measured(place, done) | {"every_days": asked.every, "models": asked.models, "seconds_in_all": took}
    text = report(found)
    print(text)
    _write(found, text)
    return 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    outputs = [spec.output for spec in CLAIMS.models]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.claims_quality", description=str(__doc__).split("\n")[0]
    )
    parser.add_argument("--data", type=Path, help="the published file; default: found by AIOPS_SHARED_DATA")
    parser.add_argument("--every", type=int, default=EVERY_DAYS, metavar="DAYS", help="train again so often (28)")
    parser.add_argument("--models", nargs="+", choices=outputs, default=outputs, help="train only these again")
    return parser.parse_args(arguments)


def _write(found: dict[str, Any], text: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = "claims_quality"
    if found["every_days"] != EVERY_DAYS:
        name += f"_every_{found['every_days']}_days"
    if len(found["models"]) < len(CLAIMS.models):
        name += f"_{'_'.join(found['models'])}"
    (RESULTS / f"{name}.md").write_text(text)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1, default=str) + "\n")


def measured(place: Workspace, done: Replay) -> dict[str, Any]:
    """Every figure of the report, as JSON can hold it."""
    claims = answered(place, done, START)
    return {
        "taken_in": _taken_in(place, done),
        "paid": BASELINE | _by_year(claims, "paid"),
        "paid_share": _paid_share(place),
        "amount": _by_year(claims, "amount"),
        "automatic": {year: automatic_figures(claims.of(year)) for year in YEARS},
        "automatic_by_month": _by_month(claims),
        "unseen_by_quarter": unseen_by_quarter(place, done),
        "target": {"max_error": CLAIMS.review.error_limit(), "confidence": CLAIMS.review.confidence},
        "certificates": done.certificates,
        "retrainings": [each.__dict__ | {"at": each.at.date().isoformat()} for each in done.retrainings],
        "drift": [
            {"at": at.date().isoformat(), "model": check.model, "version": check.version, **_drift(check.report)}
            for at, checks in done.drift
            for check in checks
        ],
        "seconds": {what: round(seconds, 1) for what, seconds in done.seconds.items()},
    }


def _taken_in(place: Workspace, done: Replay) -> dict[str, Any]:
    counts = questions.counts(place.log, CLAIMS.name).iloc[0].drop("use_case").to_dict()
    return {
        **{str(name): int(value) for name, value in counts.items()},
        "outcomes_recorded": done.outcomes,
        "quarantine_reasons": questions.quarantine(place.log, CLAIMS.name)["reason"].tolist(),
        "broken_invariants": audit.check_invariants(place.log),
        "audit_findings": [finding.what for finding in audit.verify(place.log)],
    }


def _paid_share(place: Workspace) -> dict[str, float]:
    """The share paid of the claims received in each year, by all outcomes there are."""
    told = questions.labelled(place.log, CLAIMS.name, name="disposition")
    years = told["received_at"].dt.strftime("%Y")
    return {str(year): float(share) for year, share in (told["value"] != "deny").groupby(years).mean().items()}


def _by_year(claims: Answered, what: str) -> dict[str, dict[int, Figures]]:
    figures = paid_figures if what == "paid" else amount_figures
    found = {way: {year: figures(claims.of(year), way) for year in YEARS} for way in claims.ways(what)}
    return {way: {year: each for year, each in years.items() if each["claims"]} for way, years in found.items()}


def _by_month(claims: Answered) -> dict[str, Figures]:
    months = claims.claims["received_at"].dt.strftime("%Y-%m")
    return {str(month): automatic_figures(rows) for month, rows in claims.claims.groupby(months)}


def _drift(report: Any) -> dict[str, Any]:
    if report is None:
        return {"verdict": "unknown"}
    distances = {column.name: [column.distance, column.limit] for column in report.columns}
    return {
        "verdict": report.verdict,
        "p_value": report.p_value,
        "moved": report.drifted_columns,
        "distance_and_limit": distances,
    }


if __name__ == "__main__":
    sys.exit(main())
