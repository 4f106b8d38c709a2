"""What acting on a model's answers would have cost, case by case, once the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.answers import Scored
from aiops_flows.steps.frames import grown
from aiops_flows.steps.rows import Labelled
from aiops_flows.steps.terms import missing_predictions, with_terms
from aiops_flows.use_case import ModelSpec, UseCase, quantile_column

__all__ = ["Costs", "case_costs", "costs_of", "said_frame"]

Floats = NDArray[np.float64]
Costs = Callable[[Scored, Floats], Floats]
"""What was said of the rows and how sure it was → the cost of acting on each."""


def costs_of(use_case: UseCase, spec: ModelSpec, rows: Labelled) -> Costs | None:
    """What acting on answers to these rows costs; None of a model without a cost."""
    if spec.cost is None:
        return None
    truth = rows.truth.astype(str) if spec.kind == "classifier" else rows.truth

    def costs(said: Scored, confidence: Floats) -> Floats:
        return case_costs(use_case, spec, said_frame(spec, rows.cases, said, confidence), truth)

    return costs


def case_costs(use_case: UseCase, spec: ModelSpec, cases: pd.DataFrame, truth: NDArray[Any]) -> Floats:
    """The cost of acting on each answer, NaN where it cannot be told; the terms are computed anew.

    Args:
        use_case: whose terms a decision has.
        spec: a model with a cost.
        cases: with the columns that `predict` adds for it; other models may be absent: they are missing to the terms.
        truth: what turned out true.

    Raises:
        UseCaseError: the cost fails, or does not give one number a row.
    """
    assert spec.cost is not None
    try:
        found = np.asarray(spec.cost(with_terms(use_case, cases), truth), dtype=np.float64)
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as fault:  # its words may quote a case
        raise UseCaseError(
            f"{spec.name}: its cost failed with {type(fault).__name__}; it takes the frame of cases with "
            f"{spec.added_columns[0]}, the quantiles (missing of models without them) and the terms, and the truth. "
            "Its words are left out, as they may quote a case; try it on a few rows by hand"
        ) from None
    if found.shape != (len(cases),):
        raise UseCaseError(f"{spec.name}: its cost gave the shape {found.shape} for {len(cases)} cases; give one a row")
    return found


def said_frame(spec: ModelSpec, cases: pd.DataFrame, said: Scored, confidence: Floats) -> pd.DataFrame:
    """The cases with what a version said of them, in the columns that `predict` adds; the version itself is missing."""
    columns = missing_predictions(spec, cases.index)
    values = pd.Series(np.asarray(said.values), index=cases.index)
    told = {spec.output: values, f"{spec.output}_confidence": pd.Series(confidence, index=cases.index)}
    for place, level in enumerate(said.levels):
        name = quantile_column(spec.output, level)
        if name in columns and said.quantiles is not None:
            told[name] = pd.Series(said.quantiles[:, place], index=cases.index)
    return grown(cases, columns | told)
