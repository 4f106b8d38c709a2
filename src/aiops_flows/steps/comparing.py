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
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = [
    "FALSE_PROMOTIONS",
    "Compared",
    "class_losses",
    "compare",
    "false_promotions",
    "quantity_losses",
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

    The losses lie between 0 and 1: half the Brier score of a case for classes (Brier 1950), for quantities the distance
    from the truth as a share of it, at most 1, and for writings the share of letters that people changed. They are
    compared in the order in which the outcomes became known, by a test that may be looked at as often as one likes.
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
    losses = _LOSSES[spec.kind]
    ours, theirs = losses(both, "_champion"), losses(both, "_challenger")
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


def writing_losses(answers: pd.DataFrame, who: str) -> Floats:
    """1 less the edit similarity of each writing to what people made of it; 1 where there is no writing."""
    truth = [text_of(true) or "" for true in answers["truth"]]
    return 1.0 - Writings(truth, answers[f"value{who}"].tolist()).scores("edit_similarity")


_LOSSES = {"classifier": class_losses, "regressor": quantity_losses, "writer": writing_losses}
