"""Where a drill is held: a use case under a name of its own, a scratch case log, and stand-ins for its models."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock
from sklearn.dummy import DummyClassifier, DummyRegressor

from aiops_flows.case_log import CaseLog, promotions, questions, versions
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.drill.processes import load_for_all
from aiops_flows.drill.rehearsal import made_up_rows
from aiops_flows.errors import UseCaseError
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.certifying import Certificate
from aiops_flows.steps.delivery import cases_in
from aiops_flows.steps.sources import deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase, load_use_case

__all__ = ["REHEARSAL", "Stage", "champions", "set_stage"]

REHEARSAL = "aiops_flows.drill.rehearsal:REHEARSAL"
_PREFIX = "drill-"
_STAND_INS = "drill_stand_ins.json"


@dataclass(frozen=True)
class Stage:
    """What a process of a drill needs to know; it is small and can be sent to one."""

    settings: Settings
    path: str
    """Of the use case, such as ``flows.claims:CLAIMS``."""
    name: str
    """Under which the use case stands in the scratch log."""
    folder: Path
    """For inboxes, notes and what processes said."""
    sample: tuple[dict[str, Any], ...] = ()
    """Rows to make cases from; empty for the drill's own use case."""

    @property
    def use_case(self) -> UseCase:
        """The use case under the drill's name."""
        return dataclasses.replace(load_use_case(self.path), name=self.name)

    @property
    def inbox(self) -> Path:
        """A folder into which files are dropped."""
        inbox = self.folder / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        return inbox

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """The scratch log and registry, open."""
        with CaseLog.open(self.settings.case_log_url) as log:
            yield Workspace(log, Registry(self.settings.tracking_url, self.settings.model_cache), self.settings)

    def rows(self, count: int, seed: int) -> list[dict[str, Any]]:
        """So many rows that are cases nobody saw before; the same seed gives the same ones."""
        if not self.sample:
            return made_up_rows(count, seed)
        case_type = self.use_case.case
        names = [name for name in ("case_id", case_type.source_name("case_id")) if name in self.sample[0]]
        chosen = [self.sample[(seed * count + number) % len(self.sample)] for number in range(count)]
        return [{**row, names[0]: f"{row[names[0]]}-{seed}-{number}"} for number, row in enumerate(chosen)]


def set_stage(settings: Settings, folder: Path, *, path: str = REHEARSAL, source: str = "", name: str = "") -> Stage:
    """A stage whose models are stand-ins: champions with a certificate, quick, and of another opinion each time.

    Args:
        settings: of the scratch place; its database must hold nothing but drills.
        folder: for inboxes and notes; new for each drill.
        path: of the use case.
        source: file with sample rows of it; needed for every use case but the drill's own.
        name: of the use case in the log; by default a new one.

    Raises:
        UseCaseError: sample rows are missing, or the database holds real cases.
    """
    sample = _sample(path, source) if source else ()
    if path != REHEARSAL and not sample:
        raise UseCaseError(f"to drill {path}, name a file with sample rows of it (--source); found none")
    load_for_all(path.partition(":")[0])
    stage = Stage(settings, path, name or f"{_PREFIX}{uuid.uuid4().hex[:12]}", folder, sample)
    with stage.workspace() as place:
        if real := [known for known in questions.use_cases(place.log) if not known.startswith(_PREFIX)]:
            raise UseCaseError(
                f"the database {settings.case_log_url.rsplit('@', 1)[-1]} holds cases of {real[:10]}; what a drill "
                "writes cannot be removed, so give it a database of its own (createdb drill; --database ...)"
            )
        champions(place, stage.use_case)
    return stage


def _sample(path: str, source: str) -> tuple[dict[str, Any], ...]:
    """The rows of a file, one a case."""
    case_type = load_use_case(path).case
    sent = (cases_in(case_type, delivery, datetime.now(UTC)) for delivery in deliveries(source))
    return tuple(dict(row) for delivery in sent for row in delivery.rows)


def _stand_in(use_case: UseCase, spec: ModelSpec) -> DummyClassifier | DummyRegressor:
    """An estimator that ignores the features; asked again, a classifier says something else of the same case."""
    rows = pd.DataFrame({name: [0.0] for name in spec.features})
    if spec.kind == "regressor":
        return DummyRegressor(strategy="mean").fit(rows, [1.0])
    answers = list(use_case.review.verdicts) if spec.output == use_case.judged_by else ["no", "yes"]
    rows = pd.concat([rows] * len(answers), ignore_index=True)
    return DummyClassifier(strategy="stratified", random_state=0).fit(rows, answers)


def _registered(place: Workspace, use_case: UseCase) -> dict[str, Any]:
    """Version, digest and run of each stand-in; registered once for each home folder."""
    notes = place.settings.folder / _STAND_INS
    with FileLock(f"{notes}.lock"):
        known: dict[str, Any] = json.loads(notes.read_text()) if notes.exists() else {}
        for spec in use_case.models:
            key = hashlib.sha256(f"{spec.name} {use_case.review.version}".encode()).hexdigest()
            if key not in known:
                made = place.registry.register(
                    spec.name,
                    _stand_in(use_case, spec),
                    features=pd.DataFrame({name: pd.Series(dtype="float64") for name in spec.features}),
                    metrics={},
                    params={},
                    tags={"drill": "stand-in"},
                    figures={},
                    dataset_digest="0" * 64,
                    code_version="drill",
                )
                known[key] = {"version": made.version, "digest": made.digest, "run_id": made.run_id}
                notes.write_text(json.dumps(known))
            known[spec.name] = known[key]
    return known


def champions(place: Workspace, use_case: UseCase) -> None:
    """Make the stand-ins champions of a use case of that name, where it has none."""
    known = _registered(place, use_case)
    others = [spec.name for spec in use_case.decisive if spec.output != use_case.judged_by]
    companions = {name: known[name]["version"] for name in others}
    for spec in use_case.models:
        if promotions.champion(place.log, use_case.name, spec.name) is not None:
            continue
        version = known[spec.name]["version"]
        judging = spec.output == use_case.judged_by
        certificate = _certificate(use_case, spec, version, companions).to_json() if judging else None
        record = VersionRecord(
            model=spec.name,
            dataset_digest="0" * 64,
            trained_by="drill",
            trained_at=datetime.now(UTC),
            code_version="drill",
            learned="{}",
            certificate=certificate,
            evidence="{}",
            evidence_digest=hashlib.sha256(f"{use_case.name} {spec.name}".encode()).hexdigest(),
            **known[spec.name],
        )
        versions.register(place.log, use_case.name, record)
        promotions.record(
            place.log,
            use_case.name,
            spec.name,
            version=version,
            action="promote",
            expected=None,
            proposer="drill",
            reason="stand-in for a drill",
        )


def _certificate(use_case: UseCase, spec: ModelSpec, version: int, companions: dict[str, int]) -> Certificate:
    """A made-up certificate that lets policy decide whatever its rules say."""
    return Certificate(
        model=spec.name,
        version=version,
        policy_version=use_case.review.version,
        threshold=0.0,
        max_error=use_case.review.error_limit(),
        confidence=use_case.review.confidence,
        coverage=1.0,
        labels_used=0,
        error_upper=None,
        rows_digest="0" * 64,
        companions=companions,
        reason="made up for a drill",
        expires_at=datetime.max.replace(tzinfo=UTC).isoformat(),
        sure=[spec.output] if spec.kind == "classifier" else [],
    )
