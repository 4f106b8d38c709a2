"""What a reviewer is shown of a case: its fields, and unless it is read blind what the models said, and why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions, versions
from aiops_flows.errors import CaseUnknown, RegistryError
from aiops_flows.steps.audit_lane import ASKED
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.inference import features_of
from aiops_flows.steps.rows import learned_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["reasons_for", "shown"]

_TYPICAL_ROWS = 200
_MOST = 5
_CLASSES = 3
_LONGEST = 80


def shown(place: Workspace, use_case: UseCase, case_id: str) -> dict[str, Any]:
    """The case as a reviewer sees it: ``case``, ``predictions``, ``asked_because``, ``blind``.

    Each prediction has ``model``, ``kind``, ``version``, ``value`` (of a writer its writing), ``confidence``,
    ``likeliest`` (the three most probable classes with their probability) and ``reasons`` (none of a writer).

    While a blind review of it is open, only the case's fields are given, whatever else is open: who reads it must not
    know the verdict or what the models said.

    Raises:
        CaseUnknown: no such case.
    """
    stored = questions.cases(place.log, use_case.name, case_ids=[case_id])
    if stored.empty:
        raise CaseUnknown(f"{use_case.name} has no case {case_id!r}; aiops-flows review list names those that wait")
    fields = json.loads(stored["body"].iloc[0])
    case = {"case_id": case_id, "received_at": str(stored["received_at"].iloc[0]), **fields}
    opened = questions.open_reviews(place.log, use_case.name)
    opened = opened[opened["case_id"] == case_id]
    if opened["blind"].any():
        return {"case": case, "predictions": [], "asked_because": ASKED, "blind": True}
    cases = stored_frame(use_case.case, stored)
    why = opened["reason"].tolist()
    return {
        "case": case,
        "predictions": [said for spec in use_case.models for said in _said(place, use_case, spec, cases)],
        "asked_because": why[0] if why else None,
        "blind": False,
    }


def _said(place: Workspace, use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame) -> list[dict[str, Any]]:
    found = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=cases["case_id"].tolist())
    if found.empty:
        return []
    last = found.sort_values("revision").iloc[-1]
    version = int(last["version"])
    confidence = None if pd.isna(last["confidence"]) else round(float(last["confidence"]), 4)
    said = {"model": spec.name, "kind": spec.kind, "version": version, "value": last["value"], "confidence": confidence}
    best = _likeliest(last["scores"]) if spec.kind == "classifier" else []
    return [said | {"likeliest": best, "reasons": reasons_for(place, use_case, spec, version, cases)}]


def _likeliest(scores: str | None) -> list[dict[str, Any]]:
    """The most probable classes, the first ones first."""
    shares: dict[str, float] = json.loads(scores or "{}")
    best = sorted(shares.items(), key=lambda share: (-share[1], share[0]))[:_CLASSES]
    return [{"class": name, "probability": round(share, 4)} for name, share in best]


def reasons_for(
    place: Workspace, use_case: UseCase, spec: ModelSpec, version: int, case: pd.DataFrame
) -> list[dict[str, Any]]:
    """Which features moved a version's answer to one case, strongest first.

    Each feature in turn is replaced by the values that 200 cases the version learned from have there; the mean change
    of the answer (probability of the predicted class, or quantity) is the feature's effect. This is the interventional
    effect of one feature at a time (Strumbelj and Kononenko 2014, first-order term); effects do not add up to the
    whole.

    Returns:
        Up to five rows: ``feature``, ``value``, ``effect`` (how much higher the answer is because of the value).
        Empty for a writer, and where the version cannot be loaded.
    """
    if spec.kind == "writer":
        return []
    record = versions.get(place.log, use_case.name, spec.name, version)
    try:
        estimator = place.load(spec, version, record.digest)
    except RegistryError:
        return []
    rows = learned_rows(place, use_case, spec, record.learned, most=_TYPICAL_ROWS)
    typical = features_of(spec, estimator, rows.cases)
    features = features_of(spec, estimator, case)
    own = features.iloc[[0] * len(typical)].reset_index(drop=True)
    answer = _answer_of(spec, estimator, features)
    effects = []
    for name in features.columns:
        changed = own.copy()
        changed[name] = typical[name].to_numpy()
        effects.append(float(answer(own.iloc[:1])[0] - answer(changed.astype(own.dtypes.to_dict())).mean()))
    order = np.argsort(-np.abs(effects), kind="stable")[:_MOST]
    values = own.iloc[0]
    return [
        {"feature": features.columns[at], "value": _short(values.iloc[at]), "effect": round(effects[at], 4)}
        for at in order
    ]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _answer_of(spec: ModelSpec, estimator: Any, case: pd.DataFrame) -> Any:
    """Features -> the answer whose change is looked at."""
    if spec.kind == "regressor":
        return estimator.predict
    best = int(np.asarray(estimator.predict_proba(case))[0].argmax())
    return lambda features: np.asarray(estimator.predict_proba(features))[:, best]
