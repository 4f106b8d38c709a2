"""What became of each case of a replay: a row a case, from which every figure is taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.replay.run import Run
from aiops_flows.steps.decided import automatic_decisions
from aiops_flows.steps.verdicts import needs_cases, verdict_loss

__all__ = ["Money", "ledger"]

Money = Callable[[pd.DataFrame], "pd.Series[float]"]
"""Frame of wrong automatic decisions (columns of `ledger`) -> the money that each of them moved."""

_SIDES = ("said", "true")
_LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC)  # all that ever became known


def ledger(done: Run, start: pd.Timestamp, end: pd.Timestamp, money: Money | None = None) -> pd.DataFrame:
    """The cases received from the start up to before the end, in order of receipt, with what became of them.

    Returns:
        Index ``case_id``; ``received_at``; ``verdict`` (the first one; missing while a person must answer), ``by``
        (``policy``, ``person``, ``open``), ``audit_probability``, ``read`` (the verdict of the person who read an
        automatic decision), ``read_loss`` (1 where that is another verdict), ``said_…`` and ``true_…`` for each model
        but writers, ``loss`` of automatic decisions whose truth is known (0 right, 1 wrong), ``amount``, and ``money``
        that a wrong automatic decision moved (0 for others; missing where no amount is known).
    """
    log, name = done.place.log, done.use_case.name
    stored = questions.cases(log, name, received_from=start.to_pydatetime(), received_before=end.to_pydatetime())
    rows = stored.set_index("case_id")[["received_at"]]
    judging = done.use_case.model(done.use_case.judged_by)
    auto = questions.automatic(log, name, model=judging.name).set_index("case_id").reindex(rows.index)
    people = _first_answers(questions.answered(log, name)).reindex(rows.index)
    rows["verdict"] = auto["verdict"].fillna(people)
    rows["by"] = np.where(auto["verdict"].notna(), "policy", np.where(people.notna(), "person", "open"))
    rows["audit_probability"] = auto["audit_probability"].astype("float64")
    read = questions.readings(log, name, kinds=["audit"]).drop_duplicates("case_id").set_index("case_id")
    rows["read"] = read["verdict"].reindex(rows.index)
    differs = (rows["read"] != rows["verdict"]).astype("float64")
    rows["read_loss"] = differs.where(rows["read"].notna() & (rows["by"] == "policy"))
    for spec in done.use_case.decisive or done.use_case.models:
        said = questions.predictions(log, name, model=spec.name)
        rows[f"said_{spec.output}"] = _values(said[said["revision"] == 0], rows)
        rows[f"true_{spec.output}"] = _values(questions.outcomes(log, name, name=spec.output), rows)
    rows["loss"] = _losses(done, rows)
    return _with_money(done, rows.sort_values("received_at", kind="stable"), money)


def _first_answers(answered: pd.DataFrame) -> pd.Series[str]:
    """Case id -> the verdict by which a person first decided it."""
    return answered[answered["revision"] == 0].set_index("case_id")["verdict"]


def _values(told: pd.DataFrame, rows: pd.DataFrame) -> pd.Series[Any]:
    return told.set_index("case_id")["value"].reindex(rows.index)


def _losses(done: Run, rows: pd.DataFrame) -> pd.Series[float]:
    """How wrong each automatic verdict was, by what turned out true; missing where that is not known."""
    use_case = done.use_case
    if needs_cases(use_case):  # a loss looks at the terms that were decided
        decided = automatic_decisions(done.place, use_case, _LAST_MOMENT).set_index("case_id")
        return decided["outcome_loss"].reindex(rows.index)
    known = rows[[f"true_{output}" for output in use_case.judges]].notna().all(axis=1)
    judged = rows[known & (rows["by"] == "policy")]
    told = {side: {output: judged[f"{side}_{output}"].to_numpy() for output in use_case.judges} for side in _SIDES}
    losses = verdict_loss(use_case, judged["verdict"].to_numpy(), told["said"], told["true"])
    return pd.Series(losses, index=judged.index).reindex(rows.index)


def _with_money(done: Run, rows: pd.DataFrame, money: Money | None) -> pd.DataFrame:
    amounts = done.history.amounts
    rows["amount"] = amounts.reindex(rows.index) if len(amounts) else np.nan
    if money is None and not len(amounts):
        rows["money"] = np.nan
        return rows
    wrong = rows[rows["loss"] > 0]
    moved = wrong["amount"].abs() * wrong["loss"] if money is None else money(wrong)
    rows["money"] = moved.reindex(rows.index)
    rows["money"] = rows["money"].where(rows["loss"] > 0, 0.0)
    return rows
