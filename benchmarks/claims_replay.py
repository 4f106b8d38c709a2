"""The published claims sent through the library once more, in order of receipt, as they would have been at the time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows import Settings
from aiops_flows.case_log import CaseLog
from aiops_flows.registry import Registry
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.drifting import DriftCheck, check_drift
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import in_order, retrain
from aiops_flows.steps.workspace import Workspace
from flows.claims import CLAIMS
from flows.published_claims import published_outcomes

__all__ = ["PUBLISHED", "Replay", "Retraining", "Stream", "find_published", "replay", "utc", "workspace_in"]

PUBLISHED = Path("tsa_claims", "tsa_2010_2013.csv.gz")


def find_published() -> Path | None:
    """The file of published claims below ``AIOPS_SHARED_DATA``, or beside this repository; None where it is neither."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("AIOPS_SHARED_DATA", beside))
    return folder / PUBLISHED if (folder / PUBLISHED).is_file() else None


def utc(day: str) -> pd.Timestamp:
    """The beginning of a day."""
    return pd.Timestamp(day, tz="UTC")


@contextmanager
def workspace_in(home: Path) -> Iterator[Workspace]:
    """A workspace with its case log on SQLite and its own MLflow store in a folder, whatever the environment says."""
    settings = Settings(home=home, database_url="", mlflow_url="", actor="replay")
    with CaseLog.open(settings.case_log_url) as log:
        yield Workspace(log, Registry(settings.tracking_url, settings.model_cache), settings)


@dataclass(frozen=True)
class Stream:
    """Published claims in order of receipt, and what became of them in order of becoming known."""

    claims: pd.DataFrame
    received: pd.Series[pd.Timestamp]
    outcomes: pd.DataFrame

    @classmethod
    def read(cls, file: Path) -> Stream:
        """The stream of a published file; a row without a readable day of receipt comes first."""
        published = pd.read_csv(file, dtype=str, keep_default_na=False)
        received = pd.to_datetime(published["Date Received"], utc=True, errors="coerce")
        received = received.fillna(received.min())
        order = received.sort_values(kind="stable").index
        return cls(published.loc[order], received[order], published_outcomes(published))

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """The claims received from one moment up to before another."""
        return self.claims[(self.received >= first) & (self.received < last)]


@dataclass(frozen=True)
class Retraining:
    """One challenger: when and from how much it learned, what became of it, and what it was allowed to decide."""

    at: pd.Timestamp
    model: str
    version: int
    rows: int
    action: str
    reasons: list[str]
    seconds: float
    gates: list[dict[str, float | str | bool | None]]


@dataclass
class Replay:
    """What happened besides what the case log itself tells."""

    accepted: set[str] = field(default_factory=set)
    """Ids of the claims that are stored."""
    outcomes: int = 0
    retrainings: list[Retraining] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    drift: list[tuple[pd.Timestamp, list[DriftCheck]]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Add the time of what is done inside."""
        begun = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - begun


def replay(
    place: Workspace,
    stream: Stream,
    *,
    history_from: pd.Timestamp,
    start: pd.Timestamp,
    end: pd.Timestamp,
    every: timedelta | None,
    models: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Claims before ``start`` are history; from then on they are decided in order of receipt, with retraining.

    At every moment only outcomes known by then are recorded, so nothing that comes later can be learned from.

    Args:
        place: an empty workspace.
        stream: claims and outcomes.
        history_from: where the history begins.
        start: the day of the first training.
        end: the day before which the last claim is received.
        every: how often challengers are trained after the first ones; None: never again.
        models: outputs of the models that are trained again; default all.
        say: told what happens, a line at a time.
    """
    done = Replay()
    with done.timed("intake"):
        done.accepted |= set(take_in(place, CLAIMS, stream.between(history_from, start), history=True)["case_id"])
    moments = _moments(start, end, every)
    known_before = utc("1970-01-01")
    for (moment, due, month_begins), (following, _, _) in pairwise(moments):
        _record(place, stream, done, known_before, moment)
        known_before = moment
        if due:
            say(_retrain(place, done, moment, models if done.retrainings else ()))
        if month_begins:
            with done.timed("drift checks"):
                done.drift.append((moment, check_drift(place, CLAIMS, as_of=moment.to_pydatetime(), render=False)))
        _run(place, stream.between(moment, following), done)
    _record(place, stream, done, known_before, stream.outcomes["known_at"].max())
    return done


def _moments(start: pd.Timestamp, end: pd.Timestamp, every: timedelta | None) -> list[tuple[pd.Timestamp, bool, bool]]:
    """Each moment at which something is due, whether it is a training, and whether a month begins."""
    trainings = {start} if every is None else set(pd.date_range(start, end, freq=every, inclusive="left"))
    months = set(pd.date_range(start, end, freq="MS", inclusive="left"))
    return [(moment, moment in trainings, moment in months) for moment in sorted(trainings | months | {end})]


def _record(place: Workspace, stream: Stream, done: Replay, after: pd.Timestamp, until: pd.Timestamp) -> None:
    """Record what became known of stored claims: after one moment, up to and including another."""
    with done.timed("outcomes"):
        known = stream.outcomes
        known = known[(known["known_at"] > after) & (known["known_at"] <= until)]
        told = known[known["case_id"].isin(done.accepted)]
        done.outcomes += record_outcomes(place, CLAIMS, told).new if len(told) else 0


def _retrain(place: Workspace, done: Replay, moment: pd.Timestamp, models: Sequence[str]) -> str:
    """Train and promote the models in the order of the supplied flow; a line about it."""
    made = [
        _train_one(place, done, moment, spec.name) for spec in in_order(CLAIMS) if not models or spec.output in models
    ]
    certificate = certificate_in_force(place, CLAIMS)
    if certificate is not None:
        done.certificates.append({"at": moment.date().isoformat()} | json.loads(certificate.to_json()))
    done.retrainings += made
    seconds = sum(each.seconds for each in made)
    return f"{moment.date()}: " + ", ".join(f"{e.model} {e.version} {e.action}" for e in made) + f" [{seconds:.1f} s]"


def _train_one(place: Workspace, done: Replay, moment: pd.Timestamp, model: str) -> Retraining:
    begun = time.perf_counter()
    with done.timed("retraining"):
        challenger = retrain(place, CLAIMS, model, as_of=moment.to_pydatetime())
    with done.timed("promotion"):
        result = promote(place, CLAIMS, model, version=challenger.version)
    gates = [_gate(each.__dict__) for each in challenger.results]
    return Retraining(
        at=moment,
        model=model,
        version=challenger.version,
        rows=challenger.rows,
        action=result.action,
        reasons=result.reasons,
        seconds=time.perf_counter() - begun,
        gates=gates,
    )


def _gate(result: dict[str, float | str | bool | None]) -> dict[str, float | str | bool | None]:
    difference = ("champion_difference_low", "champion_difference_high")
    return {
        name: result[name] for name in ("gate", "passed", "value", "low", "high", "champion", "baseline", *difference)
    }


def _run(place: Workspace, arrived: pd.DataFrame, done: Replay) -> None:
    """The claims flow without Prefect: the same functions that its tasks call."""
    if arrived.empty:
        return
    with done.timed("intake"):
        cases = take_in(place, CLAIMS, arrived)
        done.accepted |= set(cases["case_id"])
    with done.timed("predict and review"):
        for spec in CLAIMS.models:
            cases = predict(place, CLAIMS, spec, cases)
        review(place, CLAIMS, cases)
