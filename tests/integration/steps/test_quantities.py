"""Quantities go the whole way that classes go: gates on cost, certificate, terms, drift, decided again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from aiops_flows.case_log import questions, versions
from aiops_flows.replay.reproduce import reproduce
from aiops_flows.steps.comparing import compare
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.quality import quality
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.watching import monitor
from aiops_flows.steps.workspace import Workspace
from tests.crates import CRATES, LIMIT, SpreadRegressor, demand, make_crates, make_demand

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = ["demand_q10", "demand_q25", "demand_q50", "demand_q75", "demand_q90"]


def learn(place: Workspace, rows: int = 1_200) -> None:
    history = make_crates(rows, seed=1, prefix="H")
    take_in(place, CRATES, history, history=True)
    record_outcomes(place, CRATES, make_demand(history))
    made = retrain(place, CRATES, demand, as_of=NOW)
    assert promote(place, CRATES, demand, version=made.version).promoted, made.reasons


@contextmanager
def edited(place: Workspace, scores: str) -> Iterator[None]:
    """The log while somebody with all rights on it has rewritten the quantiles; afterwards they are as they were."""
    with closing(sqlite3.connect(place.log.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        kept = connection.execute("SELECT scores, case_id FROM predictions").fetchall()
        connection.execute(f"UPDATE predictions SET scores = {scores}")
        yield
        connection.executemany("UPDATE predictions SET scores = ? WHERE case_id = ?", kept)


def go(place: Workspace, crates: pd.DataFrame) -> pd.DataFrame:
    return review(place, CRATES, predict(place, CRATES, demand, take_in(place, CRATES, crates)))


def test_the_whole_life_of_a_quantity(place: Workspace) -> None:
    """From a gate on cost to a decision with its terms, which comes out the same when it is decided again."""
    learn(place)
    record = versions.get(place.log, "crates", "crates-demand", 1)
    gates = json.loads(str(record.evidence))["gates"]
    assert all(gate["passed"] for gate in gates), gates
    assert gates[1]["baseline"] > gates[1]["value"] > 0

    crates = make_crates(300, seed=2)
    done = go(place, crates)
    assert (np.diff(done[COLUMNS].to_numpy(), axis=1) > 0).all()
    assert done["demand_confidence"].between(0.4, 1).all()
    decided = done[done["verdict_by"] == "policy"]
    assert 50 < len(decided) <= len(done)
    assert (decided["order"] == np.ceil(decided["demand_q75"])).all()
    assert "a mean loss of at most 25% of the worst" in decided["verdict_reason"].iloc[0]
    stored = questions.predictions(place.log, "crates", model="crates-demand", case_ids=crates["case_id"].tolist())
    told = json.loads(stored["scores"].iloc[0])
    assert sorted(told) == ["path", "q10", "q25", "q50", "q75", "q90"]
    assert np.array(told["path"]).shape == (2, 5)

    again = go(place, crates.iloc[::-1])
    assert again.set_index("case_id").loc[done["case_id"], COLUMNS].equals(done.set_index("case_id")[COLUMNS])
    found = reproduce(place, CRATES)
    assert (found.decisions, found.same, found.holds) == (len(decided), len(decided), True)

    record_outcomes(place, CRATES, make_demand(crates))
    total = quality(place, CRATES)[-1]
    assert total.decided == len(decided)
    assert monitor(place, CRATES).broken == []


def test_a_challenger_and_what_comes_out_otherwise(place: Workspace) -> None:
    """Worse quantiles are refused; a shadow is held against the champion in money; a changed width is drift.

    A quantile in the log, or a term of a decision, that is not what model and rule say now is a difference.
    """
    learn(place, 700)
    lazy = replace(demand, estimator=SpreadRegressor(lazy=True))
    refused = promote(place, CRATES, lazy, version=retrain(place, CRATES, lazy, as_of=NOW).version)
    assert refused.action == "refused"
    assert "coverage_error" in " ".join(refused.reasons)

    crates = make_crates(120, seed=2)
    shadow = retrain(place, CRATES, demand, as_of=NOW).version
    done = go(place, crates.assign(wild=crates["wild"].where(np.arange(120) % 2 == 0, 60.0)))
    record_outcomes(place, CRATES, make_demand(crates))
    compared = compare(place, CRATES, demand, shadow)
    assert compared is not None
    assert (compared.labels, compared.champion_loss) == (120, compared.challenger_loss)
    assert 0 < (compared.champion_loss or 0) < 1

    (check,) = check_drift(place, CRATES, rows=120, render=False, alarm=False)
    assert check.predictions is not None
    assert check.predictions.verdict == "drift"
    assert "relative_width" in [column.name for column in check.predictions.columns]

    decided = done.loc[done["verdict_by"] == "policy", "case_id"]
    assert reproduce(place, CRATES).same == len(decided) > 0
    with edited(place, """replace(scores, '"q25":', '"q25":1')"""):
        assert "now says otherwise" in reproduce(place, CRATES, limit=1).differences[0].what
    LIMIT[0] = 999.0
    try:
        assert "other terms now: dear" in reproduce(place, CRATES).differences[0].what
    finally:
        LIMIT[0] = 130.0
