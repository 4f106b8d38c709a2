"""What every story of ``aiops-flows demo`` shares: a stream of cases, a clock of its own, and the printed lines."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from aiops_flows import Settings, UseCase, lifecycle, stack
from aiops_flows.case_log import audit, questions
from aiops_flows.progress import listen
from aiops_flows.steps import drifting, watching
from aiops_flows.steps.certifying import certificate_in_force
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.verdicts import needs_cases
from aiops_flows.steps.workspace import Workspace, at_the_time_of

__all__ = ["Season", "line", "moment", "on_stage"]


def line(text: str) -> None:
    """Print a sentence of the story, wrapped at words to the width of the terminal; 120 columns where there is none."""
    details = len(text) - len(text.lstrip())
    indent = " " * (3 + details)
    width = shutil.get_terminal_size((120, 24)).columns
    wrapped = textwrap.fill(
        text.strip(),
        width=max(width, 40),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    print(wrapped, flush=True)


def moment(day: str) -> datetime:
    """The beginning of a day, in UTC."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@dataclass
class Season:
    """The stream of cases and what became of them, and the day of the story."""

    path: str
    """Where the use case stands, such as ``flows.claims:CLAIMS``."""
    use_case: UseCase
    noun: str
    """What a case is called, in the plural."""
    home: Path
    stream: pd.DataFrame
    received: pd.Series[Any]
    """When each row of the stream is received."""
    truth: pd.DataFrame
    today: datetime
    begun: float = field(default_factory=time.monotonic)
    told: int = 0

    def act(self, title: str) -> None:
        """Tell the heading of the next act, with the seconds since the beginning."""
        self.told += 1
        print(f"\n{self.told}. {title}  [{time.monotonic() - self.begun:.0f} s]", flush=True)

    def between(self, first: str, last: str) -> pd.DataFrame:
        """The rows received from a day up to before another."""
        return self.stream[
            (self.received >= pd.Timestamp(first, tz="UTC")) & (self.received < pd.Timestamp(last, tz="UTC"))
        ]

    def history(self, place: Workspace, first: str, last: str) -> int:
        """Take in what was decided elsewhere before; how many cases."""
        return len(take_in(place, self.use_case, self.between(first, last), history=True))

    def outcomes_until(self, place: Workspace, day: str) -> int:
        """Record what became known of stored cases before a day; how many outcomes were new."""
        stored = set(questions.cases(place.log, self.use_case.name)["case_id"])
        known = self.truth[self.truth["known_at"] < pd.Timestamp(day, tz="UTC")]
        return record_outcomes(place, self.use_case, known[known["case_id"].isin(stored)]).new

    def until(self, place: Workspace, day: str) -> int:
        """Let the days go by: outcomes become known, and the monitor renews a certificate before it ends."""
        self.today = moment(day)
        known = self.outcomes_until(place, day)
        if watching.monitor(place, self.use_case).renewed:
            self.certificate(place)
        return known

    def retrain(self, place: Workspace, day: str) -> None:
        """Train a challenger of each model and tell what became of it."""
        state = lifecycle.retrain(self.path, as_of=moment(day), return_state=True)
        for each in re.split("; (?=" + "|".join(spec.name for spec in self.use_case.models) + ")", str(state.message)):
            line(each)
        self.certificate(place)

    def certificate(self, place: Workspace) -> None:
        """Tell what may be decided without a person, by which proof."""
        certificate = certificate_in_force(place, self.use_case)
        if certificate is None or certificate.threshold is None:
            line(f"Nothing is decided without a person: {certificate.reason if certificate else 'no certificate'}.")
            return
        worst = "of the worst loss on average" if needs_cases(self.use_case) else "wrong verdicts"
        line(
            f"Certificate, from {certificate.labels_used} {self.noun} it had not seen: from confidence "
            f"{certificate.threshold:.2f} up at most {certificate.max_error:.0%} {worst} "
            f"({certificate.confidence:.0%} sure); that is {certificate.coverage:.0%} of all {self.noun}, until "
            f"{certificate.expires_at[:10]}."
        )
        if certificate.more_labels:
            text = f"With {{labels}} such {self.noun} it would be about {{coverage:.0%}}."
            line(text.format(**certificate.more_labels[0]))

    def drift(self, place: Workspace, rows: int) -> None:
        """Report whether the latest cases moved away from what each champion learned from, and what is done about it.

        Args:
            place: the case log.
            rows: how many of the latest cases are compared.
        """
        for check in drifting.check_drift(place, self.use_case, rows=rows):
            if check.report is None or check.rendered is None:
                continue
            moved = ", ".join(column.name for column in check.report.columns if column.drifted) or "no single column"
            report = drifting.keep_report(place, self.use_case, check)
            line(f"{check.model}: {check.summary} ({moved}).")
            if check.report.impact is not None:
                line(f"  {check.report.impact.reason}.")
            line(f"  Report: {os.path.relpath(report)}")
            for action in dict.fromkeys(action.action for action in check.actions):
                line(f"  Alarm: {action}.")

    def watch(self, place: Workspace) -> None:
        """Tell what the monitor says and does: the estimate from the audit lane, and its alarms."""
        health = watching.monitor(place, self.use_case)
        found, limit = health.quality, self.use_case.review.error_limit()
        if found.error is not None:
            said = "of the worst was lost on average by" if needs_cases(self.use_case) else "are wrong of"
            grounds = f"{found.outcomes} outcomes" if found.rests_on == "outcomes" else f"{found.read} blind audits"
            line(
                f"Monitor: {found.error:.0%} {said} {found.decided} automatic decisions, as {grounds} show "
                f"(95 % sure: {found.low:.0%} to {found.high:.0%}; certified: {limit:.0%})."
            )
        for alarm in health.raised:
            which = "all champions" if alarm.version is None else f"version {alarm.version}"
            line(f"Alarm {alarm.number}, {alarm.kind} of {which}: {alarm.action}. {alarm.reason}.")

    def figures(self, place: Workspace) -> None:
        """Tell the monitor's figures, whether the audit trail holds, and where to look further."""
        for row in watching.monitor(place, self.use_case).table():
            line(f"{row['what']}: {row['value']}")
        findings = audit.verify(place.log)
        line("audit trail: " + ("holds" if not findings else findings[0].what))
        asking = {
            "aiops-flows up": "Prefect UI and MLflow UI, runs, gates",
            f"aiops-flows review list -u {self.path}": "what waits for people",
            f"aiops-flows champion -u {self.path} {self.use_case.judged_by}": "who decides now, and since when",
            str(self.home / "reports"): "drift reports, to open in a browser",
        }
        print(f"\nWhere to look (with export AIOPS_HOME={self.home}; commands are in .venv/bin):")
        for command, shows in asking.items():
            line(f"{command:<{max(map(len, asking))}}   {shows}")


@contextmanager
def on_stage(season: Season) -> Iterator[Workspace]:
    """A home folder that is emptied first, the story's clock, and a Prefect server of its own."""
    if season.home.exists():
        shutil.rmtree(season.home)
    os.environ["AIOPS_HOME"] = str(season.home)
    logging.getLogger("aiops_flows").setLevel(logging.ERROR)  # what it warns of is told
    print(f"A season of look-alike {season.noun}, in {season.home} (no network, nothing leaves this machine).")
    with at_the_time_of(lambda: season.today), stack.prefect_server(Settings(), own=True), _present_step():
        yield Workspace.here()


@contextmanager
def _present_step() -> Iterator[None]:
    """Show what is being done between two lines: on a terminal a moving sign, else a line a step on standard error."""
    screen = Console(highlight=False)
    if not screen.is_terminal:
        with listen(lambda words: print(f"   ({words})", file=sys.stderr, flush=True)):
            yield
        return
    with screen.status("") as sign, listen(sign.update):
        yield
