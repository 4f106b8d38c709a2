"""Two years of look-alike tickets through the whole loop, told act by act: ``make demo-customer-service`` runs it."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from aiops_flows import ModelSpec
from aiops_flows.case_log import questions
from aiops_flows.steps.corrections import new_labels, writing_figures
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from flows.customer_service import CUSTOMER_SERVICE, customer_service
from flows.lookalike_tickets import make_tickets, ticket_outcomes
from flows.story import Season, line, moment, on_stage
from flows.ticket_desk import OUT_OF_SCOPE

__all__ = ["tell"]

PATH = "flows.customer_service:CUSTOMER_SERVICE"
AGENT = "simulated agent"
_ARRIVES = ["case_id", "received_at", "channel", "subject", "thread"]
"""What a ticket brings; all else of a made one is known later."""
_WIDTH = 104


def tell(home: Path) -> None:
    """Run the season in a folder of its own, which is emptied first."""
    stream = make_tickets(13_000, seed=7, first=date(2025, 1, 1), days=600, recall_from=date(2026, 4, 1))
    truth = ticket_outcomes(stream)
    season = Season(PATH, CUSTOMER_SERVICE, "tickets", home.absolute(), stream, stream["received_at"], truth,
                    moment("2026-01-01"))  # fmt: skip
    with on_stage(season) as place:
        _first_champions(season, place)
        _winter(season, place)
        _one_ticket(season, place)
        _recall_of_batteries(season, place)
        _learned(season, place)
        season.act("The figures")
        season.figures(place)


def _first_champions(season: Season, place: Workspace) -> None:
    season.act("A year of answered tickets, and the first champions: intent, urgency, summary, reply")
    taken = season.history(place, "2025-01-01", "2026-01-01")
    known = season.outcomes_until(place, "2026-01-01")
    line(f"{taken} tickets of 2025 taken in, {known} outcomes known by New Year.")
    season.retrain(place, "2026-01-01")


def _run_weeks(season: Season, place: Workspace, days: Sequence[str]) -> None:
    """Drop the tickets of each span in the inbox, run the flow, let the agent answer what waits, and deliver."""
    inbox, outbox = season.home / "inbox" / "customer-service", season.home / "outbox"
    inbox.mkdir(parents=True, exist_ok=True)
    for first, last in itertools.pairwise(days):
        season.today = moment(last)
        arrived = season.between(first, last)[_ARRIVES]
        arrived.to_json(inbox / f"tickets-{first}.jsonl", orient="records", lines=True, date_format="iso")
        frame = customer_service(str(inbox), str(outbox))
        answered, read = _agent(season, place)
        customer_service(str(inbox), str(outbox))  # nothing new has come, but what the agent decided is sent
        by_policy = int((frame["verdict_by"] == "policy").sum())
        sent = len(list(outbox.glob("*.json")))
        line(
            f"{first} to {last}: {len(frame)} tickets, {by_policy} assigned by policy, {len(frame) - by_policy} to "
            f"people; the {AGENT} answered {answered} and read {read} blind; {sent} effects have left the house so far."
        )


def _agent(season: Season, place: Workspace) -> tuple[int, int]:
    """A program that stands in for people, and is named so: how many tickets it answered, and how many it read blind.

    It files a ticket as the maker of the tickets did, takes over what the models wrote where that is what would have
    been written, and else writes its own.
    """
    waiting = questions.open_reviews(place.log, CUSTOMER_SERVICE.name, lane=False)["case_id"].tolist()
    lane = questions.open_reviews(place.log, CUSTOMER_SERVICE.name, lane=True)["case_id"].tolist()
    truth = {row["case_id"]: row for row in season.stream.to_dict("records")}
    random = np.random.default_rng(season.told)
    for case_id in [*waiting, *lane]:
        said = truth[case_id]
        outcomes: dict[str, Any] = {"intent": said["intent"], "urgency": said["urgency"]}
        verdict = "close" if said["intent"] == OUT_OF_SCOPE else "assign"
        if case_id in waiting and verdict == "assign" and random.random() < 0.5:
            verdict, outcomes = "answer", outcomes | {"summary": said["summary"], "reply": said["reply"]}
        decide(
            place, CUSTOMER_SERVICE, case_id, verdict=verdict, reason="simulated answer", actor=AGENT, outcomes=outcomes
        )
    return len(waiting), len(lane)


def _winter(season: Season, place: Workspace) -> None:
    season.act("January: weekly exports are dropped in the inbox, assigned or put to people, and sent on")
    _run_weeks(season, place, ["2026-01-01", "2026-01-08", "2026-01-15", "2026-01-22"])
    season.until(place, "2026-02-01")
    season.watch(place)


def _one_ticket(season: Season, place: Workspace) -> None:
    season.act("One ticket, as an agent sees it")
    tickets = season.between("2026-01-01", "2026-01-08").to_dict("records")
    ticket = next(each for each in tickets if len(each["thread"]) > 1)
    said = {spec.output: _said(place, spec, ticket["case_id"]) for spec in CUSTOMER_SERVICE.models}
    for turn in ticket["thread"]:
        _paragraph(turn["speaker"], turn["text"])
    _paragraph("intent", f"{said['intent']}, urgency {said['urgency']}")
    _paragraph("summary", said["summary"]["text"])
    for candidate in said["reply"]["candidates"][:3]:
        _paragraph("reply", f"{candidate['text']} ({candidate['similarity']:.2f}, {candidate['source']})")


def _said(place: Workspace, spec: ModelSpec, case_id: str) -> Any:
    return questions.predictions(place.log, CUSTOMER_SERVICE.name, model=spec.name, case_ids=[case_id])["value"].iloc[0]


def _paragraph(name: str, text: str) -> None:
    for each in textwrap.wrap(f"{name:>9}: {text}", _WIDTH, subsequent_indent=" " * 11):
        line(each)


def _recall_of_batteries(season: Season, place: Workspace) -> None:
    season.act("April: batteries are recalled, and customers write about something that no model knows")
    season.until(place, "2026-04-01")
    _run_weeks(season, place, ["2026-04-01", "2026-04-08", "2026-04-15", "2026-04-22"])
    season.drift(place, rows=400)
    for row in new_labels(place, CUSTOMER_SERVICE).to_dict("records"):
        line(f"New {row['model']} label, seen in corrections: {row['label']!r}, {row['cases']} tickets.")
    season.watch(place)


def _learned(season: Season, place: Workspace) -> None:
    season.act("June: challengers have learned from what people corrected")
    season.until(place, "2026-05-01")
    season.today = moment("2026-06-01")
    season.history(place, "2026-04-22", "2026-06-01")
    season.outcomes_until(place, "2026-06-01")
    season.retrain(place, "2026-06-01")
    _run_weeks(season, place, ["2026-06-01", "2026-06-08"])
    for row in writing_figures(place, CUSTOMER_SERVICE).to_dict("records"):
        line(
            f"{row['model']} version {row['version']}: {row['answered']} texts seen by an agent, "
            f"{row['accepted']:.0%} taken over as they were, similarity {row['edit_similarity']:.2f}."
        )
