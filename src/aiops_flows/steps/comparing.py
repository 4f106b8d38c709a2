"""Champion and challenger on the same live cases: is the challenger really better?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, questions
from aiops_flows.evidence.paired import PairedVerdict, compare_paired
from aiops_flows.evidence.writing import Writings, text_of
from aiops_flows.gates import SHADOW
from aiops_flows.steps.decided import live_answers, stored_answers
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.terms import with_terms
from aiops_flows.steps.verdicts import rule_verdicts
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "FALSE_PROMOTIONS",
    "Compared",
    "class_losses",
    "compare",
    "false_promotions",
    "quantity_losses",
    "scaled_losses",
    "writing_losses",
]

FALSE_PROMOTIONS = 0.05
"""Share of false promotions at which models are compared that declare no gate ``shadow``."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Compared:
    """A challenger held against the champion on the live cases that both answered and whose truth is known."""

    model: str
    champion: int
    challenger: int
    verdict: PairedVerdict
    champion_loss: float | None
    """Mean over the cases; None where there is none."""
    challenger_loss: float | None

    @property
    def labels(self) -> int:
        """How many cases were compared."""
        return int(self.verdict.labels)

    def as_row(self) -> dict[str, Any]:
        """The figures as one row: numbers and text only."""
        found = self.verdict
        return {
            "model": self.model,
            "champion": self.champion,
            "challenger": self.challenger,
            "verdict": found.verdict,
            "labels": self.labels,
            "champion_loss": self.champion_loss,
            "challenger_loss": self.challenger_loss,
            "gain": found.gain,
            "low": found.low,
            "high": found.high,
            "labels_needed": found.labels_needed,
            "reason": found.reason,
        }


def false_promotions(spec: ModelSpec) -> float:
    """The share of false promotions that a model's gate ``shadow`` allows; by default `FALSE_PROMOTIONS`."""
    declared = [gate.at_most for gate in spec.gates if gate.metric == SHADOW and gate.at_most is not None]
    return declared[0] if declared else FALSE_PROMOTIONS


def compare(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int,
    *,
    at_most: float = FALSE_PROMOTIONS,
    known_by: datetime | None = None,
) -> Compared | None:
    """A challenger against the champion, on every live case that both answered and whose outcome is known by then.

    The losses lie between 0 and 1: half the Brier score of a case for classes (Brier 1950), for writings the share of
    letters that people changed. For quantities the cost of acting on them as a share of the worst, where the policy is
    judged by that (`evidence.losses.share_of_worst`); else the distance in units of the model's ``scale`` as a share of
    1 + itself; else the distance from the truth as a share of it, at most 1. They are compared in the order in which
    the outcomes became known, by a test that may be looked at as often as one likes.
    None where there is no champion.

    Args:
        place: where answers and outcomes are read.
        use_case: the business process.
        spec: the model.
        version: the challenger.
        at_most: the share of challengers no better than the champion that may be found better.
        known_by: only outcomes known by then; default now.
    """
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    both = _answered_by_both(place, use_case, spec, (champion.version, version), known_by or place.now())
    ours, theirs = (_losses(place, use_case, spec, both, who) for who in ("_champion", "_challenger"))
    verdict = compare_paired(ours, theirs, alpha=at_most)
    means = (float(ours.mean()), float(theirs.mean())) if len(both) else (None, None)
    return Compared(spec.name, champion.version, version, verdict, *means)


def _answered_by_both(
    place: Workspace, use_case: UseCase, spec: ModelSpec, versions: tuple[int, int], known_by: datetime
) -> pd.DataFrame:
    """One row a case: what both said and what was true, in the order in which that became known."""
    champion, challenger = versions
    live = questions.predictions(place.log, use_case.name, model=spec.name)
    live = live[(live["version"] == champion) & (live["revision"] == 0)]  # what a recall asks later is no live answer
    shadow = questions.predictions(place.log, use_case.name, model=spec.name, shadow_version=challenger)
    answers = live.merge(shadow, on="case_id", suffixes=("_champion", "_challenger"))
    truth = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by)
    both = answers.merge(truth.rename(columns={"value": "truth"}), on="case_id")
    return both.sort_values(["known_at", "case_id"], ignore_index=True)


def _losses(place: Workspace, use_case: UseCase, spec: ModelSpec, answers: pd.DataFrame, who: str) -> Floats:
    """How wrong the answers of one of the two were."""
    of_cases = getattr(use_case.judges.get(spec.output), "of_cases", None)
    if of_cases is None and (spec.kind != "regressor" or spec.scale is None):
        return _LOSSES[spec.kind](answers, who)
    cases = _cases(place, use_case, answers["case_id"])
    if of_cases is None:
        return scaled_losses(answers, who, cases[spec.scale].to_numpy(float))
    own = answers.filter(regex=f"{who}$").rename(columns=lambda name: name.removesuffix(who))
    cases = grown(cases, stored_answers(spec, own))
    for other in use_case.decisive:
        if other.output != spec.output:
            said = live_answers(place, use_case, other).set_index("case_id").reindex(answers["case_id"])
            cases = grown(cases, stored_answers(other, said))
    cases = grown(with_terms(use_case, cases), {"verdict": rule_verdicts(use_case, cases)[0]})
    truth = answers["truth"].to_numpy(float if spec.kind == "regressor" else object)
    return np.asarray(of_cases(cases, truth), dtype=float)


def _cases(place: Workspace, use_case: UseCase, case_ids: pd.Series[str]) -> pd.DataFrame:
    """The stored cases in this order."""
    stored = questions.cases(place.log, use_case.name, case_ids=case_ids.tolist()).set_index("case_id")
    return stored_frame(use_case.case, stored.loc[case_ids.tolist()].reset_index())


def class_losses(answers: pd.DataFrame, who: str) -> Floats:
    """Half the Brier score of each answer: 0 where all probability lies on the truth, 1 where it lies elsewhere.

    Columns ``value``, ``scores`` (JSON text ``{class: probability}``), each with the suffix ``who``, and ``truth``.
    An answer without probabilities counts as certain. Of many classes only the ten most probable were kept: where the
    truth is none of them it counts as impossible, which errs by less than the least probability kept.
    """
    said = zip(answers[f"value{who}"], answers[f"scores{who}"], answers["truth"], strict=True)
    return np.array([_half_brier(value, scores, str(true)) for value, scores, true in said], dtype=float)


def _half_brier(value: Any, scores: str | None, true: str) -> float:
    shares: dict[str, float] = (json.loads(scores) if scores else {}) or {str(value): 1.0}
    missed = 1.0 - shares.get(true, 0.0)
    others = sum(share**2 for name, share in shares.items() if name != true)
    return float(min((missed**2 + others) / 2, 1.0))


def quantity_losses(answers: pd.DataFrame, who: str) -> Floats:
    """The distance of each answer from the truth as a share of the truth, at most 1; of a truth of 0, 0 or 1."""
    said = answers[f"value{who}"].to_numpy(dtype=float)
    true = answers["truth"].to_numpy(dtype=float)
    distance, size = np.abs(said - true), np.abs(true)
    shares = np.where(distance == 0, 0.0, np.divide(distance, size, out=np.ones_like(distance), where=size > 0))
    return np.asarray(np.where(np.isfinite(shares), np.minimum(shares, 1.0), 1.0), dtype=float)


def scaled_losses(answers: pd.DataFrame, who: str, scales: Floats) -> Floats:
    """The distance of each answer from the truth in units of its scale, e, as e / (1 + e); 1 where there is no scale.

    It tells small series from large ones, and a truth of 0 costs no more than another.
    """
    distance = np.abs(answers[f"value{who}"].to_numpy(float) - answers["truth"].to_numpy(float))
    known = np.isfinite(distance) & (scales > 0)
    told = np.divide(distance, distance + np.where(known, scales, 1.0), out=np.ones_like(distance), where=known)
    return np.asarray(told, dtype=float)


def writing_losses(answers: pd.DataFrame, who: str) -> Floats:
    """1 less the edit similarity of each writing to what people made of it; 1 where there is no writing."""
    truth = [text_of(true) or "" for true in answers["truth"]]
    return 1.0 - Writings(truth, answers[f"value{who}"].tolist()).scores("edit_similarity")


_LOSSES = {"classifier": class_losses, "regressor": quantity_losses, "writer": writing_losses}
