"""Two years of look-alike claims through the whole loop, told act by act: what ``aiops-flows demo`` runs."""

from __future__ import annotations

import dataclasses
import logging
import os
import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline

from aiops_flows import Settings, lifecycle, stack
from aiops_flows.case_log import audit, questions
from aiops_flows.estimators.labels import LabelCodes
from aiops_flows.steps import drifting, promotion, training, watching
from aiops_flows.steps import recall as recalling
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.workspace import Workspace, at_the_time_of
from flows.claims import CLAIMS, claims, disposition
from flows.lookalike_claims import make_claims
from flows.published_claims import published_outcomes

__all__ = ["tell"]

PATH = "flows.claims:CLAIMS"
ADJUSTER = "simulated adjuster"
_ANSWERED = 60
"""How many reviews the simulated adjuster answers of each file."""


@dataclass
class _Season:
    """The stream of claims and what became of them, and the day of the story."""

    home: Path
    claims: pd.DataFrame
    truth: pd.DataFrame
    today: datetime
    begun: float = field(default_factory=time.monotonic)
    told: int = 0

    @property
    def received(self) -> pd.Series[pd.Timestamp]:
        return pd.to_datetime(self.claims["Date Received"], utc=True)

    def between(self, first: str, last: str) -> pd.DataFrame:
        """The claims received from a day up to before another."""
        days = self.received
        return self.claims[(days >= pd.Timestamp(first, tz="UTC")) & (days < pd.Timestamp(last, tz="UTC"))]

    def act(self, title: str) -> None:
        """The heading of the next act, with the seconds since the beginning."""
        self.told += 1
        print(f"\n{self.told}. {title}  [{time.monotonic() - self.begun:.0f} s]", flush=True)


def _line(text: str) -> None:
    print(f"   {text}", flush=True)


def _moment(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def tell(home: Path) -> None:
    """Run the season in a folder of its own, which is emptied first."""
    if home.exists():
        shutil.rmtree(home)
    os.environ["AIOPS_HOME"] = str(home.absolute())
    stream = make_claims(14_000, seed=7, change_on=date(2025, 7, 1), median_days_open=45)
    season = _Season(home.absolute(), stream, published_outcomes(stream), _moment("2025-01-01"))
    logging.getLogger("aiops_flows").setLevel(logging.ERROR)  # what it warns of is told below
    print(f"A season of look-alike claims, in {season.home} (no network, nothing leaves this machine).")
    with at_the_time_of(lambda: season.today), stack.prefect_server(Settings(), own=True):
        place = Workspace.here()
        _first_champion(season, place)
        _spring(season, place)
        _refused(season, place)
        _change(season, place)
        _second_champion(season, place)
        _autumn_and_recall(season, place)
        _figures(season, place)


def _first_champion(season: _Season, place: Workspace) -> None:
    season.act("A year of closed claims, and the first champion")
    history = take_in(place, CLAIMS, season.between("2024-01-01", "2025-01-01"), history=True)
    known = _outcomes_until(season, place, "2025-01-01")
    _line(f"{len(history)} claims of 2024 taken in, {known} outcomes known by New Year.")
    _retrain(place, "2025-01-01")


def _retrain(place: Workspace, day: str) -> None:
    state = lifecycle.retrain(PATH, as_of=_moment(day), return_state=True)
    for said in str(state.message).split("; claims-"):
        _line(said if said.startswith("claims-") else f"claims-{said}")
    _certificate(place)


def _certificate(place: Workspace) -> None:
    certificate = certificate_in_force(place, CLAIMS)
    if certificate is None or certificate.threshold is None:
        _line(f"Nothing is decided without a person: {certificate.reason if certificate else 'no certificate'}.")
        return
    _line(
        f"Certificate, from {certificate.labels_used} claims it had not seen: from confidence "
        f"{certificate.threshold:.2f} up at most {certificate.max_error:.0%} wrong verdicts "
        f"({certificate.confidence:.0%} sure); that is {certificate.coverage:.0%} of all claims, until "
        f"{certificate.expires_at[:10]}."
    )
    if certificate.more_labels:
        _line("With {labels} such claims it would be about {coverage:.0%}.".format(**certificate.more_labels[0]))


def _outcomes_until(season: _Season, place: Workspace, day: str) -> int:
    """Record what became known of stored claims before a day; how many outcomes were new."""
    stored = set(questions.cases(place.log, CLAIMS.name)["case_id"])
    known = season.truth[season.truth["known_at"] < pd.Timestamp(day, tz="UTC")]
    return record_outcomes(place, CLAIMS, known[known["case_id"].isin(stored)]).new


def _run_months(season: _Season, place: Workspace, months: list[tuple[str, str]]) -> None:
    inbox = season.home / "inbox" / "claims"
    inbox.mkdir(parents=True, exist_ok=True)
    for first, last in months:
        _until(season, place, last)
        season.between(first, last).to_csv(inbox / f"claims-{first[:7]}.csv", index=False)
        frame = claims(str(inbox))
        by_policy = int((frame["verdict_by"] == "policy").sum())
        answered = _adjuster(season, place)
        _line(
            f"{first[:7]}: {len(frame)} claims from the inbox, {by_policy} decided by policy, "
            f"{len(frame) - by_policy} to people; the {ADJUSTER} answered {answered[0]} of these, and read "
            f"{answered[1]} of the others blind."
        )


def _adjuster(season: _Season, place: Workspace) -> tuple[int, int]:
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
        decide(place, CLAIMS, case_id, verdict=verdict, reason="simulated answer", actor=ADJUSTER)
    return len(waiting), len(lane)


def _until(season: _Season, place: Workspace, day: str) -> int:
    """Let the days go by up to one: outcomes become known, and the monitor renews a certificate before it ends."""
    season.today = _moment(day)
    known = _outcomes_until(season, place, day)
    if watching.monitor(place, CLAIMS).renewed:
        _certificate(place)
    return known


def _watch(place: Workspace) -> None:
    """What the monitor says and does: the estimate from the audit lane, and its alarms."""
    health = watching.monitor(place, CLAIMS)
    found = health.quality
    if found.error is not None:
        _line(
            f"Monitor: of {found.decided} automatic decisions {found.error:.0%} are wrong, as {found.read} blind "
            f"readings tell (95 % sure: {found.low:.0%} to {found.high:.0%}; certified: {CLAIMS.review.max_error:.0%})."
        )
    for alarm in health.raised:
        which = "all champions" if alarm.version is None else f"version {alarm.version}"
        _line(f"Alarm {alarm.number}, {alarm.kind} of {which}: {alarm.action}. {alarm.reason}.")


def _spring(season: _Season, place: Workspace) -> None:
    season.act("Spring: monthly files are dropped in the inbox, decided or put to people")
    _run_months(
        season, place, [("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01"), ("2025-03-01", "2025-04-01")]
    )
    _watch(place)


def _refused(season: _Season, place: Workspace) -> None:
    season.act("A challenger that a gate refuses: a colleague proposes a model that looks at airport and airline only")
    _until(season, place, "2025-04-01")
    simple = dataclasses.replace(
        disposition,
        features=["airport", "airline"],
        estimator=make_pipeline(LabelCodes(), HistGradientBoostingClassifier(max_iter=30, random_state=0)),
    )
    made = training.retrain(place, CLAIMS, simple, as_of=_moment("2025-04-01"), actor="colleague")
    result = promotion.promote(place, CLAIMS, disposition, version=made.version, proposer="colleague")
    _line(f"{result.model} version {result.version}: {result.action}.")
    for reason in result.reasons:
        _line(f"  {reason}")


def _change(season: _Season, place: Workspace) -> None:
    season.act("July: the stream changes (damaged computers at the checkpoint)")
    _until(season, place, "2025-07-01")
    _run_months(season, place, [("2025-07-01", "2025-08-01"), ("2025-08-01", "2025-09-01")])
    for check in drifting.check_drift(place, CLAIMS, rows=800):
        if check.report is None or check.rendered is None:
            continue
        moved = ", ".join(column.name for column in check.report.columns if column.drifted) or "no single column"
        report = drifting.keep_report(place, CLAIMS, check)
        _line(f"{check.model}: {check.verdict} ({moved}); report: {os.path.relpath(report)}")
    _line(f"Drift alone decides nothing: {CLAIMS.review.audit_on_drift:.0f} times as many claims are read now.")
    _run_months(season, place, [("2025-09-01", "2025-10-01")])
    _watch(place)


def _second_champion(season: _Season, place: Workspace) -> None:
    season.act("December: the outcomes of the changed claims are known, and a challenger has learned from them")
    take_in(place, CLAIMS, season.between("2025-10-01", "2025-11-01"), history=True)
    known = _until(season, place, "2025-12-01")
    _line(f"{known} more outcomes.")
    for told, first, last in (("before", "2025-01-01", "2025-04-01"), ("after", "2025-07-01", "2025-09-01")):
        wrong, labels = _wrong_among_automatic(season, place, first, last)
        _line(f"Automatic decisions {told} the change: {wrong} of {labels} turned out wrong ({wrong / labels:.0%}).")
    _line("A certificate holds while the world stays as it was: that is what the drift report said in July.")
    _retrain(place, "2025-12-01")


def _wrong_among_automatic(season: _Season, place: Workspace, first: str, last: str) -> tuple[int, int]:
    """Wrong and all automatic decisions on claims received in a period, as far as their outcome is known."""
    decided = questions.effective(place.log, CLAIMS.name, case_ids=season.between(first, last)["Claim Number"].tolist())
    truth = questions.outcomes(place.log, CLAIMS.name, name="disposition")
    both = decided[decided["actor_kind"] == "policy"].merge(truth, on="case_id")
    return int((both["verdict"] != both["value"]).sum()), len(both)


def _autumn_and_recall(season: _Season, place: Workspace) -> None:
    season.act("It decides, then is found wanting: rollback in one command, and recall of what it decided")
    _run_months(season, place, [("2025-11-01", "2025-12-01")])
    _watch(place)
    back = promotion.rollback(place, CLAIMS, disposition.name, reason="labels of October were found to be swapped")
    _line(f"{back}.")
    done = recalling.recall(place, CLAIMS, disposition.name, int(back.predecessor or 0))
    _line(
        f"Recall of version {done.version}: {done.found} claims found; {done.confirmed} confirmed by the earlier "
        f"champion, {done.requeued} put to people, {done.by_people} decided by people and left."
    )
    if not done.confirmed:
        _line(f"None is confirmed: version {back.version} stands under the alarm of September, so persons decide.")


def _figures(season: _Season, place: Workspace) -> None:
    season.act("The figures")
    _until(season, place, "2026-06-01")
    health = watching.monitor(place, CLAIMS)
    for row in health.table():
        _line(f"{row['what']}: {row['value']}")
    findings = audit.verify(place.log)
    _line("audit trail: " + ("holds" if not findings else findings[0].what))
    print(
        f"\nWhere to look (with export AIOPS_HOME={season.home}; commands are in .venv/bin):\n"
        "   aiops-flows up                                            Prefect UI and MLflow UI, runs, gates\n"
        "   aiops-flows review list -u flows.claims:CLAIMS            what waits for people\n"
        "   aiops-flows champion -u flows.claims:CLAIMS disposition   who decides now, and since when\n"
        f"   {season.home / 'reports'}   drift reports, to open in a browser"
    )
