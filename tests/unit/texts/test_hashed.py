"""Texts become counts in one way, and no word is kept."""

from __future__ import annotations

import pytest

from aiops_flows.texts.hashed import hashed_counts


def test_words_count_alike_wherever_they_stand() -> None:
    """Case does not matter, order does only for runs; a mask is not the word of its name."""
    one, other, mask = hashed_counts(["The card broke", "broke THE card", "<CARD> the broke"], words=(1, 1))
    assert (one != other).nnz == 0
    assert (one != mask).nnz > 0
    assert hashed_counts(["the card broke"]).sum() == 5


def test_characters_stand_beside_words() -> None:
    """Asked for both, a row has the columns of both; an empty text counts nothing."""
    counts = hashed_counts(["card", ""], chars=(2, 3), features=2**10)
    assert counts.shape == (2, 2**11)
    assert counts[1].nnz == 0
    assert hashed_counts(["card"], words=None, chars=(2, 3)).nnz > 0


def test_counting_nothing_is_refused() -> None:
    """Neither words nor characters is a slip."""
    with pytest.raises(ValueError, match="neither"):
        hashed_counts(["a"], words=None)
