"""Replies beside their peers: the next agent turn of real dialogues found again, replies proposed, and what it costs.

    python -m benchmarks.tickets.replies [--data FILE] [--entries 100000] [--only turns|proposals|speed]

The figures are written to benchmarks/results/tickets_replies.md. BM25 is `bm25s`, the other index `faiss-cpu`; where
one is not installed, its rows are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from aiops_flows.estimators.replies import CommonReply, ReplySearch
from aiops_flows.evidence.writing import Writings
from benchmarks.tickets.next_turns import FOLDS, Found, Questions, find_dialogues, found, questions
from benchmarks.tickets.reply_speed import speed

__all__ = ["main"]

RESULTS = Path(__file__).resolve().parents[1] / "results" / "tickets_replies.md"
Each = TypeVar("Each")
Scores = npt.NDArray[Any]
Scorer = Callable[[Questions, npt.NDArray[np.bool_]], Scores]


def tf_idf(asked: Questions, known: npt.NDArray[np.bool_]) -> Scores:
    """Cosine of TF-IDF words of everything said before and of the turn, scikit-learn's defaults, sublinear counts."""
    texts = [*_of(asked.words, known), *_of(asked.replies, known)]
    weigh = TfidfVectorizer(sublinear_tf=True).fit(texts)
    scores: Scores = (weigh.transform(_of(asked.words, ~known)) @ weigh.transform(asked.replies).T).toarray()
    return scores


def bm25(asked: Questions, known: npt.NDArray[np.bool_]) -> Scores:
    """BM25 over the turns that may be chosen, asked with everything said before, English stop words left out."""
    import bm25s

    index = bm25s.BM25()
    index.index(bm25s.tokenize(asked.replies, stopwords="en", show_progress=False), show_progress=False)
    words = bm25s.tokenize(_of(asked.words, ~known), stopwords="en", return_ids=False, show_progress=False)
    return np.stack([index.get_scores(each) for each in words])


def ours(asked: Questions, known: npt.NDArray[np.bool_]) -> Scores:
    """What `ReplySearch` says of texts that have no thread of their own."""
    fitted: ReplySearch = _fitted(ReplySearch(), asked, known)
    return fitted.suits(_rows(asked, ~known), asked.replies)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, and write the page; 2 where the dialogues are not there."""
    options = _options(given)
    file = options.data or find_dialogues()
    if file is None:
        print("AIOPS_SHARED_DATA names no folder with tweetsumm/tweetsumm_shared.jsonl; give --data", file=sys.stderr)
        return 2
    asked = questions(file)
    parts: dict[str, Callable[[], str]] = {
        "turns": lambda: _turns(asked),
        "proposals": lambda: _proposals(asked),
        "speed": lambda: speed(asked, options.entries),
    }
    written = [part() for name, part in parts.items() if options.only in {None, name}]
    page = "\n\n".join([_head(asked), *written]) + "\n"
    print(page)
    if options.only is None:
        RESULTS.write_text(page, encoding="utf-8")
    return 0


def _options(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="tweetsumm_shared.jsonl")
    parser.add_argument("--entries", type=int, default=100_000, help="past replies of the speed test")
    parser.add_argument("--only", choices=["turns", "proposals", "speed"])
    return parser.parse_args(given)


def _head(asked: Questions) -> str:
    dialogues = len(set(asked.dialogue.tolist()))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "scipy"))
    return (
        "# Replies beside their peers\n\n"
        "Written by `python -m benchmarks.tickets.replies`.\n"
        f"TweetSumm: {dialogues} public service dialogues, cut before each of {len(asked):,} agent turns that have "
        "something before them.\n"
        f"{FOLDS} folds by dialogue: nothing is learned from the dialogues that are asked.\n"
        "The few numbers in the code (weights of words, dimensions, shrinkage) were chosen on the same folds, so the "
        "last digit is optimistic.\n"
        f"{libraries}, one thread, 2 cores shared with other work."
    )


def _turns(asked: Questions) -> str:
    """The true next turn among others: the table."""
    views = {
        "handles masked, as the library does it": {"handles": True, "signatures": False},
        "handles masked, agents' signatures cut off": {"handles": True, "signatures": True},
        "text as it is": {"handles": False, "signatures": False},
    }
    lines = [
        "## The true next agent turn\n",
        "Among 10 (nine drawn from other dialogues, the same for all), and among all turns of other dialogues.\n",
        "| text | method | 1 of 10: R@1 | R@5 | MRR | all: R@1 | R@5 | R@10 | MRR |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for view, masks in views.items():
        shown = asked.seen(**masks)
        for name, scorer in _scorers(reads_handles=not masks["handles"]).items():
            lines.append(_told(view, name, found(shown, _cross_validated(shown, scorer))))
    lines.append(
        "\nText as it is leaks: a dialogue's agent turns all begin with the same customer's number, so finding that "
        "number finds the turn; signatures (`^RMD`) do the same in a smaller way.\n`ReplySearch` masks handles always, "
        "so it has no row there."
    )
    return "\n".join(lines)


def _scorers(*, reads_handles: bool) -> dict[str, Scorer]:
    peers: dict[str, Scorer] = {"TF-IDF": tf_idf}
    if importlib.util.find_spec("bm25s"):
        peers["BM25"] = bm25
    return peers if reads_handles else {**peers, "**ReplySearch**": ours}


def _told(view: str, name: str, figures: tuple[Found, Found]) -> str:
    few, every = figures
    numbers = [*few.recall.values(), few.mean_reciprocal_rank, *every.recall.values(), every.mean_reciprocal_rank]
    return f"| {view} | {name} | " + " | ".join(f"{number:.3f}" for number in numbers) + " |"


def _cross_validated(asked: Questions, scorer: Scorer) -> Scores:
    scores = np.zeros((len(asked), len(asked)))
    for fold in range(FOLDS):
        known = asked.fold != fold
        scores[~known] = scorer(asked, known)
    return scores


def _proposals(asked: Questions) -> str:
    """Replies proposed from past answered dialogues, beside what the agent wrote: the table."""
    shown = asked.seen(handles=True, signatures=True)
    ways: dict[str, Callable[[npt.NDArray[np.bool_]], list[Any]]] = {
        "the most common reply (`CommonReply`)": lambda known: _writings(CommonReply(), shown, known),
        "reply to the nearest thread, TF-IDF": lambda known: _nearest(shown, known),
        "**ReplySearch**, five candidates": lambda known: _writings(ReplySearch(), shown, known),
    }
    lines = [
        "## Replies proposed from past dialogues\n",
        "How near they come to what the agent wrote (signatures cut off).",
        "Hardly any two agents of these companies write the same, so next to nothing could be sent unchanged.\n",
        "| proposed | edit similarity | best of the candidates | ROUGE-1 | ROUGE-L |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name, propose in ways.items():
        said: list[Any] = [None] * len(shown)
        for fold in range(FOLDS):
            known = shown.fold != fold
            for place, writing in zip(np.flatnonzero(~known).tolist(), propose(known), strict=True):
                said[place] = writing
        judged = Writings(shown.replies, said)
        names = ("edit_similarity", "best_candidate", "rouge_1", "rouge_l")
        lines.append(f"| {name} | " + " | ".join(f"{judged.scores(each).mean():.3f}" for each in names) + " |")
    return "\n".join(lines)


def _nearest(asked: Questions, known: npt.NDArray[np.bool_]) -> list[Any]:
    weigh = TfidfVectorizer(sublinear_tf=True)
    past = weigh.fit_transform(_of(asked.words, known))
    alike = (weigh.transform(_of(asked.words, ~known)) @ past.T).toarray()
    replies = _of(asked.replies, known)
    ranked = np.argsort(-alike, axis=1, kind="stable")[:, :5].tolist()
    return [{"text": replies[row[0]], "candidates": [{"text": replies[place]} for place in row]} for row in ranked]


def _writings(writer: Any, asked: Questions, known: npt.NDArray[np.bool_]) -> list[Any]:
    fitted = _fitted(writer, asked, known)
    said = fitted.predict(_rows(asked, ~known))
    texts = {f"case:{place}": text for place, text in enumerate(asked.replies)}
    return list(fitted.filled(said, texts))


def _fitted(writer: Any, asked: Questions, known: npt.NDArray[np.bool_]) -> Any:
    return writer.fit(_rows(asked, known), np.asarray(_of(asked.replies, known), dtype=object))


def _rows(asked: Questions, chosen: npt.NDArray[np.bool_]) -> pd.DataFrame:
    places = np.flatnonzero(chosen)
    return pd.DataFrame({"thread": _of(asked.threads, chosen)}, index=[str(place) for place in places])


def _of(items: Sequence[Each], chosen: npt.NDArray[np.bool_]) -> list[Each]:
    return [items[place] for place in np.flatnonzero(chosen).tolist()]


if __name__ == "__main__":
    sys.exit(main())
