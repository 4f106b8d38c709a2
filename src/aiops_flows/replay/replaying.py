"""The time machine: a history through the same steps, with a candidate beside the present use case."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from aiops_flows.case_log import alarms, audit, questions
from aiops_flows.errors import SourceError
from aiops_flows.replay.compare import changed, moves
from aiops_flows.replay.figures import Period, periods, plain, records
from aiops_flows.replay.history import History, as_moment, read_history
from aiops_flows.replay.ledger import Money, ledger
from aiops_flows.replay.reviewers import Reviewers
from aiops_flows.replay.run import Run, run
from aiops_flows.replay.schedule import Schedule
from aiops_flows.use_case import UseCase

__all__ = ["Replayed", "Side", "replay"]

_HISTORY_SHARE = 0.25
"""Of the time that a history spans: what is learned from before the first decision, where no start is given."""


@dataclass(frozen=True)
class Side:
    """What one use case did with a history."""

    use_case: str
    policy_version: str
    target: float
    """What the policy has certified: at most so many wrong."""
    worked: pd.DataFrame
    """When the simulated people answered, and for how many seconds: ``at``, ``seconds``."""
    periods: pd.DataFrame
    """A row a period, and one for all; see `aiops_flows.replay.figures`."""
    ledger: pd.DataFrame
    """A row a case; see `aiops_flows.replay.ledger`."""
    events: pd.DataFrame
    """``at``, ``what``, ``model``, ``version``, ``detail``, in order."""
    certificates: list[dict[str, Any]]
    broken: list[str]
    """Invariants of the case log that do not hold, and findings in its audit trail; empty where all is well."""
    quarantined: int
    seconds: dict[str, float]

    @property
    def total(self) -> dict[str, Any]:
        """The figures of all periods together."""
        row = self.periods[self.periods["period"] == "all"].iloc[0]
        return {str(name): plain(value) for name, value in row.items()}

    def by(self, period: Period) -> pd.DataFrame:
        """The figures by other periods."""
        return periods(self.ledger, self.events, self.worked, target=self.target, by=period)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the cases, as JSON can hold it."""
        return {
            "use_case": self.use_case,
            "policy_version": self.policy_version,
            "periods": records(self.periods),
            "events": records(self.events),
            "certificates": [{name: plain(value) for name, value in each.items()} for each in self.certificates],
            "broken": self.broken,
            "quarantined": self.quarantined,
            "seconds": {what: round(took, 1) for what, took in self.seconds.items()},
        }


@dataclass(frozen=True)
class Replayed:
    """A history replayed: the present use case, and the candidate beside it where there is one."""

    start: pd.Timestamp
    end: pd.Timestamp
    schedule: Schedule
    reviewers: Reviewers
    present: Side
    candidate: Side | None = None
    changes: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The cases on which policy would decide otherwise; see `aiops_flows.replay.compare.changed`."""
    moves: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def sides(self) -> dict[str, Side]:
        """``present``, and ``candidate`` where there is one."""
        return {"present": self.present} | ({"candidate": self.candidate} if self.candidate else {})

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable result: figures by period, events, certificates, and how many decisions would change."""
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "schedule": {name: _told(value) for name, value in dataclasses.asdict(self.schedule).items()},
            "simulated_reviewers": {name: _told(value) for name, value in dataclasses.asdict(self.reviewers).items()},
            **{name: side.as_dict() for name, side in self.sides.items()},
            "changed_decisions": len(self.changes),
            "moves": records(self.moves),
        }


def replay(
    use_case: UseCase,
    history: History | str | Path,
    *,
    candidate: UseCase | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    schedule: Schedule | None = None,
    reviewers: Reviewers | None = None,
    money: Money | None = None,
    by: Period = "quarter",
    folder: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """A history fed in time order through the steps of real life, with the delays of its labels and simulated people.

    Nothing of it touches the case log and models in use: each side works in a workspace of its own.

    Args:
        use_case: the process as it stands.
        history: cases and outcomes, or the file that holds both.
        candidate: the same process with other models or another policy; it meets the same stream and people.
        start: when decisions begin; what came before is learned from. Default: after a quarter of the history's time.
        end: cases received from then on are left out; default none.
        schedule: how often what is done.
        reviewers: the simulated people.
        money: what a wrong automatic decision moved; default the amount of its case, where the history has amounts.
        by: the length of a period in the tables.
        folder: keeps the workspaces; default a temporary one that goes with the end.
        say: told what happens, a line at a time.

    Raises:
        SourceError: the history lacks something, or nothing lies between start and end.
    """
    told = history if isinstance(history, History) else read_history(use_case, history)
    first, last = _window(told, start, end)
    plan, people = schedule or Schedule(), reviewers or Reviewers()
    found: list[Side] = []
    with TemporaryDirectory(prefix="aiops-replay-") as scratch:
        for name, each in (("present", use_case), ("candidate", candidate)):
            if each is None:
                continue
            home = (folder or Path(scratch)) / name
            with (
                run(each, told, start=first, end=last, schedule=plan, reviewers=people, home=home, say=say) as done,
                done.timed("figures"),
            ):
                found.append(_side(done, first, last, money, by))
    if candidate is None:
        return Replayed(first, last, plan, people, found[0])
    before, after = found[0].ledger, found[1].ledger
    return Replayed(first, last, plan, people, found[0], found[1], changed(before, after), moves(before, after))


def _window(
    history: History, start: datetime | str | None, end: datetime | str | None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    begins, ends = history.received.min(), history.received.max()
    first = as_moment(start, (begins + (ends - begins) * _HISTORY_SHARE).ceil("D"))
    last = as_moment(end, ends.floor("s") + pd.Timedelta(seconds=1))
    if history.between(first, last).empty:
        raise SourceError(
            f"no case of the history was received from {first} up to before {last}; it holds {begins} to {ends}"
        )
    return first, last


def _side(done: Run, start: pd.Timestamp, end: pd.Timestamp, money: Money | None, by: Period) -> Side:
    rows = ledger(done, start, end, money)
    events = _events(done)
    log, name = done.place.log, done.use_case.name
    worked = pd.DataFrame([{"at": at, "seconds": each.seconds} for at, each in done.answered])
    target = done.use_case.review.error_limit()
    return Side(
        name,
        done.use_case.review.version,
        target,
        worked,
        periods(rows, events, worked, target=target, by=by),
        rows,
        events,
        done.certificates,
        [*audit.check_invariants(log), *(finding.what for finding in audit.verify(log))],
        len(questions.quarantine(log, name)),
        done.seconds,
    )


def _events(done: Run) -> pd.DataFrame:
    """What was noted, the alarms of the case log, and the rollbacks nobody here asked for."""
    noted = pd.DataFrame(done.events, columns=["at", "what", "model", "version", "detail"])
    raised = alarms.history(done.place.log, done.use_case.name)
    told = pd.DataFrame(
        {
            "at": raised["at"],
            "what": "alarm " + raised["state"].astype(str),
            "model": raised["model"],
            "version": raised["version"],
            "detail": raised["kind"].astype(str) + " → " + raised["action"].astype(str) + ": " + raised["reason"],
        }
    )
    parts = [part for part in (noted, told, _rollbacks(done)) if len(part)]
    found = pd.concat(parts, ignore_index=True) if parts else noted
    found["at"] = pd.to_datetime(found["at"], utc=True)
    found["version"] = found["version"].astype("Int64")
    return found.sort_values("at", kind="stable", ignore_index=True)


def _rollbacks(done: Run) -> pd.DataFrame:
    from aiops_flows.case_log import promotions

    parts = []
    for spec in done.use_case.models:
        moved = promotions.history(done.place.log, done.use_case.name, spec.name)
        back = moved[moved["action"] == "rollback"]
        parts.append(
            pd.DataFrame(
                {
                    "at": back["at"],
                    "what": "rolled back",
                    "model": spec.name,
                    "version": back["version"],
                    "detail": back["reason"],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _told(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
