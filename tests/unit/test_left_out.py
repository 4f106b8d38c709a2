"""What was left out of a source reaches whoever looks: counted, with its reason, without a value of a row."""

from __future__ import annotations

import pandas as pd
import pytest

from aiops_flows.sources.left_out import LeftOut, added_up
from aiops_flows.steps.intake_report import (
    IntakeReport,
    collected_reports,
    publish_report,
    report_of,
    reports_in,
    with_reports,
)

REPORT = IntakeReport(
    sources=("claims.csv",),
    cases=980,
    quarantined=20,
    left_out=(
        LeftOut("empty row", 3, "no value in any column"),
        LeftOut("column", 1, "not part of the case", ("colour",)),
    ),
)


def test_the_same_thing_for_the_same_reason_is_counted_once() -> None:
    """Counts are added, names joined, and what was counted as nothing is left away."""
    parts = [
        LeftOut("column", 1, "not part of the case", ("a",)),
        LeftOut("column", 2, "not part of the case", ("a", "b")),
        LeftOut("period", 0, "not over"),
    ]
    assert added_up(parts) == [LeftOut("column", 3, "not part of the case", ("a", "b"))]


def test_a_report_travels_with_the_frame() -> None:
    """Through copies and new columns, as text that Parquet can store."""
    frame = with_reports(pd.DataFrame({"case_id": ["a"]}), [REPORT])
    grown = frame.copy(deep=False)
    grown["verdict"] = "pay"
    assert reports_in(grown) == [REPORT]
    assert all(isinstance(value, str) for value in frame.attrs.values())


def test_a_frame_without_a_report_has_counted_nothing() -> None:
    """What a flow made by itself came from no source."""
    assert report_of(pd.DataFrame()) == IntakeReport()


def test_reports_add_up() -> None:
    """Two files of an inbox are one report, in which each thing stands once."""
    both = REPORT + REPORT
    assert (both.sources, both.cases, both.quarantined) == (("claims.csv", "claims.csv"), 1_960, 40)
    assert [part.count for part in both.left_out] == [6, 2]


def test_the_message_says_counts_and_reasons_and_no_names() -> None:
    """It goes to Prefect, where names of files and columns do not belong."""
    assert str(REPORT) == (
        "980 cases, 20 rows to quarantine, left out: 3 empty rows (no value in any column), "
        "1 column (not part of the case)"
    )


def test_reports_are_collected_within_a_block_only() -> None:
    """Whoever runs a flow sees the report of every source, whatever frame the flow returns."""
    with collected_reports() as outer:
        publish_report(REPORT)
        with collected_reports() as inner:
            publish_report(REPORT)
    publish_report(REPORT)
    assert (len(outer), len(inner)) == (2, 1)


def test_what_another_version_wrote_is_refused() -> None:
    """A thing that is not on the list is not guessed at."""
    with pytest.raises(ValueError, match="is not one of"):
        LeftOut.of_dict({"thing": "page", "count": 1, "reason": "blank", "names": []})
