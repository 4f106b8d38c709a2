"""What decisions say beyond their verdict: by policy, by people, after a recall, and to other systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from aiops_flows.case_log import audit, questions, versions, writes
from aiops_flows.case_log.versions import VersionRecord
from aiops_flows.case_log.writes import Decision, Decisions, Reading, Reviews
from aiops_flows.effects import Effect
from aiops_flows.errors import UseCaseError
from aiops_flows.estimators.quantile_regressor import QuantileRegressor
from aiops_flows.evidence.losses import beyond
from aiops_flows.serving.answers import of_frame
from aiops_flows.steps.certifying import renew
from aiops_flows.steps.decided import automatic_decisions
from aiops_flows.steps.explaining import shown
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outbox import deliver
from aiops_flows.steps.recall import recall
from aiops_flows.steps.review import decide
from aiops_flows.steps.terms_figures import term_figures
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import UseCase
from tests.at_work import LEARNED, install, put_to_work, run
from tests.integration.steps.test_outbox import Memory
from tests.parcels import PARCELS, cost, late, make_parcels


def invoice(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"fee": row["fee"], "route": row["route"], "by": row["verdict_by"]}


bounded = replace(cost, estimator=QuantileRegressor(cost.estimator, quantiles=(0.1, 0.5, 0.9), folds=2))
constant = replace(cost, estimator=QuantileRegressor(DummyRegressor(), quantiles=(0.1, 0.5, 0.9), folds=2))
FEES = replace(
    PARCELS,
    models=[late, bounded],
    terms={
        "route": lambda parcels: np.where(parcels["distance"] > 400, "air", "road"),
        "fee": lambda parcels: np.where(parcels["route"] == "air", 2, 1) * parcels["cost_q90"].round(1),
    },
    review=replace(
        PARCELS.review,
        auto={
            "no": lambda parcels: (parcels["late"] == "no") & (parcels["fee"] <= 18),
            "yes": lambda parcels: (parcels["late"] == "yes") & (parcels["fee"] <= 32),
        },
    ),
    effects=[Effect("invoice", invoice)],
)


def terms_held(place: Workspace, use_case: UseCase = FEES) -> pd.DataFrame:
    found = questions.effective(place.log, use_case.name).set_index("case_id")
    return pd.DataFrame(found["terms"].tolist(), index=found.index)


def figures_of(place: Workspace, use_case: UseCase) -> dict[str, dict[Any, Any]]:
    return {row["term"]: row for row in term_figures(place, use_case).to_dict("records")}


def test_terms_live_with_their_decision(place: Workspace) -> None:
    """Policy's are those of the frame and stay; a person changes some; effects, answers and figures tell them."""
    put_to_work(place, FEES)
    parcels = make_parcels(120, seed=2)
    done = run(place, FEES, parcels).set_index("case_id")
    by_policy = done[done["verdict_by"] == "policy"]
    waiting = done[done["verdict"].isna()]
    assert 10 < len(by_policy) < 110
    held = terms_held(place)
    assert held["fee"].tolist() == by_policy["fee"].sort_index().tolist()
    assert held["route"].tolist() == by_policy["route"].sort_index().tolist()

    first, second = waiting.index[:2]
    seen = shown(place, FEES, first)
    assert seen["terms"] == {"route": waiting["route"][first], "fee": pytest.approx(waiting["fee"][first])}
    told = decide(place, FEES, first, verdict="no", reason="a regular", actor="ann", terms={"fee": "7.50"})
    assert isinstance(told, Decision)
    assert told.terms == {"route": waiting["route"][first], "fee": 7.5}
    proposed = shown(place, FEES, second)["terms"]
    decide(place, FEES, second, verdict="no", reason="as it is", actor="ann")
    assert terms_held(place).loc[second].to_dict() == proposed
    with pytest.raises(UseCaseError, match="no term"):
        decide(place, FEES, waiting.index[2], verdict="no", reason="r", actor="ann", terms={"discount": 1})

    again = run(place, FEES, parcels.sample(frac=1, random_state=0)).set_index("case_id").loc[done.index]
    assert again.loc[first, "fee"] == 7.5
    assert again.drop(index=first)["fee"].tolist() == done.drop(index=first)["fee"].tolist()
    assert again["fee"].dtype == float
    assert again["cost_q90"].tolist() == done["cost_q90"].tolist()
    answers = {answer.case_id: answer for answer in of_frame(FEES, again.reset_index())}
    assert answers[first].plain()["terms"] == told.terms
    assert answers[first].predictions["cost"]["q90"] == done.loc[first, "cost_q90"]
    assert answers[waiting.index[2]].terms == {}

    sink = Memory()
    deliver(place, FEES, sink)
    sent = {message["case_id"]: message["body"] for message in sink.taken}
    assert sent[first] == {"fee": 7.5, "route": told.terms["route"], "by": "person"}
    assert sent[by_policy.index[0]]["fee"] == by_policy["fee"].iloc[0]

    figures = figures_of(place, FEES)
    fee, route = figures["fee"], figures["route"]
    assert (fee["said_in"], fee["said"], fee["changed"]) == ("review", 2, 0.5)
    assert fee["typical_change"] == pytest.approx(abs(7.5 - waiting["fee"][first]))
    assert (route["changed"], route["mean_difference"]) == (0.0, None)
    assert audit.verify(place.log) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_recall_decides_terms_again(place: Workspace) -> None:
    """The same verdict with other terms is a new revision by policy, and other systems are told what replaces what."""
    put_to_work(place, FEES)
    done = run(place, FEES, make_parcels(80, seed=2)).set_index("case_id")
    sink = Memory()
    deliver(place, FEES, sink)
    decided = done[done["verdict_by"] == "policy"]
    install(place, FEES, constant)
    renew(place, FEES, as_of=LEARNED)
    recalled = recall(place, FEES, "parcels-cost", 1)
    assert recalled.found == len(decided) == recalled.confirmed + recalled.requeued
    now = questions.effective(place.log, "parcels").set_index("case_id")
    held = terms_held(place)[now["revision"] == 1]
    assert len(held) == recalled.confirmed > 0
    mean = held["fee"].where(held["route"] == "road", held["fee"] / 2)
    assert (mean == mean.iloc[0]).all()
    changed = held["fee"] != decided["fee"].loc[held.index]
    assert recalled.new_terms == changed.sum() > 0
    reason = now.loc[changed[changed].index[0], "reason"]
    assert reason.startswith("recall: confirmed, with new fee, by rule")
    deliver(place, FEES, sink)
    case_id = changed[changed].index[0]
    first, second = [message for message in sink.taken if message["case_id"] == case_id]
    assert second["replaces"] == first["effect_id"]
    assert second["body"]["fee"] == held["fee"][case_id]
    assert recall(place, FEES, "parcels-cost", 1).confirmed == 0


IN_TIME = replace(FEES, review=replace(PARCELS.review, auto={}, judged_by={"cost": beyond(0.25)}))
"""Its parcels are judged by what they cost in the end, which nobody can say beforehand."""
VERSION = VersionRecord(
    "parcels-cost", 1, "d", "r", "d", trained_by="t", trained_at=LEARNED, code_version="c", learned="{}"
)


def audited(place: Workspace, *, blind: bool) -> list[str]:
    """Parcels that policy decided, each with a fee of 20 by road, and a reading open."""
    versions.register(place.log, "parcels", VERSION)
    ids: list[str] = take_in(place, IN_TIME, make_parcels(4).assign(distance=100.0))["case_id"].tolist()
    writes.add_predictions(
        place.log,
        "parcels",
        model="parcels-cost",
        version=1,
        case_ids=ids,
        values=[20.0] * 4,
        confidences=[None] * 4,
        scores=['{"q10":19.0,"q50":20.0,"q90":20.0}'] * 4,
    )
    asked = Reviews(ids, ["drawn"] * 4, [0.0] * 4, [None] * 4, blind=[blind] * 4)
    said = Decisions(ids, ["no"] * 4, ["rule"] * 4, terms=['{"route":"road","fee":20}'] * 4)
    writes.add_verdicts(place.log, "parcels", policy_version="p", decisions=said, audits=asked)
    return ids


def read(place: Workspace, case_id: str, verdict: str = "no", **said: Any) -> Reading:
    answer = decide(place, IN_TIME, case_id, verdict=verdict, reason="looked", actor="eve", **said)
    assert isinstance(answer, Reading)
    return answer


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_cannot_know_the_outcome_says_terms(place: Workspace) -> None:
    """A blind reader's other fee stands beside the decision, another verdict corrects it, a bare verdict is refused."""
    ids = audited(place, blind=True)
    assert shown(place, IN_TIME, ids[0])["terms"] == {}
    with pytest.raises(UseCaseError, match=r"say at least one of its terms \['route', 'fee'\]"):
        read(place, ids[0])
    agreed = read(place, ids[0], terms={"fee": 26})
    assert (agreed.agreed, agreed.decision) == (True, None)
    other = read(place, ids[1], "yes", terms={"fee": 26}).decision
    assert other is not None
    assert other.terms == {"route": "road", "fee": 26}
    assert read(place, ids[2], outcomes={"cost": 20.5}).decision is None
    assert read(place, ids[3], outcomes={"cost": 60}).decision is not None, "the outcome proves the prediction wrong"
    assert terms_held(place)["fee"].tolist() == [20, 26, 20, 20]
    losses = automatic_decisions(place, IN_TIME, place.now())["loss"]
    assert losses.tolist() == pytest.approx([np.nan, np.nan, 0.0, 1.0], nan_ok=True), "terms are no truth"
    assert list(figures_of(place, IN_TIME)["fee"].values()) == ["fee", "audit", 2, 1.0, 6.0, 6.0]
    assert audit.check_invariants(place.log) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_saw_the_terms_and_says_others_corrects_them(place: Workspace) -> None:
    """An open reader's other fee is the decision from now on; the same fee, or none, leaves it as it is."""
    ids = audited(place, blind=False)
    assert shown(place, IN_TIME, ids[0])["terms"]["fee"] == 20
    changed = read(place, ids[0], terms={"fee": 26})
    assert changed.agreed is False
    assert changed.decision is not None
    assert changed.decision.terms == {"route": "road", "fee": 26}
    assert read(place, ids[1], terms={"fee": 20}).decision is None
    assert read(place, ids[2], outcomes={"cost": 20}).decision is None
    assert terms_held(place)["fee"].tolist() == [26, 20, 20, 20]
