"""Whether every sentence of a writing stands in the thread that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiops_flows.estimators.quotes import passage_of, stands_in, turns_of
from aiops_flows.estimators.support import unsupported
from aiops_flows.texts.cleaning import tidied
from aiops_flows.texts.personal import masked
from aiops_flows.texts.threads import Turn

__all__ = ["Grounded", "check"]


@dataclass(frozen=True)
class Grounded:
    """How far a writing rests on its thread."""

    share: float
    """Of its sentences, the share that was found where it says it comes from; 1 where it has none."""
    failures: tuple[str, ...]
    """One sentence for each that was not, by number and reason, without its words."""


def check(writing: Mapping[str, Any] | None, thread: Any) -> Grounded:
    """Whether each of the writing's ``sentences`` stands in the turn it names, word for word but for masks.

    Where a model wrote a sentence, its ``quote`` must stand there, and the sentence must be supported by it.
    """
    turns = turns_of(thread)
    quoted: Sequence[Mapping[str, Any]] = (writing or {}).get("sentences", [])
    failures = [f"sentence {number}: {why}" for number, quote in enumerate(quoted, 1) if (why := _fault(quote, turns))]
    return Grounded(1.0 - len(failures) / len(quoted) if quoted else 1.0, tuple(failures))


def _fault(quote: Mapping[str, Any], turns: Sequence[Turn]) -> str:
    """Why a quote is not where it says, or nothing."""
    number = quote.get("turn")
    if not isinstance(number, int) or not 0 <= number < len(turns):
        return f"the thread of {len(turns)} turns has no turn {number}"
    start, end = quote.get("start"), quote.get("end")
    length = len(turns[number]["text"])
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= length:
        return f"turn {number} of {length} characters has no characters {start} to {end}"
    source = str(quote.get("quote", quote["text"]))
    if not stands_in(source, passage_of(turns[number], start, end)):
        return f"it does not stand in turn {number}"
    if "quote" not in quote:
        return ""
    why = unsupported(str(quote["text"]), masked(tidied(turns[number]["text"])), source)
    return f"turn {number} does not support it: {why}" if why else ""
