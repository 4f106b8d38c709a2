"""Both classifiers of text keep scikit-learn's manners, know what they do not know, and hold no words."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.sparse_text import SparseTextClassifier
from aiops_flows.estimators.text_classes import TextClassifier
from aiops_flows.estimators.torch_text import TorchTextClassifier
from aiops_flows.registry.model_file import open_model, to_bytes
from aiops_flows.registry.trusted import OURS
from aiops_flows.steps.inference import answer
from aiops_flows.use_case import ModelSpec
from tests.unit.estimators.tickets import INTENTS, tickets

SMALL = TorchTextClassifier(hidden=32, dimensions=16, folds=2)
BOTH = pytest.mark.parametrize("plain", [SparseTextClassifier(), SMALL], ids=["sparse", "torch"])


@pytest.fixture(scope="module", params=[SparseTextClassifier(), SMALL], ids=["sparse", "torch"])
def fitted(request: pytest.FixtureRequest) -> Any:
    return clone(request.param).fit(*tickets(400, outside=40))


def accuracy(model: Any, cases: pd.DataFrame, intents: Any) -> float:
    return float((model.predict(cases) == intents).mean())


def test_intents_are_learned_and_what_is_out_of_scope_is_told(fitted: TextClassifier) -> None:
    """New tickets get their intent, and nearly all of those that belong to none are called out of scope."""
    assert accuracy(fitted, *tickets(400, seed=1)) > 0.93
    strange, truth = tickets(0, seed=2, outside=200)
    assert accuracy(fitted, strange, truth) > 0.8


@BOTH
def test_out_of_scope_is_an_answer_without_one_row_of_it(plain: TextClassifier) -> None:
    """Where nothing out of scope was learned from, distance alone tells most of it, at the accuracy given up."""
    model = clone(plain).fit(*tickets(400))
    assert model.classes_.tolist() == [*sorted(INTENTS), "out of scope"]
    strange, truth = tickets(0, seed=2, outside=200)
    assert accuracy(model, strange, truth) > 0.5
    assert accuracy(model, *tickets(400, seed=1)) > 0.93


@BOTH
def test_no_more_accuracy_is_given_up_than_was_asked_for(plain: TextClassifier) -> None:
    """More accuracy given up finds more of what is out of scope, and costs no more than was named."""
    near, far = (clone(plain).set_params(accuracy_given_up=share).fit(*tickets(400)) for share in (0.0, 0.2))
    strange, truth = tickets(0, seed=2, outside=200)
    assert accuracy(far, strange, truth) >= accuracy(near, strange, truth)
    lost = accuracy(near, *tickets(600, seed=1)) - accuracy(far, *tickets(600, seed=1))
    assert 0 <= lost < 0.25


@BOTH
def test_no_answer_is_out_of_scope_where_it_is_left_out(plain: TextClassifier) -> None:
    """With ``out_of_scope=None`` every ticket gets one of the classes, and that label is a class like others."""
    model = clone(plain).set_params(out_of_scope=None).fit(*tickets(200))
    assert model.classes_.tolist() == sorted(INTENTS)
    both = clone(plain).set_params(out_of_scope=None).fit(*tickets(200, outside=40))
    assert "out of scope" in both.classes_


def test_it_has_scikit_learns_manners(fitted: TextClassifier) -> None:
    """It is a classifier, can be cloned, and predicts the most probable class of probabilities that sum to one."""
    assert is_classifier(fitted)
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "weights_")
    cases, _ = tickets(50, seed=3, outside=5)
    probabilities = fitted.predict_proba(cases)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (fitted.predict(cases) == fitted.classes_[probabilities.argmax(axis=1)]).all()


def test_probabilities_mean_what_they_say(fitted: TextClassifier) -> None:
    """The mean confidence on new rows is the share of right answers, within six points."""
    cases, truth = tickets(600, seed=4)
    probabilities = fitted.predict_proba(cases)
    assert abs(probabilities.max(axis=1).mean() - accuracy(fitted, cases, truth)) < 0.06


@BOTH
def test_the_same_rows_give_the_same_model(plain: TextClassifier) -> None:
    """Learning twice gives the same probabilities to the bit."""
    cases, truth = tickets(150)
    first, again = (clone(plain).fit(cases, truth).predict_proba(cases) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_score_does_not_depend_on_its_batch(fitted: TextClassifier) -> None:
    """A case scored alone, or in another order, gets the same probability within 1e-12."""
    cases, _ = tickets(60, seed=5)
    together = fitted.predict_proba(cases)
    alone = np.vstack([fitted.predict_proba(cases.iloc[[row]]) for row in range(10)])
    assert np.abs(alone - together[:10]).max() < 1e-12
    assert np.abs(fitted.predict_proba(cases[::-1])[::-1] - together).max() < 1e-12


def test_strange_texts_are_answered(fitted: TextClassifier) -> None:
    """Nothing, white space, other scripts, emoji, a megabyte and a missing text each get a finite answer."""
    wild = ["", "   ", None, "שלום", "🙂" * 50, "x" * 1_000_000, "<script>alert(1)</script>", "\u202e\u0000"]
    cases = pd.DataFrame({"words": pd.Series(wild, dtype=object), "channel": None})
    probabilities = fitted.predict_proba(cases)
    assert np.isfinite(probabilities).all()
    assert fitted.predict(cases)[3] == "out of scope"


def test_columns_are_found_by_name(fitted: TextClassifier) -> None:
    """Another order of columns, and further ones, change nothing; a missing one is named."""
    cases, _ = tickets(20, seed=6)
    assert np.array_equal(fitted.predict_proba(cases[["channel", "words"]].assign(more=1)), fitted.predict_proba(cases))
    with pytest.raises(ValueError, match="words"):
        fitted.predict(cases[["channel"]])


@BOTH
def test_labels_beside_the_text_are_learned(plain: TextClassifier) -> None:
    """What only the channel tells is told by it."""
    cases, _ = tickets(300)
    model = clone(plain).set_params(out_of_scope=None).fit(cases, cases["channel"])
    others, _ = tickets(100, seed=7)
    assert accuracy(model, others, others["channel"].to_numpy()) > 0.95


@BOTH
def test_two_classes_are_enough(plain: TextClassifier) -> None:
    """Two classes, one of them with a single row, can be learned."""
    cases, truth = tickets(300)
    chosen = np.flatnonzero(truth == "refund").tolist() + np.flatnonzero(truth == "delivery").tolist()[:1]
    model = clone(plain).fit(cases.iloc[chosen], truth[chosen])
    assert model.classes_.tolist() == ["delivery", "refund", "out of scope"]


@BOTH
def test_too_little_to_learn_from_is_said(plain: TextClassifier) -> None:
    """A few rows, or one class, are refused with what is needed."""
    cases, truth = tickets(200)
    with pytest.raises(TrainingError, match="20 or more"):
        clone(plain).fit(cases[:10], truth[:10])
    one = truth == "refund"
    with pytest.raises(TrainingError, match="two classes"):
        clone(plain).fit(cases[one], truth[one])


def test_no_rows_give_no_answers(fitted: TextClassifier) -> None:
    """A batch that is wholly in quarantine is an empty frame, not an error."""
    cases, _ = tickets(2)
    assert fitted.predict_proba(cases.iloc[:0]).shape == (0, len(INTENTS) + 1)
    assert fitted.predict(cases.iloc[:0]).shape == (0,)


def test_it_is_stored_without_pickle_and_without_words(fitted: TextClassifier) -> None:
    """The model file needs types of our list only, answers the same once read, and holds none of the words."""
    content, _ = to_bytes(fitted, OURS)
    stored = open_model(content, OURS, "tickets")
    cases, _ = tickets(40, seed=8, outside=5)
    assert np.array_equal(stored.predict_proba(cases), fitted.predict_proba(cases))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        held = b"".join(file.read(name) for name in file.namelist())
    assert not [word for word in INTENTS["delivery"].split() if word.encode() in held and word != "address"]


def test_the_steps_take_its_answers(fitted: TextClassifier) -> None:
    """Prediction gives each case a class, a confidence, and the probabilities, out of scope among them."""
    cases, _ = tickets(30, seed=9, outside=10)
    spec = ModelSpec(name="intent", features=["words", "channel"], output="intent", estimator=SparseTextClassifier())
    answers = answer(spec, fitted, cases)
    assert not answers.failures
    assert "out of scope" in answers.values
    assert answers.scores is not None
    assert '"out of scope":' in answers.scores[0]


def test_ten_thousand_tickets_take_seconds() -> None:
    """The linear one answers 10,000 short tickets in less than 20 CPU seconds on any machine, mostly in one or two."""
    import time

    model = SparseTextClassifier().fit(*tickets(400))
    cases, _ = tickets(10_000, seed=1)
    begun = time.process_time()
    model.predict_proba(cases)
    assert time.process_time() - begun < 20


def test_the_linear_one_never_imports_torch() -> None:
    """Learning and answering by hashed words leaves torch and transformers unloaded."""
    code = (
        "import sys; from tests.unit.estimators.tickets import tickets\n"
        "from aiops_flows.estimators.sparse_text import SparseTextClassifier\n"
        "import aiops_flows.estimators.torch_text\n"
        "SparseTextClassifier().fit(*tickets(60)).predict(tickets(5)[0])\n"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
