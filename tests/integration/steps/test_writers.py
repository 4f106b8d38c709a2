"""Models that write texts go the whole way: trained, judged, promoted, asked, corrected and watched like others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from aiops_flows.case_log import questions, versions
from aiops_flows.errors import TrainingError, UseCaseError
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.replay.reproduce import reproduce
from aiops_flows.steps.comparing import compare
from aiops_flows.steps.drifting import check_drift
from aiops_flows.steps.inference import predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.review import review
from aiops_flows.steps.rows import labelled_parts
from aiops_flows.steps.training import Retrained, in_order, retrain
from aiops_flows.steps.workspace import Workspace
from tests.letters import LETTERS, REPLIES, SECRET, Letter, Same, Shortened, make_letters, make_outcomes, reply, summary

NOW = pd.Timestamp("2026-11-01", tz="UTC").to_pydatetime()


def learn(place: Workspace, rows: int = 600) -> dict[str, Retrained]:
    """A history whose letters were answered, and champions of what learned from it."""
    history = make_letters(rows, seed=1, prefix="H")
    take_in(place, LETTERS, history, history=True)
    record_outcomes(place, LETTERS, make_outcomes(history))
    made = {}
    for spec in in_order(LETTERS):
        made[spec.output] = retrain(place, LETTERS, spec, as_of=NOW)
        assert promote(place, LETTERS, spec, version=made[spec.output].version).promoted, made[spec.output].reasons
    return made


def go(place: Workspace, letters: pd.DataFrame) -> pd.DataFrame:
    """One run of the business flow."""
    cases = take_in(place, LETTERS, letters)
    for spec in LETTERS.models:
        cases = predict(place, LETTERS, spec, cases)
    return review(place, LETTERS, cases)


@pytest.fixture
def taught(place: Workspace) -> Workspace:
    learn(place)
    return place


def test_a_writer_is_known_by_its_tag() -> None:
    """Alone, and as the last step of a pipeline; all others are what they were."""
    assert [spec.kind for spec in LETTERS.models] == ["writer", "classifier", "writer"]
    assert replace(reply, estimator=make_pipeline(FunctionTransformer(), Same())).kind == "writer"
    assert replace(reply, estimator=DummyRegressor()).kind == "regressor"


def test_writings_reach_the_frame_and_the_case_log_alike(taught: Workspace) -> None:
    """What people are shown is what is kept: a text and whatever else the writer says, with version and note."""
    done = go(taught, make_letters(60, seed=2))
    assert done["summary"].iloc[0] == {
        "text": f"Dear all, {SECRET} number {done['text'].iloc[0].split()[4]} wants",
        "words": 6,
    }
    assert done["summary_version"].tolist() == [1] * 60
    for name in ("summary", "reply"):
        kept = questions.predictions(taught.log, LETTERS.name, model=f"letters-{name}").set_index("case_id")["value"]
        assert [kept[case_id] for case_id in done["case_id"]] == done[name].tolist()


def test_texts_of_past_cases_are_filled_in_from_the_case_log(taught: Workspace) -> None:
    """The version holds ids alone; the step puts in what was written to those customers."""
    done = go(taught, make_letters(60, seed=2))
    for letter, said in zip(done["text"], done["reply"], strict=True):
        assert said["text"] == REPLIES[letter.split()[-1]]
        assert len(said["candidates"]) == 2


def test_a_second_run_changes_no_writing(taught: Workspace) -> None:
    """A case that was answered keeps its writing."""
    first, again = go(taught, make_letters(20, seed=2)), go(taught, make_letters(20, seed=2))
    assert first["reply"].tolist() == again["reply"].tolist()
    assert len(questions.predictions(taught.log, LETTERS.name, model="letters-reply")) == 20


def test_a_letter_on_which_the_writer_fails_stops_no_other(taught: Workspace) -> None:
    """It has no writing, the note says why without its words, and policy decides it by what it may look at."""
    letters = make_letters(20, seed=2)
    letters.loc[7, "text"] = "Please break the writer about my parcel"
    done = go(taught, letters)
    assert done["summary"].isna().tolist() == [at == 7 for at in range(20)]
    assert "RuntimeError" in done["summary_note"].iloc[7]
    assert "break" not in done["summary_note"].iloc[7]


class Odd(WriterMixin, BaseEstimator):
    """Says what it is told to say."""

    def __init__(self, said: Sequence[Any] = ()) -> None:
        self.said = said

    def fit(self, X: pd.DataFrame, y: Any) -> Odd:  # noqa: ARG002, N803  scikit-learn's signature
        """Nothing is learned."""
        return self

    def predict(self, X: pd.DataFrame) -> list[Any]:  # noqa: N803
        """What the row's number picks."""
        return [self.said[int(number)] for number in X["text"]]


def test_only_what_json_can_say_is_kept() -> None:
    """A writing that the case log cannot hold is a failure of that row, told without a word of it."""
    from aiops_flows.steps.inference import answer

    said = [
        "fine",
        {"text": "fine"},
        None,
        5,
        {"issue": "no text"},
        "\ud800",
        {"text": "a", "b": object()},
        "x" * 600_000,
    ]
    cases = pd.DataFrame(
        {"case_id": [f"c{at}" for at in range(len(said))], "text": [str(at) for at in range(len(said))]}
    )
    found = answer(summary, Odd(said), cases)
    assert found.values[:3] == ["fine", {"text": "fine"}, None]
    assert sorted(found.failures) == [3, 4, 5, 6, 7]
    assert found.scores is None


def test_a_writer_learns_from_case_ids_as_the_index() -> None:
    """How a writer names past cases, and leaves out a case's own reply."""
    seen = {}

    class Looking(Odd):
        def fit(self, X: pd.DataFrame, y: Any) -> Looking:  # noqa: N803
            seen["index"], seen["columns"], seen["y"] = X.index.tolist(), list(X.columns), list(y)
            return self

    from aiops_flows.steps.fitting import fit
    from aiops_flows.steps.rows import Labelled

    letters = make_letters(3)
    truth = pd.Series(["one", None, "three"], dtype=object).to_numpy()
    fit(Looking(), summary, Labelled(letters, truth, "", letters["received_at"]))
    assert seen == {"index": letters["case_id"].tolist(), "columns": ["text"], "y": ["one", None, "three"]}


def test_a_writer_learns_and_is_judged_on_the_first_day(place: Workspace) -> None:
    """With min_rows=0 no outcome is needed: gates that need none are judged, others stay closed with the reason."""
    take_in(place, LETTERS, make_letters(300, seed=1, prefix="H"), history=True)
    made = retrain(place, LETTERS, summary, as_of=NOW)
    assert made.passed, made.reasons
    assert made.rows == len(labelled_parts(place, LETTERS, summary, as_of=NOW)["train"]) > 150
    strict = replace(summary, gates=[*summary.gates, replace(reply.gates[1], max_drop=None, at_least=0.1)])
    closed = retrain(place, LETTERS, strict, as_of=NOW)
    assert [result.passed for result in closed.results] == [True, False]
    assert "the true text of 0 of" in closed.reasons[0]


def test_what_people_made_of_writings_is_learned(place: Workspace) -> None:
    """Outcomes of some cases are enough for a writer that needs none."""
    history = make_letters(300, seed=1, prefix="H")
    take_in(place, LETTERS, history, history=True)
    record_outcomes(place, LETTERS, make_outcomes(history[:200], summaries=True))
    made = retrain(place, LETTERS, summary, as_of=NOW)
    record = versions.get(place.log, LETTERS.name, summary.name, made.version)
    assert place.load(summary, made.version, record.digest).words_ == 9
    assert made.rows == len(labelled_parts(place, LETTERS, summary, as_of=NOW)["train"]) > 200


def test_a_writer_that_needs_outcomes_waits_for_them(place: Workspace) -> None:
    """Without enough answered cases nothing is trained."""
    take_in(place, LETTERS, make_letters(300, seed=1, prefix="H"), history=True)
    with pytest.raises(TrainingError, match="0 labelled rows"):
        retrain(place, LETTERS, reply, as_of=NOW)


def test_a_worse_writer_does_not_pass(taught: Workspace) -> None:
    """The gates hold a challenger against champion and baseline on the same rows."""
    worse = replace(reply, estimator=Shortened(2), trusted=[Same, Shortened])
    made = retrain(taught, LETTERS, worse, as_of=NOW)
    assert not made.passed
    told = " ".join(made.reasons)
    assert "worse than the champion" in told
    assert "baseline" in told


def test_without_a_baseline_a_writer_beats_nothing(taught: Workspace) -> None:
    """What cannot be measured does not pass, and the reason says what to declare."""
    made = retrain(taught, LETTERS, replace(reply, baseline=None), as_of=NOW)
    assert any("the baseline cannot be measured: none is declared" in reason for reason in made.reasons)


def test_a_challenger_is_compared_by_what_people_made_of_both(taught: Workspace) -> None:
    """In the shadow a worse writer is found to be worse, by the share of letters that people change."""
    worse = replace(reply, estimator=Shortened(2), trusted=[Same, Shortened])
    challenger = retrain(taught, LETTERS, worse, as_of=NOW)
    both = replace(LETTERS, models=[*LETTERS.models[:2], replace(reply, trusted=[Same, Shortened])])
    letters = make_letters(150, seed=3)
    cases = take_in(taught, both, letters)
    predict(taught, both, "letters-reply", cases)
    record_outcomes(taught, both, make_outcomes(letters))
    found = compare(taught, both, both.models[2], challenger.version)
    assert found is not None
    assert found.labels == 150
    assert found.champion_loss == pytest.approx(0.0)
    assert found.challenger_loss is not None
    assert found.challenger_loss > 0.5
    assert found.verdict.verdict == "reject"


def test_a_decision_does_not_rest_on_writings(taught: Workspace) -> None:
    """A certificate covers the models that policy may use; another summary voids nothing, and no rule sees one."""
    done = go(taught, make_letters(60, seed=2))
    assert (done["verdict"] == "assign").sum() > 20
    made = retrain(taught, LETTERS, summary, as_of=NOW)
    assert promote(taught, LETTERS, summary, version=made.version).promoted
    again = go(taught, make_letters(60, seed=4))
    assert (again["verdict"] == "assign").sum() > 20
    certificate = json.loads(str(versions.get(taught.log, LETTERS.name, "letters-topic", 1).certificate))
    assert certificate["companions"] == {}
    nosy = replace(LETTERS.review, auto={"assign": lambda letters: letters["summary"].notna()})
    with pytest.raises(KeyError, match="summary"):
        review(taught, replace(LETTERS, review=nosy), done)


def test_a_writer_judges_no_verdict() -> None:
    """A text is not right or wrong."""
    judged = replace(LETTERS.review, judged_by="reply")
    with pytest.raises(UseCaseError, match="are texts"):
        replace(LETTERS, review=judged)
    assert replace(LETTERS, review=replace(LETTERS.review, judged_by=None)).judged_by == "topic"


def test_decisions_are_reproduced_without_asking_writers(taught: Workspace) -> None:
    """What decided is asked again; what was written for people is not."""
    go(taught, make_letters(60, seed=2))
    found = reproduce(taught, LETTERS)
    assert found.holds, found.differences
    assert found.same == found.decisions > 20
    assert found.predictions == found.decisions


def test_drift_of_writings_is_of_their_lengths(taught: Workspace) -> None:
    """No text is compared; that a writer falls silent or says much more is seen."""
    since = taught.now()
    for day in range(2):
        go(taught, make_letters(300, seed=10 + day))
    [check] = [each for each in check_drift(taught, LETTERS, render=False) if each.model == summary.name]
    assert check.predictions is not None
    assert [column.name for column in check.predictions.columns] == ["length"]
    assert taught.now() - since < timedelta(minutes=5)


def test_no_text_of_a_letter_reaches_mlflow(taught: Workspace) -> None:
    """Files, parameters, metrics, figures and drift reports of writers hold numbers and ids."""
    home = Path(taught.settings.home)
    files = [file for file in home.rglob("*") if file.is_file() and "case_log" not in file.name]
    assert len(files) > 20
    assert [file.name for file in files if SECRET.encode() in file.read_bytes()] == []
    assert [file.name for file in files if b"with the carrier" in file.read_bytes()] == []


def test_an_arriving_letter_has_its_derived_words(taught: Workspace) -> None:
    """What the model learned from is there when it is asked."""
    done = go(taught, make_letters(5, seed=2))
    assert done["words"].tolist() == done["text"].str.lower().tolist()
    assert "words" in Letter.columns()
