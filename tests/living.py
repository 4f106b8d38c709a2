"""A parcel business that lives day by day on a clock of its own: for tests of what watches it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from aiops_flows.case_log import CaseLog, questions
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import decide, review
from aiops_flows.steps.training import in_order, retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from tests.parcels import PARCELS, make_outcomes, make_parcels

__all__ = ["AUDITED", "Life"]

BEGIN = datetime(2026, 6, 1, 8, tzinfo=UTC)
AUDITED = replace(PARCELS, review=replace(PARCELS.review, audit=0.4, blind=True))
"""The parcels, with many audits so that a short life tells enough."""


@dataclass
class Clock:
    """A moment that only the test moves."""

    moment: datetime = BEGIN

    def __call__(self) -> datetime:
        """The moment that it shows."""
        return self.moment


@dataclass
class Life:
    """A workspace, its clock, and the days that it has lived."""

    place: Workspace
    clock: Clock
    use_case: UseCase = AUDITED
    days: int = 0
    arrived: list[pd.DataFrame] = field(default_factory=list)

    @classmethod
    def begin(cls, store: Path, use_case: UseCase = AUDITED) -> Life:
        """A life whose models learned from a history that ended the day before."""
        clock = Clock()
        settings = Settings(home=store, actor="trainer")
        log = CaseLog.open(f"sqlite:///{store / 'case_log.db'}", witness=store / "witness", clock=clock)
        life = cls(Workspace(log, Registry(settings.tracking_url, settings.model_cache), settings), clock, use_case)
        history = make_parcels(1_500, seed=1, prefix="H")
        take_in(life.place, use_case, history, history=True)
        record_outcomes(life.place, use_case, make_outcomes(history))
        for spec in in_order(use_case):
            made = retrain(life.place, use_case, spec)
            assert promote(life.place, use_case, spec, version=made.version).promoted, made.reasons
        return life

    def pass_days(self, days: int) -> None:
        """Let time pass in which nothing comes in."""
        self.clock.moment += timedelta(days=days)
        self.days += days

    def day(self, rows: int = 100, *, swapped: bool = False, told: bool = False, actor: str = "ann") -> pd.DataFrame:
        """One day: parcels come in, are decided or answered rightly by a person, audits are read.

        With ``told`` their outcomes become known the next day. Gives the frame of the business flow.
        """
        self.pass_days(1)
        parcels = make_parcels(rows, seed=1_000 + self.days)
        parcels["received_at"] = pd.Timestamp(self.clock.moment)
        cases = take_in(self.place, self.use_case, parcels)
        for spec in self.use_case.models:
            cases = predict(self.place, self.use_case, spec, cases)
        done = review(self.place, self.use_case, cases)
        truth = make_outcomes(parcels, swapped=swapped)
        self.answer(dict(zip(truth["case_id"], truth["late"], strict=True)), actor)
        self.arrived.append(truth)
        if told:
            self.pass_days(1)
            record_outcomes(self.place, self.use_case, truth.assign(event_at=self.clock(), known_at=self.clock()))
        return done

    def answer(self, truth: dict[str, str], actor: str) -> None:
        """A person answers whatever is open of these cases, rightly."""
        for case_id in questions.open_reviews(self.place.log, self.use_case.name)["case_id"]:
            if case_id in truth:
                verdict = truth[case_id]
                decide(self.place, self.use_case, case_id, verdict=verdict, reason="looked", actor=actor, seconds=30.0)
