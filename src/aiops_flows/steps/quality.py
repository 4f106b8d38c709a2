"""How good the decisions without a person were, as it was known on a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.case_log import questions
from aiops_flows.errors import UseCaseError
from aiops_flows.evidence import bootstrap_interval, exact_interval
from aiops_flows.evidence.auditing import audited_share
from aiops_flows.steps.decided import MATURE_SHARE, Known, known, readings_pending
from aiops_flows.steps.parts import BY_TIME
from aiops_flows.steps.ripe_outcomes import rests_on_outcomes
from aiops_flows.steps.segments import stored_segments
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase

__all__ = ["TOTAL", "By", "Quality", "quality"]

By = Literal["month", "week", "segment", "verdict"]
TOTAL = "total"
TO_PEOPLE = "(people)"
"""The name of the cases without an automatic verdict, where figures are by verdict."""


@dataclass(frozen=True)
class Quality:
    """Figures of the cases received in one period, as known on a day.

    There is no error among the cases that persons answered: they are the doubtful ones, and tell nothing of the rest.
    """

    period: str
    """Month (``2026-03``), week (its Monday), segment (empty: it is missing), or ``total``."""
    cases: int
    """Worked on: decided, or put to a person."""
    decided: int
    """Decided without a person."""
    coverage: float | None
    """Share of the cases decided without a person."""
    read: int
    """Of the decided, read in the audit lane as well."""
    pending: int
    """Put to the audit lane and not read yet."""
    outcomes: int
    """Of the decided, those whose outcome is known."""
    error: float | None
    """Mean loss of all decided (share of wrong ones), estimated from those read, weighted by recorded probability;
    where none is to be read, the ``outcome_error``."""
    low: float
    high: float
    """Ends of the estimate's interval, 95 %."""
    unaudited: int
    """Decided without a recorded audit probability: the estimate does not speak of them."""
    mature: bool
    """Whether outcomes are known of 90 % of the decided, and the period is over."""
    outcome_error: float | None
    """Mean loss by outcomes, of mature periods only."""
    outcome_low: float | None
    outcome_high: float | None
    reviewed: int
    """Answered by persons where the model's answer can be compared."""
    overridden: float | None
    """Share of those in which the person said something else than the model."""

    rests_on: Literal["audit lane", "outcomes"] = "audit lane"
    """What ``error`` rests on: where the policy has no decided case read, on the outcomes of all of them, once the
    period is mature."""

    def as_row(self) -> dict[str, Any]:
        """The figures as one row: numbers and text only."""
        return asdict(self)


def quality(
    place: Workspace,
    use_case: UseCase,
    *,
    as_known: datetime | None = None,
    by: By = "month",
    found: Known | None = None,
) -> list[Quality]:
    """Figures of what was decided without a person, by period of receipt, segment or verdict, the total last.

    Nothing is written.

    Args:
        place: where decisions, readings and outcomes are read.
        use_case: the business process.
        as_known: only what was decided, read or known by this moment; default now.
        by: the periods of receipt; the policy's segments, or its verdicts: what each certificate of its own came to.
        found: what was read of that moment already.
    """
    moment = found.by if found else as_known or place.now()
    read = found or known(place, use_case, moment)
    decided = read.decided.copy()
    worked = _worked(place, use_case, moment, set(decided["case_id"]))
    decided["pending"] = decided["case_id"].isin(readings_pending(place, use_case, moment))
    answers = read.answered.merge(worked, on="case_id")
    decided["mature"] = _mature(decided, moment, by)
    if by == "verdict":
        named = worked["case_id"].map(decided.set_index("case_id")["verdict"]).fillna(TO_PEOPLE)
    else:
        named = _segments(place, use_case, worked) if by == "segment" else _periods(worked, by)
    names = dict(zip(worked["case_id"].tolist(), named.tolist(), strict=True))
    parts = [_figures(use_case, name, *frames) for name, frames in _apart((worked, decided, answers), names)]
    return [*parts, _figures(use_case, TOTAL, worked, decided, answers)]


def _worked(place: Workspace, use_case: UseCase, known_by: datetime, automatic: set[str]) -> pd.DataFrame:
    """``case_id`` and ``received_at`` of the cases that were decided automatically or put to a person by a moment."""
    log, name = place.log, use_case.name
    waiting = questions.open_reviews(log, name, lane=False, known_by=known_by)["case_id"]
    answered = questions.answered(log, name, known_by=known_by, settled_too=True)["case_id"]
    cases = questions.cases(log, name, worked=True)[["case_id", "received_at"]]
    return cases[cases["case_id"].isin(automatic.union(waiting, answered))].reset_index(drop=True)


def _places(marks: list[str]) -> dict[str, list[int]]:
    """Where each mark stands."""
    found: dict[str, list[int]] = {}
    for place, mark in enumerate(marks):
        found.setdefault(mark, []).append(place)
    return found


def _period(received: pd.Series[Any], by: By) -> pd.Series[Any]:
    days = pd.to_datetime(received, utc=True).dt.tz_localize(None)
    return days.dt.to_period("W-SUN" if by == "week" else "M").dt.start_time.dt.tz_localize("UTC")


def _mature(decided: pd.DataFrame, known_by: datetime, by: By) -> pd.Series[Any]:
    """Of each decided case, whether its period (month) is over and 90 % of the decided of it have an outcome."""
    if decided.empty:
        return pd.Series(dtype=bool)
    begun = _period(decided["received_at"], by)
    over = begun + (pd.Timedelta(days=7) if by == "week" else pd.DateOffset(months=1)) <= pd.Timestamp(known_by)
    known = decided["outcome_loss"].notna().groupby(begun).transform("mean") >= MATURE_SHARE
    return over & known


def _segments(place: Workspace, use_case: UseCase, worked: pd.DataFrame) -> pd.Series[str]:
    if use_case.review.segments is None:
        raise UseCaseError(
            f"the policy of {use_case.name} names no segments; ask by month or week, or declare segments="
        )
    return stored_segments(place, use_case, worked["case_id"].tolist())


def _periods(worked: pd.DataFrame, by: By) -> pd.Series[str]:
    """The name of the period in which each case was received; names sort as periods do."""
    begun = _period(worked["received_at"], by)
    form = "%Y-%m" if by == "month" else "%Y-%m-%d"
    return begun.map({each: pd.Timestamp(each).strftime(form) for each in begun.unique()})


def _apart(
    frames: tuple[pd.DataFrame, ...], names: dict[str, str]
) -> Iterator[tuple[str, tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]]:
    """The rows of the frames apart by what their cases are named, in the order of the names."""
    parts = [_places(frame["case_id"].map(names).tolist()) for frame in frames]
    for name in sorted(parts[0]):
        mine = [frame.iloc[part.get(name, [])] for frame, part in zip(frames, parts, strict=True)]
        yield name, (mine[0], mine[1], mine[2])


def _figures(
    use_case: UseCase, period: str, worked: pd.DataFrame, decided: pd.DataFrame, answers: pd.DataFrame
) -> Quality:
    audited = decided[decided["audit_probability"].astype(float) > 0]
    read = audited[audited["loss"].notna()]
    found = audited_share(
        read["loss"].to_numpy(float), read["audit_probability"].to_numpy(float), population=len(audited)
    )
    ripe = decided[decided["mature"] & decided["outcome_loss"].notna()]
    shared = ripe["received_at"].to_numpy() if use_case.cut == BY_TIME else None
    outcome = _mean(ripe["outcome_loss"].to_numpy(float), shared)
    by_outcomes = rests_on_outcomes(use_case)
    error = (outcome or (None, 0.0, 1.0)) if by_outcomes else (found.value, found.low, found.high)
    known, low, high = outcome or (None, None, None)
    return Quality(
        period=period,
        cases=len(worked),
        decided=len(decided),
        coverage=len(decided) / len(worked) if len(worked) else None,
        read=len(read),
        pending=int(decided["pending"].sum()),
        outcomes=int(decided["outcome_loss"].notna().sum()),
        error=error[0],
        low=error[1],
        high=error[2],
        unaudited=len(decided) - len(audited),
        mature=bool(len(decided) and decided["mature"].all()),
        outcome_error=known,
        outcome_low=low,
        outcome_high=high,
        reviewed=len(answers),
        overridden=float(answers["overridden"].mean()) if len(answers) else None,
        rests_on="outcomes" if by_outcomes else "audit lane",
    )


def _mean(losses: NDArray[np.float64], moments: NDArray[Any] | None = None) -> tuple[float, float, float] | None:
    """The mean with its interval of 95 %: exact for right or wrong, by resampling for what lies between; or nothing.

    With ``moments``, cases received at the same one share the shocks of their time: the interval is that of a mean of
    as many independent moments.
    """
    if not len(losses):
        return None
    if moments is not None:
        return _mean_of_moments(losses, moments)
    plain = bool(np.isin(losses, (0.0, 1.0)).all())
    ends = exact_interval(int(losses.sum()), len(losses)) if plain else bootstrap_interval(losses)
    return float(losses.mean()), ends.low, ends.high


def _mean_of_moments(losses: NDArray[np.float64], moments: NDArray[Any]) -> tuple[float, float, float]:
    """A ratio of sums over moments with its interval by linearisation (Cochran 1977, 6.3); one tells nothing."""
    from scipy.stats import t

    _, place = np.unique(moments, return_inverse=True)
    mean, count = float(losses.mean()), int(place.max()) + 1
    if count < 2:
        return mean, 0.0, 1.0
    apart = np.bincount(place, weights=losses - mean)
    spread = float(np.sqrt(count / (count - 1) * (apart**2).sum())) / len(losses)
    reach = float(t.ppf(0.975, count - 1)) * spread
    return mean, max(mean - reach, 0.0), min(mean + reach, 1.0)
