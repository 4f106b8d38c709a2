"""What a champion says of live cases, beside what it said of the rows it was judged on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.case_log.promotions import Champion
from aiops_flows.drift.measuring import FEWEST_ROWS
from aiops_flows.errors import RegistryError
from aiops_flows.evidence.writing import text_of
from aiops_flows.steps.quantiles import quantile_columns, relative_width
from aiops_flows.steps.rows import rows_of_version
from aiops_flows.steps.unlearned import predict_unlearned
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["columns_of", "said_at_first", "said_now"]

_WIDEST = 1e6  # times the quantity: what is wider is alike
_MOST_SCORED = 1_000
_MOST_SAID = 2_000
_FIRST_DAYS = (1, 7, 30, 120)

_logger = logging.getLogger("aiops_flows.predicted")


def columns_of(spec: ModelSpec) -> list[str]:
    """What is compared of a model's answers; never a text.

    The class and how sure the model is of it; the quantity and, of a model with quantiles, how wide its interval is as
    a share of the quantity; of a writing how many letters it has (0: there was none).
    """
    if spec.kind == "writer":
        return ["length"]
    if spec.kind == "classifier":
        return ["prediction", "confidence"]
    return ["prediction", "relative_width"] if len(spec.quantiles) > 1 else ["prediction"]


def said_now(
    place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion, case_ids: Sequence[str]
) -> pd.DataFrame:
    """What the champion last said of these live cases, as stored: ``case_id``, and the columns of `columns_of`."""
    stored = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=list(case_ids))
    return _frame(spec, champion, stored)


def said_at_first(
    place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion, learned: str
) -> pd.DataFrame:
    """What the champion says of a sample of the rows it was judged on; else what it first said of live cases.

    The sample is of 1,000 rows at most, and the model answers them now: what it once said of them was not stored. Where
    they are too few, or the model cannot be loaded, its first live period stands for them. So it does for a writer,
    whose calls may cost money. Columns as `said_now`.
    """
    if spec.kind == "writer":
        return _said_first_live(place, use_case, spec, champion)
    judged = _said_when_judged(place, use_case, spec, champion, learned)
    if len(judged) >= FEWEST_ROWS:
        return judged
    return _said_first_live(place, use_case, spec, champion)


def _said_when_judged(
    place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion, learned: str
) -> pd.DataFrame:
    rows = rows_of_version(place, use_case, spec, learned, "judge", _MOST_SCORED).cases
    if len(rows) < FEWEST_ROWS:
        return pd.DataFrame()
    try:
        estimator = place.load(spec, champion.version, champion.digest)
        said = predict_unlearned(place, use_case, spec, champion.version, estimator, rows)
    except RegistryError as fault:
        _logger.warning("%s version %d is not asked again: %s", spec.name, champion.version, fault)
        return pd.DataFrame()
    names = {spec.output: "value", f"{spec.output}_confidence": "confidence", f"{spec.output}_version": "version"}
    return _frame(spec, champion, said[["case_id", *names, *spec.quantile_columns]].rename(columns=names))


def _said_first_live(place: Workspace, use_case: UseCase, spec: ModelSpec, champion: Champion) -> pd.DataFrame:
    """The first answers since the promotion, looked for in periods that grow until there are enough of them."""
    said = pd.DataFrame()
    for days in _FIRST_DAYS:
        end = champion.since + timedelta(days=days)
        stored = questions.predictions(
            place.log, use_case.name, model=spec.name, made_from=champion.since, made_before=end
        )
        said = _frame(spec, champion, stored.sort_values(["at", "case_id"]).head(_MOST_SAID))
        if len(said) >= FEWEST_ROWS or end > place.now():
            break
    return said


def _frame(spec: ModelSpec, champion: Champion, said: pd.DataFrame) -> pd.DataFrame:
    """The champion's own answers, the last one of each case."""
    own = said[said["version"] == champion.version].drop_duplicates("case_id", keep="last")
    if spec.kind == "writer":
        lengths = [len(text_of(writing) or "") for writing in own["value"]]
        return pd.DataFrame({"case_id": own["case_id"].to_numpy(), "length": np.array(lengths, dtype=float)})
    values: Any = own["value"].astype(float if spec.kind == "regressor" else str)
    found = {
        "case_id": own["case_id"].to_numpy(),
        "prediction": values.to_numpy(),
        "confidence": own["confidence"].astype(float).to_numpy(),
    }
    if spec.kind == "regressor" and len(spec.quantiles) > 1:
        told = quantile_columns(spec, own["scores"], own.index) if "scores" in own else own[spec.quantile_columns]
        widths = relative_width(values.to_numpy(), pd.DataFrame(told).to_numpy())
        found["relative_width"] = np.minimum(widths, _WIDEST)
    return pd.DataFrame(found)
