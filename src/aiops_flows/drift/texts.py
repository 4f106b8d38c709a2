"""Columns of text, told by named descriptors and by where their words lie: never as categories, never in the raw."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops_flows.drift.columns import series_of
from aiops_flows.texts.hashed import hashed_counts
from aiops_flows.texts.threads import said

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["DESCRIPTORS", "MOST_TEXT_ROWS", "DescribedText", "Spelled", "described", "spelled", "text_columns"]

DESCRIPTORS = {
    "length": "characters",
    "words": "words",
    "upper": "share of letters that are capitals",
    "digits": "share of characters that are digits",
    "rare": "how rare its words are: mean of log2(rows / rows with the word), over both sides together",
    "meaning": "where its words lie: distance of the mean vectors of both sides",
}
"""What is measured of a text, by the last part of the name: ``words.length`` of a column ``words``."""
MOST_TEXT_ROWS = 5_000
"""Rows a side above which a seeded sample is measured where a column is text."""
_FEATURES = 2**12
_LONGEST = 1_000  # characters of a text that are looked at, beside its length
_LOOKED_AT = 400
_DISTINCT, _WORDS = 0.5, 4  # of what is looked at: a label is repeated, a name is short


@dataclass(frozen=True)
class DescribedText:
    """One column of text: the descriptors of each row of both sides, and its words as a sparse vector."""

    name: str
    reference: pd.DataFrame
    """The descriptors that are numbers, named ``<column>.<descriptor>``; missing where the text is."""
    current: pd.DataFrame
    vectors: csr_matrix
    """The rows of the reference first: weights of hashed words, of length 1, or 0 where nothing was written."""
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Spelled:
    """Two frames in which columns of text are replaced by their numeric descriptors."""

    reference: pd.DataFrame
    current: pd.DataFrame
    columns: list[str]
    of: dict[str, str]
    """Descriptor -> the column of text that it describes."""
    texts: dict[str, DescribedText]
    """By the name of the ``meaning`` descriptor."""


def text_columns(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str], texts: Collection[str] = ()
) -> list[str]:
    """Those of the columns that hold text: the named ones, and those that look like it.

    A column looks like text where it holds conversations, or mostly distinct values of four words and more.
    """
    there = [name for name in dict.fromkeys(columns) if name in reference.columns or name in current.columns]
    return [
        name
        for name in there
        if name in texts or _looks_like_text(series_of(reference, name), series_of(current, name))
    ]


def _looks_like_text(*sides: pd.Series[Any]) -> bool:
    if any(side.dtype.kind != "O" and side.notna().any() for side in sides):
        return False
    values = [value for side in sides for value in _some_of(side, _LOOKED_AT // len(sides))]
    if not values or not all(isinstance(value, str | list) for value in values):
        return False
    written = [said(value) if _is_thread(value) else value for value in values]
    if not all(isinstance(value, str) for value in written):
        return False
    words = np.mean([len(value.split()) for value in written])
    return isinstance(values[0], list) or bool(len(set(written)) >= _DISTINCT * len(written) and words >= _WORDS)


def _some_of(side: pd.Series[Any], most: int) -> list[Any]:
    """About so many known values from all over a column; where it hardly has any, the first ones."""
    some = side.iloc[:: max(len(side) // most, 1)].dropna()
    return (some if len(some) else side.dropna().iloc[:most]).tolist()


def _is_thread(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(turn, dict) and "text" in turn for turn in value)


def spelled(reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[str], texts: Sequence[str]) -> Spelled:
    """Both frames with the descriptors of their texts in place of these; the order of the columns is kept."""
    if not texts:
        return Spelled(reference, current, list(dict.fromkeys(columns)), {}, {})
    found = {name: described(name, reference, current) for name in texts}
    wanted = [part for name in dict.fromkeys(columns) for part in _parts(name, found)]
    of = {f"{name}.{descriptor}": name for name in texts for descriptor in DESCRIPTORS}
    before = [reference.reset_index(drop=True), *(each.reference for each in found.values())]
    now = [current.reset_index(drop=True), *(each.current for each in found.values())]
    texts_by_meaning = {f"{name}.meaning": each for name, each in found.items()}
    return Spelled(pd.concat(before, axis=1), pd.concat(now, axis=1), wanted, of, texts_by_meaning)


def _parts(name: str, found: Collection[str]) -> list[str]:
    return [f"{name}.{descriptor}" for descriptor in DESCRIPTORS] if name in found else [name]


def described(name: str, reference: pd.DataFrame, current: pd.DataFrame) -> DescribedText:
    """The descriptors of a column of text; all of them see both sides together, so that neither is preferred."""
    values = [value for side in (reference, current) for value in series_of(side, name)]
    there = np.array([isinstance(value, str | list) for value in values], np.bool_)
    written = [said(value) for value in values]
    counts = hashed_counts([text[:_LONGEST].lower() for text in written], words=(1, 1), features=_FEATURES)
    numbers = _numbers(written) | {"rare": _rarity(counts)}
    frame = pd.DataFrame({f"{name}.{part}": np.where(there, each, np.nan) for part, each in numbers.items()})
    split = len(reference)
    halves = frame.iloc[:split].reset_index(drop=True), frame.iloc[split:].reset_index(drop=True)
    return DescribedText(name, *halves, _vectors(counts), there)


def _numbers(written: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    begun = [text[:_LONGEST] for text in written]
    letters = _counted(begun, str.isalpha)
    return {
        "length": np.array([len(text) for text in written], np.float64),
        "words": np.array([len(text.split()) for text in written], np.float64),
        "upper": _counted(begun, str.isupper) / np.maximum(letters, 1.0),
        "digits": _counted(begun, str.isdigit) / np.maximum([len(text) for text in begun], 1.0),
    }


def _counted(texts: Sequence[str], kind: Any) -> NDArray[np.float64]:
    return np.array([sum(map(kind, text)) for text in texts], np.float64)


def _rarity(counts: csr_matrix) -> NDArray[np.float64]:
    """The mean of log2(rows / rows with the word) over the distinct words of each row; 0 where there are none."""
    rows, sizes = counts.shape[0], np.diff(counts.indptr)
    weights = np.log2(rows / np.maximum(np.bincount(counts.indices, minlength=_FEATURES), 1))
    owner = np.repeat(np.arange(rows), sizes)
    summed = np.bincount(owner, weights=weights[counts.indices], minlength=rows)
    rarity: NDArray[np.float64] = summed / np.maximum(sizes, 1)
    return rarity


def _vectors(counts: csr_matrix) -> csr_matrix:
    """Rows of length 1: words weighted by log(1 + count) and by how few rows have them (Salton and Buckley 1988)."""
    vectors = counts.astype(np.float32)
    rows = counts.shape[0]
    weights = np.log((1 + rows) / (1 + np.bincount(counts.indices, minlength=_FEATURES))) + 1
    vectors.data = np.log1p(vectors.data) * weights[vectors.indices].astype(np.float32)
    owner = np.repeat(np.arange(rows), np.diff(vectors.indptr))
    norm = np.sqrt(np.bincount(owner, weights=vectors.data.astype(np.float64) ** 2, minlength=rows))
    vectors.data /= np.maximum(norm[owner], 1e-12).astype(np.float32)
    return vectors
