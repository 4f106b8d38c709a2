"""What turned out true of a case, as a value: one label, one number or one text, whatever it comes through."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiops_flows.values.readers import number_of
from aiops_flows.values.texts import label_of, text_of

__all__ = [
    "LONGEST_LABEL",
    "LONGEST_WRITING",
    "Spellings",
    "outcome_label",
    "outcome_number",
    "outcome_text",
    "spellings_in",
    "storable",
]

LONGEST_LABEL = 200
LONGEST_WRITING = 100_000
_SHOWN = 5


def outcome_label(value: Any, spelled: Mapping[str, str] | None = None) -> str:
    """A class in its one spelling; as the use case declares it, where it does.

    Args:
        value: what a source or a person states.
        spelled: `label_of` a declared class -> the class as it is declared.

    Raises:
        ValueError: it is not a label that can be stored.
        TypeError: it is a list or an object.
    """
    label = label_of(_single(value))
    return storable((spelled or {}).get(label, label))


def outcome_number(value: Any) -> float:
    """A finite number.

    Raises:
        ValueError: it is none.
    """
    number = number_of(_single(value))
    if number is None or not math.isfinite(number):
        raise ValueError(f"{value!a} is not a finite number"[:200])
    return number


def outcome_text(value: Any) -> str:
    """A writing, without blanks at its ends.

    Raises:
        ValueError: it is not a text that can be stored.
    """
    return storable(text_of(_single(value)).strip(), LONGEST_WRITING)


def _single(value: Any) -> Any:
    if isinstance(value, list | dict | tuple | set):
        raise TypeError(f"found a JSON {type(value).__name__}; an outcome is one label, number or text")
    return value


def storable(text: str, longest: int = LONGEST_LABEL) -> str:
    """The text, if a database takes it.

    Raises:
        ValueError: it is too long, holds NUL, or came in another encoding than UTF-8.
    """
    if len(text) > longest or "\x00" in text:
        raise ValueError(f"{text[:60]!a} cannot be stored: it holds NUL, or more than {longest:,} characters")
    try:
        text.encode()
    except UnicodeEncodeError as fault:  # a lone surrogate
        raise ValueError(f"{text[:60]!a} is not readable as text (sent in another encoding than UTF-8)") from fault
    return text


@dataclass(frozen=True)
class Spellings:
    """Labels that may be one class: they differ in case, spaces and signs only, or are the same number."""

    counts: Mapping[str, int]
    """Label -> how often it occurs, the commonest first."""

    def __str__(self) -> str:
        """The spellings with their counts."""
        shown = [f"{label!r} ({count})" for label, count in list(self.counts.items())[:_SHOWN]]
        more = len(self.counts) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def spellings_in(labels: Iterable[tuple[str, int]]) -> list[Spellings]:
    """The labels, each with its count, that may be one class in several spellings."""
    total: Counter[str] = Counter()
    for label, count in labels:
        total[label] += count
    alike: dict[str, dict[str, int]] = defaultdict(dict)
    for label, count in total.most_common():
        alike[_looks(label)][label] = count
    return [Spellings(counts) for counts in alike.values() if len(counts) > 1]


def _looks(label: str) -> str:
    """What two spellings of one class have in common."""
    try:
        return repr(float(label) + 0.0)
    except ValueError:
        pass
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(sign for sign in folded if sign.isalnum()) or folded
