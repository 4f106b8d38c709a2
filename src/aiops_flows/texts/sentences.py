"""The sentences of a conversation, each with the place in the turn where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aiops_flows.texts.cleaning import blanked, tidied
from aiops_flows.texts.quoted_history import own_parts
from aiops_flows.texts.threads import Speaker, Turn

__all__ = ["Sentence", "sentences", "stands", "text_sentences"]


class Sentence(NamedTuple):
    """A sentence of one turn: ``text`` is what stands from ``start`` to ``end`` in the turn's text, tidied."""

    turn: int
    speaker: Speaker
    text: str
    start: int
    end: int


_END = re.compile(
    r"(?<![.!?…])[.!?…]++[)\"'”’»\u2060]*+(?=\s)|[。！？]+|\n[ \t\r]*\n|\n(?=[ \t]*(?:[-*•‣◦]|\d{1,2}[.)])[ \t])|\n"  # noqa: RUF001
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|mrs?|ms|dr|prof|st|no|nr|vs|etc|approx|dept|inc|ltd|co|e\.g|i\.e|a\.m|p\.m|u\.s|z\.b|d\.h|"
    r"bzw|ca|evtl|ggf|inkl|str|tel|usw|sr|sra|ud|mme|mlle)\.$",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(r"\s*(?:@\w{2,}+[\s,:]*+)+")
_INITIALS = re.compile(r"\s[\^*~-][A-Z]{1,3}[a-z]{0,12}\s*$")
_WRAPPED_LINE = 50
_LONGEST = 500
_WORD = re.compile(r"\w")


def sentences(thread: Sequence[Turn]) -> list[Sentence]:
    """The sentences of all turns, in their order.

    Quoted history, signatures, markup, the handles that a message begins with and an agent's initials at its end are
    left out. A sentence of more than 500 characters is cut between words.
    """
    return [
        Sentence(number, turn["speaker"], *found)
        for number, turn in enumerate(thread)
        for found in text_sentences(turn["text"])
    ]


def text_sentences(text: str) -> list[tuple[str, int, int]]:
    """The sentences of one text: each tidied, with its start and end."""
    bare = blanked(text)
    found = []
    for start, end in own_parts(bare):
        for first, last in _cut(bare, start, _without_initials(bare, start, end)):
            words = tidied(bare[first:last])
            if _WORD.search(words):
                found.append((words, first, last))
    return found


def stands(sentence: Sentence, thread: Sequence[Turn]) -> bool:
    """Whether a sentence is what its turn says at its place."""
    if not 0 <= sentence.turn < len(thread) or not 0 <= sentence.start < sentence.end:
        return False
    turn = thread[sentence.turn]
    return turn["speaker"] == sentence.speaker and _said(turn["text"], sentence) == sentence.text


def _said(text: str, sentence: Sentence) -> str | None:
    return tidied(blanked(text)[sentence.start : sentence.end]) if sentence.end <= len(text) else None


def _without_initials(text: str, start: int, end: int) -> int:
    """The end of a text without an agent's initials, such as ``^AB``."""
    tail = max(end - 24, start)
    hit = _INITIALS.search(text[tail:end])
    return tail + hit.start() if hit else end


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence between two places, white space around it left out."""
    addressed = _ADDRESSED.match(text, start, end)
    place = addressed.end() if addressed else start
    for mark in _END.finditer(text, place, end):
        if _ends_sentence(text, place, mark):
            yield from _pieces(text, place, mark.end())
            place = mark.end()
    yield from _pieces(text, place, end)


def _ends_sentence(text: str, place: int, mark: re.Match[str]) -> bool:
    found = mark.group()
    if found == "\n":  # a line that was wrapped goes on; a short one was ended by its writer
        line = max(text.rfind("\n", max(place, mark.start() - _WRAPPED_LINE), mark.start()) + 1, place)
        return mark.start() - line < _WRAPPED_LINE
    return found != "." or not _ABBREVIATION.search(text[max(place, mark.end() - 10) : mark.end()])


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A stretch without white space around it, in pieces of bounded length."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    while end - start > _LONGEST:
        cut = text.rfind(" ", start + 1, start + _LONGEST)
        cut = cut if cut > start else start + _LONGEST
        yield start, cut
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end
