"""Texts as sparse counts of hashed words: no word is kept, and any two texts are counted alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["WORD", "hashed_counts"]

WORD = r"<[a-z]+>|\w+(?:['’]\w+)*"  # noqa: RUF001
"""What counts as a word, in lower case: a mask, or letters and digits, with what an apostrophe joins."""


def hashed_counts(
    texts: Sequence[str],
    *,
    words: tuple[int, int] | None = (1, 2),
    chars: tuple[int, int] | None = None,
    features: int = 2**18,
) -> csr_matrix:
    """A row of counts for each text, ``features`` columns for words and as many more for characters where asked.

    ``words`` are the lengths of runs of words that are counted, ``chars`` those of runs of characters within words.
    By scikit-learn's `HashingVectorizer` (MurmurHash3, all counts positive, lower case, nothing normed).
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    given = {"n_features": features, "alternate_sign": False, "norm": None}
    counters = []
    if words is not None:
        counters.append(HashingVectorizer(ngram_range=words, token_pattern=WORD, **given))
    if chars is not None:
        counters.append(HashingVectorizer(analyzer="char_wb", ngram_range=chars, **given))
    if not counters:
        raise ValueError("hashed_counts: neither words nor chars are counted; give the lengths of one of them")
    counts = [counter.transform(texts) for counter in counters]
    return counts[0] if len(counts) == 1 else hstack(counts, format="csr")
