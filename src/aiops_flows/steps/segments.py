"""The segment of cases that are stored: a column of theirs, or what a model said of them when they came."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.verdicts import segment_texts, segmenting_model, segments_of
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["stored_segments"]


def stored_segments(place: Workspace, use_case: UseCase, case_ids: Sequence[str]) -> pd.Series[str]:
    """The segment of each of the cases, in their order; empty where it is missing or the policy has no segments."""
    ids = list(case_ids)
    if use_case.review.segments is None or not ids:
        return pd.Series([""] * len(ids), dtype=object)
    asked = list(dict.fromkeys(ids))
    model = segmenting_model(use_case)
    if model is None:
        cases = stored_frame(use_case.case, questions.cases(place.log, use_case.name, case_ids=asked))
        named = dict(zip(cases["case_id"].tolist(), segments_of(use_case, cases).tolist(), strict=True))
    else:
        said = questions.predictions(place.log, use_case.name, model=model.name, case_ids=asked)
        said = said[said["revision"] == 0]
        named = dict(zip(said["case_id"].tolist(), segment_texts(said["value"]).tolist(), strict=True))
    return pd.Series([named.get(case_id, "") for case_id in ids], dtype=object)
