"""What a reviewer is shown of a case: its fields, and unless read blind what models said, what is proposed, and why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions, versions
from aiops_flows.errors import CaseUnknown, RegistryError, UseCaseError
from aiops_flows.series.picture import picture
from aiops_flows.steps.audit_lane import ASKED
from aiops_flows.steps.class_answers import ClassAnswers
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.inference import features_of
from aiops_flows.steps.proposed_terms import proposed_terms
from aiops_flows.steps.rows import learned_rows
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase, last_step

__all__ = ["is_history", "page", "reasons_for", "shown"]

_TYPICAL_ROWS = 200
_MOST = 5
_CLASSES = 3
_LONGEST = 80


def shown(place: Workspace, use_case: UseCase, case_id: str) -> dict[str, Any]:
    """The case as a reviewer sees it: ``case``, ``derived``, ``predictions``, ``terms``, ``asked_because``, ``blind``.

    ``derived`` are the case's derived columns but for texts; ``terms`` what is proposed beyond a verdict. Each
    prediction has ``model``, ``kind``, ``version``, ``value`` (of a writer its writing), ``confidence``, ``likeliest``
    (the three most probable classes with their probability), ``quantiles`` (of a quantity, by name: ``q10``) and
    ``reasons`` (none of a writer).

    While a blind review of it is open, only the case's fields and what derives from them are given, whatever else is
    open: who reads it must not know the verdict, what the models said or what follows from that.

    Raises:
        CaseUnknown: no such case.
    """
    stored = _stored(place, use_case, case_id)
    fields = json.loads(stored["body"].iloc[0])
    cases = stored_frame(use_case.case, stored)
    found: dict[str, Any] = {
        "case": {"case_id": case_id, "received_at": str(stored["received_at"].iloc[0]), **fields},
        "derived": _derived(use_case, cases),
    }
    why, blind = _asked(place, use_case, case_id)
    if blind:
        return found | {"predictions": [], "terms": {}, "asked_because": ASKED, "blind": True}
    predictions = [said for spec in use_case.models for said in _said(place, use_case, spec, cases)]
    terms = proposed_terms(place, use_case, case_id) or {}
    return found | {"predictions": predictions, "terms": terms, "asked_because": why, "blind": False}


def _stored(place: Workspace, use_case: UseCase, case_id: str) -> pd.DataFrame:
    stored = questions.cases(place.log, use_case.name, case_ids=[case_id])
    if stored.empty:
        raise CaseUnknown(f"{use_case.name} has no case {case_id!r}; aiops-flows review list names those that wait")
    return stored


def _asked(place: Workspace, use_case: UseCase, case_id: str) -> tuple[str | None, bool]:
    """Why a person is asked about the case now, and whether one reads it blind."""
    opened = questions.open_reviews(place.log, use_case.name)
    opened = opened[opened["case_id"] == case_id]
    return next(iter(opened["reason"].tolist()), None), bool(opened["blind"].any())


def _derived(use_case: UseCase, case: pd.DataFrame) -> dict[str, Any]:
    """The derived columns of a case that are no texts."""
    names = [name for name in use_case.case.derived if name not in use_case.case.texts()]
    values = {name: case[name].tolist()[0] for name in names}
    return {name: None if pd.api.types.is_scalar(value) and pd.isna(value) else value for name, value in values.items()}


def page(place: Workspace, use_case: UseCase, case_id: str) -> str:
    """One page that shows the case's history, and unless it is read blind what is forecast, what is proposed, and why.

    Raises:
        CaseUnknown: no such case.
        UseCaseError: the case has no history.
    """
    fields = json.loads(_stored(place, use_case, case_id)["body"].iloc[0])
    name = next((name for name, value in fields.items() if is_history(value)), None)
    if name is None:
        raise UseCaseError(f"case {case_id!r} of {use_case.name} has no history to draw; its fields are {list(fields)}")
    why, blind = _asked(place, use_case, case_id)
    if blind:
        return picture(case_id, fields[name], why=ASKED)
    forecasts = [spec for spec in use_case.models if spec.kind == "regressor" and name in spec.features]
    last = _last(place, use_case, forecasts[0], case_id) if forecasts else None
    if last is None:
        return picture(case_id, fields[name], why=why or "")
    return picture(
        case_id,
        fields[name],
        said=last["value"],
        scores=json.loads(last["scores"] or "{}"),
        cover=int(fields.get(getattr(last_step(forecasts[0].estimator), "cover", "cover")) or 1),
        terms=proposed_terms(place, use_case, case_id),
        why=why or "",
    )


def is_history(value: Any) -> bool:
    """Whether a field of a case holds a series by period, as `aiops_flows.series.history.History` does."""
    return isinstance(value, dict) and {"every", "first", "values"} <= value.keys()


def _last(place: Workspace, use_case: UseCase, spec: ModelSpec, case_id: str) -> pd.Series[Any] | None:
    """The latest stored prediction of a model for a case."""
    found = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=[case_id])
    return None if found.empty else found.sort_values("revision").iloc[-1]


def _said(place: Workspace, use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame) -> list[dict[str, Any]]:
    last = _last(place, use_case, spec, cases["case_id"].iloc[0])
    if last is None:
        return []
    version = int(last["version"])
    confidence = None if pd.isna(last["confidence"]) else round(float(last["confidence"]), 4)
    said = {"model": spec.name, "kind": spec.kind, "version": version, "value": last["value"], "confidence": confidence}
    best = _likeliest(last["scores"], last["value"]) if spec.kind == "classifier" else []
    said |= {"likeliest": best, "quantiles": _quantiles(last["scores"]) if spec.kind == "regressor" else {}}
    return [said | {"reasons": reasons_for(place, use_case, spec, version, cases)}]


def _quantiles(scores: str | None) -> dict[str, float]:
    """The quantiles of a quantity by name, as they are stored: ascending."""
    said: dict[str, Any] = json.loads(scores or "{}")
    return {name: value for name, value in said.items() if isinstance(value, int | float)}


def _likeliest(scores: str | None, answer: Any) -> list[dict[str, Any]]:
    """The most probable classes, the most probable first; the class of the answer is among them."""
    shares: dict[str, float] = json.loads(scores or "{}")
    ordered = sorted(shares.items(), key=lambda share: (-share[1], share[0]))
    best = ordered[:_CLASSES]
    if answer in shares and answer not in dict(best):
        best = [*best[:-1], (answer, shares[answer])]
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
    text = f"{len(value['values'])} values by {value['every']}" if is_history(value) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _answer_of(spec: ModelSpec, estimator: Any, case: pd.DataFrame) -> Any:
    """Features -> the answer whose change is looked at."""
    if spec.kind == "regressor":
        return estimator.predict
    asked = ClassAnswers.of(estimator)
    place = int(asked.ask(case)[0, 0])
    return lambda features: np.asarray(estimator.predict_proba(features))[:, place]
