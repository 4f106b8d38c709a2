"""One use case over a history: the same steps as in real life, at the moments of the history."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import CaseLog
from aiops_flows.errors import ChampionChanged, NotApproved, TrainingError
from aiops_flows.gates import SHADOW
from aiops_flows.registry import Registry
from aiops_flows.replay.history import History
from aiops_flows.replay.reviewers import Answered, Reviewers, answer_reviews
from aiops_flows.replay.schedule import Moment, Schedule
from aiops_flows.settings import Settings
from aiops_flows.steps.alarms import approvals_asked_for
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import PromotionResult, approve, promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import in_order, retrain
from aiops_flows.steps.watching import monitor
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["APPROVER", "Run", "run", "workspace_in"]

APPROVER = "simulated approver"
_DAY = pd.Timedelta(days=1)
_OVER = frozenset({"promoted", "refused", "nothing"})


class Clock:
    """The moment at which a replayed history stands; it never goes back."""

    def __init__(self, moment: pd.Timestamp) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment.to_pydatetime(warn=False)

    def go_on_to(self, moment: pd.Timestamp) -> None:
        """Let it be so late, if it is not later already."""
        self.moment = max(self.moment, moment)


@dataclass
class Run:
    """A replay of one use case: where it happens, and what happened besides what its case log tells."""

    place: Workspace
    use_case: UseCase
    history: History
    reviewers: Reviewers
    clock: Clock
    truth: pd.Series[str]
    """Case id -> the verdict that turned out right."""
    accepted: set[str] = field(default_factory=set)
    recorded: np.ndarray[Any, np.dtype[np.bool_]] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    events: list[dict[str, Any]] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    answered: list[tuple[pd.Timestamp, Answered]] = field(default_factory=list)
    undecided: set[str] = field(default_factory=set)
    """Models with a challenger of which it is not yet known whether it becomes champion."""
    drifted: dict[str, int | None] = field(default_factory=dict)
    """Model -> the version of which the last check said drift."""
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of what is done inside."""
        begun = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - begun

    def note(self, what: str, model: str = "", version: int | None = None, detail: str = "") -> None:
        """Remember that something happened now."""
        event = {"at": self.clock.moment, "what": what, "model": model, "version": version, "detail": detail}
        self.events.append(event)


@contextmanager
def workspace_in(home: Path, clock: Callable[[], datetime] | None = None) -> Iterator[Workspace]:
    """A workspace with its case log on SQLite and its own MLflow store in a folder, whatever the environment says."""
    settings = Settings(home=home, database_url="", mlflow_url="", actor="replay")
    with CaseLog.open(settings.case_log_url, clock=clock) as log:
        yield Workspace(log, Registry(settings.tracking_url, settings.model_cache), settings)


@contextmanager
def run(
    use_case: UseCase,
    history: History,
    *,
    start: pd.Timestamp,
    end: pd.Timestamp,
    schedule: Schedule,
    reviewers: Reviewers,
    home: Path,
    say: Callable[[str], None],
) -> Iterator[Run]:
    """The run after its end, while its workspace is open: cases before the start are history, the others come as then.

    At every moment only outcomes known by then are recorded, so nothing that comes later can be learned from.
    After the end the outcomes that became known later are recorded too: they are the truth that figures are held to.
    """
    clock = Clock(start)
    with workspace_in(home, clock) as place:
        going = Run(place, use_case, history, reviewers, clock, reviewers.truth(use_case, history))
        going.recorded = np.zeros(len(history.outcomes), dtype=bool)
        _begin(going, start)
        spare = 0.0
        moments = schedule.moments(start, end)
        for before, now in pairwise([Moment(start, retrain=True, monitor=False, drift=False), *moments[1:]]):
            clock.go_on_to(now.at)
            _work(going, history.between(before.at, now.at))
            _record(going, now.at)
            spare = _people(going, spare % 1.0 + reviewers.capacity_per_day * ((now.at - before.at) / _DAY))
            _supplied(going, now, schedule)
            if now.retrain or now.at == end:
                say(_line(going))
        _record(going, max(end, history.outcomes["known_at"].max()))
        yield going


def _begin(going: Run, start: pd.Timestamp) -> None:
    first = pd.Timestamp("1700-01-01", tz="UTC")
    with going.timed("intake"):
        taken = take_in(going.place, going.use_case, going.history.between(first, start), history=True)
        going.accepted |= set(taken["case_id"])
    _record(going, start)
    for spec in in_order(going.use_case):
        _retrain(going, spec)


def _work(going: Run, arrived: pd.DataFrame) -> None:
    """A business flow without Prefect: the same functions that its tasks call."""
    if arrived.empty:
        return
    with going.timed("intake"):
        cases = take_in(going.place, going.use_case, arrived)
        going.accepted |= set(cases["case_id"])
    with going.timed("predict and review"):
        for spec in going.use_case.models:
            cases = predict(going.place, going.use_case, spec, cases)
        review(going.place, going.use_case, cases)


def _record(going: Run, until: pd.Timestamp) -> None:
    """Record what is known of stored cases by a moment, and was not recorded before."""
    outcomes = going.history.outcomes
    with going.timed("outcomes"):
        due = ~going.recorded & (outcomes["known_at"] <= until).to_numpy()
        due[due] = outcomes["case_id"][due].isin(going.accepted).to_numpy()
        if due.any():
            going.clock.go_on_to(until)
            record_outcomes(going.place, going.use_case, outcomes[due])
        going.recorded |= due


def _people(going: Run, capacity: float) -> float:
    """Let the simulated people answer; the capacity that was there."""
    with going.timed("people"):
        done = answer_reviews(going.place, going.use_case, going.reviewers, going.truth, int(capacity))
        going.answered.append((going.clock.moment, done))
    return capacity


def _supplied(going: Run, now: Moment, schedule: Schedule) -> None:
    """The supplied flows that are due."""
    called = _drift(going, schedule) if now.drift else []
    if now.monitor:
        with going.timed("monitoring"):
            monitor(going.place, going.use_case)
        _certified(going)
        for spec in in_order(going.use_case):
            if spec.name in going.undecided:
                _promote(going, spec, None)
    due = in_order(going.use_case) if now.retrain else called
    for spec in due:
        _retrain(going, spec)


def _drift(going: Run, schedule: Schedule) -> list[ModelSpec]:
    """The models of which drift is news, and which are trained for it."""
    called = []
    with going.timed("drift checks"):
        checks = check_drift(going.place, going.use_case, render=False)
    for check in checks:
        going.note(f"drift check: {check.verdict}", check.model, check.version, check.reason)
        news = check.verdict == "drift" and going.drifted.get(check.model) != check.version
        going.drifted[check.model] = check.version if check.verdict == "drift" else None
        if news and schedule.retrain_on_drift:
            called.append(check.model)
    return [spec for spec in in_order(going.use_case) if spec.name in called]


def _retrain(going: Run, spec: ModelSpec) -> None:
    try:
        with going.timed("retraining"):
            made = retrain(going.place, going.use_case, spec, as_of=going.clock())
    except TrainingError as fault:
        going.note("not trained", spec.name, None, str(fault))
        return
    going.note("trained", spec.name, made.version, f"{made.rows} rows")
    _promote(going, spec, made.version)


def _promote(going: Run, spec: ModelSpec, version: int | None) -> None:
    """Promote what may be promoted; where an approval is missing, the simulated approver gives it."""
    with going.timed("promotion"):
        try:
            result = promote(going.place, going.use_case, spec, version=version)
            if result.version is not None and result.action == "waiting" and _needs_approval(going, spec, result):
                result = _approved(going, spec, result.version)
        except (ChampionChanged, NotApproved) as fault:
            going.note("not promoted", spec.name, version, str(fault))
            return
    going.undecided.discard(spec.name)
    if result.action not in _OVER:
        going.undecided.add(spec.name)
    if result.action != "nothing":
        going.note(result.action, spec.name, result.version, "; ".join(result.reasons))
    _certified(going)


def _needs_approval(going: Run, spec: ModelSpec, result: PromotionResult) -> bool:
    """Whether it waits for a person, not for labels."""
    waits_for_labels = any(reason.startswith(SHADOW) for reason in result.reasons)
    asked = spec.four_eyes or bool(approvals_asked_for(going.place, going.use_case, spec))
    return asked and not waits_for_labels


def _approved(going: Run, spec: ModelSpec, version: int) -> PromotionResult:
    approve(going.place, going.use_case, spec.name, version, approver=APPROVER, comment="in a replay")
    going.note("approved", spec.name, version, f"by the {APPROVER}")
    return promote(going.place, going.use_case, spec, version=version)


def _certified(going: Run) -> None:
    """Remember the certificate in force, where it is another one than before."""
    certificate = certificate_in_force(going.place, going.use_case)
    if certificate is None:
        return
    said = json.loads(certificate.to_json())
    if going.certificates and {k: v for k, v in going.certificates[-1].items() if k != "at"} == said:
        return
    going.certificates.append({"at": going.clock.moment} | said)
    going.note("certificate", certificate.model, certificate.version, certificate.reason)


def _line(going: Run) -> str:
    """How far it is, for people."""
    cases, answers = len(going.accepted), sum((each for _, each in going.answered), Answered())
    last = [event["what"] for event in going.events if event["at"] == going.clock.moment]
    spent = sum(going.seconds.values())
    return (
        f"{going.clock.moment.date()} {going.use_case.name}: {cases:,} cases, {answers.cases:,} answered by people, "
        f"{answers.readings:,} read beside; {', '.join(dict.fromkeys(last)) or 'nothing new'} [{spent:.0f} s]"
    )
