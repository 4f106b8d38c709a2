"""The latest cases before a small batch, as they were when they were answered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.steps.decided import stored_answers
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.likeness import FEWEST_COMPARED
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["cases_before"]


def cases_before(place: Workspace, use_case: UseCase, batch: pd.DataFrame) -> pd.DataFrame:
    """The latest answered cases that are not in a batch, as many as a small one needs to be compared; else none.

    Args:
        place: the case log.
        use_case: the business process.
        batch: the cases that are about to be decided.

    Returns:
        Columns as `predict` gives them.
    """
    wanted = FEWEST_COMPARED - len(batch)
    if wanted <= 0 or batch.empty:
        return batch.iloc[:0]
    latest = questions.cases(place.log, use_case.name, limit=FEWEST_COMPARED, latest=True)
    latest = latest[~latest["case_id"].isin(set(batch["case_id"]))]
    ids = latest["case_id"].tolist()
    cases = stored_frame(use_case.case, latest.reset_index(drop=True))
    answered = np.ones(len(cases), dtype=bool)
    for spec in use_case.decisive:
        said = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=ids)
        first = said[said["revision"] == 0].set_index("case_id").reindex(ids).reset_index(drop=True)
        columns = stored_answers(spec, first)
        answered &= columns[f"{spec.output}_version"].notna().to_numpy()
        cases = grown(cases, columns)
    return cases[answered].tail(wanted).reset_index(drop=True)
