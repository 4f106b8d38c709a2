"""Summaries of real service dialogues: better than the naive ones, and every sentence with a source."""

from __future__ import annotations

import pytest

from aiops_flows.estimators.summaries import ExtractiveSummary
from benchmarks.tickets.next_turns import find_dialogues
from benchmarks.tickets.summaries import (
    Dialogues,
    cross_validated,
    kept_by_the_check,
    naive,
    rouge,
    untrained,
    verified,
)

pytest.importorskip("rouge_score", reason="needs the extra test")

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(find_dialogues() is None, reason="AIOPS_SHARED_DATA names no folder that holds tweetsumm"),
]


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    """The first 250, as the published figures have them."""
    file = find_dialogues()
    assert file is not None
    return Dialogues.read(file, most=250)


def test_learned_summaries_beat_the_best_naive_one(dialogues: Dialogues) -> None:
    """With the speakers named in both, ROUGE-1, -2 and -L are all higher on dialogues that were not learned from."""
    ours = rouge(dialogues, [each["text"] for each in cross_validated(dialogues, ExtractiveSummary)]).mean(axis=0)
    peer = rouge(dialogues, dict(naive(dialogues))["the same, speakers named"]).mean(axis=0)
    assert (ours > peer + 1.0).all()


def test_every_sentence_of_every_summary_has_its_source(dialogues: Dialogues) -> None:
    """All of them stand where they say."""
    there, held = verified(dialogues, untrained(dialogues, ExtractiveSummary()))
    assert there == held > 500


def test_the_check_of_written_sentences_tells_dialogues_apart(dialogues: Dialogues) -> None:
    """Sentences that people wrote of another dialogue are dropped, many of its own are kept."""
    own, kept = kept_by_the_check(dialogues, 0)
    others, passed = kept_by_the_check(dialogues, 7)
    assert kept / own > 0.3
    assert passed / others < 0.01
