"""How much drift matters for a champion: its present answers weighed by labelled rows that it had not learned from."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import versions
from aiops_flows.case_log.promotions import Champion
from aiops_flows.drift.impact import DriftImpact, drift_impact
from aiops_flows.errors import RegistryError
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.rows import Labelled, labelled_of, rows_of_version, stored_labelled
from aiops_flows.steps.unlearned import predict_unlearned
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["impact_of"]

_MOST = 3_000  # labelled rows
_MOST_SINCE = 1_000  # the latest: what became wrong shows in these
_TOLERANCE_OF_CLASSES = 0.02
_TOLERANCE_OF_QUANTITIES = 0.10


def impact_of(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    champion: Champion,
    present: pd.DataFrame,
    *,
    as_of: datetime,
) -> DriftImpact | str:
    """What the champion's present answers let expect, or why that is unknown.

    Args:
        place: the case log and the registry.
        use_case: the business process.
        spec: the model.
        champion: its champion.
        present: what it said of the latest cases: ``prediction`` and ``confidence``.
        as_of: only outcomes known by then count.
    """
    if spec.kind == "writer":
        return "texts have no errors that labelled rows let expect"
    record = versions.get(place.log, use_case.name, spec.name, champion.version)
    judged = rows_of_version(place, use_case, spec, record.learned, "judge", _MOST)
    try:
        before = _answered(place, use_case, spec, champion, judged)
        since = _answered(place, use_case, spec, champion, _since(place, use_case, spec, record.learned, as_of))
    except RegistryError as fault:
        return f"the champion could not be asked about labelled rows: {type(fault).__name__}"
    now = {"answer": present["prediction"].to_numpy(), "confidence": present["confidence"].to_numpy(float)}
    quantities = spec.kind == "regressor"
    default = _TOLERANCE_OF_QUANTITIES if quantities else _TOLERANCE_OF_CLASSES
    return drift_impact(
        before,
        before["loss"],
        now,
        since=since,
        since_loss=since["loss"],
        tolerance=default if spec.drift_tolerance is None else spec.drift_tolerance,
        relative=quantities,
        threshold=_threshold(use_case, spec, record.certificate),
    )


def _since(place: Workspace, use_case: UseCase, spec: ModelSpec, learned: str, as_of: datetime) -> Labelled:
    """The latest labelled cases received since the champion was trained."""
    trained = datetime.fromisoformat(json.loads(learned)["as_of"])
    window = max(as_of - trained, timedelta(0))
    stored = stored_labelled(place, use_case, spec, as_of=as_of, window=window)
    return labelled_of(use_case, spec, stored.tail(_MOST_SINCE))


def _answered(
    place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion, rows: Labelled
) -> dict[str, NDArray[Any]]:
    """``answer``, ``confidence`` and ``loss`` of the rows that the champion can answer."""
    estimator = place.load(spec, champion.version, champion.digest)
    said = predict_unlearned(place, use_case, spec, champion.version, estimator, rows.cases)
    told = said[spec.output].notna().to_numpy()
    return {
        "answer": said[spec.output].to_numpy()[told],
        "confidence": said[f"{spec.output}_confidence"].to_numpy(np.float64)[told],
        "loss": _losses(spec, said, rows)[told],
    }


def _losses(spec: ModelSpec, said: pd.DataFrame, rows: Labelled) -> NDArray[np.float64]:
    """1 where a class was wrong, or the distance of a quantity from the truth; NaN where nothing was answered."""
    if spec.kind == "regressor":
        distance: NDArray[np.float64] = np.abs(said[spec.output].to_numpy(np.float64) - rows.truth.astype(np.float64))
        return distance
    wrong: Any = said[spec.output].astype(str).to_numpy() != rows.truth.astype(str)
    return np.asarray(wrong, np.float64)


def _threshold(use_case: UseCase, spec: ModelSpec, certificate: str | None) -> float | None:
    """The certified confidence, where one holds for all answers of this model."""
    if certificate is None or spec.output != use_case.judged_by or use_case.review.segments is not None:
        return None
    return Certificate.from_json(certificate).threshold
