"""The stage on which ours and its peers run: look-alike claims, fitted models, and a case log with champions in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows import Gate, ReviewPolicy, Settings
from aiops_flows.case_log import promotions
from aiops_flows.case_log.questions import cases
from aiops_flows.steps import intake, outcomes, promotion, training
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.inference import predict_with
from aiops_flows.steps.rows import labelled_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec
from benchmarks.plain import Decider, Model
from flows import claims
from flows.lookalike_claims import make_claims
from flows.published_claims import published_outcomes

__all__ = ["CLAIMS", "NUMBERS", "WATCHED", "Stage", "prepare", "watched"]

_numbers = count()
LEARNED_BY = datetime(2024, 6, 1, tzinfo=UTC)


def _widened(gate: Gate) -> Gate:
    """The same measurements, with bounds that nothing misses."""
    return Gate(gate.metric, at_most=1e9, max_drop=None if gate.max_drop is None else 1e9)


LABELS = ["airport", "airport_name", "airline", "claim_type", "site", "first_item", "disposition", "verdict"]
NUMBERS = [
    "days_before", "incident_hour", "incident_weekday", "incident_month", "received_day", "received_weekday",
    "received_month", "items_named", "fields_missing", "text_length", "disposition_confidence", "amount",
]  # fmt: skip
WATCHED = LABELS + NUMBERS
"""Twenty columns: what comes in, what is made of it, and what goes out."""

# What is measured is cost: gates are those of the claims flow, with bounds so wide that every version passes. The
# policy decides most cases by one rule, compares nothing and has nothing audited, as no peer does any of it.
CLAIMS = replace(
    claims.CLAIMS,
    models=[replace(spec, gates=[_widened(gate) for gate in spec.gates]) for spec in claims.CLAIMS.models],
    terms={},
    review=ReviewPolicy(
        verdicts=claims.CLAIMS.review.verdicts,
        auto={"deny": lambda c: (c.disposition == "deny") & (c.amount < 100) & c.claim_type.isin(claims.PROPERTY)},
        max_error=0.45,
        max_missed=1.0,
        allow_naive=True,
        batch_false_alarms=0.0,
        audit=0.0,
        due=claims.CLAIMS.review.due,
        priority=claims.CLAIMS.review.priority,
    ),
)


@dataclass(frozen=True)
class Stage:
    """A home folder with champions, and the same fitted models for the peers."""

    folder: Path
    models: list[Model]
    decider: Decider
    reference: pd.DataFrame
    """What the models learned from, scored, with the watched columns."""

    def source(self, rows: int) -> Path:
        """A file of claims that nobody saw before."""
        path = self.folder / f"claims-{rows}.parquet"
        if not path.exists():
            make_claims(rows, seed=rows).to_parquet(path)
        return path

    def example(self, rows: int = 1_000) -> pd.DataFrame:
        """A few rows of the models' features, for a signature; moments without a zone, as MLflow's types want them."""
        found = stored_frame(CLAIMS.case, cases(Workspace.here().log, CLAIMS.name, limit=rows, latest=True))
        return found.assign(**{name: found[name].dt.tz_localize(None) for name in ("received_at", "incident_at")})

    def fresh_log(self) -> None:
        """Let the next run of ours write to a new copy of the case log with the champions.

        A log that a worker has open stays open between runs, so each copy has a name of its own.
        """
        home = self.folder / "home" / "case_log.db"
        copy = self.folder / f"run-{next(_numbers)}.db"
        with closing(sqlite3.connect(home)) as full, closing(sqlite3.connect(copy)) as empty:
            full.backup(empty)
        os.environ["AIOPS_DATABASE_URL"] = f"sqlite:///{copy}"


def remove_database(path: Path) -> None:
    """Remove a SQLite file and what lies beside it."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def prepare(folder: Path, rows: int = 12_000) -> Stage:
    """Take in a history of claims with their outcomes, train both models, and make them champions."""
    os.environ["AIOPS_HOME"] = str(folder / "home")
    os.environ.pop("AIOPS_DATABASE_URL", None)
    Settings()
    place = Workspace.here()
    history = make_claims(rows, seed=7, start=date(2022, 1, 1), days=730)
    intake.take_in(place, CLAIMS, history, history=True)
    outcomes.record_outcomes(place, CLAIMS, published_outcomes(history))
    for spec in training.in_order(CLAIMS):
        training.retrain(place, CLAIMS, spec, as_of=LEARNED_BY)
        promotion.promote(place, CLAIMS, spec)
    return Stage(folder, [_peer_model(place, spec) for spec in CLAIMS.models], _peer_decider(place), _reference(place))


def _peer_model(place: Workspace, spec: ModelSpec) -> Model:
    version, fitted = champion(place, spec)
    return Model(spec.name, spec.output, version, fitted, list(spec.features))


def champion(place: Workspace, spec: ModelSpec) -> tuple[int, Any]:
    found = promotions.champion(place.log, CLAIMS.name, spec.name)
    if found is None:
        raise RuntimeError(f"{spec.name} was not promoted")
    return found.version, place.registry.load(spec.name, found.version, found.digest)


def _peer_decider(place: Workspace) -> Decider:
    certificate = certificate_in_force(place, CLAIMS)
    policy = CLAIMS.review
    if certificate is None or certificate.threshold is None or policy.priority is None:
        raise RuntimeError(f"nothing may be decided without a person: {certificate}")
    sure = f"certified: at most {policy.error_limit():.0%} wrong with probability {policy.confidence:.0%}"
    return Decider(
        rules=dict(policy.auto),
        judged_by=CLAIMS.judged_by,
        threshold=certificate.threshold,
        reasons={verdict: f"rule '{verdict}', {sure} from {certificate.threshold:.4f} up" for verdict in policy.auto},
        doubt=f"less sure than the certified threshold {certificate.threshold:.4f}",
        priority=policy.priority,
        due=policy.due,
        version=policy.version,
    )


def _reference(place: Workspace) -> pd.DataFrame:
    spec = CLAIMS.models[0]
    train = labelled_rows(place, CLAIMS, spec, as_of=LEARNED_BY, part="train")
    frame = train.cases.head(5_000)
    for model in CLAIMS.models:
        frame = predict_with(model, champion(place, model)[1], 1, frame)
    return watched(frame.assign(verdict=frame["disposition"].where(frame["disposition_confidence"] > 0.7)))


def watched(scored: pd.DataFrame) -> pd.DataFrame:
    """The twenty watched columns of a scored and decided batch."""
    incident, received, items = scored["incident_at"].dt, scored["received_at"].dt, scored["items"]
    text = ["airport", "airport_name", "airline", "claim_type", "site", "items"]
    made = {
        "first_item": items.str.partition(";")[0],
        "days_before": (received.normalize() - incident.normalize()).dt.days.astype(float),
        "incident_hour": incident.hour.astype(float),
        "incident_weekday": incident.dayofweek.astype(float),
        "incident_month": incident.month.astype(float),
        "received_day": received.day.astype(float),
        "received_weekday": received.dayofweek.astype(float),
        "received_month": received.month.astype(float),
        "items_named": items.str.count(";").fillna(-1.0).astype(float) + 1,
        "fields_missing": scored[text].isna().sum(axis=1).astype(float),
        "text_length": items.str.len().fillna(0).astype(float),
        "verdict": scored["verdict"].fillna("person").astype(object),
    }
    return scored.assign(**made)[WATCHED]
