"""Declared fields that a source has no column for: what models, rules and terms would take for missing values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from aiops_flows.errors import SourceError
from aiops_flows.sources.column_names import clean_name, look_alikes
from aiops_flows.steps.checking import fields_without_column
from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.frames import field_frame, grown
from aiops_flows.steps.terms import missing_predictions
from aiops_flows.use_case import Case, UseCase

__all__ = ["cases_that_lack", "fields_behind_decisions", "refuse_missing"]

_OF_EVERY_CASE = ("case_id", "batch", "received_at")


def refuse_missing(use_case: UseCase, delivery: Delivery) -> None:
    """See that a table has a column for every field that decisions rest on.

    A table is refused as a whole: its column was renamed or left out, and can be put right before a single case is
    stored. Of rows that name their own columns see `cases_that_lack`.

    Raises:
        SourceError: it has none for some of them, and the case type does not say that this is normal.
    """
    if delivery.keyed or not delivery.rows:
        return
    if missing := _decisive(use_case, fields_without_column(use_case.case, delivery.columns)):
        names = [use_case.case.source_name(name) for name in missing]
        similar = look_alikes(names, [name for name in delivery.columns if name not in _known(use_case.case)])
        raise SourceError(
            f"{delivery.name} has no column {', '.join(map(repr, names))}, on which decisions of {use_case.name} rest: "
            f"in every case it would count as missing.{' Renamed? ' + similar + '.' if similar else ''} Rename the "
            f"column, give the field an alias, or list it in {use_case.case.__name__}.optional_columns"
        )


def cases_that_lack(use_case: UseCase, delivery: Delivery) -> Mapping[str, str]:
    """Case id -> why a person must look at it: its source names no value for fields that decisions rest on.

    JSON leaves out what has no value, so a row may lack a key that others have. Where no row of a source has it, nobody
    can tell a value that is missing from a key that was renamed. Rows that came one by one are each such a source.
    """
    if not delivery.keyed:
        return {}
    if not delivery.apart:
        reason = _reason(use_case, fields_without_column(use_case.case, delivery.columns))
        return dict.fromkeys(_ids(use_case.case, delivery.rows), reason) if reason else {}
    reasons = {}
    for case_id, row in zip(_ids(use_case.case, delivery.rows), delivery.rows, strict=True):
        if reason := _reason(use_case, fields_without_column(use_case.case, row)):
            reasons[case_id] = reason
    return reasons


def _reason(use_case: UseCase, absent: Collection[str]) -> str:
    names = [use_case.case.source_name(name) for name in _decisive(use_case, absent)]
    return f"its source names no {', '.join(map(repr, names))}, on which the decision rests" if names else ""


def _ids(case_type: type[Case], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The ids of rows as they are stored."""
    alias = case_type.source_name("case_id")
    return (str(row.get(alias, row.get("case_id"))).strip() for row in rows)


def _known(case_type: type[Case]) -> set[str]:
    return {each for name in case_type.model_fields for each in (name, clean_name(case_type.source_name(name)))}


def _decisive(use_case: UseCase, absent: Collection[str]) -> list[str]:
    """Those of the absent fields that decisions rest on, and whose absence is not normal."""
    fields = use_case.case.model_fields
    open_question = [
        name
        for name in absent
        if name not in use_case.case.optional_columns and name not in _OF_EVERY_CASE and not fields[name].is_required()
    ]
    if not open_question:
        return []
    behind = fields_behind_decisions(use_case)
    return [name for name in open_question if name in behind]


def fields_behind_decisions(use_case: UseCase) -> frozenset[str]:
    """The fields that models learn from, and that derived columns, rules, terms and segments read.

    What a function reads is seen by calling it with a frame of no cases. One that fails on it, or reads the frame in a
    way that is not seen, may read every field.
    """
    fields = set(use_case.case.model_fields)
    frames = _Frames(use_case)
    read = {name for model in use_case.models for name in model.features}
    read |= {use_case.review.segments} if use_case.review.segments else set()
    for function in (*use_case.review.auto.values(), *use_case.terms.values()):
        read |= frames.read_by(function)
    for name, derivation in reversed(list(use_case.case.derived.items())):  # each may read those before it
        if name in read:
            read |= frames.read_by(derivation)
    return frozenset(read & fields)


class _Frames:
    """Frames of no cases that remember which of their columns were read."""

    def __init__(self, use_case: UseCase) -> None:
        case_type = use_case.case
        frame = field_frame(case_type, {name: [] for name in (*case_type.model_fields, *_OF_EVERY_CASE)})
        nothing = {name: pd.Series([], dtype=object) for name in (*case_type.derived, *use_case.terms)}
        for model in use_case.models:
            nothing |= missing_predictions(model, frame.index)
        self._frame = grown(frame, nothing)
        self._fields = set(case_type.model_fields)

    def read_by(self, function: Callable[[pd.DataFrame], Any]) -> set[str]:
        """The columns that a function reads; every field where that cannot be seen."""
        watched = _Watched(self._frame)
        read: set[str] = set()
        watched.read_columns = read
        try:
            values = function(watched)
            if hasattr(values, "__next__"):
                list(values)
        except Exception:  # noqa: BLE001  a function of the user's that needs a row
            return self._fields
        return read or self._fields


class _Watched(pd.DataFrame):
    """A frame that remembers which of its columns were read, and passes that on to what is made of it."""

    _metadata: list[str] = ["read_columns"]  # noqa: RUF012  pandas' own way
    read_columns: set[str]

    @property
    def _constructor(self) -> Callable[..., _Watched]:
        return _Watched

    def __getitem__(self, key: Any) -> Any:
        seen = getattr(self, "read_columns", None)
        if seen is not None:
            seen.update([key] if isinstance(key, str) else [name for name in key if isinstance(name, str)])
        return super().__getitem__(key)
