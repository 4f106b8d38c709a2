"""A promoted version has learned from all labels, and is judged and certified by answers that it had not learned."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from aiops_flows.case_log import CaseLog, versions
from aiops_flows.registry import Registry
from aiops_flows.settings import Settings
from aiops_flows.steps.certifying import renew
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.rows import learned_rows, rows_of_version
from aiops_flows.steps.training import Retrained, retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import Gate, ModelSpec, UseCase
from tests.parcels import PARCELS, cost, late, make_outcomes, make_parcels

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()
HISTORY = make_parcels(1_000, seed=1, prefix="H")


class KnowsByHeart(ClassifierMixin, BaseEstimator):
    """Always right and sure of what it learned from; of other rows it says what is said most often, and is sure."""

    def fit(self, X: pd.DataFrame, y: Any) -> KnowsByHeart:  # noqa: N803
        """Learn by heart."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.most_ = int(np.bincount(codes).argmax())
        self.keys_ = X["weight"].to_numpy(float) * 1e6 + X["distance"].to_numpy(float)
        order = np.argsort(self.keys_)
        self.keys_, self.codes_ = self.keys_[order], codes[order]
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:  # noqa: N803
        """Sure of every answer."""
        keys = X["weight"].to_numpy(float) * 1e6 + X["distance"].to_numpy(float)
        places = np.minimum(np.searchsorted(self.keys_, keys), len(self.keys_) - 1)
        codes = np.where(self.keys_[places] == keys, self.codes_[places], self.most_)
        return np.eye(len(self.classes_))[codes]

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: N803
        """The class that it is sure of."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


by_heart = ModelSpec(
    "parcels-late",
    ["weight", "distance"],
    "late",
    KnowsByHeart(),
    gates=[Gate("accuracy", at_least=0.3)],
    min_rows=100,
    trusted=[KnowsByHeart],
)


@pytest.fixture
def place(tmp_path: Path, pristine_store: Path) -> Workspace:
    """A workspace on SQLite with a thousand labelled parcels, and a champion of what they cost."""
    home = tmp_path / "home"
    shutil.copytree(pristine_store, home)
    settings = Settings(home=home, actor="trainer")
    place = Workspace(
        CaseLog.open(settings.case_log_url), Registry(settings.tracking_url, settings.model_cache), settings
    )
    take_in(place, PARCELS, HISTORY, history=True)
    record_outcomes(place, PARCELS, make_outcomes(HISTORY))
    trained(place, cost, PARCELS)
    return place


def of(spec: ModelSpec) -> UseCase:
    return replace(PARCELS, models=[spec, cost])


def trained(place: Workspace, spec: ModelSpec, rows_of: UseCase | None = None) -> Retrained:
    made = retrain(place, rows_of or of(spec), spec, as_of=NOW)
    assert promote(place, rows_of or of(spec), spec, version=made.version).promoted, made.reasons
    return made


def test_a_version_learns_from_every_label_and_its_record_says_so(place: Workspace) -> None:
    """Half of the rows judge, half certify, and all are what it learned from, here and for whoever asks later."""
    made = trained(place, late)
    record = versions.get(place.log, "parcels", late.name, made.version)
    assert made.rows == 1_000
    assert json.loads(record.learned) | {"unlearned": ""} == {
        "as_of": NOW.isoformat(),
        "window_days": None,
        "rows": 1_000,
        "part": "all",
        "folds": 5,
        "learns_all": True,
        "unlearned": "",
    }
    rows = learned_rows(place, PARCELS, late, record.learned)
    assert (len(rows), rows.digest) == (1_000, record.dataset_digest)
    judging, certifying = (
        set(rows_of_version(place, PARCELS, late, record.learned, part).cases["case_id"])
        for part in ("judge", "certify")
    )
    assert not judging & certifying
    assert len(judging | certifying) == 1_000
    assert made.results[0].rows == len(judging)
    assert made.certificate is not None
    assert made.certificate.labels_used == len(certifying)


def test_a_model_that_knows_its_rows_by_heart_is_judged_and_certified_as_if_it_did_not(place: Workspace) -> None:
    """It is right in all that it learned from: no gate, certificate, renewal or drift verdict counts that."""
    made = trained(place, by_heart)
    use_case = of(by_heart)
    truth = make_outcomes(HISTORY)["late"].to_numpy()
    accuracy = max((truth == "yes").mean(), (truth == "no").mean())
    assert made.results[0].value == pytest.approx(accuracy, abs=0.05)
    assert made.certificate is not None
    assert made.certificate.threshold is None, "it is wrong in half of what it does not know, and sure all the same"
    renewed = renew(place, use_case, as_of=NOW)
    assert renewed is not None
    assert renewed.threshold is None
    model = place.load(by_heart, made.version, made.digest)
    assert (model.predict(HISTORY[["weight", "distance"]]) == truth).all()

    live = make_parcels(200, seed=7)
    predict(place, use_case, by_heart, take_in(place, use_case, live))
    said = check_drift(place, use_case, render=False)[0].predictions
    assert said is not None
    confidence = next(column for column in said.columns if column.name == "confidence")
    assert not confidence.drifted


def test_the_champion_is_judged_by_answers_of_models_that_had_not_learned_from_the_rows(place: Workspace) -> None:
    """A champion that knows by heart has no advantage over a challenger on the rows that both learned from."""
    trained(place, by_heart)
    challenger = replace(late, gates=[Gate("accuracy", at_least=0.3, max_drop=0.0)], trusted=[KnowsByHeart])
    made = retrain(place, of(challenger), challenger, as_of=NOW)
    result = made.results[0]
    assert result.champion is not None
    assert result.value is not None
    assert result.champion < 0.65 < result.value
    assert made.passed, made.reasons


def test_a_champion_of_before_is_judged_only_on_rows_that_were_held_out(place: Workspace) -> None:
    """Versions of both kinds are compared on rows that neither had learned from."""
    held_out = replace(by_heart, folds=0)
    first = trained(place, held_out)
    assert 650 < first.rows < 750
    made = retrain(place, of(by_heart), by_heart, as_of=NOW)
    assert made.rows == 1_000
    assert 100 < made.results[0].rows < 200
    assert made.results[0].champion == pytest.approx(made.results[0].value, abs=0.1)


def test_the_same_training_gives_the_same_answers(place: Workspace) -> None:
    """Folds come from a hash of the case id, so nothing depends on the run."""
    made = [retrain(place, PARCELS, late, as_of=NOW) for _ in range(2)]
    learned = [json.loads(versions.get(place.log, "parcels", late.name, each.version).learned) for each in made]
    assert learned[0] == learned[1]
    assert made[0].results[0].value == made[1].results[0].value


def test_changed_answers_certify_nothing(place: Workspace) -> None:
    """They are bound to the version by their digest."""
    made = trained(place, late)
    place.registry.attach(made.run_id, {"unlearned/answers.npz": b"something else"})
    cold = replace(place, registry=Registry(place.settings.tracking_url, place.settings.model_cache))
    before = versions.get(place.log, "parcels", late.name, made.version).certificate
    assert renew(cold, PARCELS, as_of=NOW) is None
    assert versions.get(place.log, "parcels", late.name, made.version).certificate == before
