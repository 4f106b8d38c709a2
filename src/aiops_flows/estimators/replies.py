"""Replies to start from: candidates from past answered cases and from a knowledge base, each with its source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NotRequired, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from typing_extensions import TypedDict

from aiops_flows.estimators.knowledge import KnowledgeBase, Passage
from aiops_flows.estimators.past_replies import Asked, PastReplies, Places, asked
from aiops_flows.estimators.thread_match import ThreadMatch, spoken, thread_words
from aiops_flows.estimators.writer import WriterMixin

__all__ = ["Candidate", "CommonReply", "ReplySearch"]

Writings = npt.NDArray[np.object_]

_CASE = "case:"


class Candidate(TypedDict):
    """One text that a person may start from."""

    source: str
    """``case:<case id>``, or the name of a passage of the knowledge base."""
    similarity: float
    """How alike the thread is to that case's thread, or to the passage: the cosine of their weighted words, 0 to 1."""
    text: str
    title: NotRequired[str]
    """Of a passage."""


class _PointsAtCases(WriterMixin):
    """Writings whose candidates name replies of past cases, which the case log keeps."""

    def sources(self, values: Sequence[Any]) -> list[str]:
        """The names of the past replies that these writings point at, each once."""
        named = {candidate["source"] for value in values if value for candidate in value["candidates"]}
        return sorted(source for source in named if source.startswith(_CASE))

    def filled(self, values: Sequence[Any], texts: Mapping[str, str]) -> Writings:
        """The writings with the texts of past replies; a candidate without one, or with one said before, is left out.

        None where no candidate is left.
        """
        return _column([None if value is None else _filled(value["candidates"], texts) for value in values])


class ReplySearch(_PointsAtCases, BaseEstimator):
    """Reply candidates from past answered cases and a knowledge base, with source and similarity.

    A writer: `fit` takes threads (columns of turns, or texts) and the replies that people sent; the frame's index is
    the case id. A writing is ``{"text": ..., "candidates": [Candidate, ...]}``, the candidate that fits best first and
    passages after past replies; None where nothing fits. A case never gets its own reply.

    What is kept of past cases are their ids and vectors of hashed words, see `ThreadMatch` and `PastReplies`; their
    texts stay in the case log, and `filled` puts them in. The knowledge base is kept as it was read in `fit`.
    """

    def __init__(
        self,
        knowledge: KnowledgeBase | None = None,
        *,
        candidates: int = 5,
        passages: int = 2,
        exact_up_to: int = 20_000,
        random_state: int = 0,
    ) -> None:
        """Nothing is fitted yet.

        Args:
            knowledge: a folder of passages that may answer as well.
            candidates: how many texts a person may choose from, at most.
            passages: so many of them are kept for the knowledge base, where there is one.
            exact_up_to: from more past replies on, common words are left out of the first look over them.
            random_state: seed of samples and decompositions.
        """
        self.knowledge = knowledge
        self.candidates = candidates
        self.passages = passages
        self.exact_up_to = exact_up_to
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:  # noqa: N803  scikit-learn's signature
        """Keep what past threads and replies were about, the ids of their cases, and the knowledge base.

        Rows without a reply are left out.

        Raises:
            SourceError: the knowledge base cannot be read.
        """
        self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        passages = [] if self.knowledge is None else self.knowledge.read()
        self.knowledge_ = json.dumps(passages)
        replies, order, texts = _by_text(y, len(X))
        self.case_ids_ = np.asarray([str(X.index[place]) for place in order], dtype=np.str_)
        threads = _threads(X.iloc[order])
        said = [_said(passage) for passage in passages]
        self.match_ = ThreadMatch(random_state=self.random_state).fit(threads, replies, said)
        self.past_ = PastReplies(self.exact_up_to).fit(self.match_, threads, replies, texts)
        self.passages_ = PastReplies(self.exact_up_to, usual=0).fit(self.match_, said, said, np.arange(len(said)))
        return self

    def __getstate__(self) -> dict[str, Any]:
        """What is stored: nothing that can be computed again."""
        return {name: value for name, value in super().__getstate__().items() if name not in {"_passages", "_places"}}

    def predict(self, X: pd.DataFrame) -> Writings:  # noqa: N803
        """One writing a row; the texts of past cases in it are empty until `filled` puts them in."""
        check_is_fitted(self)
        threads = asked(self.match_, _threads(X))
        kept = min(self.passages, self.candidates - 1, len(self.passages_)) if len(self.past_) else self.candidates
        own = np.asarray([self._places.get(str(name), -1) for name in X.index], dtype=np.int64)
        past = self._found(self.past_, threads, self.candidates - kept, own)
        read = self._found(self.passages_, threads, kept, np.full(len(X), -1))
        return _column([self._writing(*row) for row in zip(past, read, strict=True)])

    def suits(self, X: pd.DataFrame, texts: Sequence[str]) -> npt.NDArray[Any]:  # noqa: N803
        """How well each of the given texts (column) would answer each thread (row); higher is better, without unit."""
        check_is_fitted(self)
        threads = asked(self.match_, _threads(X))
        words = self.match_.words([spoken(text) for text in texts])
        return self.past_.suits(threads, words, self.match_.gives(words))

    @staticmethod
    def _found(kept: PastReplies, threads: Asked, most: int, own: Places) -> list[list[tuple[int, float]]]:
        """Of each thread the best places with their similarity; what shares no word is left out."""
        places = kept.best(threads, most, own)
        alike = kept.similarities(threads, places)
        pairs = [zip(row.tolist(), similar, strict=True) for row, similar in zip(places, alike, strict=True)]
        return [[(place, similar) for place, similar in row if similar > 0] for row in pairs]

    def _writing(self, past: list[tuple[int, float]], read: list[tuple[int, float]]) -> dict[str, Any] | None:
        found = [
            Candidate(source=f"{_CASE}{self.case_ids_[place]}", similarity=alike, text="") for place, alike in past
        ]
        for place, alike in read:
            passage = self._passages[place]
            found.append(
                Candidate(source=passage["source"], similarity=alike, text=passage["text"], title=passage["title"])
            )
        return {"text": found[0]["text"], "candidates": found} if found else None

    @cached_property
    def _passages(self) -> list[Passage]:
        passages: list[Passage] = json.loads(self.knowledge_)
        return passages

    @cached_property
    def _places(self) -> dict[str, int]:
        """Case id -> place."""
        return {case_id: place for place, case_id in enumerate(self.case_ids_.tolist())}


class CommonReply(_PointsAtCases, BaseEstimator):
    """The reply that is most like all others, to everybody: what a search must beat."""

    def fit(self, X: pd.DataFrame, y: Any) -> Self:  # noqa: N803
        """Find the case whose reply is nearest to the mean of all replies; equal replies count as often as sent."""
        self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        self.n_features_in_ = X.shape[1]
        replies, order, _ = _by_text(y, len(X))
        words = ThreadMatch().fit(replies, replies).words(replies) if replies else None
        nearest = None if words is None else int(np.asarray(words @ np.asarray(words.mean(axis=0)).ravel()).argmax())
        self.case_id_ = "" if nearest is None else str(X.index[order[nearest]])
        return self

    def predict(self, X: pd.DataFrame) -> Writings:  # noqa: N803
        """The same writing with its one candidate for each row; None for the case itself, or without past replies."""
        check_is_fitted(self)
        return _column([self._writing() if self.case_id_ not in {"", str(name)} else None for name in X.index])

    def _writing(self) -> dict[str, Any]:
        return {"text": "", "candidates": [Candidate(source=f"{_CASE}{self.case_id_}", similarity=0.0, text="")]}


def _threads(rows: pd.DataFrame) -> list[str]:
    """The words of each row's thread."""
    return [thread_words(row) for row in rows.to_numpy(dtype=object).tolist()]


def _by_text(y: Any, rows: int) -> tuple[list[str], list[int], Places]:
    """The words of the replies there are, the row of each, and a number for each text; equal texts stand together."""
    truths = [None] * rows if y is None else list(y)
    told = [(spoken(truth), row) for row, truth in enumerate(truths) if isinstance(truth, str) and truth.strip()]
    told.sort(key=lambda reply: (_mark(reply[0]), reply[1]))
    marks = [_mark(words) for words, _ in told]
    numbers = np.cumsum([mark != before for mark, before in zip(marks, ["", *marks], strict=False)])
    return [words for words, _ in told], [row for _, row in told], numbers.astype(np.int64)


def _mark(words: str) -> str:
    """The same for texts that differ in case only."""
    return hashlib.sha256(words.lower().encode(errors="replace")).hexdigest()[:16]


def _said(passage: Passage) -> str:
    return spoken(f"{passage['title']}\n{passage['text']}")


def _filled(candidates: Sequence[Candidate], texts: Mapping[str, str]) -> dict[str, Any] | None:
    """A writing of the candidates that have a text which none before them has."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        text = texts.get(candidate["source"], "") if candidate["source"].startswith(_CASE) else candidate["text"]
        if text:
            found.setdefault(text, {**candidate, "text": text})
    kept = list(found.values())
    return {"text": kept[0]["text"], "candidates": kept} if kept else None


def _column(values: Sequence[Any]) -> Writings:
    """The writings as an array of objects, whatever they are made of."""
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return column
