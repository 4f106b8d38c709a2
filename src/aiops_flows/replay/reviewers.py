"""Simulated reviewers: programs that stand in for people in a replay, and sign everything with what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from aiops_flows.case_log import questions, writes
from aiops_flows.errors import UseCaseError
from aiops_flows.replay.history import History
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["SIMULATED", "Answered", "Reviewers", "answer_reviews"]

SIMULATED = ("simulated reviewer A", "simulated reviewer B")
_REASON = "simulated answer"
_CHANNEL = "replay"


@dataclass(frozen=True)
class Reviewers:
    """Simulated people: how many cases they answer a day, how often they are wrong, and how long they take.

    Whether an answer is wrong depends on the seed and the case alone, so two policies meet the same people.
    """

    capacity_per_day: float = 50.0
    error: float = 0.0
    """Share of answers that are wrong. The audit lane knows no more than these people: with an error above 0 what it
    says is no longer comparable with the truth, which is worth seeing."""
    minutes_per_case: float = 10.0
    """On average; half of it to one and a half times."""
    seed: int = 0
    right: Callable[[pd.DataFrame], pd.Series[str]] | None = None
    """Frame of last outcomes by case id -> the right verdicts; by default the outcome that judges verdicts."""

    def __post_init__(self) -> None:
        if not (self.capacity_per_day >= 0 and 0 <= self.error < 1 and self.minutes_per_case > 0):
            raise UseCaseError(
                f"simulated reviewers with capacity_per_day={self.capacity_per_day}, error={self.error}, "
                f"minutes_per_case={self.minutes_per_case}: expected a capacity of 0 or more, an error from 0 to below "
                "1, and more than 0 minutes"
            )

    def truth(self, use_case: UseCase, history: History) -> pd.Series[str]:
        """Case id -> the verdict that turned out right; empty where outcomes do not tell verdicts."""
        if self.right is not None:
            told = {model.output: history.truth(model.output) for model in use_case.models}
            return self.right(pd.DataFrame(told)).dropna().astype(str)
        for output in dict.fromkeys([*use_case.judges, *(model.output for model in use_case.decisive)]):
            labels = history.truth(output)
            right = labels[labels.isin(list(use_case.review.verdicts))]
            if len(right):
                return right
        return pd.Series(dtype=object)

    def verdict(self, case_id: str, right: str, verdicts: Sequence[str], task: str = "") -> str:
        """The answer to one case: mostly what is right."""
        others = [verdict for verdict in verdicts if verdict != right]
        if not others or self.draw(case_id, f"wrong {task}") >= self.error:
            return right
        return others[int(self.draw(case_id, f"which {task}") * len(others))]

    def seconds(self, case_id: str, task: str = "") -> float:
        """How long the answer takes."""
        return 60.0 * self.minutes_per_case * (0.5 + self.draw(case_id, f"seconds {task}"))

    def draw(self, case_id: str, what: str) -> float:
        """A number from 0 to below 1, the same for the same case, purpose and seed."""
        digest = hashlib.sha256(f"{self.seed} {what} {case_id}".encode()).digest()
        return int.from_bytes(digest[:6]) / 2.0**48


@dataclass(frozen=True)
class Answered:
    """What simulated people did: answers to cases, readings beside a decision, and the seconds both took."""

    cases: int = 0
    readings: int = 0
    seconds: float = 0.0

    def __add__(self, other: Answered) -> Answered:
        return Answered(self.cases + other.cases, self.readings + other.readings, self.seconds + other.seconds)


def answer_reviews(
    place: Workspace, use_case: UseCase, reviewers: Reviewers, truth: pd.Series[str], most: int
) -> Answered:
    """Answer at most so many open reviews: readings first, as they are few and figures rest on them, then by urgency.

    An ordinary case whose truth is never known is answered by a draw from the known ones, since it takes time as well;
    a reading of such a case stays open, since any answer would be made up.

    Args:
        place: where the reviews are.
        use_case: the business process.
        reviewers: who answers.
        truth: case id -> the verdict that is right, where it is ever known.
        most: the capacity.
    """
    if most <= 0:
        return Answered()
    waiting = questions.open_reviews(place.log, use_case.name)
    lane = waiting["kind"].notna()
    done = _read(place, use_case, reviewers, truth, waiting[lane & waiting["case_id"].isin(truth.index)].head(most))
    ordinary = waiting[~lane].head(most - done.readings)
    return done + _decide(place, use_case, reviewers, truth, ordinary["case_id"].tolist())


def _decide(
    place: Workspace, use_case: UseCase, reviewers: Reviewers, truth: pd.Series[str], case_ids: Sequence[str]
) -> Answered:
    usual = truth.to_numpy()
    known = truth.to_dict() if len(case_ids) > 1 else truth.loc[truth.index.isin(case_ids)].to_dict()
    verdicts, seconds = list(use_case.review.verdicts), 0.0
    for case_id in case_ids:
        right = known.get(case_id)
        if right is None:
            drawn = int(reviewers.draw(case_id, "truth") * len(usual))
            right = str(usual[drawn]) if len(usual) else verdicts[0]
        took = reviewers.seconds(case_id)
        decide(
            place,
            use_case,
            case_id,
            verdict=reviewers.verdict(case_id, right, verdicts),
            reason=_REASON,
            actor=_one_of(reviewers, case_id),
            seconds=took,
            channel=_CHANNEL,
        )
        seconds += took
    return Answered(cases=len(case_ids), seconds=seconds)


def _read(
    place: Workspace, use_case: UseCase, reviewers: Reviewers, truth: pd.Series[str], lane: pd.DataFrame
) -> Answered:
    """Audit, second and known readings; a second one by the other person."""
    if lane.empty:
        return Answered()
    decided = questions.effective(place.log, use_case.name, case_ids=sorted(set(lane["case_id"])))
    by = dict(zip(decided["case_id"], decided["actor"], strict=True))
    seconds = 0.0
    for case_id, number, kind in zip(lane["case_id"], lane["round"], lane["kind"], strict=True):
        who = next((name for name in SIMULATED if name != by.get(case_id)), SIMULATED[1])
        took = reviewers.seconds(case_id, kind)
        verdict = reviewers.verdict(case_id, str(truth[case_id]), use_case.review.verdicts, kind)
        writes.read_case(
            place.log,
            use_case.name,
            case_id,
            round=int(number),
            verdict=verdict,
            reason=_REASON,
            actor=who,
            seconds=took,
            channel=_CHANNEL,
        )
        seconds += took
    return Answered(readings=len(lane), seconds=seconds)


def _one_of(reviewers: Reviewers, case_id: str) -> str:
    return SIMULATED[int(reviewers.draw(case_id, "who") * len(SIMULATED))]
