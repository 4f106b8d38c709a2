"""Intake: every row ends as a stored case, a known one, or a quarantined one with its reason."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import field_validator

from aiops_flows.case_log import questions
from aiops_flows.errors import SourceError
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.intake_report import report_of
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.workspace import Workspace
from tests.parcels import PARCELS, Parcel, make_parcels


def total(place: Workspace, name: str) -> int:
    """One count of the log."""
    return int(questions.counts(place.log, "parcels")[name].iloc[0])


def test_the_same_in_any_order_and_number_is_stored_once(place: Workspace) -> None:
    """Redelivery, duplicates and order change nothing."""
    parcels = make_parcels(200)
    take_in(place, PARCELS, pd.concat([parcels] * 3).sample(frac=1, random_state=0))
    for _ in range(2):
        again = take_in(place, PARCELS, parcels.sample(frac=1, random_state=1))
        assert len(again) == 200
    assert total(place, "cases") == 200
    assert total(place, "quarantined") == 0


def test_the_same_id_with_other_content_is_a_conflict(place: Workspace) -> None:
    """It is quarantined with the reason, and what was stored stays."""
    parcels = make_parcels(10)
    take_in(place, PARCELS, parcels)
    changed = parcels.assign(weight=parcels["weight"] + 1)
    assert take_in(place, PARCELS, changed).empty
    assert take_in(place, PARCELS, changed).empty
    refused = questions.quarantine(place.log, "parcels")
    assert len(refused) == 10
    assert refused["reason"].str.startswith("conflict").all()
    stored = questions.cases(place.log, "parcels")
    assert len(stored) == 10


def test_another_moment_of_receipt_is_a_conflict(place: Workspace) -> None:
    """When a case came in is content like any other, where the source says it."""
    parcels = make_parcels(4)
    take_in(place, PARCELS, parcels)
    later = parcels.assign(received_at=parcels["received_at"] + pd.Timedelta(days=1))
    assert take_in(place, PARCELS, later).empty
    unsaid = make_parcels(4, seed=1).drop(columns="received_at")
    for _ in range(2):
        assert len(take_in(place, PARCELS, unsaid)) == 4
    assert total(place, "quarantined") == 4


def test_one_id_twice_in_a_delivery_with_other_content_is_a_conflict(place: Workspace) -> None:
    """The first stands, the second is quarantined."""
    parcels = make_parcels(2).assign(case_id="same")
    assert len(take_in(place, PARCELS, parcels)) == 1
    assert total(place, "quarantined") == 1


def test_a_moment_out_of_all_time_does_not_block_its_batch(place: Workspace) -> None:
    """The year 9999 that means "open" is quarantined: once stored, no frame could hold it or what stands beside it."""
    parcels = make_parcels(5).astype({"received_at": object})
    parcels.loc[2, "received_at"] = "9999-12-31T00:00:00Z"
    parcels.loc[3, "received_at"] = "0001-01-01T00:00:00+02:00"
    assert len(take_in(place, PARCELS, parcels)) == 3
    assert len(take_in(place, PARCELS, parcels)) == 3
    assert questions.quarantine(place.log, "parcels")["reason"].str.startswith("received_at:").all()
    assert total(place, "quarantined") == 2


def test_a_file_without_a_header_is_refused_without_quoting_it(place: Workspace, tmp_path: Path) -> None:
    """Its first row stands where the names should: customers' data that errors and logs must not repeat."""
    (tmp_path / "bare.csv").write_text("P1,Anna Canary,DE89370400440532013000\nP2,Bob Canary,DE1\n")
    for read in (take_in, record_outcomes):
        with pytest.raises(SourceError, match="does it begin with its header") as told:
            read(place, PARCELS, tmp_path / "bare.csv")
        assert "Canary" not in str(told.value)


class Fragile(Parcel):
    """A parcel whose own check divides by its weight."""

    @field_validator("weight")
    @classmethod
    def _check(cls, weight: float) -> float:
        return weight if 1 / weight else 0.0


def test_a_check_that_falls_over_a_row_does_not_block_the_others(place: Workspace) -> None:
    """An error of the case type's own is a reason for quarantine, of that row alone."""
    fragile = replace(PARCELS, case=Fragile)
    parcels = make_parcels(5)
    parcels.loc[1, "weight"] = 0.0
    parcels.loc[2, "region"] = "<script>"
    assert len(take_in(place, fragile, parcels)) == 3
    reasons = questions.quarantine(place.log, "parcels")["reason"]
    assert reasons.str.contains("failed on it with ZeroDivisionError").sum() == 1
    assert len(reasons) == 2


def test_bad_rows_do_not_block_the_good_ones(place: Workspace) -> None:
    """Each bad row stands in quarantine with its field, what was found, and the stage."""
    rows = [{str(name): value for name, value in row.items()} for row in make_parcels(20).to_dict("records")]
    rows[3]["weight"] = float("inf")
    rows[4]["region"] = "<script>"
    rows[5]["distance"] = "far"
    rows[6]["case_id"] = ""
    del rows[7]["weight"]
    done = take_in(place, PARCELS, rows)
    refused = questions.quarantine(place.log, "parcels")
    assert len(done) == 15
    assert len(refused) == 5
    assert set(refused["stage"]) == {"intake"}
    reasons = " ".join(refused["reason"])
    for told in ("weight", "region", "distance", "case_id", "no value", "'far'"):
        assert told in reasons


def test_a_column_that_every_case_needs_is_asked_for(place: Workspace) -> None:
    """A whole delivery without it is one clear error, not a thousand quarantined rows."""
    with pytest.raises(SourceError, match="lacks the columns"):
        take_in(place, PARCELS, make_parcels(5).drop(columns="region"))
    assert questions.counts(place.log, "parcels")["cases"].iloc[0] == 0


def test_an_inbox_is_worked_through_and_nothing_is_lost(place: Workspace, tmp_path: Path) -> None:
    """Good files end in 'done', those that are none in 'refused' with a quarantine row, and both keep their bytes."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    make_parcels(30, seed=1).to_csv(inbox / "a.csv", index=False)
    make_parcels(20, seed=2).to_parquet(inbox / "b.parquet")
    (inbox / "broken.parquet").write_bytes(b"not parquet")
    (inbox / "empty.csv").write_bytes(b"")
    cases = take_in(place, PARCELS, inbox)
    assert len(cases) == 50
    assert {path.name for path in (inbox / "done").iterdir()} == {"a.csv", "b.parquet", "empty.csv"}
    assert (inbox / "refused" / "broken.parquet").read_bytes() == b"not parquet"
    assert questions.quarantine(place.log, "parcels")["stage"].tolist() == ["read"]
    make_parcels(5, seed=3).to_csv(inbox / "a.csv", index=False)
    take_in(place, PARCELS, inbox)
    assert {path.name for path in (inbox / "done").iterdir()} >= {"a.csv", "2-a.csv"}


def test_values_come_back_from_the_log_as_they_came_in(place: Workspace) -> None:
    """A frame read back has the same columns, types and values."""
    from aiops_flows.steps.frames import stored_frame

    came = take_in(place, PARCELS, make_parcels(50))
    back = stored_frame(PARCELS.case, questions.cases(place.log, "parcels"))
    pd.testing.assert_frame_equal(came.drop(columns="batch"), back.drop(columns="batch"))


def test_nothing_is_an_empty_frame_with_all_columns(place: Workspace) -> None:
    """A flow over nothing goes through."""
    assert list(take_in(place, PARCELS, []).columns) == [
        "case_id",
        "batch",
        "received_at",
        "weight",
        "distance",
        "region",
    ]


def test_a_row_with_a_field_too_many_does_not_stop_its_delivery(place: Workspace, tmp_path: Path) -> None:
    """As csv.DictReader gives it: under the key None."""
    lines = make_parcels(3).to_csv(index=False).splitlines()
    (tmp_path / "parcels.csv").write_text("\n".join([*lines[:3], lines[3] + ",more"]))
    with (tmp_path / "parcels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(take_in(place, PARCELS, rows)) == 2
    assert questions.quarantine(place.log, "parcels")["reason"].tolist() == ["row 3 has more fields than the header"]


class Weighed(Parcel):
    """A parcel whose region may be missing."""

    region: str | None = None  # type: ignore[assignment]


WEIGHED = replace(PARCELS, case=Weighed, name="weighed")


def test_a_table_without_a_column_that_models_learn_from_is_refused(place: Workspace) -> None:
    """Nothing of it is stored, so that it can be sent again with its column."""
    parcels = make_parcels(3)
    with pytest.raises(SourceError, match=r"has no column 'region'.*Renamed\? 'Regions' may be 'region'"):
        take_in(place, WEIGHED, parcels.rename(columns={"region": "Regions"}))
    assert questions.cases(place.log, "weighed").empty
    assert len(take_in(place, WEIGHED, parcels)) == 3


def test_rows_that_never_name_such_a_column_wait_for_people_at_once(place: Workspace) -> None:
    """In the write that stores them, so that nobody who goes on with the batch decides them either."""
    rows: list[Any] = make_parcels(3).drop(columns="region").to_dict("records")
    cases = take_in(place, WEIGHED, rows)
    waiting = questions.open_reviews(place.log, "weighed")
    assert sorted(waiting["case_id"]) == sorted(cases["case_id"])
    assert set(waiting["reason"]) == {"its source names no 'region', on which the decision rests"}
    assert [part.thing for part in report_of(cases).left_out] == ["missing column"]
    assert questions.unfinished(place.log, "weighed", str(cases["batch"].iloc[0]).rpartition("#")[0]).empty


def test_what_was_left_out_of_a_file_comes_with_its_cases(place: Workspace, tmp_path: Path) -> None:
    """Counted, with reasons, beside the rows that are in quarantine."""
    lines = make_parcels(3).assign(colour="red").to_csv(index=False, sep=";").splitlines()
    text = "\r\n".join(["sep=;", "", *[line + ";;" for line in lines], lines[0], "x;y", lines[1], ";;"])
    (tmp_path / "parcels.csv").write_text(text)
    report = report_of(take_in(place, PARCELS, str(tmp_path / "parcels.csv")))
    assert (report.cases, report.quarantined) == (3, 1)
    assert {part.thing: part.count for part in report.left_out} == {
        "empty row": 2,
        "empty column": 2,
        "header row": 1,
        "row": 1,
        "column": 1,
    }
    assert "fields are separated by semicolons" in report.readings
