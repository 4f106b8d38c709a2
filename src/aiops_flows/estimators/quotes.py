"""Sentences of a thread that may be quoted: without personal data, each with the place it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiops_flows.texts.cleaning import blanked, tidied
from aiops_flows.texts.personal import masked
from aiops_flows.texts.sentences import sentences
from aiops_flows.texts.threads import Turn

__all__ = ["Quote", "passage_of", "quotes_of", "stands_in", "turns_of", "words_of"]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?")
_MASK = re.compile(r"<[A-Z]+>")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a thread, word for word but for personal data, which is masked."""

    text: str
    turn: int
    """The place of the turn in the thread, from 0."""
    speaker: str
    start: int
    """Where the sentence starts in the text of the turn, as the case has it."""
    end: int
    written: str | None = None
    """The sentence that a model has written from it, where one has."""

    @property
    def said(self) -> str:
        """What stands in the writing."""
        return self.text if self.written is None else self.written

    def as_source(self, part: str) -> dict[str, Any]:
        """The quote as a writing lists it."""
        place = {"turn": self.turn, "start": self.start, "end": self.end, "part": part}
        return (
            {"text": self.said, **place} if self.written is None else {"text": self.said, "quote": self.text, **place}
        )


def turns_of(thread: Any) -> list[Turn]:
    """The turns of a thread; a plain text is one turn of a customer, anything else none."""
    if isinstance(thread, str):
        return [Turn(speaker="customer", text=thread)]
    if not isinstance(thread, Sequence):
        return []
    return [cast("Turn", turn) for turn in thread if isinstance(turn, Mapping) and isinstance(turn.get("text"), str)]


def quotes_of(turns: Sequence[Turn]) -> list[Quote]:
    """The sentences of the turns, personal data masked."""
    return [Quote(masked(each.text), each.turn, each.speaker, each.start, each.end) for each in sentences(turns)]


def passage_of(turn: Turn, start: int, end: int) -> str:
    """What stands at a place of a turn, tidied as sentences are."""
    return tidied(blanked(turn["text"])[start:end])


def stands_in(quote: str, passage: str) -> bool:
    """Whether the quote is the whole passage, where each mask stands for something that was there."""
    first, *others = _MASK.split(quote)
    if not others:
        return quote == passage
    *middle, last = others
    if not passage.startswith(first) or not passage.endswith(last):
        return False
    place, end = len(first), len(passage) - len(last)
    for piece in middle:
        found = passage.find(piece, place + 1, end)
        if found < 0:
            return False
        place = found + len(piece)
    return place < end


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(text.lower())
