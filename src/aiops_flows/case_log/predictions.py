"""Writing what model versions said of cases: live, again after a rollback, or in the shadow of the champion."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from aiops_flows.case_log.arrivals import CASE_IS_STORED
from aiops_flows.case_log.log import CaseLog
from aiops_flows.case_log.tables import PREDICTIONS, SHADOW_PREDICTIONS
from aiops_flows.case_log.transaction import Transaction, writing
from aiops_flows.case_log.values import floats, read_values, value_texts

__all__ = [
    "PredictionsAdded",
    "StoredPrediction",
    "add_predictions",
    "add_recall_predictions",
    "add_shadow_predictions",
]


@dataclass(frozen=True)
class StoredPrediction:
    """A prediction that was there before."""

    version: int
    value: Any
    confidence: float | None
    scores: str | None
    revision: int = 0


@dataclass(frozen=True)
class PredictionsAdded:
    """What came of predictions that were to be stored."""

    new: int
    stored: dict[str, StoredPrediction] = field(default_factory=dict)
    """By case id, those that were there before and hold instead."""


def _columns(
    case_ids: Sequence[str],
    values: Sequence[Any],
    confidences: Sequence[float | None],
    scores: Sequence[str | None] | None,
) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        "case_id": list(case_ids),
        "value": value_texts(values),
        "confidence": list(floats(confidences)),
    }
    return columns if scores is None else {**columns, "scores": list(scores)}


def _refuse_unknown(transaction: Transaction, left: list[str]) -> None:
    if left:
        transaction.refuse_unknown(left, transaction.known_cases(left))


def _stored(rows: Sequence[Row[Any]]) -> dict[str, StoredPrediction]:
    values = read_values(row.value for row in rows)
    return {
        row.case_id: StoredPrediction(row.version, value, row.confidence, row.scores, row.revision)
        for row, value in zip(rows, values, strict=True)
    }


def add_predictions(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    version: int,
    case_ids: Sequence[str],
    values: Sequence[Any],
    confidences: Sequence[float | None],
    scores: Sequence[str | None] | None = None,
    tokens: Collection[str] = (),
) -> PredictionsAdded:
    """How many of the cases got their live prediction now, and what is stored of those that had one.

    Args:
        log: where to.
        use_case: whose cases.
        model: name of the model.
        version: the champion's number.
        case_ids: one a prediction.
        values: text, number, what a writer wrote (text, or a dict that JSON can say), or None where nothing was said.
        confidences: between 0 and 1; None or NaN where there is none.
        scores: JSON text ``{class: probability}`` a case.
        tokens: leases under which it is written (the column ``batch`` of the frame).

    Raises:
        LeaseLost: one of the batches was taken over.
        CaseUnknown: one of the cases is not stored.
    """
    columns = _columns(case_ids, values, confidences, scores)
    same = {"model": model, "revision": 0, "version": int(version)}
    with writing(log, use_case, kind="predict", tokens=tokens) as transaction:
        inserted = transaction.insert(PREDICTIONS, columns, same, CASE_IS_STORED)
        _refuse_unknown(transaction, inserted.left)
    return PredictionsAdded(
        inserted.new, _stored([row for row in inserted.before if row.model == model and row.revision == 0])
    )


def add_recall_predictions(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    version: int,
    case_ids: Sequence[str],
    values: Sequence[Any],
    confidences: Sequence[float | None],
    scores: Sequence[str | None] | None = None,
    tokens: Collection[str] = (),
    actor: str = "recall",
) -> PredictionsAdded:
    """How many of the cases got a next revision of their prediction; those whose latest is by this version have it.

    Takes the same as `add_predictions`.
    """
    columns = _columns(case_ids, values, confidences, scores)
    with writing(log, use_case, kind="recall", actor=actor, tokens=tokens) as transaction:
        latest = _latest(transaction, model, columns["case_id"])
        todo = [
            place
            for place, case_id in enumerate(columns["case_id"])
            if case_id not in latest or latest[case_id].version != version
        ]
        chosen = {name: [column[place] for place in todo] for name, column in columns.items()}
        chosen["revision"] = [latest[i].revision + 1 if i in latest else 0 for i in chosen["case_id"]]
        same = {"model": model, "version": int(version)}
        inserted = transaction.insert(PREDICTIONS, chosen, same, CASE_IS_STORED)
        _refuse_unknown(transaction, inserted.left)
    written = set(chosen["case_id"])
    return PredictionsAdded(inserted.new, _stored([row for i, row in latest.items() if i not in written]))


def _latest(transaction: Transaction, model: str, case_ids: list[str]) -> dict[str, Row[Any]]:
    rows = transaction.execute(
        "SELECT case_id, revision, version, value, confidence, scores FROM predictions"
        " WHERE use_case = ? AND case_id = ANY(?) AND model = ? ORDER BY revision",
        transaction.use_case,
        list(dict.fromkeys(case_ids)),
        model,
    )
    return {row.case_id: row for row in rows}


def add_shadow_predictions(
    log: CaseLog,
    use_case: str,
    *,
    model: str,
    version: int,
    case_ids: Sequence[str],
    values: Sequence[Any],
    confidences: Sequence[float | None],
    scores: Sequence[str | None] | None = None,
    tokens: Collection[str] = (),
) -> int:
    """How many of the cases got a prediction of a challenger that decides nothing.

    Takes the same as `add_predictions`.
    """
    columns = _columns(case_ids, values, confidences, scores)
    same = {"model": model, "version": int(version)}
    with writing(log, use_case, kind="shadow", tokens=tokens) as transaction:
        inserted = transaction.insert(SHADOW_PREDICTIONS, columns, same, CASE_IS_STORED)
        _refuse_unknown(transaction, inserted.left)
    return inserted.new
