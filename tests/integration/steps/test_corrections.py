"""People's corrections: what they say is true is kept with the answer, counted by version, and shown what to learn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from aiops_flows.case_log import questions
from aiops_flows.errors import UseCaseError
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.steps.corrections import new_labels, writing_figures
from aiops_flows.steps.explaining import shown
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.review import decide
from aiops_flows.steps.watching import monitor
from aiops_flows.steps.workspace import Workspace
from aiops_flows.use_case import ModelSpec
from tests.at_work import install, run
from tests.parcels import PARCELS, make_outcomes, make_parcels


class Notes(WriterMixin, BaseEstimator):
    """Writes where a parcel goes."""

    def fit(self, X: pd.DataFrame, y: Any) -> Notes:  # noqa: ARG002, N803  scikit-learn's names
        """Nothing is learned."""
        self.fitted_ = True
        return self

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: N803
        """One note a parcel, with another to choose."""
        texts = [f"to the {region}" for region in X["region"]]
        said = [{"text": text, "candidates": [{"text": text}, {"text": "elsewhere"}]} for text in texts]
        return np.array(said, dtype=object)


note = ModelSpec("parcels-note", ["region"], "note", Notes(), trusted=[Notes], min_rows=100)
SERVICE = replace(PARCELS, models=[*PARCELS.models, note], review=replace(PARCELS.review, blind=True, audit=0.0))


def put_to_work(place: Workspace, rows: int = 400) -> pd.DataFrame:
    """Champions without a certificate, so that people answer everything; the frame of a run."""
    history = make_parcels(rows, seed=1, prefix="H")
    take_in(place, SERVICE, history, history=True)
    record_outcomes(place, SERVICE, make_outcomes(history).assign(note="to the depot"))
    for spec in SERVICE.models:
        install(place, SERVICE, spec)
    return run(place, SERVICE, make_parcels(12, seed=2))


def answer(place: Workspace, case_id: str, **more: Any) -> Any:
    return decide(place, SERVICE, case_id, verdict="yes", reason="looked", actor="ann", **more)


def test_what_people_say_is_learned_from_and_counted(place: Workspace) -> None:
    """Labels that the champion does not know are reported, and texts are compared with what the version wrote."""
    done = put_to_work(place)
    ids = done["case_id"].tolist()
    assert new_labels(place, SERVICE).empty
    assert writing_figures(place, SERVICE).empty, "a text of a case that no version wrote of is no answer to it"
    texts = [each["text"] for each in done["note"]]
    answer(place, ids[0], outcomes={"late": "lost", "note": texts[0]})
    answer(place, ids[1], outcomes={"late": "lost", "note": f" {texts[1]}\n"})
    answer(place, ids[2], outcomes={"late": "stolen", "note": "xyz"})
    answer(place, ids[3], outcomes={"late": "no", "cost": 3.5})
    assert questions.outcomes(place.log, "parcels", name="cost", case_ids=ids)["value"].tolist() == [3.5]

    found = new_labels(place, SERVICE)
    assert found[["model", "label", "cases"]].values.tolist() == [
        ["parcels-late", "lost", 2],
        ["parcels-late", "stolen", 1],
    ]
    assert (found["first_known_at"] > done["received_at"].min()).all()
    [figures] = writing_figures(place, SERVICE).to_dict("records")
    assert (figures["model"], figures["version"], figures["answered"]) == ("parcels-note", 1, 3)
    assert figures["accepted"] == pytest.approx(2 / 3)
    assert 0.6 < figures["edit_similarity"] < 0.8

    health = monitor(place, SERVICE)
    assert health.new_labels == {"parcels-late": (2, 3)}
    told = json.dumps(health.table(), default=str)
    assert "lost" not in told, "names of labels are words of people, and stay in the case log"
    assert "0.667 of 3 sent as they were" in told


def test_what_is_no_outcome_is_refused_before_anything_is_stored(place: Workspace) -> None:
    """Only what a model predicts can be said, of its kind, and the message quotes nothing of it."""
    case_id = put_to_work(place)["case_id"].iloc[0]
    for told, message in (
        ({"colour": "red"}, "predicts no"),
        ({"cost": "Ada owes much"}, "no finite number"),
        ({"cost": float("nan")}, "no finite number"),
        ({"late": "Ada " * 100}, "no label"),
        ({"late": ""}, "no label"),
        ({"note": "Ada\x00"}, "no text"),
        ({"note": {"text": "Ada"}}, "no text"),
    ):
        with pytest.raises(UseCaseError, match=message) as caught:
            answer(place, case_id, outcomes=told)
        assert "Ada" not in str(caught.value)
    assert case_id in set(questions.open_reviews(place.log, "parcels")["case_id"])


def test_a_reviewer_sees_the_likeliest_classes_and_the_writing(place: Workspace) -> None:
    """Classes come with their probabilities, the likeliest first; a writing comes whole, and needs no reasons."""
    case_id = put_to_work(place)["case_id"].iloc[0]
    late, _, written = shown(place, SERVICE, case_id)["predictions"]
    assert late["likeliest"][0]["class"] == late["value"]
    assert sum(each["probability"] for each in late["likeliest"]) == pytest.approx(1, abs=1e-3)
    assert written["kind"] == "writer"
    assert written["value"]["text"].startswith("to the ")
    assert written["reasons"] == []
