"""Evidently's report of drift for people, as HTML and JSON, with our verdict and what follows from it on top."""

from __future__ import annotations

import contextlib
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift.columns import MANY_VALUES, MOST_ROWS, OTHER, PooledColumn, read_column, sample_rows
from aiops_flows.drift.report import ColumnDrift, DriftReport
from aiops_flows.drift.texts import MOST_TEXT_ROWS, spelled
from aiops_flows.telemetry import switch_off
from aiops_flows.texts.identifying import identifying_kind

__all__ = ["RenderedReport", "render_report"]

_FEWEST_SHOWN = 10  # rows with a value, for it to be named
_MOST_SHOWN = 50  # values named in a column
_LIKE_AN_IDENTIFIER = re.compile(r"\d{5}|@")
_SHOWN_BY_EVIDENTLY = frozenset({"wasserstein", "jensenshannon"})
_NEVER = 1e9  # the limit of a column that has none, as Evidently would take its own
_HEADINGS = (
    "column",
    "drifted",
    "alone",
    "distance",
    "limit",
    "p-value alone",
    "method",
    "missing before",
    "missing now",
    "new values",
    "note",
)
_STYLE = (
    "<style>.verdict{font-family:sans-serif;margin:1.5rem}.verdict table{border-collapse:collapse;font-size:.9rem}"
    ".verdict td,.verdict th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}</style>"
)


@dataclass(frozen=True)
class RenderedReport:
    """A drift report as two files."""

    html: bytes
    """A page that needs no network."""
    json: bytes
    """``drift_report``: ours, as `DriftReport.as_dict`, with breaks and actions; ``predictions``: the same of what the
    model says, or None; ``evidently``: its metrics, or None where it has none."""


def render_report(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    report: DriftReport,
    *,
    seed: int = 0,
    max_rows: int = MOST_ROWS,
    predictions: DriftReport | None = None,
) -> RenderedReport:
    """Evidently's view of the columns of a drift report, under our verdict and what follows from it, for people.

    Evidently uses the distance and the limit of each column that the report has; columns without values on one side,
    and where the words of a text lie, stand in our table only. Of a text, its descriptors are shown and no word.
    Nothing but the columns of the report is read. So that no person can be recognised, a value is named only where ten
    rows have it and it does not look like an identifier, none is in a column of very many values or of what looks like
    names, accounts or streets, a column in which nearly every row has a value of its own is left out, and numbers are
    rounded to a thousandth of their spread; Evidently's distance may differ by as little.
    ``predictions`` is the report of what the model says; it stands in our part of the page.
    """
    texts = list(dict.fromkeys(column.of for column in report.columns if column.of))
    if texts:
        max_rows = min(max_rows, MOST_TEXT_ROWS)
    reference, current = sample_rows(reference, max_rows, seed), sample_rows(current, max_rows, seed)
    shown = [column for column in report.columns if column.method in _SHOWN_BY_EVIDENTLY]
    frames = spelled(reference, current, texts, texts)
    read = [read_column(column.name, frames.reference, frames.current) for column in shown]
    pooled = [column for column in read if not column.names_rows]
    shown = [column for column, values in zip(shown, read, strict=True) if not values.names_rows]
    whole = pd.DataFrame({column.name: _anonymous(column) for column in pooled})
    page, metrics = _evidently(whole.iloc[: len(reference)], whole.iloc[len(reference) :], shown)
    said = predictions.as_dict() if predictions else None
    found = {"drift_report": report.as_dict(), "predictions": said, "evidently": metrics}
    return RenderedReport(
        html=page.replace("<body>", f"<body>{_section(report, predictions)}", 1).encode(),
        json=json.dumps(found, allow_nan=False, ensure_ascii=False).encode(),
    )


def _anonymous(column: PooledColumn) -> NDArray[Any]:
    """The values of a column as they may be shown."""
    if column.kind == "numeric":
        return _rounded(column.numbers)
    counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.labels))
    named = set(np.argsort(-counts, kind="stable")[:_MOST_SHOWN].tolist())
    hidden = column.distinct > MANY_VALUES or bool(identifying_kind(column.labels))
    labels = [
        _label(label, number, named=number in named and rows >= _FEWEST_SHOWN, hidden=hidden)
        for number, (label, rows) in enumerate(zip(column.labels, counts.tolist(), strict=True))
    ]
    return np.array([*labels, None], object)[column.codes]  # the code of a missing value is -1


def _label(label: str, number: int, *, named: bool, hidden: bool) -> str:
    if not named or label == OTHER:
        return OTHER
    return f"value {number + 1}" if hidden or _LIKE_AN_IDENTIFIER.search(label) else label


def _rounded(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers to a power of ten of about a thousandth of their spread."""
    spread = float(np.nanstd(numbers))
    return np.round(numbers, 3 - int(np.floor(np.log10(spread)))) if spread > 0 else numbers


def _evidently(
    reference: pd.DataFrame, current: pd.DataFrame, columns: list[ColumnDrift]
) -> tuple[str, dict[str, Any] | None]:
    """Evidently's page and metrics of these columns; an empty page where there is nothing to show."""
    if not columns or reference.empty or current.empty:
        return "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'></head><body></body></html>", None
    with _quiet():
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        definition = DataDefinition(
            numerical_columns=[column.name for column in columns if column.kind == "numeric"],
            categorical_columns=[column.name for column in columns if column.kind == "categorical"],
        )
        metrics = [ValueDrift(column=each.name, method=each.method, threshold=each.limit or _NEVER) for each in columns]
        now, before = (Dataset.from_pandas(frame.reset_index(drop=True), definition) for frame in (current, reference))
        snapshot = Report(metrics).run(now, before)
        return snapshot.get_html_str(as_iframe=False), json.loads(snapshot.json(), parse_constant=lambda _: None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Evidently without its telemetry, and without the warnings of the libraries beneath it."""
    switch_off()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _section(report: DriftReport, predictions: DriftReport | None) -> str:
    """Our part of the page: the verdict, what follows, what broke, and the columns."""
    said = "" if predictions is None else f"<h2>What the model says: {predictions.verdict}</h2>{_told(predictions)}"
    actions = [tuple(each[name] for name in ("finding", "action", "why")) for each in report.actions]
    follows = _table(("finding", "action", "why"), actions) if actions else "<p>Nothing follows.</p>"
    breaks = [(each.column, each.kind, each.found, each.expected) for each in report.breaks]
    broken = f"<h2>Broken</h2>{_table(('column', 'kind', 'found', 'expected'), breaks)}" if breaks else ""
    return (
        f"{_STYLE}<section class='verdict'><h1>Verdict: {report.verdict}</h1>{_told(report)}{_slices(report)}"
        f"{said}{broken}"
        f"<h2>What follows</h2>{follows}</section>"
    )


def _slices(report: DriftReport) -> str:
    """Each slice against its own past; nothing where none are watched."""
    found = report.slices
    if found is None:
        return ""
    headings = (found.by, "moved", "p-value among all", "rows before", "rows now", "columns")
    rows = [
        (
            each.value,
            "yes" if each.drifted else "no",
            f"{each.p_value:.4g}",
            str(each.rows_reference),
            str(each.rows_current),
            ", ".join(each.columns),
        )
        for each in found.slices[:_MOST_SHOWN]
    ]
    table = _table(headings, rows) if rows else ""
    return f"<h2>Each {escape(found.by)} by itself: {found.verdict}</h2><p>{escape(found.reason)}</p>{table}"


def _told(report: DriftReport) -> str:
    """Reason, rows and columns of a report."""
    alone = "" if report.column_rate is None else f"; in {report.column_rate:.3g} by any one column alone"
    return (
        f"<p>{escape(report.reason)}</p>"
        f"<p>{report.rows_reference} reference rows, {report.rows_current} current rows; "
        f"false alarms in {report.alarm_rate:.3g} of unchanged windows, over all columns together{alone}.</p>"
        f"{_table(_HEADINGS, [_cells(column) for column in report.columns])}"
    )


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{each}</tr>" for each in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(column: ColumnDrift) -> tuple[str, ...]:
    shown = (column.distance, column.limit, column.p_value)
    distance, limit, p_value = (f"{number:.4g}" if number is not None else "" for number in shown)
    missing = f"{column.missing_reference:.1%}", f"{column.missing_current:.1%}"
    said = tuple("yes" if each else "no" for each in (column.drifted, column.alarmed))
    return column.name, *said, distance, limit, p_value, column.method, *missing, str(column.new_values), column.note
