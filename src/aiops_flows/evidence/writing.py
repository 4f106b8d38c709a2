"""Qualities of writings beside what people wrote: one score a row, so that every quality is a mean over rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCORES", "Writings", "candidate_texts", "text_of"]

Floats = NDArray[np.float64]

_WORD = re.compile(r"[^\W_]+")  # of any script; on ASCII what rouge-score's tokenizer finds, without stemming


def text_of(writing: Any) -> str | None:
    """What a person starts from: the writing itself, or its ``text``; None where there is none."""
    said = writing.get("text") if isinstance(writing, Mapping) else writing
    return said if isinstance(said, str) else None


def candidate_texts(writing: Any) -> list[str]:
    """The texts of a writing's ``candidates``, the best first; where it has none, its own text alone."""
    listed = writing.get("candidates") if isinstance(writing, Mapping) else None
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        return [text for text in map(text_of, listed) if text is not None]
    text = text_of(writing)
    return [] if text is None else [text]


@dataclass(frozen=True)
class Writings:
    """Writings with the texts that people wrote; each score is computed once, and a part of the rows shares it."""

    truth: Sequence[str | None] = field(repr=False)
    """None where it is not known."""
    said: Sequence[Any] = field(repr=False)
    kept: dict[str, Floats] = field(default_factory=dict, repr=False)

    def scores(self, name: str) -> Floats:
        """One score a row, NaN where no truth is known; ``name`` is one of `SCORES`."""
        if name not in self.kept:
            one = SCORES[name]
            pairs = zip(self.truth, self.said, strict=True)
            self.kept[name] = np.array([np.nan if true is None else one(said, true) for true, said in pairs], float)
        return self.kept[name]

    def rows(self, chosen: NDArray[np.int64]) -> Writings:
        """The same for some of the rows."""
        places = chosen.tolist()
        kept = {name: found[chosen] for name, found in self.kept.items()}
        return Writings([self.truth[at] for at in places], [self.said[at] for at in places], kept)


def _accepted(writing: Any, true: str) -> float:
    """1 where a person left the text as it was, but for white space."""
    said = text_of(writing)
    return float(said is not None and said.split() == true.split())


def _edit_similarity(writing: Any, true: str) -> float:
    """1 less the number of letters to change (Levenshtein 1966), as a share of the longer text; 0 without a text."""
    said = text_of(writing)
    return 0.0 if said is None else _alike(said, true)


def _best_candidate(writing: Any, true: str) -> float:
    """The edit similarity of the candidate that is nearest to what the person wrote."""
    return max((_alike(said, true) for said in candidate_texts(writing)), default=0.0)


def _alike(said: str, true: str) -> float:
    from rapidfuzz.distance import Levenshtein

    return float(Levenshtein.normalized_similarity(said, true))


def _rouge_n(size: int) -> Callable[[Any, str], float]:
    """ROUGE-N's F measure (Lin 2004): word sequences of that size in common."""

    def score(writing: Any, true: str) -> float:
        said, known = (
            Counter(zip(*(words[at:] for at in range(size)), strict=False)) for words in _words(writing, true)
        )
        return _f_measure((said & known).total(), said.total(), known.total())

    return score


def _rouge_l(writing: Any, true: str) -> float:
    """ROUGE-L's F measure (Lin 2004): the longest sequence of words in common, gaps allowed."""
    from rapidfuzz.distance import LCSseq

    said, known = _words(writing, true)
    return _f_measure(LCSseq.similarity(said, known), len(said), len(known))


def _words(writing: Any, true: str) -> tuple[list[str], list[str]]:
    return cast("list[str]", _WORD.findall((text_of(writing) or "").lower())), _WORD.findall(true.lower())


def _f_measure(shared: int, said: int, known: int) -> float:
    return 2 * shared / (said + known) if shared else 0.0


SCORES: Mapping[str, Callable[[Any, str], float]] = MappingProxyType(
    {
        "accepted": _accepted,
        "edit_similarity": _edit_similarity,
        "rouge_1": _rouge_n(1),
        "rouge_2": _rouge_n(2),
        "rouge_l": _rouge_l,
        "best_candidate": _best_candidate,
    }
)
"""Name -> score of one writing beside the true text, between 0 and 1; a missing writing scores 0."""
