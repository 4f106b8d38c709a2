"""The audit lane: cases that a person reads although they are decided, so that quality is known without guessing.

Three kinds of reading, all chosen by a hash of case id and salt, so that anybody can check the choice afterwards:
an *audit* of what policy decided, a *second* reading of what a person decided, and a case whose truth is *known*.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import questions, writes
from aiops_flows.case_log.alarms import Alarm
from aiops_flows.case_log.writes import LaneKind, Reviews
from aiops_flows.evidence.auditing import audit_probabilities, selected
from aiops_flows.steps.segments import stored_segments
from aiops_flows.steps.verdicts import segments_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["ASKED", "Draw", "audits", "draw", "open_second_readings", "seed_known_cases"]

ASKED = "a person is asked to look at this case"
"""Why a blind review is open; it says nothing of the verdict or the models."""
_AUDITED = "audit: a share of what policy decides is read by a person as well"
_BETWEEN = "\x1f"


@dataclass(frozen=True)
class Draw:
    """Which of the cases a person reads as well, one entry a case."""

    probabilities: list[float | None]
    """With which it is read; None where nothing is audited, or policy did not decide."""
    chosen: list[bool]


def draw(
    place: Workspace, use_case: UseCase, cases: pd.DataFrame, verdicts: Sequence[str | None], alarms: Sequence[Alarm]
) -> Draw:
    """Which of the cases with a verdict by policy a person reads as well, and how likely that was for each.

    The strata are verdict and segment. Each case's probability is the policy's ``audit``, raised so far that
    ``audit_floor`` readings of its stratum are expected while a certificate is valid, and multiplied by
    ``audit_on_drift`` while an alarm asks to audit more of its model (or segment); at most 1.
    """
    policy = use_case.review
    decided = np.array([verdict is not None for verdict in verdicts], dtype=bool)
    probabilities, chosen = np.full(len(verdicts), None, dtype=object), np.zeros(len(verdicts), dtype=bool)
    if decided.any() and (policy.audit > 0 or policy.audit_floor > 0):
        places = np.flatnonzero(decided)
        segments = segments_of(use_case, cases)[places]
        said = [str(verdicts[at]) for at in places.tolist()]
        chances = _probabilities(place, use_case, said, segments)
        chances = np.minimum(1.0, chances * _raised(use_case, cases.iloc[places], segments, alarms))
        ids = cases["case_id"].to_numpy(dtype=object)[places].tolist()
        probabilities[places] = chances
        chosen[places] = selected(ids, chances, policy.salt)
    return Draw(probabilities.tolist(), chosen.tolist())


def _probabilities(
    place: Workspace, use_case: UseCase, verdicts: list[str], segments: NDArray[np.object_]
) -> NDArray[np.float64]:
    """The probability of each automatic case before alarms."""
    policy = use_case.review
    if not policy.audit_floor:
        return np.full(len(verdicts), policy.audit)
    strata = _strata(verdicts, segments.tolist())
    recent = _recent(place, use_case)
    return audit_probabilities(strata, share=policy.audit, floor=policy.audit_floor, recent=recent)


def _strata(verdicts: Sequence[str], segments: Sequence[str]) -> list[str]:
    return [f"{verdict}{_BETWEEN}{segment}" for verdict, segment in zip(verdicts, segments, strict=True)]


def _recent(place: Workspace, use_case: UseCase) -> dict[str, int]:
    """How many cases of each stratum policy decided within the time for which a certificate is valid."""
    since = place.now() - use_case.review.valid_for
    judge = use_case.model(use_case.judged_by).name
    decided = questions.automatic(place.log, use_case.name, model=judge, decided_from=since)
    segments = stored_segments(place, use_case, decided["case_id"].tolist())
    return Counter(_strata(decided["verdict"].tolist(), segments.tolist()))


def _raised(
    use_case: UseCase, decided: pd.DataFrame, segments: NDArray[np.object_], alarms: Sequence[Alarm]
) -> NDArray[np.float64]:
    """By how much the probability of each decided case is multiplied; an alarm is about the answers of one version."""
    factors = np.ones(len(segments))
    outputs = {spec.name: spec.output for spec in use_case.models}
    for alarm in alarms:
        if alarm.action == "audit more" and alarm.model in outputs:
            there = np.ones(len(segments), dtype=bool)
            if alarm.version is not None:
                answered = decided[f"{outputs[alarm.model]}_version"] == alarm.version
                there = answered.fillna(value=False).to_numpy(dtype=bool)
            if alarm.segment is not None and use_case.review.segments is not None:
                there &= segments == alarm.segment
            factors[there] = use_case.review.audit_on_drift
    return factors


def audits(use_case: UseCase, ids: Sequence[str], positions: Sequence[int], priority: float, due: str) -> Reviews:
    """The audit reviews of the cases at these positions; all have one priority, as theirs would tell of the models."""
    blind = use_case.review.blind
    return Reviews(
        case_ids=[ids[position] for position in positions],
        reasons=[ASKED if blind else _AUDITED] * len(positions),
        priorities=[priority] * len(positions),
        due_at=[due] * len(positions),
        blind=[blind] * len(positions),
    )


def open_second_readings(place: Workspace, use_case: UseCase, as_of: datetime | None = None) -> int:
    """How many of people's answers were put to another person now, blind; run again, it opens no more.

    Of the answers to ordinary reviews given within ``valid_for`` before ``as_of`` (now), the share
    ``second_readings`` is chosen by hash.
    """
    share, moment = use_case.review.second_readings, as_of or place.now()
    if not share:
        return 0
    ids = _answered(place, use_case, moment)
    chosen = selected(ids, np.full(len(ids), share), f"{use_case.review.salt} second")
    return _open(place, use_case, [case_id for case_id, drawn in zip(ids, chosen, strict=True) if drawn], "second")


def seed_known_cases(place: Workspace, use_case: UseCase, as_of: datetime | None = None) -> int:
    """How many cases whose truth is known were put to people now, blind; run again, it opens no more.

    As many as the share ``known_cases`` of people's answers within ``valid_for`` before ``as_of`` (now), chosen by
    hash; of the cases that policy decided in that time and whose truth is one of the verdicts. A policy whose verdicts
    are judged by a loss has none: there the truth is no verdict.
    """
    policy, moment = use_case.review, as_of or place.now()
    if not policy.known_cases or next(iter(use_case.judges.values())) is not None:
        return 0
    answers = _answered(place, use_case, moment)
    wanted = int(selected(answers, np.full(len(answers), policy.known_cases), f"{policy.salt} known").sum())
    missing = wanted - _seeded(place, use_case, moment)
    if missing <= 0:
        return 0
    had = set(questions.readings(place.log, use_case.name, kinds=["known"])["case_id"]) | _open_known(place, use_case)
    candidates = [case_id for case_id in _with_known_truth(place, use_case, moment) if case_id not in had]
    ordered = sorted(candidates, key=lambda case_id: hashlib.sha256(f"{policy.salt} seed\n{case_id}".encode()).digest())
    return _open(place, use_case, ordered[:missing], "known")


def _answered(place: Workspace, use_case: UseCase, moment: datetime) -> list[str]:
    """The cases that people answered lately, each once."""
    given = questions.answered(place.log, use_case.name, known_by=moment)
    lately = given[given["at"] >= moment - use_case.review.valid_for]
    return list(dict.fromkeys(lately["case_id"].tolist()))


def _seeded(place: Workspace, use_case: UseCase, moment: datetime) -> int:
    """How many known cases were put to people lately."""
    since = moment - use_case.review.valid_for
    read = questions.readings(place.log, use_case.name, kinds=["known"])
    waiting = questions.open_reviews(place.log, use_case.name, lane=True)
    waiting = waiting[waiting["kind"] == "known"]
    return int((read["opened_at"] >= since).sum() + (waiting["opened_at"] >= since).sum())


def _open_known(place: Workspace, use_case: UseCase) -> set[str]:
    waiting = questions.open_reviews(place.log, use_case.name, lane=True)
    return set(waiting.loc[waiting["kind"] == "known", "case_id"])


def _with_known_truth(place: Workspace, use_case: UseCase, moment: datetime) -> list[str]:
    """The cases that policy decided lately and whose truth is known to be one of the verdicts."""
    since = moment - use_case.review.valid_for
    decided = questions.effective(place.log, use_case.name, decided_from=since, known_by=moment)
    ids = decided.loc[decided["actor_kind"] == "policy", "case_id"].tolist()
    told = questions.outcomes(place.log, use_case.name, name=use_case.judged_by, known_by=moment, case_ids=ids)
    return [str(case_id) for case_id in told.loc[told["value"].isin(list(use_case.review.verdicts)), "case_id"]]


def _open(place: Workspace, use_case: UseCase, ids: list[str], kind: LaneKind) -> int:
    if not ids:
        return 0
    waiting = questions.open_reviews(place.log, use_case.name, lane=False)["priority"].tolist()
    reviews = Reviews(
        case_ids=ids,
        reasons=[ASKED] * len(ids),
        priorities=[median(waiting) if waiting else 0.0] * len(ids),
        due_at=[place.now() + use_case.review.due] * len(ids),
        blind=[True] * len(ids),
    )
    return writes.open_lane(place.log, use_case.name, reviews, kind=kind)
