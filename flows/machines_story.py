"""A year and a half of look-alike pumps through the whole loop, told act by act: ``make demo-maintenance`` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from aiops_flows.case_log import questions
from aiops_flows.series.lives import life_outcomes
from aiops_flows.steps import drifting
from aiops_flows.steps.explaining import shown
from aiops_flows.steps.frames import stored_frame
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.sensor_rows import past_looks
from aiops_flows.steps.workspace import Workspace
from flows.lookalike_machines import FAILURE_COST, SERVICE_COST, Fleet
from flows.maintenance import HORIZON, LONGEST_LIFE, LOOK, MAINTENANCE, MachineState, maintenance
from flows.story import Season, line, moment, on_stage

__all__ = ["tell"]

PATH = "flows.maintenance:MAINTENANCE"
TECHNICIAN = "simulated technician"
_MOVED = "pump-007"
_REACH = 45
"""Days of rows in a delivery: the window, and room for a look that comes late."""


def tell(home: Path) -> None:
    """Run the season in a folder of its own, which is emptied first."""
    fleet = Fleet(60, seed=7, today=date(2025, 1, 1))
    rows = fleet.run(365)
    past = past_looks(MachineState.rows, rows)
    received = pd.to_datetime(past["received_at"], utc=True)
    season = Season(PATH, MAINTENANCE, "pump checks", home.absolute(), past, received, _lived(past, fleet),
                    moment("2026-01-01"))  # fmt: skip
    with on_stage(season) as place:
        _first_champions(season, place, fleet)
        season.act("January: a delivery every three days; pumps run on, are serviced, or a technician looks")
        recent = _days(season, place, fleet, rows.tail(_REACH * fleet.machines), "2026-02-01")
        _one_machine(season, place)
        season.act(f"February: the voltage sensor of {_MOVED} has been changed, and tells three volts more")
        fleet.shifted[_MOVED] = 3.0
        for until in ("2026-03-20", "2026-06-05", "2026-07-10"):  # before a certificate ends it is renewed
            recent = _days(season, place, fleet, recent, until)
        _moved_machines(place)
        season.watch(place)
        season.act("July: challengers have learned from what technicians found")
        season.retrain(place, "2026-07-10")
        season.act("The figures")
        season.figures(place)


def _lived(looks: pd.DataFrame, fleet: Fleet) -> pd.DataFrame:
    return life_outcomes(looks, fleet.known_ends(), horizon=HORIZON, longest=LONGEST_LIFE)


def _first_champions(season: Season, place: Workspace, fleet: Fleet) -> None:
    season.act("A year in which every pump ran until it failed, and the first champions: risk, remaining life")
    taken = season.history(place, "2025-01-01", "2026-01-01")
    known = season.outcomes_until(place, "2026-01-01")
    line(f"{taken} looks at {fleet.machines} pumps taken in, {known} outcomes known by New Year; {_money(fleet, 365)}.")
    season.retrain(place, "2026-01-01")


def _days(season: Season, place: Workspace, fleet: Fleet, recent: pd.DataFrame, until: str) -> pd.DataFrame:
    """Every three days a delivery: the flow decides or asks, pumps are serviced, and what is found is recorded."""
    first, ended, tally = fleet.today, len(fleet.ends), {"policy": 0, "person": 0, "service": 0}
    while fleet.today.isoformat() < until:
        recent = pd.concat([recent, fleet.run(LOOK)], ignore_index=True).tail(_REACH * fleet.machines)
        season.today = datetime.combine(fleet.today, datetime.min.time(), UTC)
        for who, count in _delivery(season, place, fleet, recent).items():
            tally[who] += count
    looks = stored_frame(MachineState, questions.cases(place.log, MAINTENANCE.name))
    season.truth = _lived(looks, fleet)
    season.until(place, until)
    days = (fleet.today - first).days
    line(
        f"{first} to {fleet.today}: {tally['policy']} looks decided by policy, {tally['person']} by the {TECHNICIAN}, "
        f"{tally['service']} services; {_money(fleet, days, ended)}."
    )
    return recent


def _delivery(season: Season, place: Workspace, fleet: Fleet, recent: pd.DataFrame) -> dict[str, int]:
    """One delivery through the flow; who decided how many looks, and how many pumps were serviced."""
    inbox, outbox = season.home / "inbox" / "maintenance", str(season.home / "outbox")
    inbox.mkdir(parents=True, exist_ok=True)
    recent.to_csv(inbox / f"cycles-{fleet.today}.csv", index=False)
    looked = maintenance(str(inbox), outbox)
    _technician(place, looked, fleet)
    decided = questions.effective(place.log, MAINTENANCE.name, case_ids=looked["case_id"].tolist())
    serviced = looked[looked["case_id"].isin(decided.loc[decided["verdict"] == "service", "case_id"])]
    told = [_finding(row, fleet) | {"case_id": row["case_id"]} for row in serviced.to_dict("records")]
    if told:
        record_outcomes(place, MAINTENANCE, told)
        fleet.service(serviced["machine"].tolist())
    asked = int(looked["verdict"].isna().sum())
    return {"policy": len(looked) - asked, "person": asked, "service": len(serviced)}


def _finding(look: Mapping[Any, Any], fleet: Fleet) -> dict[str, Any]:
    """What whoever opens the pump finds: how long it would have run on, from the morning of the look."""
    left = fleet.left(look["machine"]) + fleet.age(look["machine"]) - int(look["age"])
    return {"failure": "yes" if left <= HORIZON else "no", "remaining": float(min(left, LONGEST_LIFE))}


def _technician(place: Workspace, looked: pd.DataFrame, fleet: Fleet) -> None:
    """A program that stands in for people, and is named so: it opens each pump that it is asked about."""
    waiting = set(questions.open_reviews(place.log, MAINTENANCE.name)["case_id"])
    for look in looked[looked["case_id"].isin(waiting)].to_dict("records"):
        found = _finding(look, fleet)
        verdict = "service" if found["failure"] == "yes" else "run on"
        decide(
            place, MAINTENANCE, look["case_id"], verdict=verdict, reason="simulated finding", actor=TECHNICIAN,
            outcomes=found,
        )  # fmt: skip


def _money(fleet: Fleet, days: int, since: int = 0) -> str:
    """What lives that have ended cost, for each pump and year."""
    ended = fleet.ends[since:]
    failed = sum(bool(each["failed"]) for each in ended)
    cost = len(ended) * SERVICE_COST + failed * FAILURE_COST
    return f"{failed} failures, {365 * cost / (days * fleet.machines):,.0f} EUR for a pump and year"


def _one_machine(season: Season, place: Workspace) -> None:
    season.act("One pump, as the workshop sees it")
    decided = questions.effective(place.log, MAINTENANCE.name)
    order = decided[decided["verdict"] == "service"].iloc[-1]
    seen = shown(place, MAINTENANCE, order["case_id"])
    terms = order["terms"]
    line(f"{order['case_id']}, {seen['case']['age']} days old: {order['verdict']}; {order['reason']}.")
    line(
        f"Probability of a failure within {HORIZON} days {terms['risk']:.2f}; servicing now is expected to save "
        f"{terms['saving']:,.0f} EUR; it is due by the age of {terms['service_by']:.0f} days."
    )
    life = next(said for said in seen["predictions"] if said["model"] == "maintenance-remaining")
    line("Days left, by quantile: " + ", ".join(f"{name} {days:.0f}" for name, days in life["quantiles"].items()) + ".")


def _moved_machines(place: Workspace) -> None:
    for check in drifting.check_drift(place, MAINTENANCE, render=False):
        slices = check.report.slices if check.report else None
        line(f"{check.model}: {check.verdict}; {slices.reason if slices else 'no slices'}: {check.drifted_slices}.")
