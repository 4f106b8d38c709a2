"""The peer most teams would write: a Prefect flow with Evidently's preset and a model served by mlflow.pyfunc.

Nothing is made slow on purpose. Tasks have Prefect's defaults, checks and rules are whole-column pandas, rows go to the
database by ``to_sql``, the champion is loaded by its alias, and Evidently writes its report beside the run. What it does
not do, and the library does, is not asked of it: no digests, no leases, no second run that changes nothing.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prefect import flow, task

__all__ = ["ordinary_claims"]

SOURCE = {
    "Claim Number": "case_id",
    "Date Received": "received_at",
    "Incident Date": "incident_at",
    "Airport Code": "airport",
    "Airport Name": "airport_name",
    "Airline Name": "airline",
    "Claim Type": "claim_type",
    "Claim Site": "site",
    "Item Category": "items",
}
LABELS = ["airport", "airport_name", "airline", "claim_type", "site", "items"]
FEATURES = ["received_at", "incident_at", "airport", "airline", "claim_type", "site", "items"]
PROPERTY = ["Passenger Property Loss", "Property Damage"]
THRESHOLD = 0.6


def read_claims(source: Path) -> pd.DataFrame:
    """The claims of a published file, with our names and types."""
    claims = pd.read_parquet(source)[list(SOURCE)].rename(columns=SOURCE).replace({"-": None, "": None})
    claims["received_at"] = pd.to_datetime(claims["received_at"], errors="coerce")
    claims["incident_at"] = pd.to_datetime(claims["incident_at"], errors="coerce", format="ISO8601")
    return claims


@task
def load_and_validate(source: str) -> pd.DataFrame:
    """The good rows."""
    claims = read_claims(Path(source))
    good = claims["case_id"].str.fullmatch(r"[\w.:/-]{1,200}") & claims["received_at"].notna()
    for name in LABELS:
        good &= claims[name].isna() | ((claims[name].str.len() <= 200) & ~claims[name].str.contains("[<>]", na=False))
    return claims[good.fillna(value=False).astype(bool)].drop_duplicates("case_id", ignore_index=True)


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
        confidence=probabilities.max(axis=1),
        amount=np.asarray(amount.predict(claims[FEATURES])),
    )
    scored["scores"] = [json.dumps(dict(zip(classes, row, strict=True))) for row in probabilities.tolist()]
    return scored


@task
def route(scored: pd.DataFrame) -> pd.DataFrame:
    """The claims with a verdict, or with None for a person."""
    small = scored["claim_type"].isin(PROPERTY) & (scored["confidence"] >= THRESHOLD)
    approved = small & (scored["disposition"] == "approve") & (scored["amount"] < 250)
    denied = small & (scored["disposition"] == "deny") & (scored["amount"] < 100)
    routed = scored.copy()
    routed["verdict"] = np.select([approved, denied], ["approve", "deny"], default="")
    routed["reason"] = np.where(routed["verdict"] != "", "rule", "a person must look")
    return routed


@task
def store(routed: pd.DataFrame, database: str) -> int:
    """Everything into the database."""
    now = datetime.now(UTC).isoformat()
    body = [json.dumps(row, default=str) for row in routed[list(SOURCE.values())].to_dict(orient="records")]
    cases = routed[["case_id"]].assign(received_at=routed["received_at"].astype(str), body=body, stored_at=now)
    said = routed[["case_id", "disposition", "confidence", "scores", "amount"]].assign(stored_at=now)
    decided = routed.loc[routed["verdict"] != "", ["case_id", "verdict", "reason"]].assign(stored_at=now)
    asked = routed.loc[routed["verdict"] == "", ["case_id", "reason", "amount"]]
    asked = asked.assign(due_at=(datetime.now(UTC) + timedelta(days=5)).isoformat())
    audit = pd.DataFrame([{"at": now, "cases": len(cases), "decided": len(decided), "reviewed": len(asked)}])
    with closing(sqlite3.connect(database)) as log, log:
        tables = {"cases": cases, "predictions": said, "decisions": decided, "reviews": asked, "audit": audit}
        for name, rows in tables.items():
            rows.to_sql(name, log, if_exists="append", index=False)
    return len(cases)


@task
def drift_report(routed: pd.DataFrame, reference: str, columns: list[str], report: str) -> bool:
    """Whether Evidently's preset calls the batch drifted; its report as HTML."""
    from evidently import Dataset, Report
    from evidently.presets import DataDriftPreset

    before = pd.read_parquet(reference)
    result = Report([DataDriftPreset()]).run(
        Dataset.from_pandas(routed[columns]), Dataset.from_pandas(before[columns])
    )
    result.save_html(report)
    counted: dict[str, Any] = result.dict()["metrics"][0]["value"]
    return float(counted["share"]) >= 0.5


@flow
def ordinary_claims(source: str, database: str, reference: str, columns: list[str], report: str) -> int:
    """Claims, scored, routed, stored, and looked at for drift."""
    routed = route(score(load_and_validate(source)))
    stored = store(routed, database)
    drift_report(routed, reference, columns, report)
    return stored
