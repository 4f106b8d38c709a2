"""Two years of look-alike claims through the whole loop, told act by act: what ``aiops-flows demo`` runs."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from aiops_flows.case_log import alarms, promotions, questions
from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.steps import promotion, training
from aiops_flows.steps import recall as recalling
from aiops_flows.steps.outcomes import record_outcomes
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
_TRAVEL = ("Travel Accessories", "Sporting Equipment")
"""How the items begin whose labels an export gets wrong."""


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
        _unlike_file(season, place)
        _change(season, place)
        _second_champion(season, place)
        _bad_champion(season, place)
        _recall(season, place)
        season.act("The figures")
        season.until(place, "2026-06-01")
        season.figures(place)


def _first_champion(season: Season, place: Workspace) -> None:
    season.act("A year of closed claims, and the first champion")
    taken = season.history(place, "2024-01-01", "2025-01-01")
    known = season.outcomes_until(place, "2025-01-01")
    line(f"{taken} claims of 2024 taken in, {known} outcomes known by New Year.")
    season.retrain(place, "2025-01-01")


def _run_month(season: Season, place: Workspace, first: str, last: str) -> None:
    """Let the days go by, drop a month's file in the inbox, run the flow, and let the adjuster answer."""
    season.until(place, last)
    _run_file(season, place, first[:7], season.between(first, last))


def _run_file(season: Season, place: Workspace, name: str, rows: pd.DataFrame) -> None:
    inbox = season.home / "inbox" / "claims"
    inbox.mkdir(parents=True, exist_ok=True)
    rows.to_csv(inbox / f"claims-{name}.csv", index=False)

    frame = claims(str(inbox))
    by_policy = int((frame["verdict_by"] == "policy").sum())
    answered = _adjuster(season, place)
    line(
        f"{name}: {len(frame)} claims, {by_policy} approved by policy, {len(frame) - by_policy} sent to review; "
        f"the {ADJUSTER} answered {answered.reviews} of these, and audited {answered.audits} of the others blind."
    )
    for reason, count in _other_reasons(frame).items():
        line(f"  {count} that a rule would approve were sent to review: {reason}.")


def _other_reasons(frame: pd.DataFrame) -> pd.Series[int]:
    """How many cases of a file policy left to people for another reason than that no rule or threshold admits them."""
    reasons = frame.loc[frame["verdict"].isna(), "verdict_reason"]
    usual = reasons.str.startswith("no rule of the policy") | reasons.str.contains("less sure than the certified")
    return reasons[~usual].str.replace(r"^(alarm \d+) .*", r"\1 is open", regex=True).value_counts()


@dataclasses.dataclass(frozen=True)
class _Answered:
    """What the adjuster did with a file."""

    reviews: int
    audits: int


def _adjuster(season: Season, place: Workspace) -> _Answered:
    """Answer some reviews and all audits by a program that stands in for people, and is named so.

    It is right nine times in ten, and every time where it audits a claim.
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
    return _Answered(len(waiting), len(lane))


def _spring(season: Season, place: Workspace) -> None:
    season.act("Spring: monthly files arrive in the inbox; claims are approved, or sent to review")
    _run_month(season, place, "2025-01-01", "2025-02-01")
    _run_month(season, place, "2025-02-01", "2025-03-01")
    _run_month(season, place, "2025-03-01", "2025-04-01")
    season.watch(place)


def _refused(season: Season, place: Workspace) -> None:
    season.act("A challenger that a gate refuses: a colleague's model looks at airport and airline only")
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


def _unlike_file(season: Season, place: Workspace) -> None:
    season.act("June: a file is not like the certified claims, as a new export names airlines by codes")
    season.until(place, "2025-06-16")
    rows = season.between("2025-06-01", "2025-06-16").copy()
    named = rows["Airline Name"] != "-"
    codes = rows["Airline Name"].str.upper().str.replace(r"[^A-Z]", "", regex=True).str[:3] + "-1"
    rows["Airline Name"] = codes.where(named, "-")
    _run_file(season, place, "2025-06", rows)


def _change(season: Season, place: Workspace) -> None:
    season.act("July: the stream changes (burst bottles of cosmetics; a new rule denies plain claims)")
    season.until(place, "2025-07-01")
    _run_month(season, place, "2025-07-01", "2025-08-01")
    season.drift(place, rows=600)
    _more_audits(place)
    _run_month(season, place, "2025-08-01", "2025-09-01")
    season.watch(place)
    _run_month(season, place, "2025-09-01", "2025-10-01")
    season.watch(place)
    _run_month(season, place, "2025-10-01", "2025-11-01")


def _more_audits(place: Workspace) -> None:
    """Report whether a drift alarm has more approvals audited."""
    actions = {alarm.action for alarm in alarms.open_alarms(place.log, CLAIMS.name)}
    if "audit more" in actions:
        line(f"Until that alarm is cleared, {CLAIMS.review.audit_on_drift:.0f} times as many approvals are audited.")
    elif not actions:
        line("No alarm: a new truth behind claims that look as before does not show in their columns, only in audits.")


def _second_champion(season: Season, place: Workspace) -> None:
    season.act("November: outcomes of the changed claims have arrived, and a challenger has learned from them")
    for when, first, last in (("before", "2025-01-01", "2025-04-01"), ("after", "2025-07-01", "2025-10-01")):
        wrong, labels = _wrong_among_automatic(season, place, first, last)
        share = wrong / labels if labels else 0.0
        line(f"Automatic approvals {when} the change: {wrong} of {labels} turned out otherwise ({share:.0%}).")
    season.retrain(place, "2025-11-01")
    _run_month(season, place, "2025-11-01", "2025-12-01")


def _wrong_among_automatic(season: Season, place: Workspace, first: str, last: str) -> tuple[int, int]:
    """Wrong and all automatic decisions on claims received in a period, as far as their outcome has arrived."""
    decided = questions.effective(place.log, CLAIMS.name, case_ids=season.between(first, last)["Claim Number"].tolist())
    truth = questions.outcomes(place.log, CLAIMS.name, name="disposition")
    both = decided[decided["actor_kind"] == "policy"].merge(truth, on="case_id")
    return int((both["verdict"] != both["value"]).sum()), len(both)


def _bad_champion(season: Season, place: Workspace) -> None:
    season.act("December: wrong labels arrive, and a challenger learns from them")
    wrong = _written_wrongly(season)
    sent = record_outcomes(place, CLAIMS, wrong.assign(disposition="approve", amount=35.0))
    line(f"An export sends outcomes since July again, with {len(wrong)} denials of travel goods written as approvals.")
    line(f"{sent.new} values are stored as corrections: nothing in the file says that it is wrong.")
    season.retrain(place, "2025-12-01")
    _run_month(season, place, "2025-12-01", "2026-01-01")


def _written_wrongly(season: Season) -> pd.DataFrame:
    """The outcomes that the export gets wrong: denied claims for travel goods, received and closed since July."""
    travel = season.stream["Item Category"].str.startswith(_TRAVEL)
    numbers = season.stream[travel & (season.received >= moment("2025-07-01"))]["Claim Number"]
    chosen = season.truth["case_id"].isin(numbers) & (season.truth["disposition"] == "deny")
    closed = season.truth["known_at"] < moment("2025-12-01")
    return season.truth[chosen & closed].assign(known_at=moment("2025-12-01"))


def _recall(season: Season, place: Workspace) -> None:
    season.act("January: the wrong labels are discovered; rollback in one command, and recall of what was decided")
    wrong = _written_wrongly(season).assign(known_at=season.today)
    right = record_outcomes(place, CLAIMS, wrong)
    line(f"{right.new} values are corrected back; the record keeps what was stored when.")
    if not _learned_wrongly(place):
        line("The challenger of December was not promoted, so there is nothing to roll back.")
        return
    back = promotion.rollback(place, CLAIMS, disposition.name, reason="it learned from wrong labels of travel goods")
    line(f"{back.model} version {back.version} is champion again instead of version {back.predecessor}.")
    done = recalling.recall(place, CLAIMS, disposition.name, int(back.predecessor or 0))
    line(
        f"Recall of version {done.version}: {done.found} decided claims; {done.confirmed} confirmed by the earlier "
        f"champion, {done.requeued} sent to review, {done.by_people} decided by people and left."
    )


def _learned_wrongly(place: Workspace) -> bool:
    """Whether the champion is the one that learned from the wrong labels of December."""
    champion = promotions.champion(place.log, CLAIMS.name, disposition.name)
    return champion is not None and champion.since >= moment("2025-12-01")
