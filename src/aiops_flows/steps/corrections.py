"""What people corrected: labels that no champion knows, and what became of the texts that models wrote."""

from __future__ import annotations

import logging
from datetime import datetime

import numpy as np
import pandas as pd

from aiops_flows.case_log import promotions, questions
from aiops_flows.errors import RegistryError
from aiops_flows.evidence.writing import Writings
from aiops_flows.steps.decided import live_answers
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["new_labels", "writing_figures"]

_logger = logging.getLogger("aiops_flows.corrections")
_LABELS = ("model", "label", "cases", "first_known_at")
_FIGURES = ("model", "version", "answered", "accepted", "edit_similarity")


def new_labels(place: Workspace, use_case: UseCase, *, as_known: datetime | None = None) -> pd.DataFrame:
    """The labels that are said to be true and that the champion of their model does not know: what to train next.

    A new intent shows here first, and so does a label that somebody mistyped. A model without a champion is left out,
    and so is one whose champion cannot be loaded now, with a warning.

    Args:
        place: where outcomes and champions are read.
        use_case: the business process.
        as_known: only outcomes known by this moment; default now.

    Returns:
        Columns ``model``, ``label``, ``cases`` (whose latest outcome it is), ``first_known_at``; of each model in
        turn, the most frequent first.
    """
    found = [_unknown(place, use_case, spec, as_known) for spec in use_case.models if spec.kind == "classifier"]
    told = [frame for frame in found if len(frame)]
    return pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=list(_LABELS))


def _unknown(place: Workspace, use_case: UseCase, spec: ModelSpec, known_by: datetime | None) -> pd.DataFrame:
    told = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by)
    classes = _classes(place, use_case, spec) if len(told) else None
    if classes is None:
        return pd.DataFrame()
    told = told.assign(label=told["value"].astype(str))
    new = told[~told["label"].isin(classes)]
    counted = new.groupby("label").agg(cases=("case_id", "size"), first_known_at=("known_at", "min")).reset_index()
    counted = counted.sort_values(["cases", "label"], ascending=[False, True], ignore_index=True)
    return counted.assign(model=spec.name)[list(_LABELS)]


def _classes(place: Workspace, use_case: UseCase, spec: ModelSpec) -> set[str] | None:
    """The classes that the champion knows; None where there is no champion to be had."""
    champion = promotions.champion(place.log, use_case.name, spec.name)
    if champion is None:
        return None
    try:
        return set(map(str, place.load(spec, champion.version, champion.digest).classes_))
    except RegistryError as fault:
        _logger.warning("new labels of %s are not told: version %d: %s", spec.name, champion.version, fault)
        return None


def writing_figures(place: Workspace, use_case: UseCase, *, as_known: datetime | None = None) -> pd.DataFrame:
    """What people made of the texts that each version wrote.

    Only texts that came to be known after the version had written: what people made of its writing, or wrote instead.

    Args:
        place: where writings and outcomes are read.
        use_case: the business process.
        as_known: only outcomes known by this moment; default now.

    Returns:
        Columns ``model``, ``version``, ``answered`` (cases), ``accepted`` (share left as it was written but for white
        space) and ``edit_similarity`` (mean; 1 less the letters to change as a share of the longer text).
    """
    rows = [
        row for spec in use_case.models if spec.kind == "writer" for row in _figures(place, use_case, spec, as_known)
    ]
    return pd.DataFrame(rows, columns=list(_FIGURES))


def _figures(
    place: Workspace, use_case: UseCase, spec: ModelSpec, known_by: datetime | None
) -> list[tuple[str, int, int, float, float]]:
    told = questions.outcomes(place.log, use_case.name, name=spec.output, known_by=known_by)
    if told.empty:
        return []
    said = live_answers(place, use_case, spec)
    both = said.merge(told.rename(columns={"value": "truth"})[["case_id", "truth", "known_at"]], on="case_id")
    both = both[both["known_at"] >= both["at"]]
    found = []
    for version, part in both.groupby("version"):
        writings = Writings(part["truth"].tolist(), part["value"].tolist())
        accepted, similar = (float(np.mean(writings.scores(name))) for name in ("accepted", "edit_similarity"))
        found.append((spec.name, int(str(version)), len(part), accepted, similar))
    return found
