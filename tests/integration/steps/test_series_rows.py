"""Rows of series become lines, lines get their outcomes, and what cannot be believed is told."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from aiops_flows.case_log import questions
from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.replay import read_history
from aiops_flows.series.derived import Doubt, RecentLevel
from aiops_flows.series.history import History
from aiops_flows.steps.checking import check_rows
from aiops_flows.steps.delivery import cases_in
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import OutcomesRecorded, record_outcomes
from aiops_flows.steps.review import review
from aiops_flows.steps.series_rows import SeriesRows, past_cases
from aiops_flows.steps.sources import deliveries
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase
from aiops_flows.values import label_of


class Line(Case):
    """What is to be ordered of one item for one site."""

    rows: ClassVar = SeriesRows(key=["item", "site"], period="month", quantity="demand", every="month", longest=24)
    item: str
    site: str
    history: History
    cover: int = 2
    stock: float = 0.0
    derived: ClassVar = {"level": RecentLevel("history"), "doubt": Doubt("history")}


LINES = UseCase(
    name="lines",
    case=Line,
    models=[ModelSpec(name="lines-demand", features=["level"], output="demand", estimator=DummyRegressor())],
    review=ReviewPolicy(verdicts=["release", "change"]),
)
MONTHS = [str(month) for month in pd.period_range("2023-01", "2025-12", freq="M")]


def sold(items: int = 4, *, sites: tuple[str, ...] = ("north", "south"), until: str = "2025-12") -> pd.DataFrame:
    """Rows of a demand that tells its own month: item i at site s sold 100 i + 10 s + the month."""
    rows = [
        {"item": f"part-{item}", "site": site, "month": month, "demand": 100.0 * item + 10 * place + int(month[-2:])}
        for month in MONTHS
        if month <= until
        for item in range(items)
        for place, site in enumerate(sites)
    ]
    return pd.DataFrame(rows).assign(stock=lambda frame: frame["demand"] / 2)


def quarantined(place: Workspace) -> dict[str, str]:
    """Case id -> why it is in quarantine."""
    told = questions.quarantine(place.log, LINES.name)
    return dict(zip(told["case_id"].astype(str), told["reason"], strict=True))


def with_rows(rows: pd.DataFrame, *more: dict[str, Any]) -> pd.DataFrame:
    """The rows and some more."""
    return pd.concat([rows.astype(object), pd.DataFrame(more, dtype=object)], ignore_index=True)


def made(
    rows: Any, now: datetime = datetime(2026, 1, 5, tzinfo=UTC), case_type: type[Case] = Line
) -> tuple[dict[str, dict[str, Any]], Any]:
    """Case id -> line of rows, and what is refused."""
    (sent,) = deliveries(rows)
    joined = cases_in(case_type, sent, now)
    return {row["case_id"]: dict(row) for row in joined.rows}, joined.unreadable


def test_each_series_becomes_one_case_whatever_the_order_of_its_rows(place: Workspace) -> None:
    """A line is as of the first period not told, holds what was told before it, and the last of every other column."""
    rows = sold()
    cases = take_in(place, LINES, rows)
    again = take_in(place, LINES, rows.sample(frac=1, random_state=1))
    doubled = take_in(place, LINES, pd.concat([rows, rows]))
    pd.testing.assert_frame_equal(cases.drop(columns="batch"), again.drop(columns="batch"))
    pd.testing.assert_frame_equal(cases.drop(columns="batch"), doubled.drop(columns="batch"))
    assert len(questions.cases(place.log, LINES.name)) == 8
    assert quarantined(place) == {}
    line = cases.set_index("case_id").loc["part-3/south/2026-01"]
    assert line["received_at"] == pd.Timestamp("2026-01-01", tz="UTC")
    assert (line["history"]["first"], len(line["history"]["values"])) == ("2024-01-01T00:00:00+00:00", 24)
    assert line["history"]["values"][:2] == [311.0, 312.0]
    assert (line["stock"], line["level"], line["doubt"]) == (161.0, 316.5, "")


def test_bad_rows_put_their_series_to_quarantine_and_no_other(place: Workspace) -> None:
    """Text, negative and absurd quantities, contradictions, wrong grids and periods to come are told by period."""
    bad: dict[str, dict[str, Any]] = {
        "part-0": {"month": "2025-03", "demand": "a dozen"},
        "part-1": {"month": "2025-04", "demand": -3},
        "part-2": {"month": "2025-05", "demand": 1e300},
        "part-3": {"month": "2025-06", "demand": 7.0},
        "part-4": {"month": "2025-06-15", "demand": 7.0},
        "part-5": {"month": "2160-01", "demand": 7.0},
        "part-6": {"month": "2025-03-31", "demand": float("inf")},
    }
    rows = sold(8, sites=("north",))
    spoilt = with_rows(rows, *({"item": item, "site": "north", **row} for item, row in bad.items()))
    spoilt = with_rows(spoilt, {"item": None, "site": "north", "month": "2025-01", "demand": 1})
    cases = take_in(place, LINES, spoilt)
    take_in(place, LINES, spoilt.sample(frac=1, random_state=2))
    assert cases["case_id"].tolist() == ["part-7/north/2026-01"]
    why = quarantined(place)
    assert len(why) == 8
    assert "no series is named" in why["None"]
    reasons = [why[f"part-{item}/north/2026-01"].partition("believed: ")[2] for item in range(7)]
    assert reasons == [
        "2025-03: demand 'a dozen' is not a valid number",
        "2025-04: demand -3 is negative",
        "2025-05: demand 1e+300 is beyond what can be computed with",
        "2025-06: told as 7 and as 306",
        "month: '2025-06-15' is neither the first nor the last day of a month; is the series kept by month?",
        "2160-01 has not begun",
        "2025-03: demand 'inf' is not a finite number",
    ]
    held = questions.quarantine(place.log, LINES.name).query("case_id == 'part-3/north/2026-01'")
    assert len(json.loads(json.loads(str(held["raw"].iloc[0])))) == 37, "nothing of a refused series is lost"
    mended = take_in(place, LINES, rows)
    assert len(mended) == 8, "what was in quarantine is taken in once it is sent right"


def test_a_delivery_with_histories_is_taken_as_it_is(place: Workspace) -> None:
    """JSON lines whose histories are made already are cases as they stand; rows of neither kind are refused."""
    history = {"every": "month", "first": "2025-01-01", "values": [1, None, 3]}
    rows = [{"case_id": "x", "item": "a", "site": "b", "history": history}]
    assert take_in(place, LINES, rows)["history"][0]["values"] == [1.0, None, 3.0]
    with pytest.raises(SourceError, match=r"no 'history'.*lacks the columns \['month'\]"):
        take_in(place, LINES, [{"item": "a", "site": "b", "demand": 3}])


def test_gaps_new_items_running_periods_and_other_columns(caplog: pytest.LogCaptureFixture) -> None:
    """A gap is None, a new item has a short history, an unfinished period says nothing, an empty row tells the rest."""
    caplog.set_level(logging.INFO)
    rows = with_rows(
        sold(1, sites=("north",), until="2025-06").query("month != '2025-02'"),
        {"item": "part-0", "site": "north", "month": "2025-07", "demand": 999},
        {"item": "new", "site": "north", "month": "2025-05", "demand": 4, "stock": 9},
        {"item": "new", "site": "north", "month": "2025-06", "demand": "", "stock": None},
        {"item": "newer", "site": "north", "month": "2025-07", "demand": None, "stock": 3},
        {"item": "old", "site": "north", "month": "2022-01", "demand": 3},
    )
    lines, refused = made(rows, datetime(2025, 7, 15, tzinfo=UTC))
    assert list(lines) == ["new/north/2025-07", "newer/north/2025-07", "part-0/north/2025-07"]
    assert lines["part-0/north/2025-07"]["history"]["values"][-6:] == [1.0, None, 3.0, 4.0, 5.0, 6.0]
    assert lines["new/north/2025-07"]["history"]["values"] == [4.0, None]
    assert lines["new/north/2025-07"]["stock"] == 9
    assert lines["newer/north/2025-07"]["history"]["values"] == []
    assert [(line.case_id, line.reason) for line in refused] == [
        ("old/north/2025-07", "demand not believed: no row within the last 24 periods")
    ]
    assert "the quantity of 1 rows is left out" in caplog.text
    assert "only 1 of 4 series tell 2025-06" in caplog.text


def test_two_values_of_another_column_in_its_last_period_are_a_contradiction() -> None:
    """What the lines take over from the last row must not depend on the order of rows; older values do not matter."""
    rows = with_rows(
        sold(2, sites=("north",)),
        {"item": "part-0", "site": "north", "month": "2025-12", "demand": 12, "stock": 999.0},
        {"item": "part-1", "site": "north", "month": "2025-11", "demand": 111, "stock": 999.0},
    )
    lines, refused = made(rows)
    assert list(lines) == ["part-1/north/2026-01"]
    assert [line.reason for line in refused] == [
        "demand not believed: stock: two values in the last period that tells it"
    ]


def test_ids_of_series_stay_apart_where_names_hold_what_ids_cannot() -> None:
    """Commas and strokes in names are replaced in the id, and a digest keeps such series apart."""
    rows = [
        {"item": item, "site": site, "month": "2025-12", "demand": 1}
        for item, site in [("a/b", "c"), ("a", "b/c"), ("Cafes, bars (small)", "c"), ("Cafes; bars (small)", "c")]
    ]
    lines, _ = made(rows)
    assert len(lines) == 4
    assert {line["item"] for line in lines.values()} == {"a/b", "a", "Cafes, bars (small)", "Cafes; bars (small)"}


def test_past_lines_hold_nothing_of_their_own_period_or_later() -> None:
    """Lines of earlier origins are those that would have been made then, with the other columns of the month before."""
    past = past_cases(Line.rows, sold(2), ["2025-02", "2025-03-01"])
    assert past["case_id"].tolist()[:2] == ["part-0/north/2025-02", "part-0/south/2025-02"]
    assert len(past) == 8
    then, _ = made(sold(2, until="2025-01"))
    for _, line in past.iloc[:4].iterrows():
        assert then[line["case_id"]] == line.to_dict()
    with pytest.raises(SourceError, match="not a valid month"):
        past_cases(Line.rows, sold(1), ["soon"])


def test_a_source_taken_in_as_history_gives_the_lines_of_its_past(place: Workspace, tmp_path: Path) -> None:
    """Those of its latest periods, as many as are declared, each as it would have been made then; no present one."""
    rows = with_rows(sold(2), {"item": "part-9", "site": "north", "month": "2025-05", "demand": -3, "stock": 1})
    rows.to_csv(tmp_path / "sales.csv", index=False)
    cases = take_in(place, LINES, tmp_path / "sales.csv", history=True)
    assert len(cases) == 4 * Line.rows.past == 96
    assert set(cases["case_id"].str[-7:]) == set(MONTHS[-24:])
    plain = ["case_id", "history", "stock", "received_at"]
    then = take_in(place, LINES, past_cases(Line.rows, sold(2), MONTHS[-24:]), history=True)
    pd.testing.assert_frame_equal(cases[plain], then[plain])
    assert list(quarantined(place).values()) == ["demand not believed: 2025-05: demand -3 is negative"]
    assert record_outcomes(place, LINES, tmp_path / "sales.csv").new == 92, "the last month's cover is not over"


def test_where_no_line_is_stored_rows_of_series_tell_nothing(place: Workspace) -> None:
    """That is no fault: the lines may come later."""
    assert record_outcomes(place, LINES, sold(1)) == OutcomesRecorded()
    take_in(place, LINES, sold(1), history=True)
    assert record_outcomes(place, LINES, sold(1)).new == 46


def test_no_row_of_a_history_is_lost(place: Workspace, tmp_path: Path) -> None:
    """What no line of the past can hold is in quarantine, and a replay of a single period says that it is none."""
    taken = take_in(
        place, LINES, with_rows(sold(1), {"item": "part-0", "site": "north", "month": "soon"}), history=True
    )
    assert set(taken["site"]) == {"south"}
    assert len(quarantined(place)) == 1
    sold(2, until="2023-01").to_csv(tmp_path / "sales.csv", index=False)
    with pytest.raises(SourceError, match="no case of the past"):
        read_history(LINES, tmp_path / "sales.csv")


def test_a_replay_reads_rows_of_series(place: Workspace, tmp_path: Path) -> None:
    """The cases are the lines of the past, and the rows tell their outcomes, as the record would have them."""
    sold(2).to_csv(tmp_path / "sales.csv", index=False)
    told = read_history(LINES, tmp_path / "sales.csv")
    assert len(told.cases) == 96
    take_in(place, LINES, tmp_path / "sales.csv", history=True)
    record_outcomes(place, LINES, tmp_path / "sales.csv")
    stored = questions.outcomes(place.log, LINES.name, name="demand").set_index("case_id")
    there = told.outcomes.set_index("case_id").sort_index()
    assert there["demand"].astype(float).to_dict() == stored["value"].astype(float).to_dict()
    assert (there["known_at"] == stored["known_at"]).all()
    assert told.known(pd.Timestamp("2025-03-31", tz="UTC"), pd.Timestamp("2025-04-01", tz="UTC"))[
        "case_id"
    ].tolist() == [f"part-{item}/{site}/2025-02" for item in range(2) for site in ("north", "south")]


def test_a_cover_that_is_no_number_stops_no_replay(tmp_path: Path) -> None:
    """The line goes to quarantine when it is taken in; the others have their outcomes."""
    rows = sold(2).assign(cover=lambda frame: np.where(frame["item"] == "part-0", "soon", "1"))
    rows.to_csv(tmp_path / "sales.csv", index=False)
    told = read_history(LINES, tmp_path / "sales.csv").truth("demand")
    assert told["part-1/north/2025-12"] == "112"


def test_a_line_has_its_outcome_once_all_of_its_periods_are_told(place: Workspace) -> None:
    """Demand over the cover is the outcome: of history known at its end, of a line at work now; it may be corrected."""
    place_lines = take_in(place, LINES, sold(2, until="2025-10"))
    review(place, LINES, predict(place, LINES, LINES.models[0], place_lines))
    take_in(place, LINES, past_cases(Line.rows, sold(2), ["2025-02"]), history=True)
    assert record_outcomes(place, LINES, sold(2, until="2025-11")) == OutcomesRecorded(new=4)
    rows = sold(2)
    rows = rows[(rows["item"] != "part-1") | (rows["month"] != "2025-12")]
    assert record_outcomes(place, LINES, rows) == OutcomesRecorded(new=2, known=4), "a gap leaves it unknown"
    assert record_outcomes(place, LINES, sold(2)) == OutcomesRecorded(new=2, known=6)
    assert record_outcomes(place, LINES, sold(2).sample(frac=1, random_state=3)) == OutcomesRecorded(known=8)
    told = questions.outcomes(place.log, LINES.name, name="demand").set_index("case_id")
    live, past = told.loc["part-1/south/2025-11"], told.loc["part-1/south/2025-02"]
    assert (float(str(live["value"])), float(str(past["value"]))) == (110 + 11 + 110 + 12, 110 + 2 + 110 + 3)
    assert live["event_at"] == pd.Timestamp("2026-01-01", tz="UTC")
    assert live["known_at"] > pd.Timestamp("2026-01-02", tz="UTC")
    assert past["event_at"] == past["known_at"] == pd.Timestamp("2025-04-01", tz="UTC")
    changed = sold(2).assign(demand=lambda frame: frame["demand"] + (frame["month"] == "2025-03"))
    assert record_outcomes(place, LINES, changed) == OutcomesRecorded(new=4, known=4)


def test_demand_without_stock_is_not_known(place: Workspace) -> None:
    """A period in which stock was out has no demand: None in the history, and no outcome of lines that hold it."""

    class Sold(Line):
        rows: ClassVar = SeriesRows(
            key=["item", "site"], period="month", quantity="sold", every="month", stockout="out", outcome="demand"
        )

    use_case = UseCase(name=LINES.name, case=Sold, models=LINES.models, review=LINES.review)
    rows = sold(2, sites=("north",)).rename(columns={"demand": "sold"})
    rows["out"] = np.where((rows["item"] == "part-0") & (rows["month"] == "2025-11"), "yes", "no")
    cases = take_in(place, use_case, rows)
    assert cases["history"].tolist()[0]["values"][-2:] == [None, 12.0]
    take_in(place, use_case, past_cases(Sold.rows, rows, ["2025-11"]), history=True)
    assert record_outcomes(place, use_case, rows) == OutcomesRecorded(new=1)
    silent = UseCase(name="silent", case=Line, models=[replace(LINES.models[0], output="other")], review=LINES.review)
    with pytest.raises(UseCaseError, match="no model has the output 'demand'"):
        record_outcomes(place, silent, sold(1))


def test_a_mark_of_stock_that_is_not_known_is_refused_until_it_is_declared() -> None:
    """No language's "no" is taken for a yes: the series is refused with the way out, or the marks are declared."""

    class Marked(Line):
        rows: ClassVar = SeriesRows(
            key=["item", "site"], period="month", quantity="demand", every="month", stockout="out"
        )

    class Declared(Line):
        rows: ClassVar = replace(Marked.rows, stockout_marks={"Ja": True, "nein": False})

    rows = sold(2, sites=("north",))
    rows["out"] = np.where((rows["item"] == "part-0") & (rows["month"] == "2025-11"), "ja", "nein")
    lines, refused = made(rows, case_type=Marked)
    assert lines == {}
    assert "out 'nein' is not a known mark" in refused[0].reason
    assert "stockout_marks={" in refused[0].reason
    lines, refused = made(rows, case_type=Declared)
    assert not refused
    assert lines["part-0/north/2026-01"]["history"]["values"][-2:] == [None, 12.0]
    with pytest.raises(SourceError, match="out"):
        made(rows.drop(columns="out"), case_type=Declared)
    with pytest.raises(UseCaseError, match="no stockout"):
        SeriesRows(key=["item"], period="month", quantity="demand", every="month", stockout_marks={"x": True})


def test_a_last_period_that_nobody_can_read_is_refused_not_forgotten(place: Workspace) -> None:
    """No line is made for a month that is over; the outcome of earlier lines stays unknown instead of zero."""

    class Zeros(Line):
        rows: ClassVar = replace(Line.rows, zeros_left_out=True)

    bad = sold(2, sites=("north",)).astype({"demand": object})
    bad.loc[bad["month"] == "2025-12", "demand"] = "a dozen"
    for case_type in (Line, Zeros):
        lines, refused = made(bad, case_type=case_type)
        assert lines == {}
        assert [each.case_id for each in refused] == ["part-0/north/2026-01", "part-1/north/2026-01"]
        assert "2025-12: demand 'a dozen'" in refused[0].reason

    use_case = UseCase(name=LINES.name, case=Zeros, models=LINES.models, review=LINES.review)
    before = past_cases(Zeros.rows, sold(2, sites=("north",)), ["2025-11"])
    take_in(place, use_case, before, history=True)
    assert record_outcomes(place, use_case, bad) == OutcomesRecorded(quarantined=2)


def test_weeks_are_read_by_their_end_and_from_any_day_on() -> None:
    """A table of weeks that end on Sunday is by week; one of weeks from Wednesday on says so."""

    class Weekly(Line):
        rows: ClassVar = SeriesRows(key=["item", "site"], period="week", quantity="demand", every="week")

    class FromWednesday(Line):
        rows: ClassVar = SeriesRows(key=["item", "site"], period="week", quantity="demand", every="week-wednesday")

    now = datetime(2026, 3, 5, tzinfo=UTC)
    ends = pd.DataFrame({"item": "lamp", "site": "north", "week": ["2026-02-22", "2026-03-01"], "demand": [6, 7]})
    lines, refused = made(ends, now, Weekly)
    assert not refused
    assert lines["lamp/north/2026-W10"]["history"]["values"] == [6.0, 7.0]
    assert lines["lamp/north/2026-W10"]["history"]["first"] == "2026-02-16T00:00:00+00:00"

    begins = ends.assign(week=["2026-02-18", "2026-02-25"])
    lines, refused = made(begins, now, FromWednesday)
    assert not refused
    assert lines["lamp/north/2026-03-04"]["received_at"] == "2026-03-04T00:00:00+00:00"
    checked = check_rows(FromWednesday, cases_in(FromWednesday, next(iter(deliveries(begins))), now))
    assert checked.refused == []
    assert json.loads(checked.bodies[0])["history"]["every"] == "week-wednesday"


def test_periods_that_a_source_leaves_out_are_zero_where_it_says_so() -> None:
    """With ``zeros_left_out`` a missing period is a period without demand, from the first one told on."""

    class Seldom(Line):
        rows: ClassVar = SeriesRows(
            key=["item"], period="day", quantity="demand", every="day", zeros_left_out=True, longest=5
        )
        site: str = ""

    sales = [("a", "2025-03-01", 2), ("a", "2025-03-04", 1), ("b", "2025-03-06", 1), ("c", "2025-02-01", 9)]
    lines, refused = made(
        [{"item": item, "day": day, "demand": demand} for item, day, demand in sales], case_type=Seldom
    )
    assert lines["a/2025-03-07"]["history"]["values"] == [0, 0, 1, 0, 0]
    assert lines["b/2025-03-07"]["history"]["values"] == [1]
    assert [line.case_id for line in refused] == ["c/2025-03-07"]


def test_a_series_that_has_vanished_is_told_once(place: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    """A series with a last line and no row now is put where a person sees it, unless its site is in another file."""
    take_in(place, LINES, sold(3, until="2025-10"))
    rows = sold(3, until="2025-11")
    north = rows[rows["site"] == "north"]
    assert quarantined(place) == {}
    with caplog.at_level(logging.WARNING):
        take_in(place, LINES, north[north["item"] != "part-1"])
        cases = take_in(place, LINES, north[north["item"] != "part-1"])
    assert cases["case_id"].tolist() == ["part-0/north/2025-12", "part-2/north/2025-12"]
    why = quarantined(place)
    assert list(why) == ["part-1/north/2025-12"]
    assert why["part-1/north/2025-12"].startswith("vanished: part-1/north/2025-11 has a line")
    assert "1 series have vanished" in caplog.text


def test_the_same_period_with_another_history_is_a_conflict(place: Workspace) -> None:
    """A line is stored once: a delivery that tells the past differently goes to quarantine and changes nothing."""
    take_in(place, LINES, sold(2, sites=("north",)))
    changed = sold(2, sites=("north",))
    changed.loc[(changed["item"] == "part-0") & (changed["month"] == "2025-05"), "demand"] = 1.0
    assert take_in(place, LINES, changed)["case_id"].tolist() == ["part-1/north/2026-01"]
    assert "conflict" in quarantined(place)["part-0/north/2026-01"]


class Hourly(Case):
    """Rentals at a station, hour by hour."""

    rows: ClassVar = SeriesRows(
        key=["station"], period="hour", quantity="rented", every="hour", zone="Europe/Berlin", longest=30
    )
    station: str
    history: History


def hours(first: str, last: str, zone: str | None = "Europe/Berlin") -> list[dict[str, Any]]:
    """One rental in each hour that the clock of a wall shows, or in each hour of the world."""
    moments = pd.date_range(first, last, freq="h", tz=zone)
    return [{"station": "s", "hour": str(moment), "rented": 1} for moment in moments]


def test_clocks_that_are_put_forward_and_back_lose_no_hour() -> None:
    """A day of 23 or 25 hours has so many values; an hour that comes twice without offset shares what is told of it."""
    spring, _ = made(hours("2025-03-29 20:00", "2025-03-30 04:00"), case_type=Hourly)
    assert spring["s/2025-03-30T03"]["history"]["values"] == [1.0] * 8, "from 20:00 to 04:00 are eight hours"
    assert spring["s/2025-03-30T03"]["history"]["zone"] == "Europe/Berlin"
    autumn, _ = made(hours("2025-10-26 00:00", "2025-10-26 04:00"), case_type=Hourly)
    assert autumn["s/2025-10-26T04"]["history"]["values"] == [1.0] * 6
    wall, _ = made(hours("2025-10-26 00:00", "2025-10-26 04:00", None), case_type=Hourly)
    assert wall["s/2025-10-26T04"]["history"]["values"] == [1.0, 1.0, 0.5, 0.5, 1.0, 1.0]
    twice = [
        *hours("2025-10-26 00:00", "2025-10-26 04:00", None),
        {"station": "s", "hour": "2025-10-26 02:00", "rented": 4},
    ]
    both, _ = made(twice, case_type=Hourly)
    assert both["s/2025-10-26T04"]["history"]["values"] == [1.0, 1.0, 2.5, 2.5, 1.0, 1.0]


def test_an_hour_that_no_clock_shows_holds_nothing() -> None:
    """A wall clock's hour that is skipped is left out where nothing is told of it, else the series is not believed."""
    rows = hours("2025-03-29 23:00", "2025-03-30 04:00", None)
    rows[3]["rented"] = 0
    lines, _ = made(rows, case_type=Hourly)
    assert lines["s/2025-03-30T03"]["history"]["values"] == [1.0] * 5
    rows[3]["rented"] = 2
    lines, refused = made(rows, case_type=Hourly)
    assert lines == {}
    assert "leaves out" in refused[0].reason


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"every": "year"}, "give one of"),
        ({"key": "item"}, "as a list"),
        ({"longest": 0}, "1 to 10,000"),
        ({"quantity": "month"}, "two meanings"),
        ({"zone": "Mars/Base"}, "Europe/Berlin"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    """What a declaration says is checked when it is made, and the message says what to give."""
    whole: dict[str, Any] = {"key": ["item"], "period": "month", "quantity": "demand", "every": "month"} | given
    with pytest.raises(UseCaseError, match=said):
        SeriesRows(**whole)


_JUNK: list[Any] = [
    None, "", " ", "-1", -1, 3, "3", 1.5, True, 1e300, float("nan"), float("inf"), "inf", "1_000", "12,5", "\x00",
    "\ud800", "<b>", "=1+1", "x" * 300, "2025-03", "2025-03-31", "2025-13", "2025-03-15", "9999-12", "0001-01", pd.NaT,
    [1], {"a": 1}, pd.Timestamp("2025-04-01"), b"2025", 10**400, "part-0", "north",
]  # fmt: skip


def key_text(value: Any) -> str | None:
    """The text under which a value names a series; None where it names none."""
    try:
        return label_of(value)
    except ValueError:
        return None


@pytest.mark.parametrize("seed", range(8))
def test_no_row_is_lost_whatever_rows_hold(seed: int) -> None:
    """Each row of a delivery is in a line, or told with a series or alone in quarantine; in any order the same."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = [dict(row) | {"mark": "m"} for _, row in sold(6).iterrows()]
    for at in random.choice(len(rows), 20, replace=False):
        name = str(random.choice(["item", "site", "month", "demand", "stock"]))
        rows[at][name] = _JUNK[random.integers(len(_JUNK))]
    lines, refused = made(rows)
    held = {(line["item"], line["site"]) for line in lines.values()}
    in_lines = sum((key_text(row["item"]), key_text(row["site"])) in held for row in rows)
    in_refused = sum(line.raw.count("mark") for line in refused)
    assert in_lines + in_refused == len(rows)
    assert len(refused) >= 1
    again, refused_again = made([rows[at] for at in random.permutation(len(rows))])
    assert again == lines
    assert sorted((line.raw, line.reason) for line in refused) == sorted((o.raw, o.reason) for o in refused_again)
    checked = check_rows(Line, cases_in(Line, next(iter(deliveries(rows))), datetime(2026, 1, 5, tzinfo=UTC)))
    assert len(checked) + len(checked.refused) == len(lines) + len(refused)
    assert len(checked) > 0
