"""The network for mixed columns keeps scikit-learn's manners and copes with what tables of cases are like."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import log_loss, r2_score, roc_auc_score

from aiops_flows.errors import TrainingError
from aiops_flows.estimators.mixed_columns import encoded, learned_columns
from aiops_flows.estimators.network import inner_split
from aiops_flows.estimators.torch_tabular import TorchTabularClassifier, TorchTabularRegressor


def table(rows: int, seed: int = 0) -> tuple[pd.DataFrame, Any, Any]:
    """Claims with missing values, what is paid, and the log odds of it."""
    chance = np.random.default_rng(seed)
    region = chance.integers(0, 12, rows)
    weight = np.random.default_rng(7).normal(size=12)
    cases = pd.DataFrame(
        {
            "amount": chance.lognormal(3, 1, rows),
            "age": chance.integers(0, 30, rows),
            "region": [f"region {number}" for number in region],
            "flag": chance.random(rows) < 0.5,
            "received_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(chance.integers(0, 90, rows), unit="D"),
        }
    )
    odds = np.log(cases["amount"]) - 3 + 2 * weight[region] + cases["flag"]
    cases.loc[::10, "amount"] = np.nan
    cases.loc[::11, "region"] = None
    paid = np.where(chance.random(rows) < 1 / (1 + np.exp(-odds)), "pay", "deny")
    return cases, paid, odds.to_numpy()


@pytest.fixture(scope="module")
def fitted() -> TorchTabularClassifier:
    cases, paid, _ = table(4_000)
    return TorchTabularClassifier(hidden=(32,), max_epochs=30).fit(cases, paid)


def test_it_learns_and_its_probabilities_are_calibrated(fitted: TorchTabularClassifier) -> None:
    """On new cases it ranks nearly as well as the truth would, and its probabilities mean what they say."""
    cases, paid, odds = table(4_000, seed=1)
    probabilities = fitted.predict_proba(cases)
    assert roc_auc_score(paid, probabilities[:, 1]) > roc_auc_score(paid, odds) - 0.03
    assert log_loss(paid, probabilities) < log_loss(paid, 1 / (1 + np.exp(-odds))) + 0.03
    tenths = pd.qcut(probabilities[:, 1], 10, labels=False)
    said = pd.Series(probabilities[:, 1]).groupby(tenths).mean()
    came = pd.Series(paid == "pay").groupby(tenths).mean()
    assert float((said - came).abs().mean()) < 0.04


def test_quantities_are_learned() -> None:
    """The regressor explains most of what can be explained."""
    cases, _, odds = table(3_000)
    quantity = 1_000 + 50 * odds
    others, _, truth = table(1_000, seed=1)
    expected = TorchTabularRegressor(hidden=(32,), max_epochs=40).fit(cases, quantity).predict(others)
    assert r2_score(1_000 + 50 * truth, expected) > 0.7


def test_it_has_scikit_learns_manners(fitted: TorchTabularClassifier) -> None:
    """It is a classifier with classes, can be cloned, and predicts the most probable class."""
    assert is_classifier(fitted)
    assert is_regressor(TorchTabularRegressor())
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "weights_")
    assert fitted.classes_.tolist() == ["deny", "pay"]
    cases, _, _ = table(50, seed=2)
    probabilities = fitted.predict_proba(cases)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (fitted.predict(cases) == fitted.classes_[probabilities.argmax(axis=1)]).all()


def test_the_same_seed_gives_the_same_network() -> None:
    """One seed gives the same to the bit, another seed something else, and torch's own dice are not moved."""
    cases, paid, _ = table(300)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (
        TorchTabularClassifier(hidden=(8,), max_epochs=3, random_state=seed).fit(cases, paid).predict_proba(cases)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_score_does_not_depend_on_its_batch(fitted: TorchTabularClassifier) -> None:
    """A case scored alone, or in another order, gets the same probability within 1e-12."""
    cases, _, _ = table(200, seed=3)
    together = fitted.predict_proba(cases)
    alone = np.vstack([fitted.predict_proba(cases.iloc[[row]]) for row in range(20)])
    assert np.abs(alone - together[:20]).max() < 1e-12
    assert np.abs(fitted.predict_proba(cases[::-1])[::-1] - together).max() < 1e-12


def test_unseen_missing_and_wild_values_are_answered(fitted: TorchTabularClassifier) -> None:
    """A label never seen, a missing or infinite number, a text where a number was: each gets a finite answer."""
    cases, _, _ = table(6, seed=4)
    wild = cases.astype({"amount": object, "region": object, "age": object})
    wild.loc[0, "region"] = "never seen"
    wild.loc[1, ["region", "amount", "received_at", "age"]] = None
    wild.loc[2, "amount"] = np.inf
    wild.loc[3, "amount"] = 1e300
    wild.loc[4, "age"] = "many"
    probabilities = fitted.predict_proba(wild)
    assert np.isfinite(probabilities).all()
    assert np.allclose(probabilities.sum(axis=1), 1)


def test_columns_are_found_by_name(fitted: TorchTabularClassifier) -> None:
    """Another order of columns, and further ones, change nothing; a missing one is named."""
    cases, _, _ = table(20, seed=5)
    shuffled = cases[cases.columns[::-1]].assign(more=1)
    assert np.array_equal(fitted.predict_proba(shuffled), fitted.predict_proba(cases))
    with pytest.raises(ValueError, match="region"):
        fitted.predict(cases.drop(columns="region"))


def test_no_rows_give_no_answers(fitted: TorchTabularClassifier) -> None:
    """A batch that is wholly in quarantine is an empty frame, not an error."""
    cases, _, _ = table(2)
    assert fitted.predict_proba(cases.iloc[:0]).shape == (0, 2)
    assert fitted.predict(cases.iloc[:0]).shape == (0,)


@pytest.mark.parametrize("columns", [["amount"], ["region"], ["received_at"]])
def test_one_kind_of_column_is_enough(columns: list[str]) -> None:
    """Numbers alone and labels alone are learned as well."""
    cases, paid, _ = table(100)
    network = TorchTabularClassifier(hidden=(4,), max_epochs=2).fit(cases[columns], paid)
    assert np.isfinite(network.predict_proba(cases[columns])).all()


def test_a_column_without_a_value_is_harmless() -> None:
    """A column that is missing everywhere, or always the same, teaches nothing and breaks nothing."""
    cases, paid, _ = table(100)
    cases = cases.assign(empty=np.nan, nothing=None, same=1.0)
    network = TorchTabularClassifier(hidden=(4,), max_epochs=2).fit(cases, paid)
    assert np.isfinite(network.predict_proba(cases)).all()


def test_arrays_are_taken_as_well() -> None:
    """A plain array has columns by number."""
    chance = np.random.default_rng(0)
    numbers = chance.normal(size=(200, 3))
    network = TorchTabularClassifier(hidden=(8,), max_epochs=30).fit(numbers, numbers[:, 0] > 0)
    assert network.score(numbers, numbers[:, 0] > 0) > 0.8


def test_too_little_to_learn_from_is_said() -> None:
    """One class, or a handful of rows, is a `TrainingError` that says what was found."""
    cases, _, _ = table(40)
    with pytest.raises(TrainingError, match="one class only"):
        TorchTabularClassifier().fit(cases, np.repeat("pay", 40))
    with pytest.raises(TrainingError, match="5 rows"):
        TorchTabularRegressor().fit(cases.head(5), np.arange(5.0))


def test_what_was_fitted_is_plain() -> None:
    """Nothing of torch is kept: arrays and plain values only, so that it is stored without pickle."""
    cases, paid, _ = table(60)
    network = TorchTabularClassifier(hidden=(4,), max_epochs=2).fit(cases, paid)
    assert all(isinstance(weights, np.ndarray) for weights in network.weights_.values())
    assert not [value for value in vars(network).values() if type(value).__module__.startswith("torch")]


def test_torch_is_imported_to_fit_only() -> None:
    """Importing the estimators does not load torch: two to three seconds that a scoring worker is spared."""
    code = "import sys, aiops_flows.estimators.torch_tabular; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_an_equally_good_network() -> None:
    """Trained on the GPU, the network scores on any machine."""
    cases, paid, odds = table(2_000)
    network = TorchTabularClassifier(hidden=(32,), max_epochs=20).fit(cases, paid)
    assert roc_auc_score(paid, network.predict_proba(cases)[:, 1]) > roc_auc_score(paid, odds) - 0.05


def test_every_fifth_row_says_when_to_stop() -> None:
    """The inner rows are a fifth of all, of every class as many as its share, and never learned from."""
    target = np.repeat([0, 1], [900, 100])
    learning, inner = inner_split(target, seed=0)
    assert sorted([*learning, *inner]) == list(range(1_000))
    assert len(inner) == 200
    assert target[inner].sum() == 20


def test_numbers_are_bent_not_cut() -> None:
    """An outlier keeps its rank and stays within the reach of the network."""
    cases = pd.DataFrame({"amount": [*np.linspace(0, 1, 99), 1e12]})
    numbers, codes = encoded(cases, learned_columns(cases))
    assert (np.diff(numbers[:, 0]) > 0).all()
    assert numbers[:, 0].max() <= 3.0
    assert codes.shape == (100, 0)
