"""Past threads and the replies they got, as vectors, and the search among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator

from aiops_flows.estimators.thread_match import Floats, Matrix, ThreadMatch

__all__ = ["Asked", "PastReplies", "asked"]

Places = npt.NDArray[np.int64]

_AT_ONCE = 5_000_000  # scores held at a time
_RARE = 0.02  # of the replies: words in more of them are left out of the first look, see _first_look
_LOOKED_AT = 200  # replies that are looked at again with all their words
_SAMPLE = 300, 2_000  # threads and replies from which the spreads of the signs are taken


class Asked(NamedTuple):
    """Threads that are to be answered, as vectors."""

    words: Matrix
    calls: Floats

    def rows(self, chosen: Any) -> Asked:
        """Some of them."""
        return Asked(self.words[chosen], self.calls[chosen])


def asked(match: ThreadMatch, threads: Sequence[str]) -> Asked:
    """The vectors of threads."""
    words = match.words(threads)
    return Asked(words, match.calls(words))


class PastReplies(BaseEstimator):
    """Replies that fit a thread best, each text once.

    Five signs are added, each measured in its own spread: the thread has the words of the past thread, and of the
    past reply; it calls for what that thread called for, and for what that reply gave (`ThreadMatch`); and the reply
    is like the others, which counts ``usual`` times: of two that fit, the usual one needs less change. Past replies
    with the same text speak for it together, each with the exponential of its score (nearest neighbours with weights).

    Up to ``exact_up_to`` replies every score is computed. Beyond, words that stand in more than 2 % of them are left
    out of a first look over all of them, and the 200 best are then scored exactly; see decision 33 for what that costs.
    """

    def __init__(self, exact_up_to: int = 20_000, usual: float = 1.0) -> None:
        self.exact_up_to = exact_up_to
        self.usual = usual

    def fit(self, match: ThreadMatch, threads: Sequence[str], replies: Sequence[str], texts: Places) -> Self:
        """Keep threads and their replies.

        Args:
            match: fitted on them.
            threads: their words.
            replies: the words of the reply to each.
            texts: a number for each, the same for replies with the same text, ascending.
        """
        self.starts_ = np.flatnonzero(np.diff(texts, prepend=-1)).astype(np.int64)
        self.thread_words_ = match.words(threads)
        self.reply_words_ = match.words(replies)
        called, given = match.calls(self.thread_words_), match.gives(self.reply_words_)
        self.spreads_ = _spreads(self.thread_words_, self.reply_words_, called, given)
        self.offered_ = called / self.spreads_[2] + given / self.spreads_[3]
        self.usual_ = _usual(self.reply_words_, self.usual)
        return self

    def __len__(self) -> int:
        return int(self.thread_words_.shape[0])

    def __getstate__(self) -> dict[str, Any]:
        """What is stored: nothing that can be computed again."""
        return {name: value for name, value in super().__getstate__().items() if name not in {"_words", "_first_look"}}

    def best(self, threads: Asked, most: int, own: Places) -> list[Places]:
        """The best replies for each thread, by place, the best first; ``own`` is the place of its own (-1: none)."""
        if not len(self):
            return [np.zeros(0, dtype=np.int64)] * threads.calls.shape[0]
        found: list[Places] = []
        for block, scores in self._scores(threads):
            mine = own[block]
            scores[np.flatnonzero(mine >= 0), mine[mine >= 0]] = -np.inf
            found += self._ranked(threads.rows(block), scores, most)
        return found

    def similarities(self, threads: Asked, places: Sequence[Places]) -> list[list[float]]:
        """How alike each thread is to the past threads at these places: the cosine of their words, 0 to 1."""
        rows = np.repeat(np.arange(len(places)), [len(each) for each in places])
        if not len(rows):
            return [[] for _ in places]
        pairs = threads.words[rows].multiply(self.thread_words_[np.concatenate(places)])
        alike = np.clip(np.asarray(pairs.sum(axis=1), dtype=np.float64).ravel(), 0, 1).round(4)
        ends = np.cumsum([len(each) for each in places])[:-1]
        return [part.tolist() for part in np.split(alike, ends)]

    def suits(self, threads: Asked, replies: Matrix, given: Floats) -> npt.NDArray[Any]:
        """How well replies that have no thread of their own suit each thread: by the signs that are left."""
        words = (threads.words @ replies.T).toarray() / self.spreads_[1]
        fit: npt.NDArray[Any] = words + threads.calls @ given.T / self.spreads_[3]
        return fit

    def _scores(self, threads: Asked) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        """Blocks of threads with the score of every reply, exact or by the first look."""
        step = max(1, _AT_ONCE // len(self))
        for start in range(0, threads.calls.shape[0], step):
            block = slice(start, start + step)
            scores = (threads.words[block] @ self._first_look).toarray()
            scores += threads.calls[block] @ self.offered_.T + self.usual_
            yield block, scores

    def _ranked(self, threads: Asked, scores: npt.NDArray[Any], most: int) -> list[Places]:
        """Of each thread the places of the best replies, one for each text."""
        bests = np.maximum.reduceat(scores, self.starts_, axis=1)
        votes = self._votes(scores, bests)
        ends = np.append(self.starts_[1:], len(self))
        ranked = []
        for row in range(len(bests)):
            texts = _highest(bests[row] + votes[row], most if self._is_exact else max(_LOOKED_AT, most))
            texts = texts[np.isfinite(bests[row, texts])]
            spans = zip(self.starts_[texts].tolist(), ends[texts].tolist(), strict=True)
            places = np.asarray([start + int(scores[row, start:end].argmax()) for start, end in spans], dtype=np.int64)
            if not self._is_exact:
                again = self._exactly(threads.rows([row]), places) + votes[row, texts]
                places = places[np.argsort(-again, kind="stable")]
            ranked.append(places[:most])
        return ranked

    def _votes(self, scores: npt.NDArray[Any], bests: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the further replies with the same text add to the best of them: the logarithm of all shares together."""
        if len(self.starts_) == len(self):  # no text was sent twice
            return np.zeros_like(bests)
        top = scores.max(axis=1, keepdims=True)
        top[~np.isfinite(top)] = 0
        shares = np.add.reduceat(np.exp(scores - top), self.starts_, axis=1)
        best = np.exp(bests - top)
        votes: npt.NDArray[Any] = np.log(np.divide(shares, best, out=np.ones_like(shares), where=best > 0))
        return votes

    def _exactly(self, thread: Asked, places: Places) -> npt.NDArray[Any]:
        """The scores of the replies at these places for one thread, by all words."""
        scores = (self._words[places] @ thread.words.T).toarray().ravel()
        exact: npt.NDArray[Any] = scores + self.offered_[places] @ thread.calls[0] + self.usual_[places]
        return exact

    @property
    def _is_exact(self) -> bool:
        return len(self) <= self.exact_up_to

    @cached_property
    def _words(self) -> Matrix:
        """The words of thread and reply together, each in its spread."""
        return (self.thread_words_ / self.spreads_[0] + self.reply_words_ / self.spreads_[1]).tocsr()

    @cached_property
    def _first_look(self) -> Matrix:
        """Word -> replies: all words, or of many replies only the rarer words, which tell most and cost least."""
        words = self._words.copy()
        if not self._is_exact:
            replies_with = np.bincount(words.indices, minlength=words.shape[1])
            words.data[replies_with[words.indices] > _RARE * len(self)] = 0
            words.eliminate_zeros()
        return words.T.tocsr()


def _highest(scores: npt.NDArray[Any], most: int) -> Places:
    """The places of the highest scores, the highest first, equal ones by place."""
    everything = len(scores) <= most
    chosen = np.arange(len(scores)) if everything else np.sort(np.argpartition(-scores, most - 1)[:most])
    ordered: Places = chosen[np.argsort(-scores[chosen], kind="stable")]
    return ordered


def _usual(replies: Matrix, times: float) -> Floats:
    """How like all others each reply is: its cosine with their mean, in its spread, as often as it counts."""
    if not replies.shape[0]:
        return np.zeros(0, dtype=np.float32)
    alike = np.asarray(replies @ np.asarray(replies.mean(axis=0)).ravel(), dtype=np.float32)
    usual: Floats = np.float32(times) * alike / (alike.std() or np.float32(1))
    return usual


def _spreads(threads: Matrix, replies: Matrix, called: Floats, given: Floats) -> Floats:
    """The standard deviation of each sign over a sample of pairs of threads and replies; 1 where it is nothing."""
    draw = np.random.default_rng(0)
    asking, answers = [np.sort(draw.permutation(threads.shape[0])[:most]) for most in _SAMPLE]
    words, calls = threads[asking], called[asking]
    tables = [
        (words @ sparse.csr_matrix(threads[answers]).T).toarray(),
        (words @ sparse.csr_matrix(replies[answers]).T).toarray(),
        calls @ called[answers].T,
        calls @ given[answers].T,
    ]
    found = [float(table.std()) if table.size else 0.0 for table in tables]
    return np.array([spread if spread > 0 else 1.0 for spread in found], dtype=np.float32)
