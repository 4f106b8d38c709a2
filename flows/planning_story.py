"""Two years of look-alike demand through the whole loop, told act by act: ``make demo-planning`` runs it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.evidence.hierarchy import totals
from aiops_flows.steps.backtesting import backtest
from aiops_flows.steps.explaining import page, shown
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.series_rows import past_cases
from aiops_flows.steps.workspace import Workspace
from flows.lookalike_demand import in_dozens, make_demand, received_by
from flows.planning import PLANNING, PlanLine, planning
from flows.story import Season, line, moment, on_stage

__all__ = ["tell"]

PATH = "flows.planning:PLANNING"
PLANNER = "simulated planner"
_ITEMS = 24
_ORIGINS = [str(month) for month in pd.period_range("2023-01", "2025-12", freq="M")]


def tell(home: Path) -> None:
    """Run the season in a folder of its own, which is emptied first."""
    sales = make_demand(_ITEMS, seed=7, months=72, turn=pd.Timestamp("2026-05-01").date())
    past = past_cases(PlanLine.rows, received_by(sales, "2026-01", longest=72), _ORIGINS)
    received = pd.to_datetime(past["received_at"], utc=True)
    told_by_sales = pd.DataFrame({"case_id": [], "known_at": pd.to_datetime([], utc=True)})  # and by nothing else
    season = Season(PATH, PLANNING, "lines", home.absolute(), past, received, told_by_sales, moment("2026-01-01"))
    with on_stage(season) as place:
        _first_champion(season, place, sales)
        season.act("January to March: a file a month; orders are released, or a planner is asked")
        _sums(_months(season, place, sales, ["2026-01", "2026-02", "2026-03"]))
        _one_line(season, place)
        season.act("April: one site has begun to count in dozens, and told nobody")
        _month(season, place, in_dozens(sales, "harbour", "2026-03"), "2026-04")
        season.act("May to August: demand of two families doubles, and their season is gone")
        _months(season, place, sales, ["2026-05", "2026-06", "2026-07", "2026-08"])
        season.drift(place, rows=400)
        season.watch(place)
        _challenger(season, place)
        season.act("The figures")
        season.figures(place)


def _first_champion(season: Season, place: Workspace, sales: pd.DataFrame) -> None:
    season.act("Two years of plan lines, read off from one table of sales, and the first champion")
    taken = season.history(place, "2023-01-01", "2026-01-01")
    known = record_outcomes(place, PLANNING, received_by(sales, "2026-01", longest=72)).new
    line(f"{taken} lines of {len(_ORIGINS)} months taken in; the demand that they planned is known of {known}.")
    season.retrain(place, "2026-01-01")
    table = backtest(place, PLANNING, PLANNING.models[0], origins=4, as_of=moment("2026-01-01"))
    for row in table[table["origin"] == "total"].to_dict("records"):
        line(
            f"Backtest over 4 months, {row['who']}: WAPE {row['wape']:.3f}, scaled error "
            f"{row['mean_scaled_error']:.2f}, bias {row['bias']:.3f}, {row['mean_cost']:.0f} EUR a line."
        )


def _months(season: Season, place: Workspace, sales: pd.DataFrame, months: list[str]) -> pd.DataFrame:
    """The lines of the last of the months, after all of them have gone by."""
    return [_month(season, place, sales, month) for month in months][-1]


def _month(season: Season, place: Workspace, sales: pd.DataFrame, month: str) -> pd.DataFrame:
    """The lines of one month: its file in the inbox, decided, answered by the planner, and their orders sent."""
    season.until(place, f"{month}-02")
    inbox, outbox = season.home / "inbox" / "planning", season.home / "outbox"
    inbox.mkdir(parents=True, exist_ok=True)
    sold = received_by(sales, month)
    sold.to_csv(inbox / f"sales-{month}.csv", index=False)
    lines = planning(str(inbox), str(outbox))
    released = lines["verdict_by"] == "policy"
    doubtful = lines.loc[~released & (lines["doubt"] != ""), "doubt"].value_counts().head(2)
    changed = _planner(place, lines)
    planning(str(inbox), str(outbox))  # nothing new has come, but what the planner ordered is sent
    why = "".join(f", {count} because of '{doubt}'" for doubt, count in doubtful.items())
    line(
        f"{month}: {len(lines)} lines, {int(released.sum())} released for {lines.loc[released, 'order'].sum():,.0f} "
        f"pieces, {int((~released).sum())} to the planner{why}; {changed} changed; "
        f"{len(list(outbox.glob('*.json')))} orders have left the house so far."
    )
    return lines


def _sums(lines: pd.DataFrame) -> None:
    """Tell what is expected of all, by site and by family: sums of the same lines, so that they agree."""
    sums = totals(lines, "demand", [[], ["site"], ["family"]])
    whole, sites = sums["demand"].iloc[0], sums[sums["site"].notna()]
    told = ", ".join(f"{row.site} {row.demand:,.0f}" for row in sites.itertuples())
    families = sums.loc[sums["family"].notna(), "demand"].sum()
    line(f"Expected of all lines: {whole:,.0f} pieces, by site {told}; the families sum up to {families:,.0f}.")


def _planner(place: Workspace, lines: pd.DataFrame) -> int:
    """A program that stands in for people, and is named so: how many orders it changed.

    It takes proposals over, but cuts those that would last for more than two covers of usual demand.
    """
    waiting = set(questions.open_reviews(place.log, PLANNING.name)["case_id"])
    changed = 0
    for row in lines[lines["case_id"].isin(waiting)].to_dict("records"):
        most = np.ceil(2 * (row["recent"] or 0) * row["cover"] / row["pack"]) * row["pack"]
        cut = bool(row["order"] > most)
        terms = {"order": float(most)} if cut else {}
        verdict = "change" if cut else "release"
        decide(place, PLANNING, row["case_id"], verdict=verdict, terms=terms, reason="simulated answer", actor=PLANNER)
        changed += cut
    return changed


def _one_line(season: Season, place: Workspace) -> None:
    season.act("One line, as a planner sees it")
    lines = stored_frame(PLANNING.case, questions.cases(place.log, PLANNING.name, received_from=moment("2026-03-01")))
    regular = lines[lines["zeros"] == 0].sort_values("recent")
    case_id = regular["case_id"].iloc[len(regular) // 2]
    seen = shown(place, PLANNING, case_id)
    said, case = seen["predictions"][0], seen["case"]
    known = " ".join(f"{value:.0f}" for value in case["history"]["values"][-12:])
    likely = said["quantiles"]
    line(f"{case_id}: stock {case['stock']:.0f}, pack {case['pack']:.0f}, to last for {case['cover']} months.")
    line(f"The last twelve months: {known}.")
    between = f"{likely['q10']:.0f} and {likely['q90']:.0f}"
    line(f"Forecast of the {case['cover']} months: {said['value']:.0f}, in 8 of 10 cases between {between}.")
    terms = seen["terms"]
    money = f"{case['holding_cost']:.2f} EUR, one missing {case['shortage_cost']:.2f}"
    line(f"A piece left for so long costs {money}: so order up to {terms['target']:.0f}: {terms['order']:.0f} now.")
    picture = season.home / "line.html"
    picture.write_text(page(place, PLANNING, case_id))
    line(f"The picture of it: {os.path.relpath(picture)}")


def _challenger(season: Season, place: Workspace) -> None:
    season.act("September: a challenger that has seen the turn")
    season.today = moment("2026-09-01")
    season.retrain(place, "2026-09-01")
