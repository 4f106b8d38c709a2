"""An estimator with a decision of its own is judged, certified and asked by that decision."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aiops_flows.case_log import questions
from aiops_flows.steps.backtesting import backtest
from aiops_flows.steps.explaining import shown
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Gate, ModelSpec
from tests.parcels import PARCELS, cost, make_outcomes, make_parcels

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()
NUMBERS = ["weight", "distance"]


def bold(threshold: float) -> FixedThresholdClassifier:
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    return FixedThresholdClassifier(inner, threshold=threshold, pos_label="yes", response_method="predict_proba")


def spec_of(threshold: float) -> ModelSpec:
    return ModelSpec(
        "parcels-late", NUMBERS, "late", bold(threshold), gates=[Gate("accuracy", at_least=0.1)], min_rows=100
    )


def test_a_threshold_decides_in_gates_certificate_backtest_shadow_and_live(place: Workspace) -> None:
    """All of them say what ``predict`` says, and a reviewer sees that answer with its own probability."""
    spec = spec_of(0.05)
    parcels = replace(PARCELS, models=[spec, cost])
    history, fresh = make_parcels(900, seed=1, prefix="H"), make_parcels(60, seed=2)
    take_in(place, parcels, history, history=True)
    record_outcomes(place, parcels, make_outcomes(history))
    made = retrain(place, parcels, spec, as_of=NOW)
    accuracy = made.results[0].value
    assert accuracy is not None
    assert accuracy < 0.8, "argmax would be right in more than 0.8 of the rows"
    assert promote(place, parcels, spec).promoted
    second = retrain(place, parcels, spec_of(0.9), as_of=NOW)  # stays a challenger and answers in the shadow

    cases = take_in(place, parcels, fresh)
    answered = predict(place, parcels, spec, cases)
    for version, answers in (
        (made, answered["late"].tolist()),
        (second, questions.predictions(place.log, "parcels", model=spec.name, shadow_version=2)["value"].tolist()),
    ):
        model = place.load(spec, version.version, version.digest)
        assert answers == model.predict(cases[NUMBERS]).tolist()
    assert answered["late"].value_counts()["yes"] > 45
    assert answered["late_confidence"].min() < 0.5

    assert made.certificate is not None
    assert made.certificate.error_upper is None or made.certificate.error_upper <= parcels.review.error_limit()
    by_origin = backtest(place, parcels, spec, origins=2, every=200, as_of=NOW)
    assert by_origin[by_origin["who"] == "model"]["accuracy"].iloc[-1] < 0.8

    review(place, parcels, predict(place, parcels, cost, answered))
    doubtful = answered.sort_values("late_confidence").iloc[0]
    seen = shown(place, parcels, doubtful["case_id"])["predictions"][0]
    assert (seen["value"], seen["confidence"]) == ("yes", round(float(doubtful["late_confidence"]), 4))
    assert seen["likeliest"][0]["class"] == "no"
