"""The writing of a summary: its parts put into a text, into a note for a hand-off, and into a list of sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aiops_flows.estimators.quotes import Quote
from aiops_flows.texts.threads import Turn

__all__ = ["Objects", "as_objects", "quotes_in", "threads_of", "writing_of"]

Objects = npt.NDArray[np.object_]
Parts = Mapping[str, Sequence[Quote]]

_SPEAKERS = {"issue": "Customer", "resolution": "Agent"}


def quotes_in(writing: Mapping[str, Any], part: str) -> list[Quote]:
    """The quotes of a part of a writing, as they were."""
    speaker = "customer" if part == "issue" else "agent"
    return [
        Quote(each["text"], each["turn"], speaker, each["start"], each["end"])
        for each in writing.get("sentences", [])
        if each["part"] == part
    ]


def threads_of(table: Any) -> list[Any]:
    """The threads in the first column of a frame or an array, or in a plain list."""
    if hasattr(table, "iloc"):
        column: list[Any] = (table if table.ndim == 1 else table.iloc[:, 0]).tolist()
        return column
    return [row[0] if isinstance(row, np.ndarray) else row for row in table]


def as_objects(writings: Sequence[Any]) -> Objects:
    """One entry a row; numpy would else look into lists and mappings."""
    objects = np.empty(len(writings), dtype=object)
    for place, writing in enumerate(writings):
        objects[place] = writing
    return objects


def writing_of(turns: Sequence[Turn], parts: Parts, longest: int) -> dict[str, Any] | None:
    """The writing made of quotes for each part; None where there is none."""
    kept = _within(parts, longest)
    if not kept["issue"] and not kept["resolution"]:
        return None
    return {
        "text": _text(kept),
        **{part: [quote.said for quote in quotes] for part, quotes in kept.items()},
        "handoff": handoff_of(turns, kept, 2 * longest),
        "sentences": [quote.as_source(part) for part, quotes in kept.items() for quote in quotes],
    }


def handoff_of(turns: Sequence[Turn], parts: Parts, longest: int) -> str:
    """A note for who takes the thread over: a line for each thing to know, those that fit."""
    waiting = "agent" if turns and turns[-1]["speaker"] == "customer" else "customer"
    ends = [f"Waiting for: the {waiting} ({len(turns)} {'turn' if len(turns) == 1 else 'turns'} so far)"]
    lines = [
        "Issue: " + " ".join(quote.said for quote in parts["issue"]) if parts["issue"] else "Issue: not said",
        *(f"Tried: {quote.said}" for quote in parts["tried"]),
        *(["Last answer: " + " ".join(quote.said for quote in parts["resolution"])] if parts["resolution"] else []),
    ]
    room = longest - len(ends[0])
    while lines and sum(map(len, lines)) + len(lines) > room:
        lines.pop(1 if len(lines) > 2 else -1)
    return "\n".join([*lines, *ends])


def _text(parts: Parts) -> str:
    return "\n".join(
        f"{speaker}: " + " ".join(quote.said for quote in parts[part])
        for part, speaker in _SPEAKERS.items()
        if parts[part]
    )


def _within(parts: Parts, longest: int) -> dict[str, list[Quote]]:
    """The parts, their last sentences left out or cut so that the text has no more than so many characters."""
    kept = {part: list(quotes) for part, quotes in parts.items()}
    while len(_text(kept)) > longest:
        part = max(_SPEAKERS, key=lambda part: sum(len(quote.said) for quote in kept[part]))
        if len(kept[part]) > 1:
            kept[part].pop()
        elif (cut := _cut(kept[part][0], len(_text(kept)) - longest)) is not None:
            kept[part] = [cut]
        else:
            kept[part] = []
    return kept


def _cut(quote: Quote, excess: int) -> Quote | None:
    """The quote without its last words, still word for word; None where nothing would be left, or masks are in it."""
    room = len(quote.text) - excess
    head = quote.text[: max(room, 0)].rpartition(" ")[0].rstrip()
    if not head or quote.written is not None or len(quote.text) != quote.end - quote.start:
        return None
    return replace(quote, text=head, end=quote.start + len(head))
