"""How much each sentence says of a thread: weights of its features and its words, learned from human summaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge

from aiops_flows.estimators.quotes import Quote, words_of
from aiops_flows.estimators.sentence_features import FEATURES, described

__all__ = ["PARTS", "Weights", "learned", "scored"]

Floats = npt.NDArray[np.float64]

PARTS = {"issue": "customer", "resolution": "agent", "tried": "agent"}
"""Each part of a summary, and whose sentences it is made of."""
_HASHED = 2**13
_STIFFNESS = 100.0
_ENOUGH_SUMMARIES = 200
_DEFAULTS: dict[str, dict[str, float]] = {
    "issue": {
        "one": -0.06,
        "first_turn": 0.05,
        "place": -0.015,
        "opens_turn": 0.01,
        "closes_turn": -0.01,
        "length": 0.057,
        "short": 0.01,
        "question": 0.015,
        "central": 0.02,
        "turn_length": -0.01,
    },
    "resolution": {
        "one": -0.11,
        "first_turn": 0.01,
        "last_turn": 0.01,
        "place": 0.02,
        "opens_turn": 0.005,
        "length": 0.08,
        "short": 0.03,
        "long": -0.025,
        "question": -0.01,
        "digits": -0.015,
        "masked": 0.01,
        "greeting": -0.01,
        "trouble": -0.04,
        "steps": 0.03,
        "central": 0.01,
        "echo": 0.01,
        "turn_length": -0.01,
    },
    "tried": {"steps": 1.0, "greeting": -1.0, "short": -0.5, "length": 0.05, "place": 0.1},
}
"""Of issue and resolution: what a ridge regression found on TweetSumm (Feigenblat and others 2021), rounded. Of what
was tried: set by hand, as no public summaries tell it apart."""


class Weights(TypedDict):
    """The weights of one part: of the features, and of the hashed words."""

    features: Floats
    words: Floats


def learned(threads: Sequence[tuple[Sequence[Quote], str]]) -> dict[str, Weights]:
    """The weights of each part, from threads with a human summary each; without any, the defaults.

    A ridge regression of how much of the summary's words and pairs of words a sentence shares with it. Up to 200
    summaries move the defaults; from then on they play no part.
    """
    return {part: _part(part, [] if part == "tried" else threads) for part in PARTS}


def scored(threads: Sequence[Sequence[Quote]], weights: dict[str, Weights]) -> list[dict[str, Floats]]:
    """The score of each sentence of each thread for each part; minus infinity for the other speaker's."""
    everything = [quote for quotes in threads for quote in quotes]
    if not everything:
        return [{part: np.zeros(0) for part in PARTS} for _ in threads]
    features, words = np.vstack([described(quotes) for quotes in threads if quotes]), _words(everything)
    ends = np.cumsum([len(quotes) for quotes in threads])[:-1]
    parts = {}
    for part, speaker in PARTS.items():
        score = features @ weights[part]["features"] + words @ weights[part]["words"]
        score[np.array([quote.speaker != speaker for quote in everything])] = -np.inf
        parts[part] = np.split(score, ends)
    return [{part: parts[part][place] for part in PARTS} for place in range(len(threads))]


def _part(part: str, threads: Sequence[tuple[Sequence[Quote], str]]) -> Weights:
    defaults = np.array([_DEFAULTS[part].get(name, 0.0) for name in FEATURES])
    kept: list[Quote] = []
    rows, worth = [np.zeros((0, len(FEATURES)))], []
    for quotes, summary in threads:
        mine = [place for place, quote in enumerate(quotes) if quote.speaker == PARTS[part]]
        rows.append(described(quotes)[mine] if mine else rows[0])
        kept += [quotes[place] for place in mine]
        worth += _shared([quotes[place].text for place in mine], summary)
    if not kept:
        return Weights(features=defaults, words=np.zeros(_HASHED))
    table = sparse.hstack([sparse.csr_matrix(np.vstack(rows)), _words(kept)], format="csr")
    start = defaults if len(threads) < _ENOUGH_SUMMARIES else np.zeros_like(defaults)
    distance = np.asarray(worth) - np.vstack(rows) @ start
    moved = Ridge(alpha=_STIFFNESS, fit_intercept=False).fit(table, distance).coef_
    return Weights(features=start + moved[: len(FEATURES)], words=moved[len(FEATURES) :])


def _words(quotes: Sequence[Quote]) -> sparse.csr_matrix:
    hashing = HashingVectorizer(n_features=_HASHED, ngram_range=(1, 2), norm="l2", alternate_sign=True)
    return hashing.transform([quote.text for quote in quotes])


def _shared(texts: Sequence[str], summary: str) -> list[float]:
    """How much each text shares with a summary: F1 of the words and of the pairs of words, their mean."""
    wanted = _counted(summary)
    return [sum(_f1(mine, theirs) for mine, theirs in zip(_counted(text), wanted, strict=True)) / 2 for text in texts]


def _counted(text: str) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]:
    words = words_of(text)
    return Counter((word,) for word in words), Counter(pairwise(words))


def _f1(mine: Counter[tuple[str, ...]], theirs: Counter[tuple[str, ...]]) -> float:
    both = (mine & theirs).total()
    return 2 * both / (mine.total() + theirs.total()) if both else 0.0
