"""What finding a reply costs among many: every score, the first look over rarer words, and faiss beside them."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.past_replies import Asked, PastReplies, asked
from aiops_flows.estimators.thread_match import Floats, ThreadMatch, spoken, thread_words
from benchmarks.tickets.next_turns import Questions

__all__ = ["speed"]

_ASKING = 500
_ALONE = 50
_WANTED = 5
_SHORTLIST = 200

Way = Callable[[Asked], list[npt.NDArray[np.int64]]]


def speed(dialogues: Questions, entries: int) -> str:
    """Milliseconds a thread in batches and alone, and how many of the five best are found: the table."""
    lines = [
        "## Among many past replies\n",
        "Made-up threads and replies, each of the halves of two real ones.",
        f"The five best replies for {_ASKING} threads, at once and one by one, in CPU time.",
        "`PastReplies` computes every score up to 20,000 entries; beyond, it takes a first look over the rarer words.",
        "The vectors of the threads are given: making them costs 0.1 to 0.3 ms each.\n",
        "| entries | way | ms a thread, many at once | one by one | of the five best found | ready in s |",
        "| --: | --- | --: | --: | --: | --: |",
    ]
    for size in sorted({entries // 50, entries // 5, entries}):
        threads, replies = _made_up(dialogues, size + _ASKING)
        lines += _rows(threads, replies, size)
    return "\n".join(lines)


def _rows(threads: list[str], replies: list[str], size: int) -> list[str]:
    match = ThreadMatch().fit(threads[:size], replies[:size])
    kept = PastReplies(exact_up_to=size).fit(match, threads[:size], replies[:size], np.arange(size))
    asking = asked(match, threads[size:])
    exact = _best_by(kept)
    truth = exact(asking)
    ways = {"every score": (exact, 0.0), "first look, then the best 200 again": _pruned(kept)}
    if importlib.util.find_spec("faiss"):
        ways["faiss IVF, then the best 200 again"] = _faiss(kept, match)
    return [_row(size, name, way, ready, asking, truth) for name, (way, ready) in ways.items()]


def _row(size: int, name: str, way: Way, ready: float, asking: Asked, truth: list[npt.NDArray[np.int64]]) -> str:
    way(asking.rows(slice(0, 2)))
    begun = time.process_time()
    said = way(asking)
    many = (time.process_time() - begun) / _ASKING
    begun = time.process_time()
    for row in range(_ALONE):
        way(asking.rows([row]))
    alone = (time.process_time() - begun) / _ALONE
    hits = np.mean(
        [len(set(here.tolist()) & set(there.tolist())) / _WANTED for here, there in zip(said, truth, strict=True)]
    )
    return f"| {size:,} | {name} | {many * 1e3:.2f} | {alone * 1e3:.2f} | {hits:.1%} | {ready:.1f} |"


def _best_by(kept: PastReplies) -> Way:
    return lambda asking: kept.best(asking, _WANTED, np.full(asking.calls.shape[0], -1))


def _pruned(kept: PastReplies) -> tuple[Way, float]:
    """The same replies with a first look."""
    begun = time.process_time()
    looked = PastReplies(exact_up_to=0)
    for name, value in kept.__getstate__().items():
        if name.endswith("_") and not name.startswith("_"):
            setattr(looked, name, value)
    looked.best(Asked(kept.thread_words_[:1], np.zeros((1, kept.offered_.shape[1]), np.float32)), 1, np.array([-1]))
    return _best_by(looked), time.process_time() - begun


def _faiss(kept: PastReplies, match: ThreadMatch) -> tuple[Way, float]:
    """An inverted file of 8-bit vectors: what the words mean (200 singular vectors) beside what is offered."""
    import faiss

    faiss.omp_set_num_threads(1)
    begun = time.process_time()
    table = np.hstack([match.meanings(kept._words), kept.offered_]).astype(np.float32)  # noqa: SLF001  to compare
    lists = max(16, int(1.6 * len(table) ** 0.5))
    index = faiss.index_factory(table.shape[1], f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(table[: 64 * lists])
    index.add(table)
    faiss.ParameterSpace().set_index_parameter(index, "nprobe", max(8, lists // 16))

    def way(threads: Asked) -> list[npt.NDArray[np.int64]]:
        vectors: Floats = np.hstack([match.meanings(threads.words), threads.calls]).astype(np.float32)
        near = index.search(vectors, _SHORTLIST)[1]
        return [_by_score(kept, threads.rows([row]), places[places >= 0]) for row, places in enumerate(near)]

    return way, time.process_time() - begun


def _by_score(kept: PastReplies, thread: Asked, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    scores = kept._exactly(thread, places)  # noqa: SLF001
    return places[np.argsort(-scores, kind="stable")][:_WANTED]


def _made_up(dialogues: Questions, size: int) -> tuple[list[str], list[str]]:
    """Threads and replies, each with the first half of one real text and the second half of another."""
    threads = [thread_words([thread]).split() for thread in dialogues.threads]
    replies = [spoken(reply).split() for reply in dialogues.replies]
    pairs: list[tuple[int, int]] = np.random.default_rng(0).integers(0, len(threads), (size, 2)).tolist()
    return [_joined(threads, *pair) for pair in pairs], [_joined(replies, *pair) for pair in pairs]


def _joined(texts: list[list[str]], one: int, other: int) -> str:
    first, second = texts[one], texts[other]
    return " ".join([*first[: len(first) // 2], *second[len(second) // 2 :]])
