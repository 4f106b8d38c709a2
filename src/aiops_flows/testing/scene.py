"""Where a use case is put to the proof: a scratch log, its own past cases, and champions that learned from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import CaseLog, audit, promotions, questions, versions
from aiops_flows.drill import Stage, set_stage
from aiops_flows.errors import UseCaseError
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.certificate import Certificate, SegmentCertificate
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import approve, promote
from aiops_flows.steps.review import review
from aiops_flows.steps.sources import Source
from aiops_flows.steps.training import Retrained, in_order, retrain
from aiops_flows.steps.verdicts import segments_of, sure_outputs
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["Clock", "Scene"]

_LIVE = 60  # cases that are decided, spread over what came: enough for every rule, few enough for a test
_SECOND_PERSON = "conformance, second person"


@dataclass
class Clock:
    """A moment that only the suite moves."""

    moment: datetime

    def __call__(self) -> datetime:
        """The moment that it shows."""
        return self.moment


@dataclass
class Scene:
    """A use case with its own data in a scratch folder; what several checks need is made once, when it is asked for."""

    path: str
    use_case: UseCase
    source: Source
    outcomes: Source
    folder: Path
    settings: Settings
    open: list[CaseLog] = field(default_factory=list)
    first: dict[str, Retrained] = field(default_factory=dict)
    """The first version of each model, as far as they are trained."""
    fault: Exception | None = None
    """Why they could not be."""

    def place(self, name: str, clock: Clock | None = None) -> Workspace:
        """A scratch log of that name, with the scene's registry."""
        settings = self.settings.model_copy(update={"database_url": f"sqlite:///{self.folder / name}.db"})
        log = CaseLog.open(settings.case_log_url, clock=clock)
        self.open.append(log)
        return Workspace(log, Registry(settings.tracking_url, settings.model_cache), settings)

    def close(self) -> None:
        """Give every connection back."""
        for log in self.open:
            log.close()

    @cached_property
    def desk(self) -> Workspace:
        """A log that has what was given, as it was given."""
        return self.place("given")

    @cached_property
    def given(self) -> pd.DataFrame:
        """The cases that were given, as intake makes them.

        Raises:
            UseCaseError: no row of the source is a case.
        """
        cases = take_in(self.desk, self.use_case, self.source, history=True)
        record_outcomes(self.desk, self.use_case, self.outcomes)
        if cases.empty:
            refused = questions.quarantine(self.desk.log, self.use_case.name)
            why = f": {refused['reason'].iloc[0]}" if len(refused) else " (the source is empty)"
            raise UseCaseError(f"no row of the source is a case of {self.use_case.name}{why}")
        return cases

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Every case that was taken in, as a row that can be taken in again."""
        stored = questions.cases(self.desk.log, self.use_case.name, case_ids=self.given["case_id"].tolist())
        bodies = zip(stored["case_id"].tolist(), stored["body"].tolist(), strict=True)
        return [{"case_id": case_id, **json.loads(body)} for case_id, body in bodies]

    @cached_property
    def truth(self) -> list[dict[str, Any]]:
        """Every outcome that was recorded, as a row that can be recorded again."""
        given, found = set(self.given["case_id"]), []
        for spec in self.use_case.models:
            told = questions.outcomes(self.desk.log, self.use_case.name, name=spec.output)
            told = told[["case_id", "value", "event_at", "known_at"]].rename(columns={"value": spec.output})
            rows = told[told["case_id"].isin(given)].to_dict("records")
            found += [{str(name): value for name, value in row.items()} for row in rows]
        return found

    @cached_property
    def clock(self) -> Clock:
        """Shows the moment just after the last thing that is known: old data must not look expired."""
        known = [row["known_at"] for row in self.truth]
        latest = max([self.given["received_at"].max(), *known])
        return Clock(min(datetime.now(UTC), pd.Timestamp(latest).to_pydatetime() + timedelta(days=1)))

    @cached_property
    def work(self) -> Workspace:
        """A log whose past is the given cases with their outcomes, at the moment of the clock."""
        place = self.place("work", self.clock)
        take_in(place, self.use_case, self.rows, history=True)
        if self.truth:
            record_outcomes(place, self.use_case, self.truth)
        self.clock.moment += timedelta(minutes=1)  # what was received at this moment counts from the next one on
        return place

    @property
    def trained(self) -> dict[str, Retrained]:
        """A first version of each model, judged by its gates and put to work whatever they say.

        Raises:
            AiopsError: the models cannot be trained, registered or put to work; asked again, the same is said at once.
        """
        if self.fault is not None:
            raise self.fault
        try:
            for spec in in_order(self.use_case):
                if spec.name not in self.first:
                    self.first[spec.name] = retrain(self.work, self.use_case, spec)
                    self.put_to_work(spec, self.first[spec.name].version)
        except Exception as fault:
            self.fault = fault
            raise
        return self.first

    def put_to_work(self, spec: ModelSpec, version: int) -> None:
        """Make a version champion: by its gates, else past them, so that one failed check does not hide the others."""
        place, name = self.work, self.use_case.name
        done = promote(place, self.use_case, spec, version=version)
        if done.action == "waiting" and spec.four_eyes:
            approve(place, self.use_case, spec.name, version, approver=_SECOND_PERSON)
            done = promote(place, self.use_case, spec, version=version)
        if not done.promoted:
            record = versions.get(place.log, name, spec.name, version)
            before = promotions.champion(place.log, name, spec.name)
            promotions.record(
                place.log,
                name,
                spec.name,
                version=version,
                action="promote",
                expected=before.version if before else None,
                proposer=place.settings.actor,
                reason="past its gates, in a scratch log",
                evidence_digest=record.evidence_digest,
            )

    @cached_property
    def second(self) -> Retrained:
        """A second version of the model that judges verdicts; it is champion afterwards, with a certificate."""
        _ = self.trained
        spec = self.judging
        made = retrain(self.work, self.use_case, spec)
        self.put_to_work(spec, made.version)
        return made

    @property
    def judging(self) -> ModelSpec:
        """The model whose version holds the certificate."""
        return self.use_case.model(self.use_case.judged_by)

    @cached_property
    def live_rows(self) -> list[dict[str, Any]]:
        """Cases that nobody saw before: some of the given ones, spread over all, under new ids."""
        step = max(1, len(self.rows) // _LIVE)
        return [{**row, "case_id": f"{row['case_id']}-live"} for row in self.rows[::step][:_LIVE]]

    @cached_property
    def decided(self) -> pd.DataFrame:
        """The live cases, through the whole flow under the second version."""
        _ = self.second
        self._allow(self.answered(self.live_rows))
        return self.run(self.live_rows)

    def answered(self, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
        """Rows taken in, with what every champion says of them."""
        cases = take_in(self.work, self.use_case, list(rows))
        for spec in self.use_case.models:
            cases = predict(self.work, self.use_case, spec, cases)
        return cases

    def run(self, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
        """Rows through the whole flow."""
        return review(self.work, self.use_case, self.answered(rows))

    def _allow(self, cases: pd.DataFrame) -> None:
        """Where too little is proved for any decision, a made-up certificate: it is the machinery that is looked at."""
        certificate = certificate_in_force(self.work, self.use_case)
        if certificate is None or certificate.threshold is not None or not self.use_case.review.auto:
            return
        names = sorted(set(segments_of(self.use_case, cases).tolist()) - {""})
        made_up = SegmentCertificate(0.0, 1.0, 0, None, "made up for a proof")
        segments = dict.fromkeys(names, made_up) if self.use_case.review.segments else {}
        champions = {spec.name: self._champion(spec) for spec in self.use_case.decisive}
        companions = {name: number for name, number in champions.items() if name != certificate.model}
        sure = certificate.sure or sure_outputs(self.use_case, cases)
        self._attach(
            replace(
                certificate,
                threshold=0.0,
                segments=segments,
                verdicts={},
                companions=companions,
                sure=sure,
                reason=made_up.reason,
            )
        )

    def _champion(self, spec: ModelSpec) -> int:
        found = promotions.champion(self.work.log, self.use_case.name, spec.name)
        assert found is not None
        return found.version

    def _attach(self, certificate: Certificate) -> None:
        record = versions.get(self.work.log, self.use_case.name, certificate.model, certificate.version)
        versions.attach_evidence(
            self.work.log,
            self.use_case.name,
            certificate.model,
            certificate.version,
            evidence=str(record.evidence),
            evidence_digest=str(record.evidence_digest),
            certificate=certificate.to_json(),
        )

    def head(self, place: Workspace) -> int:
        """How many rows the audit trail of the use case has."""
        return audit.head(place.log).get(self.use_case.name, (0, ""))[0]

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """A drill's stage for the use case, with the given cases as sample rows."""
        folder = self.folder / name
        folder.mkdir()
        sample = folder / "sample.jsonl"
        sample.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")
        settings = self.settings.model_copy(
            update={"database_url": f"sqlite:///{folder / 'case_log.db'}", "lease_seconds": 20.0}
        )
        yield set_stage(settings, folder, path=self.path, source=str(sample))
