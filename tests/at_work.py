"""Champions put to work without the ceremony of a training: for tests of what is decided with them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pandas as pd

from aiops_flows.case_log import promotions, versions
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.steps.certifying import Certificate, renew
from aiops_flows.steps.fitting import fit
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import review
from aiops_flows.steps.rows import learned_record, parted_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase
from tests.parcels import make_outcomes, make_parcels

__all__ = ["LEARNED", "install", "put_to_work", "run"]

LEARNED = datetime(2026, 6, 1, tzinfo=UTC)


def put_to_work(place: Workspace, use_case: UseCase, rows: int = 1_500) -> Certificate | None:
    """Take in a history, make champions of what learned from it, and certify; the certificate."""
    history = make_parcels(rows, seed=1, prefix="H")
    take_in(place, use_case, history, history=True)
    record_outcomes(place, use_case, make_outcomes(history))
    for spec in use_case.models:
        install(place, use_case, spec)
    return renew(place, use_case, as_of=LEARNED)


def install(place: Workspace, use_case: UseCase, spec: ModelSpec, as_of: datetime = LEARNED) -> int:
    """Train, register and promote a version as if at that moment, without gates; its number."""
    rows = parted_rows(place, use_case, spec, as_of=as_of)
    train = rows.parts["train"]
    fitted = fit(spec.estimator, spec, train)
    made = place.registry.register(
        spec.name,
        fitted,
        features=train.cases[list(spec.features)].iloc[:0],
        metrics={},
        params={},
        tags={},
        figures={},
        dataset_digest=train.digest,
        code_version="test",
        trusted=spec.trusted,
    )
    record = VersionRecord(
        model=spec.name,
        version=made.version,
        digest=made.digest,
        run_id=made.run_id,
        dataset_digest=train.digest,
        trained_by="trainer",
        trained_at=datetime.now(UTC),
        code_version="test",
        learned=learned_record(spec, as_of, len(train), rows.cut),
        evidence="{}",
        evidence_digest=hashlib.sha256(spec.name.encode()).hexdigest(),
    )
    versions.register(place.log, use_case.name, record)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    promotions.record(
        place.log,
        use_case.name,
        spec.name,
        version=made.version,
        action="promote",
        expected=champion.version if champion else None,
        proposer="trainer",
        reason="for a test",
    )
    return made.version


def run(place: Workspace, use_case: UseCase, parcels: pd.DataFrame) -> pd.DataFrame:
    """One run of the business flow."""
    cases = take_in(place, use_case, parcels)
    for spec in use_case.models:
        cases = predict(place, use_case, spec, cases)
    return review(place, use_case, cases)
