"""How wrong a verdict was: the worst of all that must be right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aiops_flows.errors import UseCaseError
from aiops_flows.evidence.losses import beyond, cost, wrong
from aiops_flows.review_policy import Loss
from aiops_flows.steps.verdicts import confidence_of, segments_of, sure_outputs, verdict_loss
from aiops_flows.use_case import UseCase
from tests.parcels import PARCELS

SAID = {"late": ["yes", "no", "no"], "cost": [10.0, 20.0, 30.0]}
TRUE = {"late": ["yes", "no", "yes"], "cost": [10.5, 40.0, 30.0]}


def judged_by(judges: dict[str, Loss | None]) -> UseCase:
    return replace(PARCELS, review=replace(PARCELS.review, judged_by=judges))


def test_the_first_judge_compares_the_verdict() -> None:
    """It is right when the verdict equals the outcome, whatever the model said; missing counts as wrong."""
    assert verdict_loss(PARCELS, ["yes", "no", None], SAID, TRUE).tolist() == [0, 0, 1]


def test_a_judge_with_a_loss_compares_the_prediction() -> None:
    """Then the verdict may be any word: what was predicted must be right."""
    assert verdict_loss(judged_by({"late": wrong}), ["send"] * 3, SAID, TRUE).tolist() == [0, 0, 1]


def test_a_case_is_as_wrong_as_its_worst_output() -> None:
    """Another judge never makes a verdict better."""
    both = judged_by({"late": None, "cost": beyond(0.1)})
    assert verdict_loss(both, ["yes", "no", "no"], SAID, TRUE).tolist() == [0, 1, 1]
    dear = judged_by({"cost": cost(under=5, over=1, worst=200)})
    assert np.allclose(verdict_loss(dear, ["send"] * 3, SAID, TRUE), [0.0125, 0.5, 0.0])


def test_a_loss_that_is_none_is_refused() -> None:
    """One number between 0 and 1 a case, or an error that says what came."""
    for odd in (lambda said, true: said - true, lambda said, _: said[:1] * 0):
        with pytest.raises(UseCaseError, match=r"shape \(\d,\) for 3 cases"):
            verdict_loss(judged_by({"cost": odd}), ["send"] * 3, SAID, TRUE)


def test_the_least_sure_model_counts() -> None:
    """Of the judged models that say how sure they are; where none does, all cases are alike."""
    cases = pd.DataFrame({"late_confidence": [0.9, 0.6], "cost_confidence": [0.7, np.nan]})
    assert confidence_of(["late", "cost"], cases)[0] == 0.7
    assert np.isnan(confidence_of(["late", "cost"], cases)[1])
    assert confidence_of([], cases).tolist() == [1.0, 1.0]
    both = judged_by({"late": None, "cost": beyond(0.1)})
    assert sure_outputs(both, cases.assign(cost_confidence=np.nan)) == ["late"]


def test_a_segment_is_the_same_however_its_column_arrived() -> None:
    """Whole numbers stay what they are when others of the batch are missing."""
    by_weight = replace(PARCELS, review=replace(PARCELS.review, segments="weight"))
    whole = segments_of(by_weight, pd.DataFrame({"weight": [1, 2]})).tolist()
    assert whole == ["1", "2"]
    assert segments_of(by_weight, pd.DataFrame({"weight": [1.0, 2.0, np.nan]})).tolist() == [*whole, ""]
    assert segments_of(PARCELS, pd.DataFrame({"weight": [1.0]})).tolist() == [""]
