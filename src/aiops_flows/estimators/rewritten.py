"""What a language model's answer leaves once each of its sentences was held against the turn it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from aiops_flows.estimators.quotes import Quote
from aiops_flows.estimators.support import shared, stems, unsupported
from aiops_flows.texts.cleaning import cleaned, tidied
from aiops_flows.texts.personal import masked
from aiops_flows.texts.threads import Turn

__all__ = ["grounded"]

_LINE = re.compile(
    r"[ \t*#-]{0,6}(issue|tried|resolution)[ \t*]{0,4}[\[(]?(?:turn )?(\d{1,4})?[\])]?[ \t*]{0,4}[:\u2013-](.*)",
    re.IGNORECASE,
)
_SPEAKERS = {"issue": ("customer",), "resolution": ("agent",), "tried": ("customer", "agent")}
_MOST_LINES = 14
_MOST = {"issue": 2, "resolution": 2, "tried": 3}
_LONGEST_LINE = 400


def grounded(answer: str, turns: Sequence[Turn], quotes: Sequence[Quote]) -> tuple[dict[str, list[Quote]], int]:
    """The sentences of each part that a turn supports, each with the quote it rests on, and how many were dropped.

    The customer's words can support an issue, the agent's a resolution: what somebody pretends that the other side
    has said is not taken for it. Where the turn that the model names does not support a sentence, any other may.
    """
    parts: dict[str, list[Quote]] = {part: [] for part in _SPEAKERS}
    spoken = [masked(tidied(turn["text"])) for turn in turns]
    sources = [(quote, stems(quote.text)) for quote in quotes]
    dropped = 0
    for line in answer.splitlines()[:_MOST_LINES]:
        form = _LINE.fullmatch(line.rstrip()[:_LONGEST_LINE])
        if form is None:
            continue
        part, number, said = form.group(1).lower(), form.group(2), masked(cleaned(form.group(3)))
        source = None
        if said and len(parts[part]) < _MOST[part]:
            allowed = [each for each in sources if each[0].speaker in _SPEAKERS[part]]
            source = _source(said, spoken, allowed, -1 if number is None else int(number))
        if source is None:
            dropped += 1
        else:
            parts[part].append(replace(source, written=said))
    return parts, dropped


def _source(said: str, spoken: Sequence[str], sources: Sequence[tuple[Quote, set[str]]], named: int) -> Quote | None:
    """The quote that supports a sentence: of the turn that it names, else of another."""
    telling = stems(said)
    nearest: dict[int, tuple[float, Quote]] = {}
    for quote, words in sources:
        near = shared(telling, words)
        if near > nearest.get(quote.turn, (-1.0, quote))[0]:
            nearest[quote.turn] = near, quote
    for turn in sorted(nearest, key=lambda turn: (turn != named, -nearest[turn][0], turn)):
        if not unsupported(said, spoken[turn], nearest[turn][1].text):
            return nearest[turn][1]
    return None
