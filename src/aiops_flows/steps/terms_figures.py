"""How often people decided other terms than were proposed, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["term_figures"]

_COLUMNS: Final = ("term", "said_in", "said", "changed", "mean_difference", "typical_change")
_Pairs = list[tuple[Any, Any]]


def term_figures(place: Workspace, use_case: UseCase, *, as_known: datetime | None = None) -> pd.DataFrame:
    """How often people said other terms than were proposed to them, or than policy decided, and by how much.

    Args:
        place: where decisions and readings are read.
        use_case: the business process.
        as_known: only what was said by this moment; default now.

    Returns:
        Of each term in turn, where any were said, a row for ``said_in`` ``review`` (answers to ordinary reviews, beside
        what was proposed) and ``audit`` (what readers said, beside the decision they read): ``said`` (cases in which
        both are known), ``changed`` (share in which they differ), and of numbers ``mean_difference`` (said less
        proposed, over all) and ``typical_change`` (median size of the difference where they differ), None of others.
    """
    answered = questions.answered(place.log, use_case.name, known_by=as_known)
    read = questions.readings(place.log, use_case.name, kinds=["audit"], known_by=as_known)
    rows = [
        (term, where, *_figures(pairs))
        for term in use_case.terms
        for where, pairs in (
            ("review", _pairs(term, answered["terms"], answered["proposed"])),
            ("audit", _pairs(term, read["terms"], read["held"])),
        )
        if pairs
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)


def _pairs(term: str, said: Iterable[Any], before: Iterable[Any]) -> _Pairs:
    """What was said of a term beside what it was before, where both are known."""
    both = [(_of(term, one), _of(term, other)) for one, other in zip(said, before, strict=True)]
    return [pair for pair in both if None not in pair]


def _of(term: str, terms: Any) -> Any:
    return terms.get(term) if isinstance(terms, Mapping) else None


def _figures(pairs: _Pairs) -> tuple[int, float, float | None, float | None]:
    """How many, the share that differ, the mean difference, and the median size of those that are not 0."""
    changed = float(np.mean([said != before for said, before in pairs]))
    if any(isinstance(value, str | bool) for pair in pairs for value in pair):
        return len(pairs), changed, None, None
    differences = np.array([said - before for said, before in pairs], dtype=np.float64)
    sizes = np.abs(differences[differences != 0])
    return len(pairs), changed, float(differences.mean()), float(np.median(sizes)) if len(sizes) else 0.0
