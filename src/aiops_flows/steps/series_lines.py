"""Lines of series: one case a series, with its history until a period, made of the rows of a table."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops_flows.series.history import Series, series_of
from aiops_flows.series.periods import label_of, start_of
from aiops_flows.steps.delivery import Delivery, FrameRows, Unreadable, column_of
from aiops_flows.steps.series_form import SeriesForm
from aiops_flows.steps.series_table import Key, SeriesTable, Wrong, is_there

__all__ = ["Lines", "joined", "line_id", "lines_of", "refused_series"]

_STRANGE = re.compile(r"[^\w .:@+-]+")
_EVER = -(2**62)
_SHOWN = 5


@dataclass(frozen=True)
class Lines:
    """One row a series, and the series of which no line can be made."""

    columns: dict[str, list[Any]]
    refused: list[Unreadable]

    def __len__(self) -> int:
        return len(self.columns["case_id"])

    def delivery(self, source: Delivery, nameless: Sequence[Unreadable], unused: Sequence[str]) -> Delivery:
        """The lines as a delivery; it has the unused columns of its source too, so that intake tells of them."""
        columns = self.columns | {name: [None] * len(self) for name in unused}
        unreadable = [*source.unreadable, *nameless, *self.refused]
        return Delivery(source.name, list(columns), FrameRows(columns), unreadable, source.file)


def line_id(key: Key, period: str) -> str:
    """The id of the line of a series as of a period, such as ``part-7/north/2026-03``.

    What an id cannot hold becomes ``_``, with a digest of the whole, so that no two keys share an id.
    """
    return "/".join([*(_plain(part) for part in key), period])


def _plain(part: str) -> str:
    plain = _STRANGE.sub("_", part)
    if plain == part and plain[:1] not in {" ", "#"}:
        return part
    return f"{plain}#{hashlib.sha256(part.encode(errors='surrogatepass')).hexdigest()[:8]}"


def lines_of(
    form: SeriesForm,
    table: SeriesTable,
    delivery: Delivery,
    first: int,
    *,
    told_by: int,
    known: Collection[str],
    absent: frozenset[str],
) -> Lines:
    """The lines of all series as of the period ``first``, the first one that no history holds.

    Args:
        form: what the rows mean.
        table: the rows in order.
        delivery: the rows as they came.
        first: a period; values of it and of later ones are not used.
        told_by: of the other columns, the last values told in periods up to this one are taken.
        known: the other columns that matter.
        absent: strings that mean "no value".
    """
    own = {*form.columns, form.stockout, "case_id"}
    others = {name: column_of(delivery, name) for name in delivery.columns if name not in own and name in known}
    columns: dict[str, list[Any]] = {name: [] for name in ("case_id", "received_at", *form.key, form.history, *others)}
    refused = []
    received_at, label = start_of(first, form.every, form.zone).isoformat(), label_of(first, form.every)
    for series, key in enumerate(table.keys):
        rows = table.rows_of(series, told_by).tolist()
        wrong = list(_wrong_in(form, table, series, first))
        if not rows and not wrong and (told_by < first or not table.wrong.get(series)):
            continue  # it has not begun
        said = {name: _last_said(name, values, rows, table, absent, wrong) for name, values in others.items()}
        history = None if wrong else _history(form, table, series, first)
        if history is None:
            refused.append(refused_series(form, table, delivery, series, wrong, label))
            continue
        line = {"received_at": received_at, **{name: value for name, value in said.items() if value is not None}}
        line |= {"case_id": line_id(key, label), form.history: history, **dict(zip(form.key, key, strict=True))}
        for name, values in columns.items():
            values.append(line.get(name))
    return Lines(columns, refused)


def joined(parts: Iterable[Lines], refused: Iterable[Unreadable]) -> Lines:
    """Lines of several periods as one; of a series that is refused more than once, the rows are told once."""
    columns: dict[str, list[Any]] = {"case_id": []}
    told: dict[str, Unreadable] = {}
    for part in parts:
        for name, values in part.columns.items():
            columns.setdefault(name, []).extend(values)
        told |= {each.raw: each for each in part.refused if each.raw not in told}
    return Lines(columns, list(({each.raw: each for each in refused} | told).values()))


def _wrong_in(form: SeriesForm, table: SeriesTable, series: int, first: int) -> Iterator[Wrong]:
    """What is wrong with rows that the history would hold, or that say no period of the past."""
    for wrong in table.wrong.get(series, ()):
        if wrong.period is None or first - form.longest <= wrong.period < first or wrong.period > table.running:
            yield wrong


def _history(form: SeriesForm, table: SeriesTable, series: int, first: int) -> Series | None:
    """The history until the period; None of a series that is told of earlier periods only."""
    begin = first - form.longest
    periods, quantities = table.between(series, begin, first)
    held = np.flatnonzero(~np.isnan(quantities))
    if not len(held):
        recent = table.row_period[table.rows_of(series, first)]
        return series_of(form.every, first, [], form.zone) if (recent >= begin).any() else None
    older = form.zeros_left_out and len(table.between(series, _EVER, begin)[0]) > 0
    start = begin if older else int(periods[held[0]])
    values: NDArray[np.float64] = np.full(first - start, 0.0 if form.zeros_left_out else np.nan)
    inside = periods >= start
    values[periods[inside] - start] = quantities[inside]
    return series_of(form.every, start, values, form.zone)


def _last_said(
    name: str, values: list[Any], rows: list[int], table: SeriesTable, absent: frozenset[str], wrong: list[Wrong]
) -> Any:
    """The value of the last period that gives one; it is wrong where that period gives two."""
    found: Any = None
    period = None
    for row in reversed(rows):
        at = int(table.row_period[row])
        if period is not None and at != period:
            break
        if not is_there(values[row], absent):
            continue
        if period is not None and _differ(values[row], found):
            wrong.append(Wrong(period, f"{name}: two values in the last period that tells it"))
            break
        found, period = values[row], at
    return found


def _differ(one: Any, other: Any) -> bool:
    try:
        return bool(one != other)
    except ValueError:  # arrays, as Parquet has them
        return repr(one) != repr(other)


def refused_series(
    form: SeriesForm,
    table: SeriesTable,
    delivery: Delivery,
    series: int,
    wrong: Sequence[Wrong] | None = None,
    label: str = "",
) -> Unreadable:
    """A series that is not believed, with all of its rows and why; by default because of all that is wrong with it."""
    wrong = table.wrong[series] if wrong is None else wrong
    rows = [dict(delivery.rows[row]) for row in table.rows_of(series).tolist()]
    raw = json.dumps(sorted(json.dumps(row, default=str, sort_keys=True, skipkeys=True) for row in rows))
    reasons = sorted({each.reason for each in wrong}) or [f"no row within the last {form.longest} periods"]
    more = f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    return Unreadable(
        raw, f"{form.quantity} not believed: {'; '.join(reasons[:_SHOWN])}{more}", line_id(table.keys[series], label)
    )
