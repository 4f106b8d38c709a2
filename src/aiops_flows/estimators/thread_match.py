"""Which words of a thread call for which words of a reply, learned from past pairs of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.hashed import hashed_counts
from aiops_flows.texts.personal import masked

__all__ = ["ThreadMatch", "spoken", "thread_words"]

Floats = npt.NDArray[np.float32]
Matrix = Any  # scipy.sparse.csr_matrix, which has no types

_LONGEST = 10_000  # characters of a thread that are looked at: its beginning and its end
_FEWEST_PAIRS = 100
_HASHED = 2**18
_MOST_PAIRS = 20_000


class ThreadMatch(BaseEstimator):
    """Threads and replies as vectors, such that a thread lies close to the replies that it calls for.

    Words are hashed and weighted by the square of their inverse document frequency: what is rare counts most. Beside
    them stand a few dimensions in which threads and the replies they got agree most (canonical correlation analysis,
    Hotelling 1936, on the leading singular vectors of the words): that "where is my parcel" calls for a tracking
    number, though no word is shared. Nothing of it can be read as text.
    """

    def __init__(self, dimensions: int = 200, shared: int = 100, shrinkage: float = 3.0, random_state: int = 0) -> None:
        """Nothing is fitted yet.

        Args:
            dimensions: singular vectors of the words.
            shared: dimensions of agreement that are kept.
            shrinkage: how far the covariances are drawn to a multiple of the unit matrix; more for fewer pairs.
            random_state: seed of the sample and of the decomposition.
        """
        self.dimensions = dimensions
        self.shared = shared
        self.shrinkage = shrinkage
        self.random_state = random_state

    def fit(self, threads: Sequence[str], replies: Sequence[str], further: Sequence[str] = ()) -> Self:
        """Learn from threads and their replies, the i-th of both being a pair; of further texts, how rare words are."""
        asked, said = _counts(threads), _counts(replies)
        every = sparse.vstack([asked, said, _counts(further)]).tocsr()
        rows_with = np.bincount(every.indices, minlength=every.shape[1])
        self.rarity_ = (np.log((1 + every.shape[0]) / (1 + rows_with)) + 1).astype(np.float32)
        self._learn_agreement(self._weighted(asked), self._weighted(said), np.flatnonzero(rows_with > 1))
        return self

    def words(self, texts: Sequence[str]) -> Matrix:
        """The weighted words of texts as a sparse matrix with rows of length 1."""
        return self._weighted(_counts(texts))

    def calls(self, words: Matrix) -> Floats:
        """What threads call for: rows of length 1, or no columns where there were too few pairs to learn from."""
        return self._placed(words, self.call_mean_, self.call_axes_)

    def gives(self, words: Matrix) -> Floats:
        """What replies give, in the same dimensions."""
        return self._placed(words, self.gift_mean_, self.gift_axes_)

    def meanings(self, words: Matrix) -> Floats:
        """The leading singular vectors of the words: nearly what the words say, in few numbers."""
        found: Floats = np.asarray(words[:, self.columns_] @ self.axes_, dtype=np.float32)
        return found

    def _placed(self, words: Matrix, mean: Floats, axes: Floats) -> Floats:
        placed: Floats = _of_length_one((self.meanings(words) - mean) @ axes)
        return placed

    def _weighted(self, counts: Matrix) -> Matrix:
        weighted = counts.astype(np.float32)
        weighted.data = (1 + np.log(weighted.data)) * self.rarity_[weighted.indices] ** 2
        return _of_length_one(weighted)

    def _learn_agreement(self, asked: Matrix, said: Matrix, columns: npt.NDArray[np.int64]) -> None:
        """Singular vectors of the words of a sample, and in them the directions in which pairs agree most."""
        kept = min(self.dimensions, asked.shape[0] - 1, len(columns) - 1) if asked.shape[0] >= _FEWEST_PAIRS else 0
        if kept < 1:
            columns, kept = columns[:0], 0
        self.columns_ = columns.astype(np.int64)
        sample = _sample(asked.shape[0], self.random_state)
        asked, said = asked[sample][:, columns], said[sample][:, columns]
        self.axes_ = np.zeros((len(columns), 0), dtype=np.float32)
        if kept:
            both = sparse.vstack([asked, said]).tocsr()
            self.axes_ = randomized_svd(both, kept, n_iter=3, random_state=self.random_state)[2].T.astype(np.float32)
        calls, gifts = asked @ self.axes_, said @ self.axes_
        self.call_mean_, self.gift_mean_ = _mean(calls), _mean(gifts)
        self.call_axes_, self.gift_axes_ = _agreeing(
            calls - self.call_mean_, gifts - self.gift_mean_, self.shared, self.shrinkage
        )


def _agreeing(calls: Floats, gifts: Floats, shared: int, shrinkage: float) -> tuple[Floats, Floats]:
    """Axes on which two centred tables agree most, those of the first weighted by how much they agree."""
    if not calls.size:
        nothing = np.zeros((calls.shape[1], 0), dtype=np.float32)
        return nothing, nothing
    rows = len(calls)
    white_calls, white_gifts = _whitening(calls, shrinkage), _whitening(gifts, shrinkage)
    left, agreement, right = linalg.svd(white_calls @ (calls.T @ gifts / rows) @ white_gifts)
    call_axes = white_calls @ left[:, :shared] * agreement[:shared]
    return call_axes.astype(np.float32), (white_gifts @ right[:shared].T).astype(np.float32)


def _whitening(table: Floats, shrinkage: float) -> npt.NDArray[np.float64]:
    """The inverse square root of the covariance, shrunk to its mean variance."""
    variances, axes = linalg.eigh((table.T @ table / len(table)).astype(np.float64))
    ridge = shrinkage * max(float(variances.mean()), 1e-12)
    white: npt.NDArray[np.float64] = axes / np.sqrt(np.maximum(variances, 0) + ridge) @ axes.T
    return white


def _of_length_one(table: Any) -> Any:
    """The rows at length 1; scikit-learn refuses a table without rows or columns."""
    return normalize(table, copy=False) if min(table.shape) else table


def _mean(table: Floats) -> Floats:
    mean: Floats = table.mean(axis=0) if len(table) else np.zeros(table.shape[1], dtype=np.float32)
    return mean


def _sample(rows: int, seed: int) -> npt.NDArray[np.int64]:
    """All rows, or a seeded sample of as many as are enough."""
    chosen = np.random.default_rng(seed).permutation(rows)[:_MOST_PAIRS]
    return np.sort(chosen)


def _counts(texts: Sequence[str]) -> Matrix:
    """How often each hashed word stands in each text."""
    if not len(texts):  # scikit-learn refuses to hash nothing
        return sparse.csr_matrix((0, _HASHED))
    return hashed_counts(list(texts), words=(1, 1), features=_HASHED)


def thread_words(row: Sequence[Any]) -> str:
    """What customer and agent said in the columns of one row (threads, or texts), cleaned, without personal data."""
    parts = [part for value in row for part in _parts(value)]
    words = " ".join(parts)
    if len(words) > _LONGEST:
        words = f"{words[: _LONGEST // 2]} {words[-_LONGEST // 2 :]}"
    return masked(words)


def spoken(text: str) -> str:
    """One text, cleaned and without personal data."""
    return masked(cleaned(text[:_LONGEST]))


def _parts(value: Any) -> list[str]:
    """The texts of a thread's turns but those of the system; a plain text as it is."""
    if isinstance(value, str):
        return [cleaned(value[:_LONGEST])]
    if not isinstance(value, list):
        return []
    return [cleaned(turn["text"][:_LONGEST]) for turn in value if turn["speaker"] != "system"]
