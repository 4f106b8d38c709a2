"""The terms of stored cases: what is proposed to a person, and what the person says instead."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.errors import UseCaseError
from aiops_flows.steps.decided import stored_answers
from aiops_flows.steps.frames import grown, stored_frame
from aiops_flows.steps.terms import term_texts, with_terms
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["answered_cases", "proposed_terms", "said_terms"]

_LONGEST: Final = 1_000  # characters of a text that a person gives as a term
_WHOLE_UP_TO: Final = 2.0**53
_EXPECTED: Final = {bool: "true or false", float: "a finite number", str: f"a text of 1 to {_LONGEST:,} characters"}


def answered_cases(place: Workspace, use_case: UseCase, case_ids: Sequence[str]) -> pd.DataFrame:
    """Stored cases with what is stored of each model's latest answer, in the columns that `predict` gives.

    No model is loaded. Writers are left out; where a model has said nothing, its columns are missing values.
    """
    cases = stored_frame(use_case.case, questions.cases(place.log, use_case.name, case_ids=case_ids))
    ids = cases["case_id"].tolist()
    for spec in use_case.decisive:
        found = questions.predictions(place.log, use_case.name, model=spec.name, case_ids=ids)
        last = found.drop_duplicates("case_id", keep="last").set_index("case_id").reindex(ids)
        cases = grown(cases, stored_answers(spec, last))
    return cases


def proposed_terms(place: Workspace, use_case: UseCase, case_id: str) -> dict[str, Any] | None:
    """The terms of a stored case as its latest stored predictions give them, by name; a missing one is None.

    None where the use case has no terms, or the case is not stored.
    """
    if not use_case.terms:
        return None
    cases = answered_cases(place, use_case, [case_id])
    texts = term_texts(use_case, with_terms(use_case, cases))
    return orjson.loads(texts[0] or "null") if texts else None


def said_terms(
    use_case: UseCase, said: Mapping[str, Any] | None, proposed: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The terms that a person says, as the case log keeps them; messages quote none of it.

    A value is of the kind that was proposed. A text is read as what was proposed: typed numbers come as texts. Where
    nothing was proposed, a text that is a JSON number or truth value is taken as such. None where nothing is said.

    Raises:
        UseCaseError: the use case has no such term, or the value is none that it could have.
    """
    if not said:
        return None
    if unknown := sorted(set(said) - set(use_case.terms)):
        has = f"its terms are {list(use_case.terms)}" if use_case.terms else "it has none"
        raise UseCaseError(f"{use_case.name} has no term {unknown}; {has}")
    found: dict[str, Any] = {}
    for name in (name for name in use_case.terms if name in said):
        like = (proposed or {}).get(name)
        kind = None if like is None else _kind(like)
        found[name] = _read(said[name], kind)
        if found[name] is None:
            expected = _EXPECTED[kind] if kind else "a number, a text, or true or false"
            raise UseCaseError(
                f"the term {name} of {use_case.name} is {expected}, and what was said is none; say it again, or leave "
                "it out to keep what was proposed"
            )
    return found


def _kind(value: Any) -> type:
    """bool, float (of every number) or str."""
    return bool if isinstance(value, bool) else float if isinstance(value, int | float) else str


def _read(value: Any, kind: type | None) -> Any:
    """The value as that kind, or as the kind it is; None where it is none of it."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str) and kind is not str:
        value = _typed(value.strip(), kind)
    if not isinstance(value, bool | int | float | str) or (kind and _kind(value) is not kind):
        return None
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST and _storable(value) else None
    return value if isinstance(value, bool) else _number(value)


def _typed(text: str, kind: type | None) -> Any:
    """What a typed text says: a number or truth value where it is written as one, else the text."""
    try:
        said = float(text) if kind is float else orjson.loads(text)
    except ValueError:
        return text
    return said if isinstance(said, bool | int | float) else text


def _number(value: float) -> float | None:
    """The number as terms are kept: whole ones as such; None where it is not finite."""
    if isinstance(value, int):
        return value if abs(value) <= _WHOLE_UP_TO else None
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= _WHOLE_UP_TO else value


def _storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return "\x00" not in text
