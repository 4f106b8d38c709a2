"""Two years of look-alike claims through the whole loop, told act by act: what ``aiops-flows demo`` runs."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from aiops_flows.case_log import questions
from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.steps import promotion, training
from aiops_flows.steps import recall as recalling
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace
from flows.claims import CLAIMS, claims, disposition
from flows.lookalike_claims import make_claims
from flows.published_claims import published_outcomes
from flows.story import Season, line, moment, on_stage

__all__ = ["tell"]

PATH = "flows.claims:CLAIMS"
ADJUSTER = "simulated adjuster"
_ANSWERED = 60
"""How many reviews the simulated adjuster answers of each file."""


def tell(home: Path) -> None:
    """Run the season in a folder of its own, which is emptied first."""
    changes = date(2025, 7, 1)
    stream = make_claims(14_000, seed=11, change_on=changes, median_days_open=30, ever_closed=0.97)
    received = pd.to_datetime(stream["Date Received"], utc=True)
    truth = published_outcomes(stream)
    season = Season(PATH, CLAIMS, "claims", home.absolute(), stream, received, truth, moment("2025-01-01"))
    with on_stage(season) as place:
        _first_champion(season, place)
        _spring(season, place)
        _refused(season, place)
        _change(season, place)
        _second_champion(season, place)
        _autumn_and_recall(season, place)
        season.act("The figures")
        season.until(place, "2026-06-01")
        season.figures(place)


def _first_champion(season: Season, place: Workspace) -> None:
    season.act("A year of closed claims, and the first champion")
    taken = season.history(place, "2024-01-01", "2025-01-01")
    known = season.outcomes_until(place, "2025-01-01")
    line(f"{taken} claims of 2024 taken in, {known} outcomes known by New Year.")
    season.retrain(place, "2025-01-01")


def _run_months(season: Season, place: Workspace, months: list[tuple[str, str]]) -> None:
    inbox = season.home / "inbox" / "claims"
    inbox.mkdir(parents=True, exist_ok=True)
    for first, last in months:
        season.until(place, last)
        season.between(first, last).to_csv(inbox / f"claims-{first[:7]}.csv", index=False)
        frame = claims(str(inbox))
        by_policy = int((frame["verdict_by"] == "policy").sum())
        answered = _adjuster(season, place)
        line(
            f"{first[:7]}: {len(frame)} claims from the inbox, {by_policy} decided by policy, "
            f"{len(frame) - by_policy} to people; the {ADJUSTER} answered {answered[0]} of these, and read "
            f"{answered[1]} of the others blind."
        )


def _adjuster(season: Season, place: Workspace) -> tuple[int, int]:
    """A program that stands in for people, and is named so: how many reviews it answered, and claims it read blind.

    It is right nine times in ten, and every time where it reads a claim of the audit lane.
    """
    waiting = questions.open_reviews(place.log, CLAIMS.name, lane=False, limit=_ANSWERED)["case_id"].tolist()
    lane = questions.open_reviews(place.log, CLAIMS.name, lane=True)["case_id"].tolist()
    truth = season.truth.set_index("case_id")["disposition"]
    random = np.random.default_rng(season.told)
    for case_id in [*waiting, *lane]:
        right = truth.get(case_id, "deny")
        sure = case_id in lane or random.random() < 0.9
        verdict = right if sure else str(random.choice(CLAIMS.review.verdicts))
        said = {"disposition": verdict} if case_id in lane else None  # of what was decided, what should have been
        decide(place, CLAIMS, case_id, verdict=verdict, reason="simulated answer", actor=ADJUSTER, outcomes=said)
    return len(waiting), len(lane)


def _spring(season: Season, place: Workspace) -> None:
    season.act("Spring: monthly files are dropped in the inbox, decided or put to people")
    _run_months(
        season, place, [("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01"), ("2025-03-01", "2025-04-01")]
    )
    season.watch(place)


def _refused(season: Season, place: Workspace) -> None:
    season.act("A challenger that a gate refuses: a colleague proposes a model that looks at airport and airline only")
    season.until(place, "2025-04-01")
    simple = dataclasses.replace(
        disposition,
        features=["airport", "airline"],
        estimator=make_pipeline(LabelCodes(), HistGradientBoostingClassifier(max_iter=30, random_state=0)),
    )
    made = training.retrain(place, CLAIMS, simple, as_of=moment("2025-04-01"), actor="colleague")
    result = promotion.promote(place, CLAIMS, disposition, version=made.version, proposer="colleague")
    line(f"{result.model} version {result.version}: {result.action}.")
    for reason in result.reasons:
        line(f"  {reason}")


def _change(season: Season, place: Workspace) -> None:
    season.act("July: the stream changes (damaged cameras; damage at the checkpoint is hardly accepted any more)")
    season.until(place, "2025-07-01")
    _run_months(season, place, [("2025-07-01", "2025-08-01"), ("2025-08-01", "2025-09-01")])
    season.drift(place, rows=800)
    line(f"Drift alone decides nothing: {CLAIMS.review.audit_on_drift:.0f} times as many claims are read now.")
    _run_months(season, place, [("2025-09-01", "2025-10-01")])
    season.watch(place)


def _second_champion(season: Season, place: Workspace) -> None:
    season.act("December: the outcomes of the changed claims are known, and a challenger has learned from them")
    season.history(place, "2025-10-01", "2025-11-01")
    known = season.until(place, "2025-12-01")
    line(f"{known} more outcomes.")
    for told, first, last in (("before", "2025-01-01", "2025-04-01"), ("after", "2025-07-01", "2025-09-01")):
        wrong, labels = _wrong_among_automatic(season, place, first, last)
        share = wrong / labels if labels else 0.0
        line(f"Automatic approvals {told} the change: {wrong} of {labels} turned out otherwise ({share:.0%}).")
    line("A certificate holds while the world stays as it was: the drift report of July said that it does not.")
    season.retrain(place, "2025-12-01")


def _wrong_among_automatic(season: Season, place: Workspace, first: str, last: str) -> tuple[int, int]:
    """Wrong and all automatic decisions on claims received in a period, as far as their outcome is known."""
    decided = questions.effective(place.log, CLAIMS.name, case_ids=season.between(first, last)["Claim Number"].tolist())
    truth = questions.outcomes(place.log, CLAIMS.name, name="disposition")
    both = decided[decided["actor_kind"] == "policy"].merge(truth, on="case_id")
    return int((both["verdict"] != both["value"]).sum()), len(both)


def _autumn_and_recall(season: Season, place: Workspace) -> None:
    season.act("It decides, then is found wanting: rollback in one command, and recall of what it decided")
    _run_months(season, place, [("2025-11-01", "2025-12-01")])
    season.watch(place)
    back = promotion.rollback(place, CLAIMS, disposition.name, reason="labels of October were found to be swapped")
    line(f"{back}.")
    done = recalling.recall(place, CLAIMS, disposition.name, int(back.predecessor or 0))
    line(
        f"Recall of version {done.version}: {done.found} claims found; {done.confirmed} confirmed by the earlier "
        f"champion, {done.requeued} put to people, {done.by_people} decided by people and left."
    )
    if not done.confirmed:
        line("None is confirmed without a person.")
