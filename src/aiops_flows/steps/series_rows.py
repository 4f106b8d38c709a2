"""Series from sources with one row for each series and period: one case a series, with its history."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from aiops_flows.case_type import Case
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.series.period_names import read_period
from aiops_flows.series.periods import label_of
from aiops_flows.steps.delivery import Delivery
from aiops_flows.steps.series_form import SeriesForm
from aiops_flows.steps.series_lines import joined, lines_of, refused_series
from aiops_flows.steps.series_table import SeriesTable, read_table
from aiops_flows.steps.sources import Source, deliveries

__all__ = ["SeriesRows", "past_cases"]

_logger = logging.getLogger("aiops_flows.series")
_NOTHING = frozenset({""})


@dataclass(frozen=True)
class SeriesRows(SeriesForm):
    """A source has one row for each series and period; as ``rows`` of a case type it makes one case of each series.

    The case is as of the period after the last finished one that the delivery names: its id is ``item/site/`` and that
    period, its moment of receipt the start of it (unless the rows say ``received_at``), its history what is
    told of the periods before. Of every other column it has the last value. Taken in as history, the source gives the
    lines that it would have given in the ``past`` latest of its periods. A source that has the history already is taken
    as it is. Rows of a series that cannot be read, or contradict each other, put the series to quarantine.
    """

    def fits(self, case_type: type[Case], delivery: Delivery) -> bool:
        """Whether the rows are of series and periods.

        Raises:
            SourceError: they are not, and have no history either.
            UseCaseError: the case type lacks a field that the lines have.
        """
        if lacking := sorted({*self.key, self.history} - _names(case_type)):
            raise UseCaseError(f"{case_type.__name__} has no fields {lacking}, which its SeriesRows fill; add them")
        if {self.history, case_type.source_name(self.history)} & set(delivery.columns):
            return False
        if missing := [name for name in self.columns if name not in delivery.columns]:
            raise SourceError(
                f"{delivery.name} has no {self.history!r}, and as rows of series it lacks the columns {missing}; send "
                f"one row a series and period with {self.columns}, or lines with the history"
            )
        return True

    def cases_of(self, case_type: type[Case], delivery: Delivery, now: datetime, *, past: bool) -> Delivery:
        """One row a series, as of the period after the delivery's last one; or one a series and past period."""
        table = read_table(self, delivery, now, case_type.absent)
        first = table.running if table.last_named is None else table.last_named + 1
        known, absent = _names(case_type), case_type.absent
        if past:
            firsts = range(max(first - self.past, int(table.period.min(initial=first)) + 1), first)
            lines = joined(
                [lines_of(self, table, delivery, at, told_by=at - 1, known=known, absent=absent) for at in firsts],
                [refused_series(self, table, delivery, series) for series in sorted(table.wrong)],
            )
        else:
            lines = lines_of(self, table, delivery, first, told_by=first, known=known, absent=absent)
        _tell(self, delivery.name, table, len(lines))
        used = {*lines.columns, *self.columns, self.stockout}
        return lines.delivery(delivery, table.nameless, [name for name in delivery.columns if name not in used])


def _names(case_type: type[Case]) -> set[str]:
    return set(case_type.model_fields) | {case_type.source_name(name) for name in case_type.model_fields}


def _tell(form: SeriesForm, name: str, table: SeriesTable, lines: int) -> None:
    _logger.info("%s: %d rows of %d series, %d lines", name, len(table.row_series), len(table.keys), lines)
    told = int((table.period == table.last).sum())
    if table.last is not None and told * 2 < len(table.keys) and not form.zeros_left_out:
        label = label_of(table.last, form.every)
        _logger.warning("%s: only %d of %d series tell %s, the last period", name, told, len(table.keys), label)
    if table.unfinished:
        _logger.info("%s: the quantity of %d rows is left out, their period is not over", name, table.unfinished)


def past_cases(form: SeriesForm, rows: Source, origins: Iterable[Any]) -> pd.DataFrame:
    """The lines that would have been made at earlier periods, for ``intake(..., history=True)``.

    A line of the past holds nothing that was told of its own period or a later one. Series of which no line can be
    made are left out, and their number is logged.

    Args:
        form: the ``rows`` of the case type.
        rows: rows of series and periods; see `aiops_flows.steps.sources`.
        origins: the periods that were the first unknown ones, such as ``["2025-11", "2025-12"]``.

    Returns:
        One row an origin and series: ``case_id``, ``received_at``, the columns of the key, the history, and the last
        value of every other column.

    Raises:
        SourceError: the source cannot be read or lacks columns, or an origin is no such period.
    """
    firsts = [_origin(form, origin) for origin in origins]
    parts = [part for delivery in deliveries(rows) for part in _past_lines(form, delivery, firsts)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["case_id", "received_at"])


def _past_lines(form: SeriesForm, delivery: Delivery, firsts: list[int]) -> list[pd.DataFrame]:
    if missing := [name for name in form.columns if name not in delivery.columns]:
        raise SourceError(f"{delivery.name} lacks the columns {missing} of its series; name them in SeriesRows")
    table = read_table(form, delivery, datetime.now(UTC), _NOTHING)
    parts = []
    for first in firsts:
        lines = lines_of(form, table, delivery, first, told_by=first - 1, known=set(delivery.columns), absent=_NOTHING)
        if lines.refused:
            why = lines.refused[0].reason
            _logger.warning("%s: no line of %d series; the first: %s", delivery.name, len(lines.refused), why)
        parts.append(pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in lines.columns.items()}))
    return parts


def _origin(form: SeriesForm, origin: Any) -> int:
    try:
        return read_period(origin, form.every, form.zone)[0]
    except (ValueError, IndexError) as fault:
        raise SourceError(f"an origin is the first period that was not known: {fault}") from fault
