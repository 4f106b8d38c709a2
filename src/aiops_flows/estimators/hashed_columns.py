"""Texts and labels as weighted, hashed columns: what is learned of them is numbers, never a word of a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction import FeatureHasher

from aiops_flows.texts.hashed import hashed_counts

__all__ = ["Array", "Block", "Matrix", "Weights", "counted", "learned_blocks", "texts_and_labels", "weighted"]

Array = npt.NDArray[Any]
Weights = dict[str, npt.NDArray[Any]]
Matrix = Any
"""A sparse matrix with a row a case (scipy gives its matrices no types)."""

_COLUMNS = 2**18
_LABEL_COLUMNS = 2**14
_LONGEST = 4_000  # characters that are read: what a ticket is about is said early, and the time stays bounded


class Block(TypedDict):
    """Of words, of parts of words or of labels: the hashed columns that training held, and what each is worth."""

    columns: npt.NDArray[np.int64]
    worth: npt.NDArray[np.float32]
    """The inverse document frequency, smoothed."""


def texts_and_labels(table: pd.DataFrame, text: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The text of each row, and its other columns as ``column=value``; what is missing is left out."""
    words = [table[name].where(table[name].notna(), "").astype(str) for name in text]
    joined = ["\n".join(parts) for parts in zip(*(column.tolist() for column in words), strict=True)]
    labels: list[list[str]] = [[] for _ in range(len(table))]
    for name in (name for name in table.columns if name not in text):
        for row, value in table[name].reset_index(drop=True).dropna().items():
            labels[int(str(row))].append(f"{name}={value}")
    return joined, labels


def counted(texts: Sequence[str], labels: Sequence[Sequence[str]]) -> list[Matrix]:
    """How often each word or pair of words, each part of a word (2 to 5 characters) and each label stands in a row."""
    early = [text[:_LONGEST] for text in texts]
    if not early:
        return [sparse.csr_matrix((0, width)) for width in (_COLUMNS, _COLUMNS, _LABEL_COLUMNS)]
    names = FeatureHasher(_LABEL_COLUMNS, input_type="string", alternate_sign=False)
    words = hashed_counts(early, words=(1, 2), features=_COLUMNS)
    parts = hashed_counts(early, words=None, chars=(2, 5), features=_COLUMNS)
    return [words, parts, names.transform(labels)]


def learned_blocks(counts: Sequence[Matrix], min_rows: int) -> list[Block]:
    """The columns that enough rows have, and what each is worth: the rarer, the more."""
    return [_learned(block, min_rows) for block in counts]


def weighted(counts: Sequence[Matrix], blocks: Sequence[Block]) -> tuple[Matrix, npt.NDArray[np.float64]]:
    """The kept columns side by side, each block of a row scaled to length 1; and which share of each block is new.

    Counts are damped by their logarithm (Salton and Buckley 1988). The shares stand in the order of the blocks; a
    block of a row that holds nothing at all is new.
    """
    parts = [_weighted(block, kept) for block, kept in zip(counts, blocks, strict=True)]
    unseen = np.column_stack([_unseen(block, part) for block, part in zip(counts, parts, strict=True)])
    return sparse.hstack(parts, format="csr", dtype=np.float32), unseen


def _learned(block: Matrix, min_rows: int) -> Block:
    rows = np.bincount(block.indices, minlength=block.shape[1])
    columns = np.flatnonzero(rows >= min_rows).astype(np.int64)
    worth = np.log((1 + block.shape[0]) / (1 + rows[columns])) + 1
    return Block(columns=columns, worth=worth.astype(np.float32))


def _weighted(block: Matrix, kept: Block) -> Matrix:
    columns = kept["columns"]
    places = np.searchsorted(columns, block.indices)  # for one ticket far faster than to index a matrix so wide
    there = np.append(columns, -1)[places] == block.indices
    starts = np.append(0, np.cumsum(there))[block.indptr]
    places = places[there]
    values = (1 + np.log(block.data[there])) * kept["worth"][places]
    rows = np.repeat(np.arange(block.shape[0]), np.diff(starts))
    length = np.sqrt(np.bincount(rows, weights=values**2, minlength=block.shape[0]))
    scaled = (values / length[rows]).astype(np.float32)
    return sparse.csr_matrix((scaled, places, starts), shape=(block.shape[0], len(columns)))


def _unseen(block: Matrix, part: Matrix) -> npt.NDArray[np.float64]:
    share: npt.NDArray[np.float64] = 1 - np.diff(part.indptr) / np.maximum(np.diff(block.indptr), 1)
    return share
