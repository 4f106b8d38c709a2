"""What became of a source: how many cases, how many rows in quarantine, and what was left out of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import pandas as pd

from aiops_flows.sources.left_out import LeftOut, added_up, counted

__all__ = ["IntakeReport", "collected_reports", "publish_report", "report_of", "reports_in", "with_reports"]

_KEY = "aiops_intake"
_LISTENERS: ContextVar[tuple[list[IntakeReport], ...]] = ContextVar("aiops_flows_intake_reports", default=())


@dataclass(frozen=True)
class IntakeReport:
    """What became of one source, or of several together."""

    sources: tuple[str, ...] = ()
    """Names of files, or ``frame``, ``query``, ``rows``."""
    cases: int = 0
    """Cases in the frame; those that were stored before are among them."""
    quarantined: int = 0
    """Rows in quarantine, each with its reason."""
    left_out: tuple[LeftOut, ...] = ()
    refused: int = 0
    """Files of an inbox that could not be read, and were moved to ``refused``."""
    readings: tuple[str, ...] = ()
    """What was detected: how fields are separated, which sheet was read, how columns write numbers and dates."""

    def __str__(self) -> str:
        """Counts and reasons without any name, as the message of a run."""
        parts = [counted(self.cases, "case"), f"{counted(self.quarantined, 'row')} to quarantine"]
        if self.refused:
            parts.append(f"{counted(self.refused, 'file')} refused")
        if self.left_out:
            parts.append("left out: " + ", ".join(map(str, self.left_out)))
        if self.readings:
            parts.append(f"{counted(len(self.readings), 'column')} read as the source shows (see the log)")
        return ", ".join(parts)

    def __add__(self, other: IntakeReport) -> IntakeReport:
        return IntakeReport(
            (*self.sources, *other.sources),
            self.cases + other.cases,
            self.quarantined + other.quarantined,
            tuple(added_up([*self.left_out, *other.left_out])),
            self.refused + other.refused,
            tuple(dict.fromkeys([*self.readings, *other.readings])),
        )


def with_reports(frame: pd.DataFrame, reports: Iterable[IntakeReport]) -> pd.DataFrame:
    """The frame with the reports attached.

    They are one text in ``frame.attrs``: pandas copies what is there at every operation, and Parquet stores it.
    """
    written = [
        {
            "sources": list(report.sources),
            "cases": report.cases,
            "quarantined": report.quarantined,
            "refused": report.refused,
            "left_out": [part.as_dict() for part in report.left_out],
            "readings": list(report.readings),
        }
        for report in reports
    ]
    frame.attrs[_KEY] = json.dumps(written)
    return frame


def reports_in(frame: pd.DataFrame) -> list[IntakeReport]:
    """The reports that `with_reports` attached, one for each source; none where the frame lost them.

    ``predict`` and ``review`` keep them; a frame that was joined from several loses them.
    """
    written = json.loads(frame.attrs.get(_KEY, "[]"))
    return [
        IntakeReport(
            tuple(each["sources"]),
            each["cases"],
            each["quarantined"],
            tuple(LeftOut.of_dict(part) for part in each["left_out"]),
            each["refused"],
            tuple(each["readings"]),
        )
        for each in written
    ]


def report_of(frame: pd.DataFrame) -> IntakeReport:
    """The reports of a frame added up."""
    return sum(reports_in(frame), IntakeReport())


def publish_report(report: IntakeReport) -> None:
    """Pass a report to everybody who collects them here."""
    for reports in _LISTENERS.get():
        reports.append(report)


@contextmanager
def collected_reports() -> Iterator[list[IntakeReport]]:
    """A list that fills with the report of every source that is taken in within the block.

    Also of sources that are refused half-way, and where the business flow returns another frame than that of intake.
    """
    reports: list[IntakeReport] = []
    token = _LISTENERS.set((*_LISTENERS.get(), reports))
    try:
        yield reports
    finally:
        _LISTENERS.reset(token)
