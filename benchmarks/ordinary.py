"""The peer most teams would write: a Prefect flow with pydantic, pandas, mlflow.pyfunc and Evidently's preset.

Nothing is made slow on purpose: rows are checked by a pydantic model, rules are whole-column pandas, everything goes to
the database by ``to_sql``, the champion is loaded by its alias, and Evidently writes its report beside the run. Tasks
have Prefect's defaults. What it does not do, and the library does, is not asked of it: no digests, no leases, no audit
of each row, no second run that changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prefect import flow, task
from prefect.settings import PREFECT_TASKS_DEFAULT_NO_CACHE, temporary_settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.plain import Model
from benchmarks.stage import watched

__all__ = ["FEATURES", "champions", "ordinary_claims", "with_its_defaults"]

FEATURES = ["received_at", "incident_at", "airport", "airline", "claim_type", "site", "items"]
PROPERTY = ["Passenger Property Loss", "Property Damage"]
THRESHOLD = 0.6


class Claim(BaseModel):
    """A claim as it comes in."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    case_id: str = Field(alias="Claim Number", min_length=1, max_length=200, pattern=r"^[\w.:/@+ -]+$")
    received_at: datetime = Field(alias="Date Received")
    incident_at: datetime | None = Field(None, alias="Incident Date")
    airport: str | None = Field(None, alias="Airport Code", max_length=200)
    airport_name: str | None = Field(None, alias="Airport Name", max_length=200)
    airline: str | None = Field(None, alias="Airline Name", max_length=200)
    claim_type: str | None = Field(None, alias="Claim Type", max_length=200)
    site: str | None = Field(None, alias="Claim Site", max_length=200)
    items: str | None = Field(None, alias="Item Category", max_length=100_000)


@task
def load_and_validate(source: str) -> pd.DataFrame:
    """The good rows."""
    rows = pd.read_parquet(source).replace({"-": None, "": None}).to_dict(orient="records")
    good = []
    for row in rows:
        try:
            good.append(Claim.model_validate(row).model_dump())
        except ValidationError as fault:
            print(f"refused: {fault}")
    claims = pd.DataFrame(good).drop_duplicates("case_id", ignore_index=True)
    claims["incident_at"] = pd.to_datetime(claims["incident_at"])
    return claims


@task
def score(claims: pd.DataFrame) -> pd.DataFrame:
    """The claims with what both champions say."""
    import mlflow

    disposition = mlflow.pyfunc.load_model("models:/ordinary-disposition@champion")
    amount = mlflow.pyfunc.load_model("models:/ordinary-amount@champion")
    probabilities = np.asarray(disposition.predict(claims[FEATURES]))
    classes = np.array(["approve", "deny", "settle"], dtype=object)
    scored = claims.assign(
        disposition=classes[probabilities.argmax(axis=1)],
        disposition_confidence=probabilities.max(axis=1),
        amount=np.asarray(amount.predict(claims[FEATURES])),
    )
    scored["scores"] = [json.dumps(dict(zip(classes, row, strict=True))) for row in probabilities.tolist()]
    return scored


@task
def route(scored: pd.DataFrame) -> pd.DataFrame:
    """The claims with a verdict, or none where a person must look."""
    sure = scored["claim_type"].isin(PROPERTY) & (scored["disposition_confidence"] >= THRESHOLD)
    approved = sure & (scored["disposition"] == "approve") & (scored["amount"] < 250)
    denied = sure & (scored["disposition"] == "deny") & (scored["amount"] < 100)
    routed = scored.copy()
    routed["verdict"] = pd.Series(np.select([approved, denied], ["approve", "deny"], default="")).replace({"": None})
    routed["reason"] = np.where(routed["verdict"].notna(), "rule", "a person must look")
    return routed


@task
def store(routed: pd.DataFrame, database: str) -> int:
    """Everything into the database."""
    now = datetime.now(UTC).isoformat()
    body = [json.dumps(row, default=str) for row in routed[list(Claim.model_fields)].to_dict(orient="records")]
    cases = routed[["case_id"]].assign(received_at=routed["received_at"].astype(str), body=body, stored_at=now)
    said = routed[["case_id", "disposition", "disposition_confidence", "scores", "amount"]].assign(stored_at=now)
    with_verdict = routed["verdict"].notna()
    decided = routed.loc[with_verdict, ["case_id", "verdict", "reason"]].assign(stored_at=now)
    due = (datetime.now(UTC) + timedelta(days=5)).isoformat()
    asked = routed.loc[~with_verdict, ["case_id", "reason", "amount"]].assign(due_at=due)
    audit = pd.DataFrame([{"at": now, "cases": len(cases), "decided": len(decided), "reviewed": len(asked)}])
    with closing(sqlite3.connect(database)) as log, log:
        tables = {"cases": cases, "predictions": said, "decisions": decided, "reviews": asked, "audit": audit}
        for name, rows in tables.items():
            rows.to_sql(name, log, if_exists="append", index=False)
    return len(cases)


@task
def drift_report(routed: pd.DataFrame, reference: str, report: str) -> bool:
    """Whether Evidently's preset calls the batch drifted; its report as HTML."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    current = Dataset.from_pandas(watched(routed))
    result = Report([DataDriftPreset()]).run(current, Dataset.from_pandas(pd.read_parquet(reference)))
    result.save_html(report)
    counted: dict[str, Any] = result.dict()["metrics"][0]["value"]
    return float(counted["share"]) >= 0.5


@flow
def ordinary_claims(source: str, database: str, reference: str, report: str) -> int:
    """Claims, scored, routed, stored, and looked at for drift."""
    Path(database).unlink(missing_ok=True)
    routed = route(score(load_and_validate(source)))
    stored = store(routed, database)
    drift_report(routed, reference, report)
    return stored


def _use_store(tracking: str) -> None:
    """A store whose artifacts lie beside its database, and not in the working directory."""
    import mlflow

    mlflow.set_tracking_uri(tracking)
    if mlflow.get_experiment_by_name("ordinary") is None:
        artifacts = Path(tracking.removeprefix("sqlite:///")).parent / "ordinary-artifacts"
        mlflow.create_experiment("ordinary", artifact_location=artifacts.as_uri())
    mlflow.set_experiment("ordinary")


@contextmanager
def with_its_defaults(tracking: str) -> Iterator[None]:
    """Prefect's default of hashing the inputs of tasks, which the library's quiet server switches off; and a store."""
    _use_store(tracking)
    with temporary_settings(updates={PREFECT_TASKS_DEFAULT_NO_CACHE: False}):
        yield


def champions(models: Sequence[Model], example: pd.DataFrame, tracking: str) -> None:
    """Register the fitted models as pyfunc models with the alias that the flow loads."""
    import mlflow
    from mlflow.models import infer_signature

    _use_store(tracking)
    for model in models:
        call = "predict_proba" if hasattr(model.fitted, "predict_proba") else "predict"
        features, name = example[FEATURES], f"ordinary-{model.output}"
        with mlflow.start_run():
            logged = mlflow.sklearn.log_model(
                model.fitted,
                name="model",
                registered_model_name=name,
                signature=infer_signature(features, getattr(model.fitted, call)(features)),
                pyfunc_predict_fn=call,
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn"],
            )
        mlflow.MlflowClient().set_registered_model_alias(name, "champion", logged.registered_model_version)
