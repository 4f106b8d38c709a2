"""Of many classes only the most probable are kept with a prediction, and who reads them knows that."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

from aiops_flows.replay.reproduce import _distances
from aiops_flows.steps.comparing import class_losses
from aiops_flows.steps.inference import Answers, answer
from aiops_flows.use_case import ModelSpec

SPEC = ModelSpec("tickets-intent", ["words"], "intent", DummyClassifier())


class Told:
    """Says the probabilities it is given."""

    def __init__(self, classes: int, probabilities: np.ndarray[Any, Any]) -> None:
        self.classes_ = np.array([f"class '{number}' %s \"x\"" for number in range(classes)])
        self.probabilities = probabilities

    def predict_proba(self, features: pd.DataFrame) -> np.ndarray[Any, Any]:
        """One row of probabilities a row."""
        return self.probabilities[features.index]


def said(classes: int, rows: int, seed: int = 0) -> tuple[Answers, np.ndarray[Any, Any]]:
    shares = np.random.default_rng(seed).dirichlet(np.full(classes, 0.1), rows)
    cases = pd.DataFrame({"case_id": map(str, range(rows)), "words": [""] * rows})
    return answer(SPEC, Told(classes, shares), cases), shares


def test_the_ten_most_probable_of_many_classes_are_kept() -> None:
    """The most probable first, each with its probability to the last digit."""
    answers, shares = said(150, 300)
    for text, row, value in zip(answers.scores or [], shares, answers.values, strict=True):
        kept = json.loads(text)
        assert list(kept.values()) == sorted(row.tolist(), reverse=True)[:10]
        assert next(iter(kept)) == value


def test_all_of_few_classes_are_kept() -> None:
    """Up to twelve classes nothing is left out."""
    answers, shares = said(12, 20)
    assert [list(json.loads(text).values()) for text in answers.scores or []] == shares.tolist()


def test_ten_thousand_answers_of_150_classes_are_small_and_quick() -> None:
    """Some 4 MB where all probabilities would take 60."""
    begun = time.process_time()
    answers, _ = said(150, 10_000)
    assert sum(map(len, answers.scores or [])) < 6_000_000
    assert time.process_time() - begun < 5


def test_losses_hardly_depend_on_what_is_left_out() -> None:
    """Half the Brier score of the ten kept is that of all 150 but for what was left out of each row."""
    answers, shares = said(150, 500)
    names = [f"class '{number}' %s \"x\"" for number in range(150)]
    truth = [names[int(at)] for at in np.random.default_rng(1).integers(0, 150, 500)]
    frame = pd.DataFrame({"value_c": answers.values, "scores_c": answers.scores, "truth": truth})
    whole = [json.dumps(dict(zip(names, row, strict=True))) for row in shares]
    apart = class_losses(frame, "_c") - class_losses(frame.assign(scores_c=whole), "_c")
    assert (np.abs(apart) <= np.sort(shares, axis=1)[:, -10]).all()
    assert abs(apart.mean()) < 0.005


@pytest.mark.parametrize(("shift", "reached"), [(1e-12, True), (1e-3, False)])
def test_a_tie_for_the_tenth_place_is_no_difference(*, shift: float, reached: bool) -> None:
    """Deciding again finds other classes kept where they were as probable, and tells a true difference."""
    stored = {"a": 0.5, **{f"b{number}": 0.05 for number in range(9)}}
    now = {**{name: share for name, share in stored.items() if name != "b8"}, "c": 0.05 + shift}
    again = Answers(["a"], [0.5], [json.dumps(now)], {})
    before = pd.DataFrame({"value": ["a"], "scores": [json.dumps(stored)]})
    [distance] = _distances(replace(SPEC), again, before)
    assert (distance < 1e-9) == reached
