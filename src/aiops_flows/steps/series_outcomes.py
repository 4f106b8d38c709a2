"""What was asked for in the periods of each stored line, from the rows of series: the outcome that time tells."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, cast

import pandas as pd
from pydantic_core import from_json

from aiops_flows.case_log import questions
from aiops_flows.errors import UseCaseError
from aiops_flows.series.history import Series, first_after
from aiops_flows.series.periods import start_of
from aiops_flows.steps.delivery import Delivery, FrameRows
from aiops_flows.steps.series_form import SeriesForm
from aiops_flows.steps.series_lines import refused_series
from aiops_flows.steps.series_table import Key, SeriesTable, read_table
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, UseCase

__all__ = ["field_of", "outcomes_in", "past_outcomes"]

_logger = logging.getLogger("aiops_flows.series")
_AT_ONCE = 20_000


def outcomes_in(place: Workspace, use_case: UseCase, delivery: Delivery) -> Delivery:
    """The delivery as outcomes of cases; of rows of series, the total of each stored line's periods.

    A line has its outcome once all of its periods are told: with a gap, or a period in which stock was out, it stays
    unknown. It became true when the last of these periods was over; of a line taken in as history it was known then,
    of another one it is known now. A total that differs from the stored one is a correction, known now.

    Raises:
        UseCaseError: no model predicts the total.
    """
    form = use_case.case.rows
    if not isinstance(form, SeriesForm) or not delivery.rows or not _tells_series(use_case, form, delivery):
        return delivery
    output = _output(use_case, form)
    table = read_table(form, delivery, place.now(), use_case.case.absent)
    refused = [refused_series(form, table, delivery, series) for series in sorted(table.wrong)]
    totals = _Totals(form, use_case.case, table)
    for lines, told in _stored(place, use_case, output, table, form):
        bodies = from_json("[" + ",".join(lines["body"].tolist()) + "]")
        for case_id, body in zip(lines["case_id"].tolist(), bodies, strict=True):
            totals.add(case_id, body, known_then=case_id not in told)
    counts = ", ".join(f"{count} {why}" for why, count in sorted(totals.counts.items()))
    _logger.info("%s: outcomes of lines: %s", delivery.name, counts or "none, no line of these periods is stored")
    columns = totals.columns(output)
    unreadable = [*delivery.unreadable, *table.nameless, *refused]
    return replace(delivery, columns=list(columns), rows=FrameRows(columns), unreadable=unreadable)


def past_outcomes(use_case: UseCase, delivery: Delivery, lines: pd.DataFrame, now: datetime) -> pd.DataFrame | None:
    """What rows of series tell of lines of the past, known when their periods were over; None where they tell nothing.

    Args:
        use_case: whose lines.
        delivery: the rows.
        lines: ``case_id``, and the columns of a case as its sources name them.
        now: periods that are not over by then are not told.

    Returns:
        Columns ``case_id``, that of the model's output, ``event_at``, ``known_at``.
    """
    form = use_case.case.rows
    if not isinstance(form, SeriesForm) or not delivery.rows or not _tells_series(use_case, form, delivery):
        return None
    totals = _Totals(form, use_case.case, read_table(form, delivery, now, use_case.case.absent))
    named = [field_of(use_case.case, str(name)) for name in lines.columns]
    for values in lines.itertuples(index=False, name=None):
        body = dict(zip(named, values, strict=True))
        totals.add(body["case_id"], body, known_then=True)
    return pd.DataFrame(totals.columns(_output(use_case, form)))


def _output(use_case: UseCase, form: SeriesForm) -> str:
    output = form.outcome or form.quantity
    if output not in {model.output for model in use_case.models}:
        raise UseCaseError(
            f"use case {use_case.name}: no model has the output {output!r}, the total of its series; name the output "
            f"of one among {[model.output for model in use_case.models]} in SeriesRows(outcome=...)"
        )
    return output


def _tells_series(use_case: UseCase, form: SeriesForm, delivery: Delivery) -> bool:
    """Whether rows are of series and periods, and name no cases."""
    columns = set(delivery.columns)
    return set(form.columns) <= columns and not {"case_id", use_case.case.source_name("case_id")} & columns


def _stored(
    place: Workspace, use_case: UseCase, output: str, table: SeriesTable, form: SeriesForm
) -> Iterator[tuple[pd.DataFrame, set[str]]]:
    """Stored lines received since the delivery begins, some at a time; and those with an outcome or worked on."""
    if not len(table.period):
        return
    since = start_of(int(table.period.min()), form.every, form.zone).astimezone(UTC) - pd.Timedelta(days=31)
    found = questions.received(place.log, use_case.name, outcomes_known=[output], received_from=since)
    known = set(found.loc[found["known"].astype(bool), "case_id"])
    each = found.groupby("received_at").size()
    parts = (each.cumsum() - each) // _AT_ONCE
    begins = parts.drop_duplicates().index.tolist()
    for begin, until in zip_longest(begins, begins[1:]):
        span: dict[str, Any] = {"received_from": begin, "received_before": until}
        worked = questions.cases(place.log, use_case.name, worked=True, **span)
        yield questions.cases(place.log, use_case.name, **span), known | set(worked["case_id"])


@dataclass
class _Totals:
    """The totals of lines, gathered."""

    form: SeriesForm
    case_type: type[Case]
    table: SeriesTable
    case_ids: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)
    known_at: list[datetime | None] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._places = {key: place for place, key in enumerate(self.table.keys)}
        self._sites = {key[1:] for key in self.table.keys}
        self._fields = [field_of(self.case_type, name) for name in self.form.key]
        cover = self.case_type.model_fields.get(str(self.form.cover))
        self._usual_cover = int((cover.get_default() if cover and not cover.is_required() else None) or 1)
        self._span = (int(self.table.period.min()), self.table.last or 0) if len(self.table.period) else (0, -1)

    def add(self, case_id: str, body: dict[str, Any], *, known_then: bool) -> None:
        """Take in the total of a line, if the rows tell it; known when its periods were over, or only now."""
        history: Any = body.get(self.form.history)
        if not isinstance(history, Mapping) or history["every"] != self.form.every:
            return
        first = first_after(cast("Series", history))
        after = first + self._cover(body)
        if first < self._span[0] or after - 1 > self._span[1]:
            self.counts["not over"] += 1
            return
        total = self._total(tuple(str(body.get(name)) for name in self._fields), first, after)
        self.counts["told" if total is not None else "with a gap, a refused row or without stock"] += 1
        if total is None:
            return
        end = start_of(after, self.form.every, self.form.zone).astimezone(UTC)
        self.case_ids.append(case_id)
        self.values.append(total)
        self.ends.append(end)
        self.known_at.append(end if known_then else None)

    def columns(self, output: str) -> dict[str, list[Any]]:
        """The totals as columns of outcomes."""
        return {"case_id": self.case_ids, output: self.values, "event_at": self.ends, "known_at": self.known_at}

    def _cover(self, body: dict[str, Any]) -> int:
        if isinstance(self.form.cover, int):
            return self.form.cover
        try:
            return int(float(body.get(self.form.cover) or self._usual_cover))
        except ValueError:  # no number: intake will refuse the line
            return self._usual_cover

    def _total(self, key: Key, first: int, after: int) -> float | None:
        """What was asked for from one period until before another; None where that is not known."""
        series = self._places.get(key)
        if series is None:
            return 0.0 if self.form.zeros_left_out and key[1:] in self._sites else None
        if self.table.doubts(series, first, after):
            return None
        periods, quantities = self.table.between(series, first, after)
        if len(periods) < after - first and not self.form.zeros_left_out:
            return None
        total = math.fsum(quantities.tolist())
        return None if math.isnan(total) else total


def field_of(case_type: type[Case], name: str) -> str:
    """The field of a case that is read from a column of the source."""
    return next((field for field in case_type.model_fields if name in {field, case_type.source_name(field)}), name)
