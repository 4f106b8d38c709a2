"""What is known of each sentence of a thread as numbers: where it stands, how long it is, what it echoes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.quotes import Quote, words_of
from aiops_flows.estimators.word_lists import GREETINGS, STEPS, TROUBLE

__all__ = ["FEATURES", "described"]

FEATURES = (
    "one",
    "first_turn",
    "last_turn",
    "place",
    "opens_turn",
    "closes_turn",
    "length",
    "short",
    "long",
    "question",
    "digits",
    "masked",
    "greeting",
    "trouble",
    "steps",
    "central",
    "echo",
    "turn_length",
)


def described(quotes: Sequence[Quote]) -> npt.NDArray[np.float64]:
    """A row of numbers for each sentence of one thread, in the order of `FEATURES`."""
    words = [words_of(quote.text) for quote in quotes]
    everywhere = Counter(word for each in words for word in set(each))
    by_others = _said_by_others(quotes, words)
    places = _places(quotes)
    lengths: Counter[int] = Counter()
    for quote, each in zip(quotes, words, strict=True):
        lengths[quote.turn] += len(each)
    turns = [-1, *(quote.turn for quote in quotes), -1]
    table = np.zeros((len(quotes), len(FEATURES)))
    for row, (quote, each) in enumerate(zip(quotes, words, strict=True)):
        distinct = set(each)
        place, last = places[quote.speaker][quote.turn], max(len(places[quote.speaker]) - 1, 0)
        table[row] = (
            1.0,
            place == 0,
            place == last,
            place / max(last, 1),
            turns[row] != quote.turn,
            turns[row + 2] != quote.turn,
            math.log1p(len(each)),
            len(each) < 5,
            len(each) > 30,
            quote.text.endswith("?"),
            any(sign.isdigit() for sign in quote.text),
            "<" in quote.text,
            _share(each, GREETINGS),
            _share(each, TROUBLE),
            _share(each, STEPS),
            sum(everywhere[word] > 1 for word in distinct) / max(len(distinct), 1),
            len(distinct & by_others[quote.speaker]) / max(len(distinct), 1),
            math.log1p(lengths[quote.turn]),
        )
    return table


def _places(quotes: Sequence[Quote]) -> dict[str, dict[int, int]]:
    """Of each speaker, the number of each turn among that speaker's own."""
    places: dict[str, dict[int, int]] = {}
    for quote in quotes:
        own = places.setdefault(quote.speaker, {})
        own.setdefault(quote.turn, len(own))
    return places


def _said_by_others(quotes: Sequence[Quote], words: Sequence[list[str]]) -> dict[str, set[str]]:
    """Of each speaker, the words that anybody else has used."""
    said: dict[str, set[str]] = {}
    for quote, each in zip(quotes, words, strict=True):
        said.setdefault(quote.speaker, set()).update(each)
    return {speaker: set().union(*(said[other] for other in said if other != speaker)) for speaker in said}


def _share(words: Sequence[str], listed: frozenset[str]) -> float:
    return sum(word in listed for word in words) / max(len(words), 1)
