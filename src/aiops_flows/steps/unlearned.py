"""What a version says of labelled cases, each answer by a model that had not learned from that case."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import versions
from aiops_flows.evidence.answers import Scored
from aiops_flows.steps.answer_numbers import AnswerNumbers, StoredAnswers
from aiops_flows.steps.costs import Costs
from aiops_flows.steps.fitting import asked, measured
from aiops_flows.steps.inference import Answers, answer, answered, answers_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["STORED_ANSWERS", "predict_unlearned", "scored_unlearned"]

STORED_ANSWERS = "unlearned/answers.npz"
"""Where they are attached to the run of a version."""


def predict_unlearned(
    place: Workspace, use_case: UseCase, spec: ModelSpec, version: int, estimator: Any, cases: pd.DataFrame
) -> pd.DataFrame:
    """The cases with the columns that `predict` adds: stored answers where the version learned from the case.

    Raises:
        RegistryError: the stored answers cannot be read now.
    """
    stored = _stored(place, use_case, spec, version)
    if stored is None:
        return answered(spec, version, cases, answer(spec, estimator, cases, path=False))
    places = stored.places(cases["case_id"].tolist())
    new = places < 0
    before = answers_of(stored.said.rows(places[~new]), {})
    now = answer(spec, estimator, cases[new].reset_index(drop=True), path=False)
    return answered(spec, version, cases, _merged(new, now, before))


def scored_unlearned(
    place: Workspace,
    use_case: UseCase,
    spec: ModelSpec,
    version: int,
    estimator: Any,
    cases: pd.DataFrame,
    *,
    costs: Costs | None,
) -> Scored:
    """The same as the gates take it; of classifiers and regressors.

    Raises:
        TrainingError: it cannot answer the cases.
        RegistryError: the stored answers cannot be read now.
    """
    stored = _stored(place, use_case, spec, version)
    if stored is None:
        said, confidence = asked(spec, estimator, cases).scored()
        return measured(spec, cases, said, confidence, costs)
    places = stored.places(cases["case_id"].tolist())
    new = places < 0
    numbers = np.zeros((len(cases), stored.said.numbers.shape[1]))
    numbers[~new] = stored.said.numbers[places[~new]]
    if new.any():
        fresh = asked(spec, estimator, cases[new].reset_index(drop=True))
        numbers[new] = fresh.of_classes(stored.said.classes or []).numbers
    whole = AnswerNumbers(numbers, stored.said.classes, stored.said.levels, stored.said.says_how_sure)
    found, sure = whole.scored()
    return measured(spec, cases, found, sure, costs)


def _stored(place: Workspace, use_case: UseCase, spec: ModelSpec, version: int) -> StoredAnswers | None:
    """The answers that were stored with a version; None where it learned from nothing that it may be asked about."""
    record = versions.get(place.log, use_case.name, spec.name, version)
    digest = json.loads(record.learned).get("unlearned")
    if digest is None:
        return None
    return StoredAnswers.from_bytes(place.registry.attached(record.run_id, STORED_ANSWERS), digest)


def _merged(new: Any, now: Answers, before: Answers) -> Answers:
    """The answers of both, in the order of the cases; ``new`` says which are those of now."""
    order = np.empty(len(new), dtype=np.int64)
    order[new], order[~new] = np.arange(new.sum()), new.sum() + np.arange((~new).sum())

    def together(first: list[Any] | None, second: list[Any] | None) -> list[Any] | None:
        if first is None or second is None:
            return None
        both = [*first, *second]
        return [both[place] for place in order.tolist()]

    positions = np.flatnonzero(new)
    failures = {int(positions[place]): why for place, why in now.failures.items()}
    positions = np.flatnonzero(~new)
    failures |= {int(positions[place]): why for place, why in before.failures.items()}
    values, confidences = together(now.values, before.values), together(now.confidences, before.confidences)
    return Answers(values or [], confidences or [], together(now.scores, before.scores), failures)
