"""What is known of the cases that were decided without a person, and of those that persons answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic_core import from_json

from aiops_flows.case_log import questions
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.terms import missing_predictions
from aiops_flows.steps.verdicts import needs_cases, verdict_loss
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "MATURE_SHARE",
    "Known",
    "automatic_decisions",
    "known",
    "live_answers",
    "mature_part",
    "of_worked_off_days",
    "readings_pending",
    "reviewed_answers",
    "stored_answers",
]

MATURE_SHARE = 0.90
"""Share of cases whose outcome must be known before their outcomes are taken as typical; of reviews likewise."""


@dataclass(frozen=True)
class Known:
    """What is known by a moment, read once for all who look at it."""

    by: datetime
    decided: pd.DataFrame
    """As `automatic_decisions` gives it."""
    answered: pd.DataFrame
    """As `reviewed_answers` gives it."""


def known(place: Workspace, use_case: UseCase, by: datetime) -> Known:
    """What is known by a moment of automatic decisions and of persons' answers."""
    return Known(by, automatic_decisions(place, use_case, by), reviewed_answers(place, use_case, by))


def automatic_decisions(place: Workspace, use_case: UseCase, known_by: datetime) -> pd.DataFrame:
    """The cases that policy decided first, with what was known by a moment of how wrong it was.

    Returns:
        Columns ``case_id``, ``received_at``, ``at``, ``verdict``, ``policy_version``, ``audit_probability``,
        ``terms``, ``version``, ``value`` and ``confidence`` (of the judging model's prediction that it rests on),
        ``outcome_loss`` (0 to 1; NaN until every judged outcome is known), ``outcome_at``, ``reading_loss`` (NaN
        until it was read in the audit lane), ``reading_at``, and of cases that were read ``loss`` (by the outcome
        where it is known, else by the reading) and ``known_at`` (when its truth was first known).
    """
    lead = use_case.model(use_case.judged_by)
    found = questions.automatic(place.log, use_case.name, model=lead.name, known_by=known_by)
    found = found.merge(_outcome_losses(place, use_case, found, known_by), on="case_id", how="left")
    found = found.merge(_reading_losses(place, use_case, found, known_by), on="case_id", how="left")
    read = found["reading_loss"].notna()
    loss = found["outcome_loss"].fillna(found["reading_loss"]).where(read)
    first = found[["reading_at", "outcome_at"]].min(axis=1).where(read)
    return found.assign(loss=loss, known_at=pd.to_datetime(first, utc=True))


def _outcome_losses(place: Workspace, use_case: UseCase, decided: pd.DataFrame, known_by: datetime) -> pd.DataFrame:
    """``outcome_loss`` and ``outcome_at`` (of the last) of the cases whose judged outcomes are all known."""
    judged = decided[["case_id", "verdict"]]
    for output in use_case.judges:
        truth = questions.outcomes(place.log, use_case.name, name=output, known_by=known_by)
        named = {"value": f"true {output}", "known_at": f"at {output}"}
        judged = judged.merge(truth[["case_id", "value", "known_at"]].rename(columns=named), on="case_id")
    predicted = {output: _said(place, use_case, output, decided, judged, known_by) for output in use_case.judges}
    truths = {output: judged[f"true {output}"].to_numpy() for output in use_case.judges}
    acted_on = (
        _acted_on(place, use_case, judged[["case_id"]].merge(decided), known_by) if needs_cases(use_case) else None
    )
    last = judged[[f"at {output}" for output in use_case.judges]].max(axis=1)
    return pd.DataFrame(
        {
            "case_id": judged["case_id"],
            "outcome_loss": verdict_loss(use_case, judged["verdict"].to_numpy(), predicted, truths, acted_on),
            "outcome_at": pd.to_datetime(last, utc=True),
        }
    )


def _said(
    place: Workspace, use_case: UseCase, output: str, decided: pd.DataFrame, judged: pd.DataFrame, known_by: datetime
) -> np.ndarray[Any, Any]:
    """What the model of an output said of the judged cases when they were decided."""
    if output != use_case.judged_by:
        model = use_case.model(output).name
        decided = questions.automatic(place.log, use_case.name, model=model, known_by=known_by)
    return np.asarray(judged[["case_id"]].merge(decided[["case_id", "value"]], how="left")["value"])


def _acted_on(place: Workspace, use_case: UseCase, decided: pd.DataFrame, known_by: datetime) -> pd.DataFrame:
    """The decided cases as they were when policy decided them: with the predictions it rested on and stored terms."""
    ids = decided["case_id"].tolist()
    stored = questions.cases(place.log, use_case.name, case_ids=ids).set_index("case_id").reindex(ids).reset_index()
    cases = stored_frame(use_case.case, stored)
    for spec in use_case.decisive:
        rested_on = decided
        if spec.output != use_case.judged_by:
            rested_on = questions.automatic(place.log, use_case.name, model=spec.name, known_by=known_by)
        said = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=ids)
        same = rested_on[["case_id", "version"]].merge(said.drop_duplicates(["case_id", "version"]))
        cases = grown(cases, stored_answers(spec, same.set_index("case_id").reindex(ids)))
    terms = [said if isinstance(said, dict) else {} for said in decided["terms"]]
    if not any(terms):  # decided before the use case had any: they are computed
        return cases
    return grown(cases, {name: pd.Series([said.get(name) for said in terms]) for name in use_case.terms})


def stored_answers(spec: ModelSpec, stored: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """The columns that `predict` adds, from stored predictions: one row a case, all missing where there is none.

    Args:
        spec: the model that said it.
        stored: columns as `questions.predictions` gives them, in the order of the cases.
    """
    scores = [from_json(text) if isinstance(text, str) else {} for text in stored["scores"]]
    said: dict[str, list[Any]] = {
        spec.output: stored["value"].tolist(),
        f"{spec.output}_confidence": stored["confidence"].tolist(),
        f"{spec.output}_version": [None if pd.isna(version) else int(version) for version in stored["version"]],
        f"{spec.output}_note": ["" if pd.notna(version) else "not stored" for version in stored["version"]],
    }
    for name in spec.quantile_columns:
        said[name] = [score.get(name.removeprefix(f"{spec.output}_")) for score in scores]
    empty = missing_predictions(spec, pd.RangeIndex(len(stored)))
    return {name: pd.Series(values, dtype=empty[name].dtype) for name, values in said.items()}


def _texts(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    return np.array([None if pd.isna(value) else str(value) for value in values], dtype=object)


def _reading_losses(place: Workspace, use_case: UseCase, decided: pd.DataFrame, known_by: datetime) -> pd.DataFrame:
    """``reading_loss`` (1 where a person read another verdict) and ``reading_at`` of the cases that were read.

    Where the verdict itself is not judged, a reading counts once the outcomes are known, whatever verdict was read: if
    other verdicts counted at once and the same ones later, the share of wrong ones would begin at 1.
    """
    judged = next(iter(use_case.judges.values())) is None
    read = questions.readings(place.log, use_case.name, kinds=["audit"], known_by=known_by)
    read = read.sort_values("round").drop_duplicates("case_id")[["case_id", "verdict", "at"]]
    read = read.rename(columns={"verdict": "read", "at": "reading_at"}).merge(decided[["case_id", "verdict"]])
    other = read["read"] != read["verdict"]
    loss = other.astype(float) if judged else decided.set_index("case_id")["outcome_loss"].reindex(read["case_id"])
    return pd.DataFrame(
        {
            "case_id": read["case_id"],
            "reading_loss": loss.to_numpy(float),
            "reading_at": read["reading_at"],
        }
    )


def readings_pending(place: Workspace, use_case: UseCase, known_by: datetime) -> set[str]:
    """The ids of the cases that were put to the audit lane by a moment, and not read by then."""
    waiting = questions.open_reviews(place.log, use_case.name, lane=True, known_by=known_by)
    return set(waiting.loc[waiting["kind"] == "audit", "case_id"])


def reviewed_answers(place: Workspace, use_case: UseCase, known_by: datetime) -> pd.DataFrame:
    """What persons decided of cases that were put to them, beside what the model had said.

    Only answers where the model's is one of the policy's verdicts, so that the two can be compared.

    Returns:
        Columns ``case_id``, ``verdict``, ``actor``, ``opened_at``, ``at`` (of the person's answer), ``version``,
        ``value``, ``confidence`` (of the judging model), ``overridden``.
    """
    lead = use_case.model(use_case.judged_by)
    answers = questions.answered(place.log, use_case.name, known_by=known_by)
    answers = answers[answers["revision"] == 0][["case_id", "verdict", "actor", "opened_at", "at"]]
    said = live_answers(place, use_case, lead)[["case_id", "version", "value", "confidence"]]
    both = answers.merge(said, on="case_id")
    both["value"] = _texts(both["value"])
    both = both[both["value"].isin(list(use_case.review.verdicts))].reset_index(drop=True)
    return both.assign(overridden=both["value"] != both["verdict"])


def of_worked_off_days(place: Workspace, use_case: UseCase, answers: pd.DataFrame, known_by: datetime) -> pd.DataFrame:
    """Those of `reviewed_answers` that are typical: of days whose reviews have been answered, but for a tenth.

    Persons take the most urgent cases first, and these are not like the others. ``at`` becomes the moment from which
    an answer counts: when its day was worked off, if that was later.
    """
    reviewed = questions.answered(place.log, use_case.name, known_by=known_by)
    reviewed = reviewed[reviewed["revision"] == 0].sort_values("at")
    waiting = questions.open_reviews(place.log, use_case.name, lane=False, known_by=known_by)
    left = _days(waiting.loc[waiting["question"].isna(), "opened_at"]).value_counts()
    worked_off: dict[str, pd.Timestamp] = {}
    for day, at in reviewed["at"].groupby(_days(reviewed["opened_at"])):
        enough = math.ceil(MATURE_SHARE * (len(at) + int(left.get(day, 0))))
        if len(at) >= enough:
            worked_off[str(day)] = at.iloc[enough - 1]
    since = pd.to_datetime(_days(answers["opened_at"]).map(worked_off), utc=True)
    return answers.assign(at=answers["at"].where(answers["at"] > since, since))[since.notna()].reset_index(drop=True)


def _days(moments: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(moments, utc=True).dt.strftime("%Y-%m-%d")


def live_answers(place: Workspace, use_case: UseCase, spec: ModelSpec) -> pd.DataFrame:
    """What the champions said of each case when it came; what a recall asked them later is left out."""
    said = questions.predictions(place.log, use_case.name, model=spec.name)
    return said[said["revision"] == 0].reset_index(drop=True)


def mature_part(made_at: Sequence[Any] | pd.Series[Any], known: Sequence[bool] | pd.Series[Any]) -> int:
    """How many of the earliest cases are mature: the longest beginning of which 90 % have an outcome; 0 for none.

    ``made_at`` must be in order. Cases of one moment stay together.
    """
    moments, has = pd.Series(made_at).reset_index(drop=True), pd.Series(known).astype(float).reset_index(drop=True)
    if has.empty:
        return 0
    share = has.cumsum() / np.arange(1, len(has) + 1)
    last_of_moment = moments.ne(moments.shift(-1))
    good = np.flatnonzero((share >= MATURE_SHARE) & last_of_moment)
    return int(good[-1]) + 1 if len(good) else 0
