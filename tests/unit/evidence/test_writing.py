"""Writings beside what people wrote: each quality is the mean of a score a row, equal to what others compute."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from aiops_flows.estimators.summaries import LeadSummary
from aiops_flows.evidence.answers import Scored, read_answers
from aiops_flows.evidence.comparison import Comparison
from aiops_flows.evidence.metrics import METRICS
from aiops_flows.evidence.writing import SCORES, Writings, candidate_texts, text_of
from aiops_flows.gates import judge
from aiops_flows.use_case import Gate, ModelSpec

SAYING = "we have sent your refund today and it will be there in 3 days please write to us again if not sorry"
MADE = np.random.default_rng(7)


def text(longest: int = 30) -> str:
    return " ".join(MADE.choice(SAYING.split(), MADE.integers(0, longest)))


PAIRS = [(text(), text()) for _ in range(200)]


def quality(name: str, truth: list[str | None], said: list[Any]) -> float:
    return METRICS[name].function(truth, said)


def test_the_text_of_a_writing_is_itself_or_what_it_names() -> None:
    """A writing is a text, or a dict whose "text" a person starts from; its candidates may be texts or dicts."""
    assert [text_of(each) for each in ("a", {"text": "b"}, {"issue": "c"}, None)] == ["a", "b", None, None]
    assert candidate_texts({"text": "a", "candidates": [{"text": "b"}, "c", None]}) == ["b", "c"]
    assert candidate_texts({"text": "a"}) == candidate_texts("a") == ["a"]
    assert candidate_texts(None) == []


def test_rouge_equals_the_reference_implementation() -> None:
    """ROUGE-1, -2 and -L are those of the package that summaries are published with (without stemming)."""
    rouge = pytest.importorskip("rouge_score.rouge_scorer")
    scorer = rouge.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for said, true in [*PAIRS, ("A.B-c_d", "a b C d"), ("", ""), ("x", "")]:
        wanted = scorer.score(true, said)
        for ours, theirs in (("rouge_1", "rouge1"), ("rouge_2", "rouge2"), ("rouge_l", "rougeL")):
            assert SCORES[ours](said, true) == pytest.approx(wanted[theirs].fmeasure), (said, true)


def test_words_of_every_script_count() -> None:
    """A text without a Latin letter is compared word by word as well."""
    assert SCORES["rouge_1"]("Где мой заказ", "где заказ") == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("name", "said", "true", "score"),
    [
        ("accepted", " Thank  you\n", "Thank you", 1.0),
        ("accepted", "Thank you!", "Thank you", 0.0),
        ("edit_similarity", "kitten", "sitting", 1 - 3 / 7),
        ("edit_similarity", "", "", 1.0),
        ("best_candidate", {"text": "no", "candidates": [{"text": "no"}, {"text": "yes"}]}, "yes", 1.0),
        ("best_candidate", "yes", "yes", 1.0),
        ("rouge_l", {"text": "a b c"}, "a x c", 2 / 3),
    ],
)
def test_scores_by_hand(name: str, said: Any, true: str, score: float) -> None:
    """What a person can count is what is given."""
    assert SCORES[name](said, true) == pytest.approx(score)


@pytest.mark.parametrize("name", list(SCORES))
def test_a_missing_writing_scores_nothing(name: str) -> None:
    """Who says nothing is not spared: the row counts as 0."""
    assert quality(name, ["yes sir"] * 2, ["yes sir", None]) == pytest.approx(0.5)


def test_rows_without_a_true_text_are_left_out_of_the_mean() -> None:
    """A row that nobody has answered says nothing of how good the writing was, but that there was one."""
    assert quality("accepted", ["yes", None, None], ["yes", "no", None]) == 1.0
    assert quality("written", ["yes", None, None], ["yes", {"text": " "}, None]) == pytest.approx(1 / 3)


def test_a_quality_that_needs_texts_is_not_measured_on_too_few() -> None:
    """Below 30 known texts the gate stays closed, while the share of cases with a writing is measured."""
    truth: list[str | None] = [*["yes"] * 29, *[None] * 100]
    comparison = Comparison.of("writer", truth, {"challenger": Scored(["yes"] * 129)})
    assert "29 of 129 rows" in str(comparison.value(METRICS["rouge_l"], "challenger"))
    assert comparison.value(METRICS["written"], "challenger") == 1.0


@pytest.mark.parametrize(("known", "once_known", "passed"), [(29, True, True), (29, False, False), (30, True, False)])
def test_a_writer_may_begin_before_texts_are_known_only_where_the_gate_says_so(
    known: int, once_known: bool, passed: bool
) -> None:
    """Below 30 known texts such a gate binds nobody, and says so; from then on it binds like any other."""
    truth: list[str | None] = [*["yes, of course"] * known, *[None] * 100]
    gate = Gate("rouge_l", at_least=0.9, once_known=once_known)
    spec = ModelSpec("letters-summary", ["text"], "summary", LeadSummary(), gates=[gate])
    (result,) = judge(
        spec, truth, Scored(["no"] * len(truth)), None, Scored([], missing="none is declared"), {}, 0.0, 1.0
    )
    assert result.passed is passed
    assert ("not judged" in result.reason) is passed


def test_a_slice_counts_only_the_rows_whose_text_is_known() -> None:
    """The exact interval of a share is as wide as the known texts make it."""
    truth: list[str | None] = [*["yes"] * 40, *[None] * 400]
    some = Comparison.of("writer", truth, {"challenger": Scored(["yes"] * 440)}, of_slice=True)
    few = Comparison.of("writer", truth[:40], {"challenger": Scored(["yes"] * 40)}, of_slice=True)
    wide, narrow = (each.estimate(METRICS["accepted"], "challenger") for each in (some, few))
    assert not isinstance(wide, str)
    assert not isinstance(narrow, str)
    assert some.interval(METRICS["accepted"], wide) == few.interval(METRICS["accepted"], narrow)
    assert some.interval(METRICS["accepted"], wide).low < 0.95


def test_resamples_are_means_of_the_resampled_rows() -> None:
    """One matrix product gives the quality of each resample, unknown truths left out."""
    truth = [None if at % 5 == 0 else true for at, (_, true) in enumerate(PAIRS)]
    answers = read_answers("writer", truth, {"": Scored([said for said, _ in PAIRS])})[""]
    assert not isinstance(answers, str)
    counts = MADE.integers(0, 3, (4, len(PAIRS))).astype(float)
    for name in SCORES:
        scores = Writings(truth, [said for said, _ in PAIRS]).scores(name)
        known = np.isfinite(scores)
        wanted = [np.average(scores[known], weights=row[known]) for row in counts]
        np.testing.assert_allclose(METRICS[name].resampled(answers, counts), wanted)


def test_a_better_writer_beats_a_worse_one_and_not_the_other_way() -> None:
    """The interval of the difference tells them apart on the same rows."""
    truth = [true for _, true in PAIRS]
    better = [true if at % 3 else said for at, (said, true) in enumerate(PAIRS)]
    worse = [said for said, _ in PAIRS]
    both = Comparison.of("writer", truth, {"better": Scored(better), "worse": Scored(worse)})
    for name in ("accepted", "edit_similarity", "rouge_1", "rouge_2", "rouge_l", "best_candidate"):
        one, other = both.estimate(METRICS[name], "better"), both.estimate(METRICS[name], "worse")
        assert not isinstance(one, str)
        assert not isinstance(other, str)
        assert both.difference(one, other).low > 0 > both.difference(other, one).high


def test_a_model_that_gave_no_answers_says_why() -> None:
    """Where no baseline is declared, a gate that compares with it learns just that."""
    answers = read_answers("writer", ["yes"], {"baseline": Scored([], missing="none is declared")})
    assert answers == {"baseline": "none is declared"}


def test_texts_stay_out_of_what_is_printed() -> None:
    """No text reaches a log or a traceback by way of these objects."""
    answers = read_answers("writer", ["secret"], {"": Scored(["secret"])})
    assert "secret" not in repr(answers)


def test_five_thousand_long_texts_take_seconds() -> None:
    """All scores of 1,000 texts of 100 words, so that 5,000 stay a matter of seconds."""
    many = [(text(200), text(200)) for _ in range(1_000)]
    begun = time.process_time()
    for name in SCORES:
        Writings([true for _, true in many], [said for said, _ in many]).scores(name)
    assert time.process_time() - begun < 3
