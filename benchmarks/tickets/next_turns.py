"""The next agent turn as a question: dialogues of TweetSumm cut before each, and how well scores find the true one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from aiops_flows.texts.personal import masked

__all__ = ["FOLDS", "Found", "Questions", "find_dialogues", "found", "questions"]

FILE = Path("tweetsumm", "tweetsumm_shared.jsonl")
FOLDS = 5
FEW = 10
_SIGNED = re.compile(r"\s*(?:[\^*~–-]+ ?[A-Za-z]{1,12}\.?|\(?\d/\d\)?)\s*$")  # noqa: RUF001  a dash that agents type


def find_dialogues() -> Path | None:
    """The file of dialogues below ``AIOPS_SHARED_DATA``, or beside this repository; None where it is neither."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("AIOPS_SHARED_DATA", beside))
    return folder / FILE if (folder / FILE).is_file() else None


@dataclass(frozen=True)
class Questions:
    """Dialogues cut before each agent turn that has something before it."""

    threads: list[list[dict[str, str]]]
    replies: list[str]
    dialogue: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    """Which fifth of the dialogues it belongs to, by the dialogue's id."""

    def __len__(self) -> int:
        return len(self.replies)

    @property
    def words(self) -> list[str]:
        """All that was said before, as one text."""
        return [" ".join(turn["text"] for turn in thread) for thread in self.threads]

    def seen(self, *, handles: bool, signatures: bool) -> Questions:
        """The same with handles and other personal data masked, and agents' signatures and part numbers cut off."""
        threads = [[_seen(turn, handles, signatures) for turn in thread] for thread in self.threads]
        replies = [_seen({"speaker": "agent", "text": text}, handles, signatures)["text"] for text in self.replies]
        return Questions(threads, replies, self.dialogue, self.fold)


def questions(file: Path) -> Questions:
    """Every agent turn of the file with what was said before it."""
    threads, replies, dialogue, fold = [], [], [], []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        told = json.loads(line)
        part = int(hashlib.sha256(told["conversation_id"].encode()).hexdigest()[:8], 16) % FOLDS
        for place, turn in enumerate(told["turns"]):
            if turn["speaker"] == "agent" and place:
                threads.append(told["turns"][:place])
                replies.append(turn["text"])
                dialogue.append(number)
                fold.append(part)
    return Questions(threads, replies, np.asarray(dialogue), np.asarray(fold))


def _seen(turn: dict[str, str], handles: bool, signatures: bool) -> dict[str, str]:
    text = masked(turn["text"]) if handles else turn["text"]
    if signatures and turn["speaker"] == "agent":
        text = _SIGNED.sub("", _SIGNED.sub("", text))
    return {"speaker": turn["speaker"], "text": text}


@dataclass(frozen=True)
class Found:
    """Shares of questions whose true turn is among the first so many, and the mean of 1 / its rank."""

    recall: dict[int, float]
    mean_reciprocal_rank: float


def found(
    asked: Questions, scores: npt.NDArray[Any], *, rows: npt.NDArray[np.bool_] | None = None, seed: int = 0
) -> tuple[Found, Found]:
    """How well scores (question x reply) find the true turn: among 10, and among all turns of other dialogues.

    The nine others are drawn from other dialogues, the same for every method. Equal scores share their rank. With
    ``rows`` only these questions count.
    """
    counted = np.arange(len(asked)) if rows is None else np.flatnonzero(rows)
    true = scores[counted, counted][:, None].astype(np.float64)
    drawn = np.take_along_axis(scores, _others(asked, seed), axis=1)[counted]
    away = asked.dialogue[counted][:, None] != asked.dialogue[None, :]
    every = np.where(away, scores[counted], -np.inf)
    return _figures(drawn, true, (1, 5)), _figures(every, true, (1, 5, 10))


def _others(asked: Questions, seed: int) -> npt.NDArray[np.int64]:
    draw = np.random.default_rng(seed)
    away = [np.flatnonzero(asked.dialogue != number) for number in asked.dialogue]
    return np.stack([draw.choice(places, FEW - 1, replace=False) for places in away])


def _figures(others: npt.NDArray[Any], true: npt.NDArray[Any], depths: Sequence[int]) -> Found:
    ranks = 1 + (others > true).sum(axis=1) + (others == true).sum(axis=1) / 2
    return Found({depth: float((ranks < depth + 0.75).mean()) for depth in depths}, float((1 / ranks).mean()))
