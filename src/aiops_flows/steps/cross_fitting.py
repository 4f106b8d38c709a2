"""Every labelled row is learned from, and still answered by a model that had not learned from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.steps.answer_numbers import AnswerNumbers, StoredAnswers
from aiops_flows.steps.fitting import asked, baseline_of, fit
from aiops_flows.steps.rows import Labelled, Parted
from aiops_flows.use_case import ModelSpec

__all__ = ["Trained", "can_be_cross_fitted", "cross_fitted", "train"]


@dataclass(frozen=True)
class Trained:
    """A fitted challenger, with what it and its baseline are judged by."""

    estimator: Any
    learned: Labelled
    """The rows that it learned from."""
    judging: Labelled
    stored: StoredAnswers | None = None
    """Where it learned from all rows: the answers to them by models that had not; else None."""
    baseline: AnswerNumbers | None = None
    """The same of the baseline, for the judging rows; None where it is to be fitted on ``learned`` and asked."""


def train(spec: ModelSpec, rows: Parted) -> Trained:
    """Fit the model as its rows are parted.

    With folds, each fold is answered by a model that learned from the others, and the model that is returned learned
    from all rows. Of rows parted by time, the later ones are answered by a model that learned from the earlier ones,
    and the model that is returned learned from all. Else some rows are held out, and it answers them itself.

    Raises:
        TrainingError: the estimator fails on them.
    """
    judging = rows.parts["judge"]
    if not rows.cut.learns_all:
        return Trained(fit(spec.estimator, spec, rows.learned), rows.learned, judging)
    cases, said = _cross_fitted(spec, rows) if rows.cut.folds else _by_earlier(spec, rows)
    fitted = fit(spec.estimator, spec, rows.learned)
    if said.classes is not None:
        said = said.of_classes([str(name) for name in fitted.classes_])
    return Trained(fitted, rows.learned, judging, StoredAnswers.of(cases, said), _baseline(spec, rows))


def can_be_cross_fitted(spec: ModelSpec, rows: Parted) -> bool:
    """Whether every fold leaves two classes, as a classifier needs, and anything to learn from."""
    folds = rows.folds
    if spec.kind != "classifier":
        return all((folds != fold).any() for fold in _numbered(folds))
    return all(len(set(rows.learned.truth[folds != fold])) > 1 for fold in _numbered(folds))


def cross_fitted(spec: ModelSpec, estimator: Any, rows: Labelled, folds: NDArray[np.int64]) -> AnswerNumbers:
    """The answers to the rows that have a fold (0 or more), in their order, each by a model of the other rows.

    Args:
        spec: the model.
        estimator: that of the model, or its baseline.
        rows: labelled rows.
        folds: the fold of each; rows of fold -1 are always learned from.
    """
    classes = sorted({str(value) for value in rows.truth}) if spec.kind == "classifier" else None
    parts, places = [], []
    for fold in _numbered(folds):
        out = folds == fold
        said = asked(spec, fit(estimator, spec, rows.some(~out)), rows.some(out).cases)
        parts.append(said if classes is None else said.of_classes(classes))
        places.append(np.flatnonzero(out))
    order = np.argsort(np.concatenate(places))
    return _together(parts).rows(order)


def _together(parts: list[AnswerNumbers]) -> AnswerNumbers:
    """The answers of several models, which give the same numbers, one after the other."""
    first = parts[0]
    numbers = np.concatenate([part.numbers for part in parts])
    return AnswerNumbers(numbers, first.classes, first.levels, first.says_how_sure)


def _numbered(folds: NDArray[np.int64]) -> list[int]:
    return [int(fold) for fold in np.unique(folds) if fold >= 0]


def _cross_fitted(spec: ModelSpec, rows: Parted) -> tuple[list[str], AnswerNumbers]:
    """The ids of the rows that have a fold, and the answers to them."""
    ids: list[str] = rows.learned.cases["case_id"][rows.folds >= 0].tolist()
    return ids, cross_fitted(spec, spec.estimator, rows.learned, rows.folds)


def _by_earlier(spec: ModelSpec, rows: Parted) -> tuple[list[str], AnswerNumbers]:
    """The ids of the rows that judge and certify, and the answers to them by a model of the earlier ones."""
    earlier = fit(spec.estimator, spec, rows.parts["train"])
    later = pd.concat([rows.parts["judge"].cases, rows.parts["certify"].cases], ignore_index=True)
    return later["case_id"].tolist(), asked(spec, earlier, later)


def _baseline(spec: ModelSpec, rows: Parted) -> AnswerNumbers | None:
    """What the baseline says of the judging rows, having learned from what the models that answer them learned from."""
    baseline = baseline_of(spec)
    if baseline is None:
        return None
    judging = rows.parts["judge"].cases
    if not rows.cut.folds:
        return asked(spec, fit(baseline, spec, rows.parts["train"]), judging)
    ids = rows.learned.cases["case_id"][rows.folds >= 0].tolist()
    stored = StoredAnswers.of(ids, cross_fitted(spec, baseline, rows.learned, rows.folds))
    return stored.said.rows(stored.places(judging["case_id"].tolist()))
