"""Which outcomes of decided cases count where the policy has none of them read."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from aiops_flows.evidence.standing import watch_mean
from aiops_flows.steps.ripe_outcomes import rests_on_outcomes, ripe_labels
from aiops_flows.use_case import Case, ModelSpec, ReviewPolicy, UseCase


class Line(Case):
    """Something that is decided every month."""

    level: float = 0.0


def use_case(cut: str, audit: float = 0.0) -> UseCase:
    spec = ModelSpec(name="lines", features=["level"], output="demand", estimator=LinearRegression())
    policy = ReviewPolicy(verdicts=["go"], audit=audit)
    return UseCase(name="lines", case=Line, models=[spec], review=policy, cut=cut)


def decided(months: int, losses: list[list[float | None]], known_after: int) -> pd.DataFrame:
    """Cases of some months with their losses, all known so many months later; None: not known."""
    begins = pd.date_range("2025-01-01", periods=months + known_after + 1, freq="MS", tz="UTC")
    rows = [(month, loss) for month, some in enumerate(losses) for loss in some]
    return pd.DataFrame(
        {
            "case_id": [str(number) for number in range(len(rows))],
            "received_at": [begins[month] for month, _ in rows],
            "outcome_loss": pd.Series([loss for _, loss in rows], dtype=float),
            "outcome_at": pd.to_datetime(
                pd.Series([begins[month + known_after] if loss is not None else None for month, loss in rows]), utc=True
            ),
        }
    )


def test_only_a_policy_that_has_nothing_read_rests_on_outcomes() -> None:
    """The audit lane goes before outcomes wherever there is one."""
    assert rests_on_outcomes(use_case("case_id"))
    assert not rests_on_outcomes(use_case("case_id", audit=0.1))


def test_cases_of_one_moment_are_one_label() -> None:
    """They share the shocks of their month: their mean loss is one witness, once 90 % of them are known."""
    found = ripe_labels(use_case("received_at"), decided(3, [[0.0, 1.0], [0.5] * 10, [0.2] * 8 + [None] * 2], 1))
    assert found["loss"].tolist() == [0.5, 0.5]
    assert found["cases"].tolist() == [2, 10]


def test_no_stretch_of_time_is_counted_twice() -> None:
    """Where outcomes take three months, every third month counts: the windows of the others overlap it."""
    found = ripe_labels(use_case("received_at"), decided(12, [[0.1 * month] for month in range(12)], 3))
    assert found["received_at"].dt.month.tolist() == [1, 4, 7, 10]


def test_cases_count_one_by_one_where_their_cut_says_they_are_apart() -> None:
    """By week of receipt: once it is over and 90 % are known, and not before; early outcomes are not typical."""
    begin = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday
    cases = pd.DataFrame(
        {
            "case_id": [str(number) for number in range(20)],
            "received_at": [begin + pd.Timedelta(days=number // 10 * 7) for number in range(20)],
            "outcome_loss": [0.0] * 9 + [np.nan] + [1.0] * 8 + [np.nan] * 2,
            "outcome_at": [begin + pd.Timedelta(days=number + 1) for number in range(20)],
        }
    )
    cases.loc[cases["outcome_loss"].isna(), "outcome_at"] = pd.NaT
    found = ripe_labels(use_case("case_id"), cases)
    assert len(found) == 9
    assert (found["known_at"] >= begin + pd.Timedelta(days=9)).all()
    assert ripe_labels(use_case("case_id"), cases.assign(outcome_loss=np.nan)).empty


def test_shared_shocks_raise_no_false_alarm_and_a_worse_world_is_seen() -> None:
    """Months whose mean loss varies about the limit stay quiet; counted case by case they would alarm (control)."""
    random = np.random.default_rng(0)
    by_month = by_case = seen = 0
    for _ in range(20):
        share = random.beta(3.5, 31.5, 24)  # mean 0.1, standard deviation 0.05: shocks of the months
        cases = (random.random((24, 150)) < share[:, None]).astype(float)
        by_month += watch_mean(cases.mean(axis=1), limit=0.1, alpha=0.05).first_alarm is not None
        by_case += watch_mean(cases.ravel(), limit=0.1, alpha=0.05).first_alarm is not None
        worse = np.minimum(3 * share, 1.0)
        seen += watch_mean(worse, limit=0.1, alpha=0.05, periods=np.arange(24)).verdict == "sustained"
    assert by_month <= 2
    assert by_case >= 10
    assert seen >= 18
