"""The standing watch on live champions: error, overrides and calibration against what was certified."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import alarms, promotions, versions
from aiops_flows.case_log.alarms import AlarmKind
from aiops_flows.case_log.promotions import Champion
from aiops_flows.errors import RegistryError
from aiops_flows.evidence import upper_bound
from aiops_flows.evidence.standing import Watch, watch_mean
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.decided import Known, known, of_worked_off_days
from aiops_flows.steps.ripe_outcomes import BASIS, rests_on_outcomes, ripe_labels
from aiops_flows.steps.rows import rows_of_version
from aiops_flows.steps.segments import stored_segments
from aiops_flows.steps.unlearned import predict_unlearned
from aiops_flows.steps.verdicts import segment_texts, segmenting_model, segments_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["FALSE_ALARMS", "TOLERANCE", "Watched", "watch_champion"]

FALSE_ALARMS: dict[AlarmKind, float] = {"error": 0.05, "overrides": 0.025, "calibration": 0.025}
"""Probability of an alarm over the whole life of a champion that keeps what was certified, for each watch; over that of
a policy for the watch on all champions."""
TOLERANCE = 0.05
"""How much more often than certified a model may be overridden or wrong before that is called a change."""
_FEWEST_CERTIFIED = 30


@dataclass(frozen=True)
class Watched:
    """One figure of a live champion, watched from the first label on."""

    kind: AlarmKind
    model: str
    version: int | None
    """None: of all champions that decided under the present policy."""
    limit: float | None
    watch: Watch | None
    note: str = ""
    """Why it is not watched, where it is not; else what the figure rests on, where that is not the audit lane."""

    @property
    def name(self) -> str:
        """What is watched, for people."""
        return self.kind if self.version is not None else f"{self.kind} of all champions"

    @property
    def verdict(self) -> str:
        """``quiet``, ``burst``, ``sustained``, ``too few`` or ``not watched``."""
        return self.watch.verdict if self.watch else "not watched"

    @property
    def reason(self) -> str:
        """The figures in words."""
        return "; ".join(filter(None, [self.watch.reason if self.watch else "", self.note]))

    def as_row(self) -> dict[str, Any]:
        """The figures as one row: numbers and text only."""
        found = asdict(self.watch) if self.watch else {}
        shown = ("labels", "value", "low", "high", "evidence", "first_alarm")
        about = {"model": self.model, "version": self.version, "watch": self.kind, "limit": self.limit}
        return about | {name: found.get(name) for name in shown} | {"verdict": self.verdict, "reason": self.reason}


@dataclass(frozen=True)
class _Certified:
    """What the rows that the champion was certified on let expect of it; None where they tell nothing."""

    cuts: dict[str, float | None]
    """By segment (empty: any), answers less sure than this go to people; None: all of them do."""
    overrides: float | None
    """What the share of wrong answers below the cut stays below, 95 %."""
    gap_below: float | None
    """What (wrong - (1 - confidence)) stays below on average, 95 %; below the cut, and from it on."""
    gap_above: float | None

    def unsure(self, confidence: Any, segments: Any) -> np.ndarray[Any, Any]:
        """Whether each answer goes to people, as it is less sure than was certified for its segment."""
        cuts = [self.cuts.get(name) for name in segments]
        limits = np.array([np.inf if cut is None else cut for cut in cuts], dtype=float)
        return ~(np.asarray(confidence, dtype=float) >= limits)


def watch_champion(
    place: Workspace, use_case: UseCase, *, known_by: datetime | None = None, found: Known | None = None
) -> list[Watched]:
    """The watches on the champion of the model that judges verdicts; empty where there is none. Nothing is written.

    *Error of all champions*: as the next, of the automatic decisions under the present policy of all champions that
    were not caught alone, once there are two: what each may get wrong adds up, however often they change.

    *Error*: the mean loss of automatic decisions that rest on it, from the audit lane, each reading weighted by its
    recorded probability, against the policy's ``max_error``. Where the policy has none of them read, it is that of the
    outcomes of all of them, as `ripe_outcomes.ripe_labels` counts these. *Overrides*: how often persons decide
    otherwise than the model says where it was not sure enough, against the share of such answers that were wrong among
    the certifying rows and `TOLERANCE`. *Calibration*: how much more often it is wrong than its confidence says,
    against what it was there and `TOLERANCE`. Persons' answers count once the reviews opened on the same day are
    answered but for a tenth, as the most urgent, which come first, are not typical. All are looked at in the order in
    which truths became known; an alarm that a person has cleared begins the watch anew. ``found`` is what was read of
    that moment already.
    """
    moment = found.by if found else known_by or place.now()
    spec = use_case.model(use_case.judged_by)
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return []
    read = found or known(place, use_case, moment)
    every = read.decided
    if not rests_on_outcomes(use_case):
        every = every[every["known_at"].notna()]
    decided = every[every["version"] == champion.version]
    answers = read.answered
    answers = answers[answers["version"] == champion.version]
    answers = of_worked_off_days(place, use_case, answers, moment)
    watch = _Watching(place, use_case, spec, champion, moment)
    certified = _certified(place, use_case, spec, champion)
    return [
        watch.error(decided),
        watch.overrides(answers, certified),
        watch.calibration(decided[decided["known_at"].notna()], answers, certified),
        *watch.error_of_all(every),
    ]


@dataclass(frozen=True)
class _Watching:
    place: Workspace
    use_case: UseCase
    spec: ModelSpec
    champion: Champion
    known_by: datetime
    of_all: bool = False
    """Watch what all champions decided, not this one's part."""

    @property
    def version(self) -> int | None:
        return None if self.of_all else self.champion.version

    def error(self, decided: pd.DataFrame) -> Watched:
        """The error of automatic decisions under the present policy: audited, or by outcomes where nothing is."""
        mine = decided[decided["policy_version"] == self.use_case.review.version]
        if rests_on_outcomes(self.use_case):
            return self._error_by_outcomes(mine)
        mine = self._in_order("error", mine[mine["audit_probability"].astype(float) > 0])
        return self._watched(
            "error",
            self.use_case.review.error_limit(),
            mine["loss"],
            mine["received_at"],
            weights=1 / mine["audit_probability"].astype(float),
        )

    def _error_by_outcomes(self, mine: pd.DataFrame) -> Watched:
        labels = self._in_order("error", ripe_labels(self.use_case, mine))
        if labels.empty:
            return self._not("error", f"{BASIS}: {int(mine['outcome_loss'].notna().sum())} of {len(mine)} are known")
        counted = "" if len(labels) == labels["cases"].sum() else f"; {int(labels['cases'].sum())} cases"
        one = "" if not counted else f" received at {len(labels)} moments, each of which is one label"
        found = self._watched("error", self.use_case.review.error_limit(), labels["loss"], labels["received_at"])
        return replace(found, note=f"{BASIS}{counted}{one}")

    def error_of_all(self, decided: pd.DataFrame) -> list[Watched]:
        """The error of champions that were not caught alone; nothing while only one of them has decided."""
        mine = decided[decided["policy_version"] == self.use_case.review.version]
        mine = mine[~mine["version"].isin(self._caught())]
        if mine["version"].nunique() < 2:
            return []
        return [replace(self, of_all=True).error(mine)]

    def _caught(self) -> set[int]:
        """The versions whose error sent cases to people, or had them rolled back: what they did is dealt with."""
        history = alarms.history(self.place.log, self.use_case.name)
        dealt_with = history["action"].isin(["to people", "rolled back"]) & (history["kind"] == "error")
        about = history[dealt_with & (history["model"] == self.spec.name) & (history["state"] == "raised")]
        return {int(version) for version in about["version"].dropna()}

    def overrides(self, answers: pd.DataFrame, certified: _Certified | str) -> Watched:
        """How often persons decide otherwise than the model says, where it is less sure than certified."""
        if isinstance(certified, str) or certified.overrides is None:
            return self._not("overrides", _why_unknown(certified))
        if certified.overrides + TOLERANCE >= 1:
            return self._not("overrides", "the certifying rows would let persons override every answer")
        unsure = answers[certified.unsure(answers["confidence"], self._segments(answers))]
        mine = self._in_order("overrides", unsure.assign(known_at=unsure["at"]))
        limit = certified.overrides + TOLERANCE  # persons err as well
        return self._watched("overrides", limit, mine["overridden"].astype(float), mine["opened_at"])

    def calibration(self, decided: pd.DataFrame, answers: pd.DataFrame, certified: _Certified | str) -> Watched:
        """How much more often the model is wrong than it says, beyond what it was when it was certified."""
        judged_otherwise = next(iter(self.use_case.judges.values())) is not None or len(self.use_case.judges) > 1
        if judged_otherwise:
            return self._not("calibration", "verdicts are not judged by this model's answer alone")
        if isinstance(certified, str) or certified.gap_below is None:
            return self._not("calibration", _why_unknown(certified))
        asked = answers.assign(loss=answers["overridden"].astype(float), known_at=answers["at"])
        asked = asked.rename(columns={"opened_at": "received_at"})
        decided = decided[decided["verdict"] == decided["value"]]  # else the verdict's loss is not the model's
        columns = ["case_id", "value", "confidence", "loss", "known_at", "received_at"]
        mine = self._in_order("calibration", pd.concat([part[columns] for part in (decided, asked)]))
        sure = mine["confidence"].to_numpy(float)
        above = ~certified.unsure(sure, self._segments(mine))
        expected = np.where(above, certified.gap_above or 0.0, certified.gap_below)
        gap = np.clip(mine["loss"].to_numpy(float) - (1 - sure) - expected, -1, 1)
        return self._watched("calibration", TOLERANCE, gap, mine["received_at"], low=-1.0)

    def _segments(self, answers: pd.DataFrame) -> Any:
        """The segment of each answer, as far as the watch tells them apart; else it is empty."""
        if not _apart(self.use_case, self.spec):
            return np.full(len(answers), "", dtype=object)
        if segmenting_model(self.use_case) is not None:
            return segment_texts(answers["value"])
        return stored_segments(self.place, self.use_case, answers["case_id"].tolist()).to_numpy()

    def _in_order(self, kind: AlarmKind, labels: pd.DataFrame) -> pd.DataFrame:
        """The labels since a person last cleared such an alarm, in the order in which they became known."""
        history = alarms.history(self.place.log, self.use_case.name)
        same = history["version"].isna() if self.of_all else (history["version"] == self.version).fillna(value=False)
        about = (history["model"] == self.spec.name) & same
        cleared = history[about & (history["kind"] == kind) & (history["state"] == "cleared")]
        if len(cleared):
            labels = labels[labels["known_at"] > cleared["at"].max()]
        return labels.sort_values(["known_at", "case_id"], ignore_index=True)

    def _watched(
        self,
        kind: AlarmKind,
        limit: float,
        losses: Any,
        days_of: pd.Series[Any],
        *,
        weights: Any = None,
        low: float = 0.0,
    ) -> Watched:
        days = pd.to_datetime(days_of, utc=True).dt.strftime("%Y-%m-%d").to_numpy(dtype=object)
        found = watch_mean(
            np.asarray(losses, dtype=float),
            limit=limit,
            alpha=FALSE_ALARMS[kind],
            periods=days,
            weights=None if weights is None else np.asarray(weights, dtype=float),
            low=low,
        )
        return Watched(kind, self.spec.name, self.version, limit, found)

    def _not(self, kind: AlarmKind, note: str) -> Watched:
        return Watched(kind, self.spec.name, self.version, None, None, note)


def _why_unknown(certified: _Certified | str) -> str:
    return certified if isinstance(certified, str) else "the certifying rows are too few to say what is to be expected"


def _certified(place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion) -> _Certified | str:
    """What the certifying rows let expect, or why that is unknown."""
    if next(iter(use_case.judges.values())) is not None or spec.kind == "regressor":
        return "verdicts are judged by a loss, so there is no share of wrong answers to expect"
    record = versions.get(place.log, use_case.name, spec.name, champion.version)
    if not record.certificate:
        return "the champion has no certificate"
    certificate = Certificate.from_json(record.certificate)
    by_segment = _apart(use_case, spec)
    cuts = {name: each.threshold for name, each in certificate.segments.items()}
    cuts = cuts if by_segment else {"": certificate.threshold}
    rows = rows_of_version(place, use_case, spec, record.learned, "certify")
    try:
        estimator = place.load(spec, champion.version, champion.digest)
        frame = predict_unlearned(place, use_case, spec, champion.version, estimator, rows.cases)
    except RegistryError as fault:
        return f"the champion could not be loaded: {type(fault).__name__}"
    said = frame[spec.output].notna().to_numpy()
    sure = frame[f"{spec.output}_confidence"].to_numpy(float)[said]
    wrong = (frame[spec.output].astype(str).to_numpy() != rows.truth.astype(str))[said].astype(float)
    segments = segments_of(use_case, frame)[said] if by_segment else np.full(len(sure), "", dtype=object)
    below = _Certified(cuts, None, None, None).unsure(sure, segments)
    enough = below.sum() >= _FEWEST_CERTIFIED
    return _Certified(
        cuts,
        upper_bound(int(wrong[below].sum()), int(below.sum())) if enough else None,
        _gap(wrong[below], sure[below]) if enough else None,
        _gap(wrong[~below], sure[~below]),
    )


def _apart(use_case: UseCase, spec: ModelSpec) -> bool:
    """Whether each segment has a threshold that the watch can know: of a column, or of this model's own answer."""
    model = segmenting_model(use_case)
    return use_case.review.segments is not None and (model is None or model.name == spec.name)


def _gap(wrong: np.ndarray[Any, Any], sure: np.ndarray[Any, Any]) -> float:
    """What the mean of (wrong - (1 - confidence)) stays below, 95 %, by the normal approximation; at least 0."""
    if len(wrong) < _FEWEST_CERTIFIED:
        return 0.0
    gap = wrong - (1 - sure)
    return max(0.0, float(gap.mean() + 1.645 * gap.std(ddof=1) / np.sqrt(len(gap))))
