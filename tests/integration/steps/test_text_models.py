"""Both text classifiers go the whole way: trained, gated, in the shadow, promoted, asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aiops_flows.case_log import promotions, questions
from aiops_flows.estimators.sparse_text import SparseTextClassifier
from aiops_flows.estimators.torch_text import TorchTextClassifier
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Gate, ModelSpec
from flows.customer_service import CUSTOMER_SERVICE, intent
from flows.lookalike_tickets import make_tickets, ticket_outcomes

AS_OF = datetime(2026, 1, 5, tzinfo=UTC)
ARRIVES = ["case_id", "received_at", "channel", "subject", "thread"]
GATES = [Gate("accuracy", at_least=0.7, max_drop=0.05, beats_baseline=True), Gate("shadow", at_most=0.05)]
SPARSE = replace(intent, gates=GATES, estimator=SparseTextClassifier())
TORCH = replace(intent, gates=GATES, estimator=TorchTextClassifier(epochs=4, dimensions=64, hidden=64))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("first", "second"), [(SPARSE, TORCH), (TORCH, SPARSE)], ids=["torch follows", "sparse follows"]
)
def test_a_text_classifier_challenges_the_other(place: Workspace, first: ModelSpec, second: ModelSpec) -> None:
    """The second answers in the shadow of the first, waits for live labels, and could be asked in its place."""
    use_cases = [replace(CUSTOMER_SERVICE, models=[spec, *CUSTOMER_SERVICE.models[1:]]) for spec in (first, second)]
    history = make_tickets(900, seed=5)
    take_in(place, CUSTOMER_SERVICE, history, history=True)
    record_outcomes(place, CUSTOMER_SERVICE, ticket_outcomes(history))
    done = []
    for use_case in use_cases:
        retrain(place, use_case, use_case.models[0], as_of=AS_OF)
        done.append(promote(place, use_case, use_case.models[0]))
    champion = promotions.champion(place.log, CUSTOMER_SERVICE.name, intent.name)
    assert champion is not None
    assert champion.version == 1
    assert [each.action for each in done] == ["promoted", "waiting"]
    assert all("shadow" in reason for reason in done[1].reasons), done[1].reasons

    arrived = make_tickets(60, seed=6).assign(case_id=lambda tickets: "N" + tickets["case_id"])
    cases = predict(place, use_cases[1], intent.name, take_in(place, CUSTOMER_SERVICE, arrived[ARRIVES]))
    assert (cases["intent_version"] == 1).all()
    assert (cases["intent"].to_numpy() == arrived["intent"].to_numpy()).mean() > 0.8
    shadow = questions.predictions(place.log, CUSTOMER_SERVICE.name, model=intent.name, shadow_version=2)
    assert sorted(shadow["case_id"]) == sorted(arrived["case_id"])
