"""How the fourth use case does, year by year: learned to 2008, then 2009 and 2010 as they came.

    python -m benchmarks.kit.renewals --data FOLDER

FOLDER holds lgpif/Insample.csv. Nothing was tuned on 2009 and 2010; both were in view when the use case was written.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from aiops_flows.case_log import CaseLog
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.certifying import certificate_in_force, renew
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from examples.policy_years import policy_years
from examples.renewals import RENEWALS

LIMITS = (0.10, 0.15, 0.20)


def year_of(years: pd.DataFrame, year: int) -> pd.DataFrame:
    """The policy-years that begin in a year."""
    chosen: pd.DataFrame = years[years["received_at"].dt.year == year]
    return chosen


def live(place: Workspace, use_case: UseCase, came: pd.DataFrame) -> dict[str, Any]:
    """One year's policies through the flow, and how right that was once the year was over."""
    cases = predict(place, use_case, use_case.models[0], take_in(place, use_case, came))
    done = review(place, use_case, cases)
    truth = came.set_index("case_id").loc[done["case_id"], "claim"].to_numpy() == "yes"
    chance = np.where(done["claim"] == "yes", done["claim_confidence"], 1 - done["claim_confidence"]).astype(float)
    renewed = (done["verdict"] == "renew").to_numpy()
    certificate = certificate_in_force(place, use_case)
    return {
        "policies": len(done),
        "with a claim": truth.mean(),
        "ROC AUC": roc_auc_score(truth, chance),
        "average precision": average_precision_score(truth, chance),
        "renewed unread": renewed.mean(),
        "of them with a claim": truth[renewed].mean() if renewed.any() else float("nan"),
        "certified to be under": certificate.error_upper if certificate else None,
    }


def history(place: Workspace, use_case: UseCase, years: pd.DataFrame) -> None:
    """Take in what is over."""
    take_in(place, use_case, years, history=True)
    record_outcomes(place, use_case, years)


def learn(place: Workspace, use_case: UseCase) -> str:
    """Train on what is known; what became of the challenger."""
    made = retrain(place, use_case, use_case.models[0])
    return str(promote(place, use_case, use_case.models[0], version=made.version))


def season(folder: Path, years: pd.DataFrame, limit: float, *, relearn: bool) -> list[dict[str, Any]]:
    """2009 and 2010 under a champion that learned to 2008; with ``relearn`` it is trained again before 2010."""
    use_case = replace(RENEWALS, review=replace(RENEWALS.review, max_error=limit))
    moment = [datetime(2009, 1, 1, 1, tzinfo=UTC)]
    clock: Callable[[], datetime] = lambda: moment[0]  # noqa: E731
    settings = Settings(home=folder, database_url="", mlflow_url="", actor="benchmark")
    with CaseLog.open(f"sqlite:///{folder / f'{limit}-{relearn}.db'}", clock=clock) as log:
        place = Workspace(log, Registry(settings.tracking_url, settings.model_cache), settings)
        history(place, use_case, years[years["received_at"].dt.year <= 2008])
        said = learn(place, use_case)
        rows = [{"limit": limit, "year": 2009, "learned to": 2008, **live(place, use_case, year_of(years, 2009))}]
        moment[0] = datetime(2010, 1, 1, 1, tzinfo=UTC)
        record_outcomes(place, use_case, year_of(years, 2009))
        if relearn:
            said = learn(place, use_case)
        else:
            renew(place, use_case)
        learned = 2009 if relearn and "promoted" in said else 2008
        rows.append(
            {"limit": limit, "year": 2010, "learned to": learned, **live(place, use_case, year_of(years, 2010))}
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown."""
    shown = [
        ["-" if v is None else f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows
    ]
    lines = [f"| {' | '.join(line)} |" for line in [list(rows[0]), *shown]]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    reading = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reading.add_argument("--data", type=Path, required=True)
    years = policy_years(reading.parse_args().data / "lgpif" / "Insample.csv")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for limit in LIMITS:
            rows += season(Path(folder), years, limit, relearn=False)
        rows += season(Path(folder), years, RENEWALS.review.error_limit(), relearn=True)[1:]
    print(table(rows))


if __name__ == "__main__":
    main()
