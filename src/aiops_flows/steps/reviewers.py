"""How persons answer, by person: for the operator, ordered by name and never by rank."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.case_log.names import person_key
from aiops_flows.evidence import exact_interval
from aiops_flows.steps.decided import reviewed_answers
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["FEW", "Reviewer", "Share", "reviewers"]

FEW = 30
"""Below so many cases a share says little, and is marked."""


@dataclass(frozen=True)
class Share:
    """A share of cases with its exact interval of 95 % (Clopper and Pearson 1934); None where there is no case."""

    cases: int
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, hits: pd.Series[Any]) -> Share:
        """The share of rows that are true."""
        if hits.empty:
            return cls(0, None, None, None)
        ends = exact_interval(int(hits.sum()), len(hits))
        return cls(len(hits), float(hits.mean()), ends.low, ends.high)

    def __str__(self) -> str:
        if self.value is None:
            return "none yet"
        few = "; few" if self.cases < FEW else ""
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f}) of {self.cases}{few}"


@dataclass(frozen=True)
class Reviewer:
    """One person's answers. Small numbers are marked; none of them is a mark for the person."""

    name: str
    answers: int
    """Questions answered: cases decided, and cases read in the lane."""
    median_seconds: float | None
    """Where the time was recorded."""
    second_readings: Share
    """Cases decided by the person and read blind by another: how often both said the same."""
    known_cases: Share
    """Seeded cases of known truth: how often the person said it."""
    followed_wrong: Share
    """Cases decided by the person where the model turned out wrong: how often the person said what it said."""

    def as_row(self) -> dict[str, Any]:
        """The figures as one row of a table for people."""
        return {
            "name": self.name,
            "answers": self.answers,
            "median_seconds": self.median_seconds,
            "same_as_second_reading": str(self.second_readings),
            "right_on_known_cases": str(self.known_cases),
            "followed_the_model_where_wrong": str(self.followed_wrong),
        }

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return asdict(self)


def reviewers(place: Workspace, use_case: UseCase, *, as_known: datetime | None = None) -> list[Reviewer]:
    """How each person answers, by name; as known at a moment (now). Nothing is written.

    Known cases, and cases where the model was wrong, count only where a verdict is right when it equals the outcome
    that judges it. Persons who had seen what the model said may have followed it; that is what the last share shows.
    """
    moment = as_known or place.now()
    decided = questions.answered(place.log, use_case.name, known_by=moment)
    read = questions.readings(place.log, use_case.name, known_by=moment)
    truth = _truth(place, use_case, moment)
    second = _second(decided, read)
    known = read[read["kind"] == "known"].merge(truth, on="case_id")
    followed = _where_wrong(reviewed_answers(place, use_case, moment), truth)
    everything = pd.concat([frame[["actor", "seconds"]] for frame in (decided, read) if len(frame)] or [decided])
    written = dict(zip(map(person_key, everything["actor"]), everything["actor"], strict=True))
    everything, second, known, followed = (_by_person(frame) for frame in (everything, second, known, followed))
    return [
        Reviewer(
            str(written[str(name)]),
            len(own),
            None if own["seconds"].isna().all() else float(own["seconds"].median()),
            Share.of(second.loc[second["actor"] == name, "same"]),
            Share.of(known.loc[known["actor"] == name, "verdict"] == known.loc[known["actor"] == name, "truth"]),
            Share.of(followed.loc[followed["actor"] == name, "followed"]),
        )
        for name, own in everything.groupby("actor")
    ]


def _by_person(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers with the key of each person's name as ``actor``: one person is one, however the name was typed."""
    return answers.assign(actor=answers["actor"].map(person_key))


def _truth(place: Workspace, use_case: UseCase, known_by: datetime) -> pd.DataFrame:
    """``case_id`` and the right verdict as ``truth``; no row where verdicts are not judged by being equal to it."""
    output, loss = next(iter(use_case.judges.items()))
    found = questions.outcomes(place.log, use_case.name, name=output, known_by=known_by)
    found = found if loss is None else found.iloc[:0]
    return pd.DataFrame({"case_id": found["case_id"], "truth": found["value"].astype(str)})


def _second(decided: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """``actor`` (who decided) and ``same`` for each decision that another person read blind."""
    second = read[(read["kind"] == "second") & read["blind"].astype(bool)]
    second = second.assign(revision=second["question"].astype("int64"))[["case_id", "revision", "verdict"]]
    both = decided.merge(second, on=["case_id", "revision"], suffixes=("", "_second"))
    return both.assign(same=both["verdict"] == both["verdict_second"])[["actor", "same"]]


def _where_wrong(answers: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """``actor`` and ``followed`` for each answer to a case of which the model was wrong."""
    both = answers.merge(truth, on="case_id")
    both = both[both["value"] != both["truth"]]
    return both.assign(followed=~both["overridden"].astype(bool))[["actor", "followed"]]
