"""A business that is judged by what comes later: parts by time, backtests, outcomes that watch, and machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from aiops_flows.case_log import alarms, versions
from aiops_flows.errors import TrainingError
from aiops_flows.evidence.losses import share_of_worst
from aiops_flows.steps.backtesting import backtest
from aiops_flows.steps.decided import automatic_decisions
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.quality import quality
from aiops_flows.steps.rows import parted_rows, rows_of_version
from aiops_flows.steps.training import retrain
from aiops_flows.steps.unseen import unseen_rows
from aiops_flows.steps.watching import monitor
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase
from tests.at_work import install, run

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SITES = 40


class Line(Case):
    """What is to be ordered for a site in a month."""

    site: str
    level: float


@dataclass(frozen=True)
class Order:
    """What is expected, in whole pieces."""

    def __call__(self, lines: pd.DataFrame) -> Sequence[Any]:
        """One number a line."""
        return lines["demand"].round().tolist()


@dataclass(frozen=True)
class Missed:
    """A unit of money for each piece too many or too few."""

    def __call__(self, lines: pd.DataFrame, truth: Any) -> Sequence[float]:
        """One cost a line."""
        costs: list[float] = np.abs(lines["order"].to_numpy(float) - np.asarray(truth, float)).tolist()
        return costs


demand = ModelSpec(
    name="lines-demand", features=["level"], output="demand", estimator=LinearRegression(),
    baseline=DummyRegressor(), gates=[Gate("mean_absolute_error", beats_baseline=True)], min_rows=100, cost=Missed(),
)  # fmt: skip
LINES = UseCase(
    name="lines", case=Line, models=[demand], cut="received_at", terms={"order": Order()},
    review=ReviewPolicy(
        verdicts=["go"], auto={"go": lambda lines: lines["order"] >= 0}, max_error=0.2, audit=0.0,
        judged_by={"demand": share_of_worst(Missed(), "level")},
    ),
)  # fmt: skip


def month(number: int) -> datetime:
    return datetime(2024 + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def lines_of(months: range) -> pd.DataFrame:
    """Forty sites a month."""
    random = np.random.default_rng(7)
    levels = random.uniform(20, 100, 200 * SITES).round(1)
    rows = [(number, site) for number in months for site in range(SITES)]
    return pd.DataFrame(
        {
            "case_id": [f"S{site:02d}/{number}" for number, site in rows],
            "received_at": [month(number) for number, _ in rows],
            "site": [f"S{site:02d}" for _, site in rows],
            "level": [levels[number * SITES + site] for number, site in rows],
        }
    )


def told_of(lines: pd.DataFrame, factor: float = 1.0, known_after: int = 1) -> pd.DataFrame:
    """The demand of each line, known so many months later."""
    noise = np.random.default_rng(len(lines)).normal(0, 2, len(lines))
    numbers = [int(case_id.split("/")[1]) for case_id in lines["case_id"]]
    return pd.DataFrame(
        {
            "case_id": lines["case_id"],
            "demand": (factor * (1.1 * lines["level"] + noise)).clip(lower=0).round(2),
            "known_at": [month(number + known_after) for number in numbers],
        }
    )


def live(place: Workspace, months: range, factor: float = 1.0) -> pd.DataFrame:
    """Lines decided month by month, and then their demand."""
    lines = lines_of(months)
    done = run(place, LINES, lines)
    record_outcomes(place, LINES, told_of(lines, factor))
    return done


def test_a_business_cut_by_time_learns_is_judged_certified_and_watched_by_what_came_later(place: Workspace) -> None:
    """No version is judged or certified on what it learned from; a world that turns is seen by outcomes alone."""
    history = lines_of(range(18))
    take_in(place, LINES, history, history=True)
    record_outcomes(place, LINES, told_of(history))
    first = retrain(place, LINES, demand, as_of=month(18))
    champion = first.version
    assert promote(place, LINES, demand, version=champion).promoted
    learned = versions.get(place.log, "lines", "lines-demand", champion).learned
    record = json.loads(learned)
    assert (record["cut"], record["judge_from"], record["certify_from"]) == (
        "received_at",
        month(12).isoformat(),
        month(15).isoformat(),
    )
    parts = {part: rows_of_version(place, LINES, demand, learned, part).cases for part in ("train", "judge", "certify")}
    assert [len(rows) // SITES for rows in parts.values()] == [18, 3, 3]
    assert first.certificate is not None
    assert first.certificate.labels_used == 3 * SITES
    done = live(place, range(18, 24))
    assert set(done["verdict"]) == {"go"}

    later = parted_rows(place, LINES, demand, as_of=month(24))
    learned_too = set(parts["train"]["case_id"]) & set(later.parts["judge"].cases["case_id"])
    assert learned_too <= {*parts["judge"]["case_id"], *parts["certify"]["case_id"]}, "an earlier model answered these"
    unseen = unseen_rows(place, LINES, demand, champion, as_of=month(24))
    assert set(unseen.cases["case_id"]) == {*parts["certify"]["case_id"], *done["case_id"]}

    decided = automatic_decisions(place, LINES, place.now()).set_index("case_id").loc[done["case_id"]]
    truth = told_of(done).set_index("case_id")["demand"]
    ordered = pd.Series([said["order"] for said in decided["terms"]], index=decided.index)
    expected = (ordered - truth).abs() / done.set_index("case_id")["level"]
    np.testing.assert_allclose(decided["outcome_loss"], expected.clip(upper=1.0))
    total = quality(place, LINES)[-1]
    assert (total.rests_on, total.read) == ("outcomes", 0)
    assert total.error == pytest.approx(expected.mean())
    quiet = monitor(place, LINES)
    assert not quiet.raised
    assert "6 moments" in quiet.watched[0].reason

    live(place, range(24, 34), factor=2.0)
    health = monitor(place, LINES)
    assert {(alarm.kind, alarm.action) for alarm in health.raised} == {("error", "to people")}
    assert any("it rests on outcomes" in str(row["value"]) for row in health.table())
    assert "by outcomes of all decided cases" in alarms.open_alarms(place.log, "lines")[0].reason


def test_a_training_that_learns_too_late_says_what_to_do(place: Workspace) -> None:
    """Outcomes that all became known today teach nothing about the past; too few moments cannot be parted."""
    history = lines_of(range(10))
    take_in(place, LINES, history, history=True)
    told = told_of(history)
    few = told["case_id"].str.endswith(("/0", "/1"))
    record_outcomes(place, LINES, told[few])
    with pytest.raises(TrainingError, match="3 different moments of receipt"):
        retrain(place, LINES, demand, as_of=month(12))
    record_outcomes(place, LINES, told[~few].assign(known_at=month(11)))
    with pytest.raises(TrainingError, match=r"known only later.*known_at"):
        retrain(place, LINES, demand, as_of=month(12))


def test_a_backtest_learns_from_what_was_known_at_each_origin(place: Workspace) -> None:
    """Every origin is judged on its own month; a turn of the world is in its errors, and not learned before it came."""
    lines = lines_of(range(12))
    take_in(place, LINES, lines, history=True)
    early = lines["received_at"] < month(9)
    record_outcomes(place, LINES, told_of(lines[early]))
    record_outcomes(place, LINES, told_of(lines[~early], factor=3.0))
    found = backtest(place, LINES, demand, origins=4, as_of=month(13))
    of_model = found[found["who"] == "model"].set_index("origin")
    assert of_model["learned_from"].tolist() == [8 * SITES, 9 * SITES, 10 * SITES, 11 * SITES, 8 * SITES]
    assert of_model["judged_on"].tolist() == [SITES] * 4 + [4 * SITES]
    errors = of_model["mean_absolute_error"].tolist()
    assert errors[0] < 5
    assert errors[1] > 80
    assert errors[4] == pytest.approx(np.mean(errors[:4]))
    assert of_model["mean_cost"].notna().all()
    two = backtest(place, LINES, demand, origins=2, every=3, as_of=month(13))
    assert two["judged_on"].tolist() == [3 * SITES] * 4 + [6 * SITES] * 2
    with pytest.raises(TrainingError, match="fewer origins"):
        backtest(place, LINES, replace(demand, min_rows=10_000), origins=2)


def test_each_machine_is_watched_against_its_own_past(place: Workspace) -> None:
    """One site that moves among others is named in the report, has more cases read, and no value is in the alarm."""
    spec = replace(demand, watched_by="site")
    policy = replace(LINES.review, audit=0.05)
    fleet = replace(LINES, models=[spec], cut="site", review=policy)
    rows = pd.concat([lines_of(range(12)), *(lines_of(range(12)).assign(copy=copy) for copy in range(1, 12))])
    rows = rows[rows["site"] < "S12"].reset_index(drop=True)
    random = np.random.default_rng(1)
    rows["level"] = (50 + 10 * random.normal(size=len(rows))).clip(1)
    rows["case_id"] = [f"{case_id}/{number}" for number, case_id in enumerate(rows["case_id"])]
    past = rows["received_at"] < month(7)
    take_in(place, fleet, rows[past], history=True)
    record_outcomes(place, fleet, told_of(rows[past].reset_index(drop=True)).assign(known_at=month(7)))
    install(place, fleet, spec, as_of=month(7))
    fresh = rows[~past].copy()
    fresh.loc[fresh["site"] == "S03", "level"] *= 1.6
    run(place, fleet, fresh)
    (check,) = check_drift(place, fleet, as_of=month(12) + timedelta(days=40), alarm=True)
    assert check.drifted_slices == ["S03"]
    assert check.report is not None
    assert check.report.slices is not None
    assert len(check.report.slices.slices) == 12  # those that the champion did not learn from have a past as well
    assert "1 of 12 values of site" in check.reason
    assert check.rendered is not None
    assert b"Each site by itself: drift" in check.rendered.html
    standing = alarms.open_alarms(place.log, "lines")
    assert ("drift", "audit more") in {(alarm.kind, alarm.action) for alarm in standing}
    assert not any("S03" in alarm.reason for alarm in standing)

    record_outcomes(place, fleet, told_of(fresh.reset_index(drop=True)))
    learned = versions.get(place.log, "lines", "lines-demand", 1).learned
    by_part = {part: rows_of_version(place, fleet, spec, learned, part).cases for part in ("train", "judge", "certify")}
    unseen = unseen_rows(place, fleet, spec, 1, as_of=month(13)).cases
    assert not set(unseen["site"]) & set(by_part["train"]["site"])
    assert set(unseen["case_id"]) >= set(by_part["certify"]["case_id"])
    otherwise = replace(fleet, cut="case_id")
    assert unseen_rows(place, otherwise, spec, 1, as_of=month(13)).cases["received_at"].min() >= month(7)
