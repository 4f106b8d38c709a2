"""A history to replay: cases in order of receipt, and what came true of them in order of becoming known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.errors import SourceError
from aiops_flows.steps.delivery import Delivery, cases_in
from aiops_flows.steps.series_outcomes import past_outcomes
from aiops_flows.steps.sources import columns_found, deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from aiops_flows.values.columns import column_rules
from aiops_flows.values.frame_columns import python_values
from aiops_flows.values.missing import is_missing
from aiops_flows.values.readers import number_of
from aiops_flows.values.texts import label_of, name_of
from aiops_flows.values.times import moment_of

__all__ = ["History", "Outcomes", "as_moment", "history_of", "read_history"]

Outcomes = str | Path | pd.DataFrame | Callable[[pd.DataFrame], pd.DataFrame] | None
"""A file or frame of outcomes, or what makes such a frame of the cases; None: they stand in the rows of the cases."""

_OTHER = ("case_id", "event_at", "known_at")


@dataclass(frozen=True)
class History:
    """Cases as their source gives them, in order of receipt, and outcomes in the order in which they became known."""

    cases: pd.DataFrame
    """Rows that `take_in` takes, the earliest first."""
    received: pd.Series[pd.Timestamp]
    """When each was received; one without a readable moment comes first."""
    ids: pd.Series[str]
    outcomes: pd.DataFrame
    """``case_id``, a column for each outcome told (missing: not told by this row), ``event_at``, ``known_at``."""
    amounts: pd.Series[float]
    """Case id -> what the case is worth; empty where that is not known."""

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """The cases received from one moment up to before another."""
        return self.cases[((self.received >= first) & (self.received < last)).to_numpy()]

    def known(self, after: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
        """The outcomes that became known after one moment, up to and including another."""
        known_at = self.outcomes["known_at"]
        return self.outcomes[((known_at > after) & (known_at <= until)).to_numpy()]

    def truth(self, output: str) -> pd.Series[str]:
        """Case id -> what is known last of an outcome, as text."""
        if output not in self.outcomes:
            return pd.Series(dtype=object)
        told = self.outcomes[["case_id", output]].dropna()
        last = told.drop_duplicates("case_id", keep="last").set_index("case_id")[output]
        return last.map(label_of)

    @classmethod
    def made(
        cls,
        use_case: UseCase,
        cases: pd.DataFrame,
        outcomes: Outcomes = None,
        *,
        amount: str | None = None,
        known_after: timedelta | None = None,
        name: str = "the history",
    ) -> History:
        """The history of a frame of cases and what tells their outcomes.

        Args:
            use_case: the business process.
            cases: one row a case, with columns as its sources name them.
            outcomes: see `Outcomes`.
            amount: column, of the cases or of the outcomes, that says what a case is worth.
            known_after: where no ``known_at`` is told: so long after receipt an outcome became known.
            name: how errors call it.

        Raises:
            SourceError: a moment of receipt, an outcome or a moment of knowledge is nowhere told.
        """
        received = _received(use_case, cases, name)
        order = received.sort_values(kind="stable").index
        cases, received = cases.loc[order].reset_index(drop=True), received[order].reset_index(drop=True)
        ids = cases[_named(use_case, cases, "case_id", name)].map(_id)
        told = _told(use_case, cases, outcomes, name)
        dated = _dated(told.reset_index(drop=True), ids, received, known_after, name)
        found = cls(cases, received, ids, dated, pd.Series(dtype="float64"))
        return found if amount is None else cls(cases, received, ids, dated, _amounts(found, amount, name))


def read_history(
    use_case: UseCase,
    source: str | Path,
    outcomes: Outcomes = None,
    *,
    amount: str | None = None,
    known_after: timedelta | None = None,
) -> History:
    """The history in a file (CSV, Parquet or JSON lines), its outcomes beside the cases or in a file of their own.

    Where the case type joins rows, such as those of series, the cases are those that would have been made of the rows
    in the past; rows of series tell the outcomes too.

    Raises:
        SourceError: a file cannot be read, or does not tell what a history needs.
    """
    sent, now = list(deliveries(source)), datetime.now(UTC)
    cases = _frame(cases_in(use_case.case, delivery, now, past=True) for delivery in sent)
    if cases.empty:
        raise SourceError(f"{Path(source).name} holds no case of the past; a history has cases whose end is known")
    if outcomes is None:
        outcomes = _told_beside(use_case, sent, cases, now)
    return History.made(use_case, cases, outcomes, amount=amount, known_after=known_after, name=Path(source).name)


def history_of(place: Workspace, use_case: UseCase, *, amount: str | None = None) -> History:
    """The history that a case log holds: its cases, and its outcomes with the moments at which they became known."""
    stored = questions.cases(place.log, use_case.name)
    if stored.empty:
        raise SourceError(f"the record has no case of {use_case.name} to replay; name a file that holds a history")
    cases = pd.DataFrame([json.loads(body) for body in stored["body"]], dtype=object)
    cases["case_id"] = stored["case_id"]
    cases["received_at"] = stored["received_at"]
    parts = []
    for model in use_case.models:
        told = questions.outcomes(place.log, use_case.name, name=model.output, every=True)
        parts.append(told.rename(columns={"value": model.output}))
    outcomes = pd.concat(parts, ignore_index=True)
    return History.made(use_case, cases, outcomes, amount=amount, name="the record")


def _frame(sent: Iterable[Delivery]) -> pd.DataFrame:
    """The rows of a file, as Python values."""
    return pd.DataFrame([row for delivery in sent for row in delivery.rows], dtype=object)


def _told_beside(
    use_case: UseCase, sent: Sequence[Delivery], cases: pd.DataFrame, now: datetime
) -> pd.DataFrame | None:
    """The outcomes that rows of series tell of the cases made of them."""
    told = [past_outcomes(use_case, delivery, cases, now) for delivery in sent]
    parts = [each for each in told if each is not None]
    return pd.concat(parts, ignore_index=True) if parts else None


def _named(use_case: UseCase, cases: pd.DataFrame, field: str, name: str) -> str:
    """The column that holds a field of the case."""
    known = (use_case.case.source_name(field), field)
    for column in known:
        if column in cases:
            return column
    raise SourceError(
        f"{name} has no column {known[0]!r}, without which it is no history; "
        f"found {columns_found([str(column) for column in cases.columns], use_case.case.columns())}"
    )


def _received(use_case: UseCase, cases: pd.DataFrame, name: str) -> pd.Series[pd.Timestamp]:
    column = _named(use_case, cases, "received_at", name)
    received = _moments(cases[column])
    if received.isna().all():
        raise SourceError(f"{name}: no value of {column!r} is a moment; write them as 2026-03-03 or 2026-03-03T14:00Z")
    return received.fillna(received.min())


def _moments(column: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Dates and times in UTC, as intake reads them; NaT where a value is none."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        converted: pd.Series[pd.Timestamp] = column.dt.tz_convert("UTC")
        return converted
    values = python_values(column)
    rule = column_rules({"": ("time", values)}).get("")
    read = [rule.read(value) if rule and isinstance(value, str) else value for value in values]
    moments: pd.Series[pd.Timestamp] = pd.to_datetime(
        pd.Series([_moment(value) for value in read], dtype=object), utc=True
    )
    return moments.set_axis(column.index)


def _moment(value: Any) -> datetime | None:
    try:
        return None if is_missing(value) else moment_of(value)
    except ValueError:
        return None


def _id(value: Any) -> str:
    """An id as intake stores it; what is none stays as it is, and intake refuses it."""
    return "" if is_missing(value) else name_of(value) if isinstance(value, list | dict) else label_of(value)


def _told(use_case: UseCase, cases: pd.DataFrame, outcomes: Outcomes, name: str) -> pd.DataFrame:
    """Rows of outcomes, with the id as ``case_id`` and no other columns than those of outcomes."""
    if callable(outcomes):
        told = outcomes(cases)
    elif outcomes is None:
        told = cases
    else:
        told = outcomes if isinstance(outcomes, pd.DataFrame) else _frame(deliveries(outcomes))
    outputs = [model.output for model in use_case.models if model.output in told]
    if not outputs:
        raise SourceError(
            f"{name} tells no outcome: expected a column among {[model.output for model in use_case.models]}, found "
            f"{sorted(map(str, told.columns))[:10]}. Name the column like the model's output, or say what tells them"
        )
    identity = _named(use_case, told, "case_id", f"{name} (outcomes)")
    kept = [identity, *outputs, *(column for column in ("event_at", "known_at") if column in told)]
    extra = [] if outcomes is None else [column for column in told if column not in {*kept, *_OTHER}]
    chosen = told[[*kept, *extra]].rename(columns={identity: "case_id"})
    absent = list(use_case.case.absent | {""})
    chosen[outputs] = chosen[outputs].where(~chosen[outputs].isin(absent))
    return chosen[chosen[outputs].notna().any(axis=1)]


def _dated(
    told: pd.DataFrame, ids: pd.Series[str], received: pd.Series[Any], after: timedelta | None, name: str
) -> pd.DataFrame:
    """The outcomes with both moments, by the moment of knowledge."""
    told["case_id"] = told["case_id"].map(_id)
    if "known_at" in told:
        told["known_at"] = _moments(told["known_at"])
    elif after is not None:
        first = pd.Series(received.to_numpy(), index=ids.to_numpy())
        first = first[~first.index.duplicated()]
        told["known_at"] = pd.to_datetime(first.reindex(told["case_id"]).to_numpy(), utc=True) + after
    else:
        raise SourceError(
            f"{name} does not say when outcomes became known, so a replay would learn from the future; "
            "give a column 'known_at', or say how long after receipt (--known-after DAYS)"
        )
    event = _moments(told["event_at"]) if "event_at" in told else told["known_at"]
    told["event_at"] = event.fillna(told["known_at"])
    told = told[told["known_at"].notna()]
    return told.sort_values(["known_at", "case_id"], kind="stable", ignore_index=True)


def _amounts(history: History, column: str, name: str) -> pd.Series[float]:
    """Case id -> amount, from the cases or else from the last outcome."""
    if column in history.cases:
        ids, given = history.ids, history.cases[column]
    elif column in history.outcomes:
        ids, given = history.outcomes["case_id"], history.outcomes[column]
    else:
        found: Sequence[str] = sorted({*map(str, history.cases.columns), *map(str, history.outcomes.columns)})
        raise SourceError(f"{name} has no column {column!r} of amounts; found {found[:20]}")
    values = python_values(given)
    rule = column_rules({"": ("number", values)}).get("")
    read = [rule.read(value) if rule and isinstance(value, str) else value for value in values]
    amounts = pd.Series([_amount(value) for value in read], index=ids.to_numpy(), dtype="float64")
    return amounts[~amounts.index.duplicated(keep="last")]


def _amount(value: Any) -> float | None:
    try:
        return number_of(value)
    except ValueError:
        return None


def as_moment(given: datetime | str | None, default: pd.Timestamp) -> pd.Timestamp:
    """A moment in UTC, or the default."""
    if given is None:
        return default
    moment = pd.Timestamp(given)
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
