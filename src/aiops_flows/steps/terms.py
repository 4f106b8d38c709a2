"""What decisions say beyond their verdict: columns computed from cases and predictions, such as an order of 120."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pandas as pd

from aiops_flows.steps.frames import derived_column, grown
from aiops_flows.use_case import ModelSpec, UseCase
from aiops_flows.values.missing import is_missing
from aiops_flows.values.texts import name_of, scalar

__all__ = ["missing_predictions", "term_texts", "terms_of", "unseen_by_policy", "with_terms"]

_WHOLE_UP_TO = 2.0**53  # beyond it not every whole number is a float


def terms_of(use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The terms of each case, one column each, on the index of the cases; none where the use case declares none.

    Numbers are ``float64`` (missing: NaN), texts and truth values ``object`` (missing: None); moments are told as ISO
    text. Each term sees the case, the predictions (missing ones are NaN or None, absent ones too) and the terms before
    it. A term that fails on a row is missing there, and that is logged. What a writer wrote is not seen, as rules do
    not see it either.

    Raises:
        UseCaseError: a term does not give one value a row.
    """
    if not use_case.terms:
        return pd.DataFrame(index=cases.index)
    seen = _whole(use_case, cases)
    found: dict[str, pd.Series[Any]] = {}
    for name, term in use_case.terms.items():
        values = derived_column(f"{use_case.name}.{name}", term, seen)
        found[name] = _column([_plain(value) for value in values.tolist()], cases.index)
        seen = grown(seen, {name: found[name].to_numpy()})
    return pd.DataFrame(found, index=cases.index)


def with_terms(use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases with their terms, computed anew; the frame as it is where the use case declares none."""
    terms = terms_of(use_case, cases)
    return grown(cases, {name: terms[name] for name in use_case.terms}) if use_case.terms else cases


def term_texts(use_case: UseCase, cases: pd.DataFrame) -> list[str | None]:
    """The terms of each case as a JSON object, from the columns of a frame that has them; None without terms.

    Whole numbers are written as such, so that the text of a case does not depend on the others of its frame.
    """
    if not use_case.terms:
        return [None] * len(cases)
    names = list(use_case.terms)
    columns = [[_plain(value) for value in cases[name].tolist()] for name in names]
    return [orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*columns, strict=True)]


def unseen_by_policy(use_case: UseCase) -> list[str]:
    """The columns of writers: no rule and no term sees them, since no certificate covers what they say."""
    return [column for model in use_case.models if model.kind == "writer" for column in model.added_columns]


def missing_predictions(spec: ModelSpec, index: pd.Index[Any]) -> dict[str, pd.Series[Any]]:
    """The columns of a model that said nothing, in the types that `predict` gives them."""
    kinds = {f"{spec.output}_version": "Int64", f"{spec.output}_note": "object"}
    first = {spec.output: "float64" if spec.kind == "regressor" else "object"}
    nothing: list[Any] = [None] * len(index)
    return {
        name: pd.Series(nothing, dtype=(first | kinds).get(name, "float64"), index=index) for name in spec.added_columns
    }


def _whole(use_case: UseCase, cases: pd.DataFrame) -> pd.DataFrame:
    """The cases as terms see them: every prediction has its columns, and no terms of before are there."""
    hidden = [*unseen_by_policy(use_case), *use_case.terms]
    seen = cases.drop(columns=hidden, errors="ignore")
    for model in use_case.decisive:
        absent = {
            name: column for name, column in missing_predictions(model, seen.index).items() if name not in seen.columns
        }
        seen = grown(seen, absent) if absent else seen
    return seen


def _plain(value: Any) -> str | bool | float | int | None:
    """A value as JSON can say it: a number that is not finite is missing, a moment is ISO text."""
    if is_missing(value):
        return None
    value = scalar(value)
    if isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, int | float):
        if not np.isfinite(value):
            return None
        return int(value) if float(value).is_integer() and abs(value) <= _WHOLE_UP_TO else float(value)
    return value.isoformat() if isinstance(value, date) else name_of(value)


def _column(values: Sequence[Any], index: pd.Index[Any]) -> pd.Series[Any]:
    """A column whose type does not depend on which rows are together: numbers are floats, and all missing are too."""
    numbers = all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)
    return pd.Series(list(values), dtype="float64" if numbers else "object", index=index)
