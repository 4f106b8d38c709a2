"""Summaries made of sentences of the thread: each is a quote with its source, issue and resolution apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from aiops_flows.estimators.quotes import Quote, quotes_of, turns_of, words_of
from aiops_flows.estimators.sentence_weights import Weights, learned, scored
from aiops_flows.estimators.summary_writing import Objects, as_objects, threads_of, writing_of
from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.texts.threads import Turn

__all__ = ["ExtractiveSummary", "LeadSummary", "LongestTurn"]

Floats = npt.NDArray[np.float64]

_NOT_FAR_BEHIND = 0.5
_A_STEP = 0.2


class ExtractiveSummary(WriterMixin, BaseEstimator):
    """What the customer wants and what the agent did about it, in their own sentences, and a note for a hand-off.

    Sentences are chosen by weights: of where they stand, what they hold and which words they use. Without any human
    summary the weights are those that were learned from public customer-service dialogues; with some, they are moved
    towards what people here wrote. Nothing of a text is kept: words count by their hash.

    A writing is a mapping:

    - ``text``: the summary, a line for the customer's issue and one for the agent's answer
    - ``issue``, ``resolution``, ``tried``: the quoted sentences
    - ``handoff``: a note for who takes the thread over: issue, what was tried, last answer, whose turn it is
    - ``sentences``: every quote with ``turn``, ``start``, ``end`` and ``part``; `grounding.check` verifies them
    """

    def __init__(
        self, issue: int = 2, resolution: int = 2, tried: int = 3, longest: int = 600, *, enough: int = 18
    ) -> None:
        """Nothing is learned yet.

        Args:
            issue: sentences of the customer, at most.
            resolution: sentences of the agent, at most.
            tried: sentences that say what was tried, in the note only, at most.
            longest: characters of the summary; the note may have twice as many.
            enough: words of issue or resolution that a further sentence must not go beyond.
        """
        self.issue = issue
        self.resolution = resolution
        self.tried = tried
        self.longest = longest
        self.enough = enough

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  scikit-learn's signature
        """Learn which sentences people put into summaries, from threads and human summaries (None where unknown)."""
        threads = threads_of(X)
        known = [None] * len(threads) if y is None else list(y)
        pairs = [(thread, text) for thread, text in zip(threads, known, strict=True) if isinstance(text, str) and text]
        quoted = [(quotes_of(turns_of(thread)), text) for thread, text in pairs]
        self.weights_: dict[str, Weights] = learned(quoted)
        self.rows_ = len(quoted)
        self.n_features_in_ = 1
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    def predict(self, X: Any) -> Objects:  # noqa: N803
        """A writing for each thread; None where nothing can be quoted."""
        turns = [turns_of(thread) for thread in threads_of(X)]
        quotes = [quotes_of(each) for each in turns]
        scores = scored(quotes, getattr(self, "weights_", None) or learned([]))
        return as_objects([self._written(*each) for each in zip(turns, quotes, scores, strict=True)])

    def _written(
        self, turns: Sequence[Turn], quotes: Sequence[Quote], scores: dict[str, Floats]
    ) -> dict[str, Any] | None:
        issue = _in_order(_chosen(quotes, scores["issue"], self.issue, self.enough))
        resolution = _in_order(_chosen(quotes, scores["resolution"], self.resolution, self.enough))
        steps = _ranked(quotes, np.where(scores["tried"] >= _A_STEP, scores["tried"], -np.inf))
        left = [quote for quote in steps if quote not in (*issue, *resolution)]
        tried = _in_order(left[: self.tried])
        return writing_of(turns, {"issue": issue, "resolution": resolution, "tried": tried}, self.longest)


class _WholeTurns(WriterMixin, BaseEstimator):
    """What the naive summaries share: they learn nothing, and quote whole sentences."""

    def __init__(self, longest: int = 600) -> None:
        self.longest = longest

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803  scikit-learn's signature
        """Learn nothing but the name of the column."""
        self.n_features_in_ = 1
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    def predict(self, X: Any) -> Objects:  # noqa: N803
        """A writing for each thread; None where nothing can be quoted."""
        turns = [turns_of(thread) for thread in threads_of(X)]
        return as_objects([self._written(each, quotes_of(each)) for each in turns])

    def _written(self, turns: Sequence[Turn], quotes: Sequence[Quote]) -> dict[str, Any] | None:
        taken = self._taken(quotes)
        parts = {
            "issue": [quote for quote in taken if quote.speaker == "customer"],
            "resolution": [quote for quote in taken if quote.speaker != "customer"],
            "tried": [],
        }
        return writing_of(turns, parts, self.longest)

    def _taken(self, quotes: Sequence[Quote]) -> list[Quote]:
        raise NotImplementedError


class LeadSummary(_WholeTurns):
    """The naive summary: the first turns of the thread (by default three), as they are."""

    def __init__(self, turns: int = 3, longest: int = 600) -> None:
        super().__init__(longest)
        self.turns = turns

    def _taken(self, quotes: Sequence[Quote]) -> list[Quote]:
        return [quote for quote in quotes if quote.turn < self.turns]


class LongestTurn(_WholeTurns):
    """Another naive summary: the longest turn of the thread, as it is."""

    def _taken(self, quotes: Sequence[Quote]) -> list[Quote]:
        sizes: dict[int, int] = {}
        for quote in quotes:
            sizes[quote.turn] = sizes.get(quote.turn, 0) + len(quote.text)
        longest = max(sizes, key=lambda turn: (sizes[turn], -turn), default=-1)
        return [quote for quote in quotes if quote.turn == longest]


def _ranked(quotes: Sequence[Quote], scores: Floats) -> list[Quote]:
    """The sentences that may stand in a part, the best first."""
    return [quotes[place] for place in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[place])]


def _chosen(quotes: Sequence[Quote], scores: Floats, most: int, enough: int) -> list[Quote]:
    """The best sentence, and the next best ones while they are short and not far behind."""
    ranked = _ranked(quotes, scores)[:most]
    best, words = float(scores.max(initial=-np.inf)), 0
    for place, quote in enumerate(ranked):
        words += len(words_of(quote.text))
        if place and (words > enough or scores[quotes.index(quote)] < _NOT_FAR_BEHIND * best):
            return ranked[:place]
    return ranked


def _in_order(quotes: Sequence[Quote]) -> list[Quote]:
    """As they stand in the thread."""
    return sorted(quotes, key=lambda quote: (quote.turn, quote.start))
