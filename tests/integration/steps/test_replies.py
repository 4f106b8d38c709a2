"""The texts that a writing points at are read from the case log, as they are known now, with personal data masked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from aiops_flows.estimators.knowledge import KnowledgeBase
from aiops_flows.estimators.replies import CommonReply, ReplySearch
from aiops_flows.steps.inference import answer, predict
from aiops_flows.steps.intake import take_in
from aiops_flows.steps.outcomes import record_outcomes
from aiops_flows.steps.promotion import promote
from aiops_flows.steps.replies import reply_texts
from aiops_flows.steps.training import retrain
from aiops_flows.steps.workspace import Workspace
from aiops_flows.steps.writings import texts_for
from aiops_flows.texts.threads import Thread
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, UseCase


class Question(Case):
    """Something that a customer asks."""

    thread: Thread


reply = ModelSpec(
    name="desk-reply", features=["thread"], output="reply", estimator=ReplySearch(), baseline=CommonReply()
)
DESK = UseCase(name="desk", case=Question, models=[reply], review=ReviewPolicy(verdicts=["answer"]))


@pytest.fixture
def answered(place: Workspace) -> Workspace:
    """Two questions that were answered, one that was not."""
    asked = {"Q1": "where is my parcel", "Q2": "how do I change my password", "Q3": "may I pay by card"}
    take_in(place, DESK, pd.DataFrame({"case_id": list(asked), "thread": list(asked.values())}))
    told = pd.DataFrame({"case_id": ["Q1", "Q2"], "reply": ["Mail us at help@example.com.", "Follow the link."]})
    record_outcomes(place, DESK, told)
    return place


def test_texts_come_with_personal_data_masked(answered: Workspace) -> None:
    """Only of the cases named, and of those with an outcome."""
    assert reply_texts(answered, DESK, reply, ["case:Q1", "case:Q3", "case:Q9", "kb:a.md#x"]) == {
        "case:Q1": "Mail us at <EMAIL>."
    }
    assert reply_texts(answered, DESK, reply, ["kb:a.md#x"]) == {}


def test_a_corrected_reply_is_read_as_corrected(answered: Workspace) -> None:
    """What was wrong is not offered again."""
    record_outcomes(answered, DESK, pd.DataFrame({"case_id": ["Q2"], "reply": ["Ask for a new link."]}))
    assert reply_texts(answered, DESK, reply, ["case:Q2"]) == {"case:Q2": "Ask for a new link."}


def test_a_fitted_search_is_filled_from_the_case_log(answered: Workspace) -> None:
    """The version knows ids, the case log knows texts, and together they make a reply to start from."""
    past = pd.DataFrame(
        {
            "thread": [
                [{"speaker": "customer", "text": "where is my parcel"}],
                [{"speaker": "customer", "text": "password"}],
            ]
        },
        index=["Q1", "Q2"],
    )
    fitted = ReplySearch().fit(past, ["Mail us at help@example.com.", "Follow the link."])
    new = pd.DataFrame({"case_id": ["N1"], "thread": [[{"speaker": "customer", "text": "my parcel is not here"}]]})
    said = answer(reply, fitted, new, texts_for(answered, DESK, reply)).values[0]
    assert said["text"] == "Mail us at <EMAIL>."
    assert said["candidates"][0]["source"] == "case:Q1"


def questions_about(subjects: int, rows: int, prefix: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Questions about a few subjects, and the reply that each subject gets; the canary stands in all of them."""
    numbers = [(row * 7 + row // 5) % subjects for row in range(rows)]
    asked = [f"canaryasked my thing{number} is broken since {row}" for row, number in enumerate(numbers)]
    ids = [f"{prefix}-{row}" for row in range(rows)]
    told = [f"canarysaid send in thing{number}, we repair it" for number in numbers]
    return pd.DataFrame({"case_id": ids, "thread": asked}), pd.DataFrame({"case_id": ids, "reply": told})


def test_the_whole_life_of_a_reply_search(place: Workspace, tmp_path: Path) -> None:
    """Trained on answered cases, judged beside the common reply, promoted, asked; no word of it leaves the case log."""
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "repairs.md").write_text("# Repairs\nthing3 cannot be repaired.\n")
    search = ReplySearch(KnowledgeBase(str(tmp_path / "kb")))
    gates = [Gate("best_candidate", at_least=0.9, beats_baseline=True)]
    spec = replace(reply, estimator=search, gates=gates)
    desk = replace(DESK, models=[spec])
    asked, told = questions_about(12, 400, "H")
    take_in(place, desk, asked, history=True)
    record_outcomes(place, desk, told)
    made = retrain(place, desk, spec)
    assert promote(place, desk, spec, version=made.version).promoted, made.reasons
    new, wanted = questions_about(12, 30, "N")
    said = predict(place, desk, spec, take_in(place, desk, new))["reply"]
    assert [writing["text"] for writing in said] == wanted["reply"].tolist()
    about_it = new["thread"].str.contains("thing3 ").tolist()
    found = [writing["candidates"][-1]["source"] == "kb:repairs.md#repairs" for writing in said]
    assert found == about_it
    store = [file for file in place.settings.home.rglob("*") if file.is_file() and "case" not in file.name]
    assert store
    assert not [file.name for file in store if b"canary" in file.read_bytes()]


def test_a_declared_search_can_be_shown(place: Workspace) -> None:
    """Its text form names the folder, and says nothing of what is in it."""
    assert "KnowledgeBase(folder='kb')" in repr(ReplySearch(KnowledgeBase("kb")))
