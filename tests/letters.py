"""A small business for tests: letters that get a topic, a summary and a reply, by writers that are quick to train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from aiops_flows.estimators.writer import WriterMixin
from aiops_flows.use_case import Case, Gate, ModelSpec, ReviewPolicy, Text, UseCase

__all__ = ["LETTERS", "SECRET", "Letter", "Same", "Shortened", "make_letters", "make_outcomes", "reply", "summary"]

FIRST_DAY = pd.Timestamp("2026-01-01", tz="UTC")
SECRET = "canary-4711"
"""Stands in every letter, and must stand nowhere outside the case log."""
REPLIES = {
    "refund": "We have sent your refund today. It takes three days.",
    "parcel": "Your parcel is with the carrier. It comes tomorrow.",
    "invoice": "The invoice is attached. Please tell us if it is right.",
}


def lowered(letters: pd.DataFrame) -> Sequence[Any]:
    """The letter in lower case."""
    return [None if text is None else text.lower() for text in letters["text"]]


class Letter(Case):
    """A letter from a customer."""

    text: Text
    derived: ClassVar = {"words": lowered}


def first_column(features: pd.DataFrame) -> Any:
    """The only column, without missing values."""
    return features.iloc[:, 0].fillna("")


class Shortened(WriterMixin, BaseEstimator):
    """Writes the first words; learns from people how many."""

    def __init__(self, most: int = 6) -> None:
        self.most = most

    def fit(self, X: pd.DataFrame, y: Any) -> Self:  # noqa: N803  scikit-learn's signature
        """Take the mean number of words that people wrote, where anybody wrote some."""
        lengths = [len(text.split()) for text in y if text is not None]
        self.words_ = round(float(np.mean(lengths))) if lengths else self.most
        self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    def predict(self, X: pd.DataFrame) -> Any:  # noqa: N803
        """A dict a row; it fails on letters that say so."""
        if X.iloc[:, 0].str.contains("break the writer", na=False).any():
            raise RuntimeError(str(X.iloc[0, 0]))
        said = [{"text": " ".join(str(text).split()[: self.words_]), "words": self.words_} for text in X.iloc[:, 0]]
        return np.array([*said, None], dtype=object)[:-1]


class Same(WriterMixin, BaseEstimator):
    """Points at the reply to another letter with the same topic word; kept are words' sizes and ids, no words."""

    def fit(self, X: pd.DataFrame, y: Any) -> Self:  # noqa: N803
        """Remember a few answered letters of each topic, by its last word's hash."""
        known = [(key(text), str(name)) for name, text, true in zip(X.index, X.iloc[:, 0], y, strict=True) if true]
        self.keys_ = np.array([each for each, _ in known], dtype=np.int64)
        self.case_ids_ = np.array([name for _, name in known], dtype=np.str_)
        self.feature_names_in_ = np.asarray(list(X.columns), dtype=object)
        return self

    def predict(self, X: pd.DataFrame) -> list[Any]:  # noqa: N803
        """At most two candidates a row, never the letter's own reply; None where no topic is known."""
        said = []
        for name, text in zip(X.index, X.iloc[:, 0], strict=True):
            alike = [other for other in self.case_ids_[self.keys_ == key(text)].tolist() if other != str(name)]
            found = [{"source": f"case:{other}", "text": ""} for other in alike[:2]]
            said.append({"text": "", "candidates": found} if found else None)
        return said

    def sources(self, values: Sequence[Any]) -> list[str]:
        """The cases whose replies are candidates."""
        return [candidate["source"] for value in values if value for candidate in value["candidates"]]

    def filled(self, values: Sequence[Any], texts: Mapping[str, str]) -> list[Any]:
        """The candidates with their texts, and the first one as the text."""
        return [None if value is None else self._with(value, texts) for value in values]

    @staticmethod
    def _with(value: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
        found = [each | {"text": texts.get(each["source"], "")} for each in value["candidates"]]
        return {"text": found[0]["text"], "candidates": found}


def key(text: Any) -> int:
    """A number for the last word of a letter, which is its topic."""
    words = str(text).lower().rstrip(".").split()
    return sum(map(ord, words[-1])) if words else 0


topic = ModelSpec(
    name="letters-topic",
    features=["words"],
    output="topic",
    estimator=make_pipeline(
        FunctionTransformer(first_column), HashingVectorizer(n_features=2**10), LogisticRegression(C=30)
    ),
    gates=[Gate("accuracy", at_least=0.8)],
    min_rows=50,
    trusted=[first_column],
)
summary = ModelSpec(
    name="letters-summary",
    features=["text"],
    output="summary",
    estimator=Shortened(),
    gates=[Gate("written", at_least=0.9)],
    min_rows=0,
    watched=["words"],
    trusted=[Shortened],
)
reply = ModelSpec(
    name="letters-reply",
    features=["words"],
    output="reply",
    estimator=Same(),
    gates=[Gate("edit_similarity", at_least=0.8, beats_baseline=True), Gate("rouge_l", max_drop=0.05)],
    baseline=Shortened(),
    min_rows=50,
    trusted=[Same],
)
LETTERS = UseCase(
    name="letters",
    case=Letter,
    models=[summary, topic, reply],
    review=ReviewPolicy(
        verdicts=["assign", "answer"],
        auto={"assign": lambda letters: letters["topic"] != "invoice"},
        judged_by={"topic": lambda said, true: (said != true).astype(float)},
        audit=0.0,
        max_error=0.2,
    ),
)


def make_letters(rows: int, seed: int = 0, prefix: str = "L") -> pd.DataFrame:
    """Letters in order of receipt, one an hour; the last word is the topic."""
    random = np.random.default_rng(seed)
    topics = random.choice(list(REPLIES), rows)
    return pd.DataFrame(
        {
            "case_id": [f"{prefix}{seed}-{number:05d}" for number in range(rows)],
            "received_at": FIRST_DAY + pd.to_timedelta(np.arange(rows), unit="h"),
            "text": [
                f"Dear all, {SECRET} number {random.integers(99)} wants to hear about my {name}" for name in topics
            ],
        }
    )


def make_outcomes(letters: pd.DataFrame, *, summaries: bool = False) -> pd.DataFrame:
    """Topic and reply of letters, a day after receipt; with ``summaries`` what people made of these too."""
    topics = letters["text"].str.split().str[-1]
    known = letters["received_at"] + pd.Timedelta(days=1)
    told = {"case_id": letters["case_id"], "topic": topics, "reply": topics.map(REPLIES)}
    if summaries:
        told["summary"] = letters["text"].str.split().str[:9].str.join(" ")
    return pd.DataFrame(told | {"event_at": known, "known_at": known})
