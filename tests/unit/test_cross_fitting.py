"""Every labelled row is learned from, and judged by the answer of a model that had not learned from it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from aiops_flows.errors import RegistryError, UseCaseError
from aiops_flows.steps.answer_numbers import AnswerNumbers, StoredAnswers
from aiops_flows.steps.cross_fitting import can_be_cross_fitted, cross_fitted, train
from aiops_flows.steps.parts import BY_TIME, Cut, cut, halves
from aiops_flows.steps.rows import Labelled, Parted
from aiops_flows.use_case import ModelSpec

IDS = [f"case {number}" for number in range(600)]
FEATURES = ["size"]


class Remembers(ClassifierMixin, BaseEstimator):
    """Knows by heart what it learned from, and nothing else: of other rows it says the first class."""

    def fit(self, X: pd.DataFrame, y: Any) -> Remembers:  # noqa: N803
        """Learn by heart."""
        self.classes_ = np.unique(y)
        self.by_heart_ = dict(zip(X["size"].tolist(), np.searchsorted(self.classes_, y).tolist(), strict=True))
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """Sure of what it knows by heart."""
        codes = [self.by_heart_.get(size, 0) for size in X["size"].tolist()]
        return np.eye(len(self.classes_))[codes]

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: N803
        """The class that it is sure of."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Counts(RegressorMixin, BaseEstimator):
    """Answers with the number of rows that it learned from, with quantiles and a confidence."""

    quantiles = (0.1, 0.9)

    def fit(self, X: pd.DataFrame, y: Any) -> Counts:  # noqa: N803, ARG002
        """Count."""
        self.rows_ = len(X)
        return self

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """The number of rows."""
        return np.full(len(X), float(self.rows_))

    def predict_quantiles(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """One below, one above."""
        return np.column_stack([self.predict(X) - 1, self.predict(X) + 1])

    def predict_confidence(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """A third."""
        return np.full(len(X), 1 / 3)


def spec_of(estimator: Any) -> ModelSpec:
    return ModelSpec("things-kind", FEATURES, "kind", estimator)


def stored_cases(ids: list[str] = IDS) -> pd.DataFrame:
    received = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(len(ids)), unit="h")
    return pd.DataFrame({"case_id": ids, "received_at": received, "known_at": received})


def labelled(stored: pd.DataFrame, truth: Any = None) -> Labelled:
    cases = stored.assign(size=np.arange(len(stored)) + 0.5)
    given = np.where(np.arange(len(cases)) % 3 == 0, "shelf", "scrap") if truth is None else np.asarray(truth)
    return Labelled(cases, given.astype(object) if truth is None else given, "", cases["known_at"])


def parted(rows: Labelled, chosen: Cut) -> Parted:
    parts = chosen.parts(rows.cases)
    by_part: Any = {part: rows.some(parts == part) for part in ("train", "judge", "certify")}
    folds = chosen.folds_of(rows.cases) if chosen.folds else np.empty(0, dtype=np.int64)
    return Parted(by_part, chosen, 0, rows if chosen.learns_all else by_part["train"], folds)


FOLDED = Cut(folds=5, learns_all=True)


def test_each_case_has_one_fold_for_ever() -> None:
    """By its id alone, in folds of about the same size, that have nothing to do with who judges."""
    folds = FOLDED.folds_of(stored_cases())
    assert folds.tolist() == FOLDED.folds_of(stored_cases(IDS[::-1])).tolist()[::-1]
    assert (np.bincount(folds) > 90).all()
    judged = halves(IDS) == "judge"
    assert all(0.3 < judged[folds == fold].mean() < 0.7 for fold in range(5))


def test_half_judges_and_half_certifies() -> None:
    """What judged and certified while rows were held out still does."""
    before, now = cut(IDS), halves(IDS)
    assert set(now) == {"judge", "certify"}
    assert abs((now == "judge").mean() - 0.5) < 0.06
    assert (now[before == "judge"] == "judge").all()
    assert (now[before == "certify"] == "certify").all()


def test_a_row_is_answered_by_a_model_that_had_not_learned_from_it() -> None:
    """A model that knows rows by heart is right everywhere once it is fitted on all, and nowhere by its folds."""
    rows = labelled(stored_cases())
    found = train(spec_of(Remembers()), parted(rows, FOLDED))
    assert len(found.learned) == len(IDS)
    assert (found.estimator.predict(rows.cases) == rows.truth).all()
    assert found.stored is not None
    said, _ = found.stored.said.rows(found.stored.places(IDS)).scored()
    assert set(said.values) == {"scrap"}, "none of them was known by heart"


def test_the_baseline_has_not_learned_from_what_it_answers_either() -> None:
    """Whatever is declared as baseline is cross-fitted alike."""
    rows = parted(labelled(stored_cases()), FOLDED)
    found = train(replace(spec_of(LogisticRegression()), baseline=Remembers()), rows)
    assert found.baseline is not None
    assert set(found.baseline.scored()[0].values) == {"scrap"}
    assert len(found.baseline) == len(found.judging)


def test_quantities_are_cross_fitted_with_quantiles_and_confidence() -> None:
    """Each row's answer comes from four fifths of the rows."""
    rows, spec = labelled(stored_cases(), np.arange(600.0)), spec_of(Counts())
    folds = FOLDED.folds_of(rows.cases)
    said, sure = cross_fitted(spec, Counts(), rows, folds).scored()
    assert np.asarray(said.values).tolist() == [600 - (folds == fold).sum() for fold in folds]
    assert said.quantiles is not None
    assert said.quantiles[0].tolist() == [np.asarray(said.values)[0] - 1, np.asarray(said.values)[0] + 1]
    assert set(sure) == {1 / 3}


def test_a_class_that_a_fold_does_not_know_has_no_probability() -> None:
    """A class of one row is unknown to the model that answers that row."""
    truth = np.where(np.arange(600) % 2 == 0, "shelf", "scrap").astype(object)
    truth[17] = "repair"
    rows = labelled(stored_cases(), truth)
    found = train(spec_of(KNeighborsClassifier(3)), parted(rows, FOLDED))
    assert found.stored is not None
    assert found.stored.said.classes == ["repair", "scrap", "shelf"]
    said, _ = found.stored.said.rows(found.stored.places(IDS)).scored()
    assert said.probabilities is not None
    assert said.probabilities[17, 0] == 0
    assert said.values[17] != "repair"


def test_rows_by_time_are_answered_by_a_model_of_the_earlier_ones() -> None:
    """The version itself learns from the latest rows too."""
    days = [pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(hours=hours) for hours in (420, 510)]
    by_time = Cut(BY_TIME, days[0].to_pydatetime(), days[1].to_pydatetime(), learns_all=True)
    rows = labelled(stored_cases(), np.arange(600.0))
    found = train(spec_of(Counts()), parted(rows, by_time))
    assert found.estimator.rows_ == 600
    assert found.stored is not None
    places = found.stored.places(IDS)
    assert (places[:420] == -1).all()
    assert set(np.asarray(found.stored.said.rows(places[420:]).scored()[0].values)) == {420.0}


def test_rows_that_are_held_out_are_not_learned_from() -> None:
    """Without folds a version learns from 70 % and answers the others itself."""
    found = train(spec_of(Counts()), parted(labelled(stored_cases(), np.arange(600.0)), Cut()))
    assert found.estimator.rows_ == (cut(IDS) == "train").sum()
    assert found.stored is None


@pytest.mark.parametrize("rare", [1, 300])
def test_a_fold_that_would_leave_one_class_is_noticed(rare: int) -> None:
    """A classifier cannot learn from one class; then rows are held out."""
    truth = np.array(["shelf"] * 600, dtype=object)
    truth[:rare] = "scrap"
    assert can_be_cross_fitted(spec_of(Remembers()), parted(labelled(stored_cases(), truth), FOLDED)) == (rare > 1)


def test_stored_answers_survive_their_file_and_name_no_case() -> None:
    """The same answers give the same bytes; a changed file is refused; ids cannot be read from it."""
    rows = labelled(stored_cases())
    said = cross_fitted(spec_of(Remembers()), Remembers(), rows, FOLDED.folds_of(rows.cases))
    stored = StoredAnswers.of(IDS, said)
    content = stored.to_bytes()
    assert content == StoredAnswers.of(IDS[::-1], said.rows(np.arange(600)[::-1])).to_bytes()
    read = StoredAnswers.from_bytes(content, hashlib.sha256(content).hexdigest())
    assert read.said.numbers.tolist() == stored.said.numbers.tolist()
    assert read.places(["case 3", "case 9999"])[1] == -1
    assert b"case 3" not in content
    with pytest.raises(RegistryError, match="train it again"):
        StoredAnswers.from_bytes(content, "0" * 64)


def test_stored_quantities_lose_no_digit() -> None:
    """A quantity is compared to the cent."""
    said = AnswerNumbers(np.array([[1e9 + 0.01, 1.0, 2.0]]), None, (0.1, 0.9))
    content = StoredAnswers.of(["a"], said).to_bytes()
    read = StoredAnswers.from_bytes(content, hashlib.sha256(content).hexdigest())
    assert read.said.numbers[0, 0] == 1e9 + 0.01
    assert read.said.levels == (0.1, 0.9)


def test_how_rows_were_parted_survives_the_record() -> None:
    """A version from before learned from the part that was not held out."""
    for chosen in (FOLDED, Cut(), Cut("machine", folds=3, learns_all=True)):
        assert Cut.of_record(chosen.as_dict()) == chosen
    assert Cut.of_record("{}").learned(stored_cases()).sum() == (cut(IDS) == "train").sum()
    assert FOLDED.learned(stored_cases()).all()


def test_one_fold_is_refused() -> None:
    """It would leave nothing to learn from."""
    with pytest.raises(UseCaseError, match="give 2 or more, or 0 to hold rows out"):
        replace(spec_of(LogisticRegression()), folds=1)
