"""The latest cases before a batch, as they were when they were answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import questions
from aiops_flows.steps.certificate import Certificate
from aiops_flows.steps.decided import stored_answers
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.likeness import FEWEST_COMPARED, MOST_COMPARED, Before
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["cases_before"]

_LOOKED_AT = 5 * MOST_COMPARED
"""Only so many of the latest stored cases are looked at, history among them: a batch costs the same in any log."""


def cases_before(place: Workspace, use_case: UseCase, batch: pd.DataFrame, certificate: Certificate | None) -> Before:
    """The latest answered cases before a batch that count when it is compared with the certified rows.

    Cases that other versions answered are left out: their answers and confidence say nothing about this certificate.

    Args:
        place: the case log.
        use_case: the business process.
        batch: the cases that are about to be decided, as `predict` gives them.
        certificate: under which policy may decide them.

    Returns:
        No cases where batches are not compared, or where the batch has `MOST_COMPARED` cases itself.
    """
    wanted = MOST_COMPARED - len(batch)
    compared = certificate is not None and certificate.rows is not None and use_case.review.batch_false_alarms > 0
    if certificate is None or not compared or wanted <= 0 or batch.empty:
        return Before.of(use_case, batch.iloc[:0])

    latest = questions.last_stored(place.log, use_case.name, limit=MOST_COMPARED, among=_LOOKED_AT)
    latest = latest[~latest["case_id"].isin(set(batch["case_id"]))].reset_index(drop=True)
    answers: dict[str, pd.Series[Any]] = {}
    answered = np.ones(len(latest), dtype=bool)
    for spec in use_case.decisive:
        stored = _first_predictions(place, use_case, spec, latest["case_id"].tolist())
        answers |= stored_answers(spec, stored)
        answered &= (stored["version"] == certificate.rests_on.get(spec.name)).to_numpy(dtype=bool)

    chosen = np.flatnonzero(answered)[-wanted:]
    whole = chosen[max(len(chosen) - max(FEWEST_COMPARED - len(batch), 0), 0) :]
    columns = {name: column.iloc[whole].reset_index(drop=True) for name, column in answers.items()}
    cases = grown(stored_frame(use_case.case, _rows(latest, whole)), columns)
    return Before(cases, _rows(pd.DataFrame(answers), chosen)[Before.answer_columns(use_case)])


def _first_predictions(place: Workspace, use_case: UseCase, spec: ModelSpec, case_ids: list[str]) -> pd.DataFrame:
    """What a model answered to each case when it came, one row a case; missing where it did not."""
    stored = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=case_ids)
    return stored[stored["revision"] == 0].set_index("case_id").reindex(case_ids).reset_index()


def _rows(frame: pd.DataFrame, places: NDArray[np.int64]) -> pd.DataFrame:
    return frame.iloc[places].reset_index(drop=True)
