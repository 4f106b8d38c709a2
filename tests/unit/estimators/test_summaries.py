"""Summaries made of quotes, what they learn, and whether each sentence has a source."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from aiops_flows.estimators import grounding
from aiops_flows.estimators.quotes import stands_in
from aiops_flows.estimators.summaries import ExtractiveSummary, LeadSummary, LongestTurn
from aiops_flows.registry import model_file, trusted
from tests.unit.estimators.threads import BROKEN, LATE, Turns, frame, nothing

WRITERS = [ExtractiveSummary(), LeadSummary(), LongestTurn()]


def written(writer: Any, *threads: Any) -> list[Any]:
    cases = frame(*threads)
    return list(clone(writer).fit(cases, nothing(cases)).predict(cases))


@pytest.mark.parametrize("writer", WRITERS, ids=repr)
def test_every_sentence_stands_in_the_turn_it_names(writer: Any) -> None:
    """A summary is grounded by construction, its mails and telephone numbers masked."""
    for thread, writing in zip([BROKEN, LATE], written(writer, BROKEN, LATE), strict=True):
        assert grounding.check(writing, thread) == grounding.Grounded(1.0, ())
        assert writing["sentences"]
        assert "someone@example.com" not in json.dumps(writing)
        assert "7946" not in json.dumps(writing)


def test_issue_and_resolution_are_apart() -> None:
    """The issue is quoted from the customer, the resolution from the agent, and the text has a line for each."""
    writing = written(ExtractiveSummary(), BROKEN)[0]
    speakers = {quote["part"]: BROKEN[quote["turn"]]["speaker"] for quote in writing["sentences"]}
    assert (speakers["issue"], speakers["resolution"]) == ("customer", "agent")
    assert writing["text"].startswith("Customer: ")
    assert "\nAgent: " in writing["text"]
    assert "My order 4711 arrived broken." in writing["issue"]
    assert "We will refund the 90 euros within 3 days." in writing["resolution"]


def test_the_note_for_a_hand_off_says_what_was_tried_and_whose_turn_it_is() -> None:
    """Who takes the thread over reads issue, steps, last answer, and who is waited for."""
    note = written(ExtractiveSummary(), BROKEN)[0]["handoff"].splitlines()
    assert note[0].startswith("Issue: ")
    assert "Tried: We cannot refund without it." in note
    assert note[-1] == "Waiting for: the customer (6 turns so far)"
    assert written(ExtractiveSummary(), BROKEN[:5])[0]["handoff"].endswith("Waiting for: the agent (5 turns so far)")


@pytest.mark.parametrize("longest", [40, 80, 200, 600])
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: type(writer).__name__)
def test_a_summary_keeps_to_its_length(writer: Any, longest: int) -> None:
    """However long the sentences are, the text has no more characters, and what was cut is still word for word."""
    long = [{"speaker": "customer", "text": "no stop " * 300}, {"speaker": "agent", "text": "we look into it " * 300}]
    for thread in (BROKEN, LATE, long):
        writing = written(writer.set_params(longest=longest), thread)[0]
        if writing is not None:
            assert len(writing["text"]) <= longest
            assert len(writing["handoff"]) <= 2 * longest + 60
            assert grounding.check(writing, thread).share == 1.0
    writer.set_params(longest=600)


@pytest.mark.parametrize("thread", [None, [], [{"speaker": "customer", "text": " \n "}], 3, float("nan")])
def test_where_nothing_was_said_nothing_is_written(thread: Any) -> None:
    """None stands for no summary, and the others are written all the same."""
    before, empty, after = written(ExtractiveSummary(), BROKEN, thread, LATE)
    assert empty is None
    assert before is not None
    assert after is not None


def test_other_threads_change_no_summary() -> None:
    """A thread is summarized alike alone, in a batch, and in any order."""
    alone = written(ExtractiveSummary(), BROKEN) + written(ExtractiveSummary(), LATE)
    assert written(ExtractiveSummary(), BROKEN, LATE) == alone
    assert written(ExtractiveSummary(), LATE, BROKEN) == alone[::-1]


def test_a_moved_or_changed_quote_is_found() -> None:
    """Another word, another place or another turn: the check names the sentence, without its words."""
    writing = written(ExtractiveSummary(), BROKEN)[0]
    count = len(writing["sentences"])
    for change in ({"text": "The agent promised 900 euros."}, {"start": 3}, {"turn": 99}, {"turn": None}, {"end": -1}):
        sentences = [writing["sentences"][0] | change, *writing["sentences"][1:]]
        found = grounding.check(writing | {"sentences": sentences}, BROKEN)
        assert found.share == pytest.approx(1 - 1 / count)
        assert len(found.failures) == 1
        assert found.failures[0].startswith("sentence 1: ")
        assert "900" not in found.failures[0]


def test_a_mask_stands_for_something() -> None:
    """A masked quote stands where the words around its masks do, in their order, with something in between."""
    assert stands_in("Write to <EMAIL> or <PHONE>.", "Write to a@example.com or 123.")
    assert not stands_in("Write to <EMAIL> or <PHONE>.", "Write to  or 123.")
    assert not stands_in("Write to <EMAIL> or <PHONE>.", "Call 123 or write to a@example.com.")
    assert not stands_in("Write to <EMAIL>", "Please write to a@example.com")


def human(style: str) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Threads with two sentences a side, and people who always tell the first, or always the second."""
    threads, summaries = [], []
    for n in range(60):
        first, second = f"The screen number {n} stays dark.", f"Anyway the parcel {n} came on time."
        reply, other = f"We will send screen {n} again.", f"Glad the parcel {n} came."
        threads.append(
            [{"speaker": "customer", "text": f"{first} {second}"}, {"speaker": "agent", "text": f"{reply} {other}"}]
        )
        summaries.append(f"{first} {reply}" if style == "first" else f"{second} {other}")
    return frame(*threads), np.array(summaries, dtype=object)


@pytest.mark.parametrize(("style", "word"), [("first", "screen"), ("second", "parcel")])
def test_what_people_write_moves_what_is_quoted(style: str, word: str) -> None:
    """From human summaries it learns which sentences matter here, even against what it was given."""
    cases, summaries = human(style)
    writer = ExtractiveSummary(issue=1, resolution=1).fit(cases.iloc[:50], summaries[:50])
    for writing in writer.predict(cases.iloc[50:]):
        assert word in writing["issue"][0]
        assert word in writing["resolution"][0]


def test_a_fitted_summary_holds_no_words_and_survives_being_stored() -> None:
    """Its file needs only our list of types, has none of the customers' words, and answers the same."""
    cases, summaries = human("first")
    writer = ExtractiveSummary().fit(cases, summaries)
    content, _ = model_file.to_bytes(writer, trusted.names())
    again = model_file.open_model(content, trusted.names(), "summary")
    assert list(again.predict(cases)) == list(writer.predict(cases))
    assert b"screen" not in content
    assert b"parcel" not in content
    model_file.refuse_forgetful(writer, again, cases.iloc[:0])


turns = st.lists(
    st.fixed_dictionaries({"speaker": st.sampled_from(["customer", "agent", "system"]), "text": st.text(max_size=120)}),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(thread=turns)
def test_any_text_is_summarized_with_sources_or_not_at_all(thread: Turns) -> None:
    """Scripts, emoji, right-to-left, control characters: quoted with a source that holds, or left alone."""
    writing = written(ExtractiveSummary(), thread)[0]
    assert grounding.check(writing, thread).failures == ()


@pytest.mark.parametrize(
    "text", ["a. ", "a\n", ". ", "x", "@", "<A>", "someone@example.com ", "\u202e\u200b", "\U0001f600 "]
)
def test_a_hostile_thread_costs_a_bounded_time(text: str) -> None:
    """A hundred thousand characters of anything are summarized, or not, within seconds."""
    thread = [{"speaker": "customer", "text": (text * 100_000)[:100_000]}]
    begun = time.process_time()
    writing = written(ExtractiveSummary(), thread)[0]
    assert time.process_time() - begun < 20
    assert grounding.check(writing, thread).failures == ()
