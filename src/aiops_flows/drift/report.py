"""What a measurement of drift says: a verdict for the table, and the distance of each column beside its limit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from aiops_flows.drift.impact import DriftImpact

__all__ = [
    "BreakKind",
    "ColumnDrift",
    "ColumnKind",
    "DataQualityBreak",
    "DriftReport",
    "Method",
    "SliceDrift",
    "SlicesReport",
    "Verdict",
]

Verdict = Literal["drift", "no drift", "unknown"]
"""``unknown`` means that too little data was there to tell; gates count it as drift."""

ColumnKind = Literal["numeric", "categorical", "text", "empty"]
Method = Literal["wasserstein", "jensenshannon", "mean vectors", "none"]
"""The distance, under the name that Evidently gives it where it has one; ``none`` where one side has no values."""


@dataclass(frozen=True)
class ColumnDrift:
    """How one column moved."""

    name: str
    kind: ColumnKind
    method: Method
    distance: float | None
    """Between the values of both sides, missing values left out; None where one side has no values."""
    limit: float | None
    """The column is drifted where its distance exceeds this; None where nothing was calibrated."""
    drifted: bool
    """The distance exceeds its limit, or the share of missing values moved more than chance allows."""
    missing_reference: float
    """Share of rows without a value in the reference."""
    missing_current: float
    new_values: int
    """Distinct values of a categorical column that the reference does not have."""
    note: str = ""
    """What a reader should know of how the column was read, or why it is drifted."""
    p_value: float | None = None
    """Of this column alone: the share of re-divisions in which it looks at least as different."""
    own_limit: float | None = None
    """As ``limit``, at the rate of the column alone; None where no such rate was set."""
    alarmed: bool = False
    """The column moved beyond chance at the rate of the column alone; never where no such rate was set."""
    of: str = ""
    """The column of text that this describes; empty for all others. The descriptors of a text count as one column."""


BreakKind = Literal["missing column", "type", "missing values", "new values", "unit", "constant"]


@dataclass(frozen=True)
class DataQualityBreak:
    """A column that no longer holds what it held: not a world that moves, but a supply that broke.

    No value of a case is named in it.
    """

    column: str
    kind: BreakKind
    found: str
    expected: str

    def __str__(self) -> str:
        """The break in one sentence."""
        return f"{self.column}: {self.kind}: {self.found}; expected {self.expected}"


@dataclass(frozen=True)
class SliceDrift:
    """Whether the rows of one slice, such as one machine, could be more rows of its own past."""

    value: str
    drifted: bool
    rows_reference: int
    rows_current: int
    p_value: float
    """Among all slices together: in what share of unchanged data any of them looks at least as different."""
    columns: list[str]
    """Those that moved beyond the limit for all slices together."""


@dataclass(frozen=True)
class SlicesReport:
    """Which slices of the rows moved, each against its own past."""

    by: str
    """The column whose values they are."""
    verdict: Verdict
    slices: list[SliceDrift]
    """Those with rows enough, the most suspicious first."""
    few: int
    """Slices with too few rows on a side, new ones among them: told, not judged, and not named."""
    alarm_rate: float
    """The share of unchanged data in which any slice at all may be called drifted."""
    reason: str

    @property
    def drifted(self) -> list[str]:
        """The values of the slices that moved."""
        return [each.value for each in self.slices if each.drifted]

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> SlicesReport:
        """The report that `asdict` gave."""
        return cls(**{**stored, "slices": [SliceDrift(**each) for each in stored["slices"]]})


@dataclass(frozen=True)
class DriftReport:
    """Whether the current rows could be more rows of the reference, and where they differ."""

    verdict: Verdict
    columns: list[ColumnDrift]
    rows_reference: int
    rows_current: int
    p_value: float | None
    """Share of random re-divisions of the pooled rows that look at least as different; None where unknown."""
    alarm_rate: float
    """The share of unchanged windows that this measurement may call drifted, as the user set it."""
    reason: str
    """The verdict in one sentence."""
    column_rate: float | None = None
    """The share of unchanged windows in which any one column alone may be alarmed, as the user set it."""
    breaks: list[DataQualityBreak] = field(default_factory=list)
    """Where the supply of data broke, if that was looked for."""
    actions: list[dict[str, str]] = field(default_factory=list)
    """What follows: finding, action and why, as `steps.actions` gave it."""
    slices: SlicesReport | None = None
    """Each slice against its own past, where the model is ``watched_by`` a column."""
    impact: DriftImpact | None = None
    """How much it matters; None where that was not measured, or could not be."""

    @property
    def matters(self) -> bool | None:
        """Whether the drift is expected to matter; None where that is not known."""
        return None if self.impact is None else self.impact.matters

    @property
    def drifted_columns(self) -> list[str]:
        """Names of the columns that moved."""
        return [column.name for column in self.columns if column.drifted]

    @property
    def alarmed_columns(self) -> list[str]:
        """Names of the columns that moved at the rate of a column alone."""
        return [column.name for column in self.columns if column.alarmed]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values that JSON can hold."""
        return asdict(self)

    def as_json(self) -> str:
        """The report as JSON text, which `from_dict` reads back after `json.loads`."""
        return json.dumps(self.as_dict(), allow_nan=False, ensure_ascii=False)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> DriftReport:
        """The report that `as_dict` gave."""
        columns = [ColumnDrift(**column) for column in stored["columns"]]
        breaks = [DataQualityBreak(**each) for each in stored.get("breaks", ())]
        slices = SlicesReport.from_dict(stored["slices"]) if stored.get("slices") else None
        impact = DriftImpact(**stored["impact"]) if stored.get("impact") else None
        return cls(**{**stored, "columns": columns, "breaks": breaks, "slices": slices, "impact": impact})
