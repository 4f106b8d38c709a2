"""How many labelled rows there are, and which step left the others out: the reason where none is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec, UseCase

__all__ = ["LabelledCounts", "labelled_counts"]


@dataclass(frozen=True)
class Span:
    """How many rows, and the earliest and latest of their dates."""

    count: int
    first: datetime | None = None
    last: datetime | None = None

    @classmethod
    def of(cls, dates: pd.Series[pd.Timestamp]) -> Span:
        """The span of these dates."""
        return cls(len(dates), dates.min(), dates.max()) if len(dates) else cls(0)

    def __str__(self) -> str:
        if self.first is None or self.last is None:
            return "0"
        first, last = f"{self.first:%Y-%m-%d}", f"{self.last:%Y-%m-%d}"
        return f"on {first}" if first == last else f"from {first} to {last}"


@dataclass(frozen=True)
class LabelledCounts:
    """The cases of a use case, step by step from all that are stored to those that a training may use."""

    output: str
    as_of: datetime
    window: timedelta | None
    cases: int
    labelled: int
    """Cases with an outcome, whenever it became known."""
    not_known_yet: Span
    """Cases whose outcomes are all dated after ``as_of``: the dates of the outcomes."""
    not_received_yet: Span
    """Of the rest, those received at ``as_of`` or later: when."""
    before_window: Span
    """Of the rest, those received before the training window: when."""
    usable: int
    """Those left."""

    @property
    def reasons(self) -> list[str]:
        """Why rows were left out, one sentence each, with what to do; empty where none was."""
        return list(self._reasons())

    def _reasons(self) -> Iterator[str]:
        if not self.cases:
            yield "no case is stored; take in cases first"
            return
        if not self.labelled:
            yield f"none of {self.cases:,} cases has an outcome of {self.output!r}; record outcomes"
            return
        day = f"{self.as_of:%Y-%m-%d}"
        if late := self.not_known_yet.count:
            yield (
                f"{late:,} of {self.labelled:,} labelled rows have outcomes that become known only after {day} "
                f"(known_at {self.not_known_yet}); correct known_at, or wait"
            )
        if future := self.not_received_yet.count:
            yield (
                f"{future:,} of {self.labelled:,} labelled rows were received after {day} "
                f"(received_at {self.not_received_yet}); correct received_at"
            )
        if self.window is not None and (old := self.before_window.count):
            yield (
                f"{old:,} of {self.labelled:,} labelled rows were received before "
                f"{self.as_of - self.window:%Y-%m-%d}, the start of the training window of {_days(self.window)} "
                f"(received {self.before_window}); widen train_window, or record more recent outcomes"
            )

    def __str__(self) -> str:
        return "; ".join([*self.reasons, f"{self.usable:,} rows are left"] if self.reasons else [])


def labelled_counts(
    place: Workspace, use_case: UseCase, spec: ModelSpec, *, as_of: datetime, window: timedelta | None = None
) -> LabelledCounts:
    """The counts of the labelled rows of a model as of a date.

    Args:
        place: the case log.
        use_case: the business process.
        spec: the model whose output is the outcome.
        as_of: only outcomes known by then, and cases received before then, count.
        window: only cases received within this time before ``as_of`` count; by default all.
    """
    ever = questions.received(place.log, use_case.name, outcomes_known=[spec.output])
    by_then = questions.received(place.log, use_case.name, outcomes_known=[spec.output], known_by=as_of)
    received = by_then["received_at"]
    future = ever["known"] & ~by_then["known"]
    late = by_then["known"] & (received >= as_of)
    old = by_then["known"] & ~late & (window is not None and received < as_of - window)
    return LabelledCounts(
        spec.output,
        as_of,
        window,
        cases=len(ever),
        labelled=int(ever["known"].sum()),
        not_known_yet=_known_after(place, use_case, spec, as_of) if future.any() else Span(0),
        not_received_yet=Span.of(received[late]),
        before_window=Span.of(received[old]),
        usable=int((by_then["known"] & ~late & ~old).sum()),
    )


def _known_after(place: Workspace, use_case: UseCase, spec: ModelSpec, as_of: datetime) -> Span:
    """The cases whose every outcome is dated after ``as_of``."""
    told = questions.outcomes(place.log, use_case.name, name=spec.output, every=True)
    first = told.groupby("case_id")["known_at"].min()
    return Span.of(first[first > as_of])


def _days(window: timedelta) -> str:
    return f"{window.days:,} days" if window >= timedelta(days=2) else str(window)
