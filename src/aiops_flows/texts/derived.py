"""Columns that are derived from the texts of a case, for `Case.derived`: called with a frame, one value a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Any, ClassVar

import pandas as pd

from aiops_flows.texts.cleaning import cleaned
from aiops_flows.texts.language import languages
from aiops_flows.texts.personal import marks, masked
from aiops_flows.texts.threads import said

__all__ = ["NOTHING", "CustomerWords", "Language", "PersonalData", "TextLength"]

NOTHING = "none"
"""The value of `PersonalData` where no personal data was found."""
_ROOM = 4  # what is cleaned may be this many times as long as what is kept


def _texts(value: Any) -> list[str]:
    """The turns of the customer; of a plain text, the text."""
    if isinstance(value, list):
        return [turn["text"] for turn in value if turn["speaker"] == "customer"]
    return [said(value)]


@dataclass(frozen=True, init=False)
class CustomerWords:
    """What the customer wrote, cleaned and with personal data masked: of texts, and of the customer's turns of threads.

    The words of the columns, and of turns, follow each other on lines of their own. Empty where nothing was written.
    """

    gives_text: ClassVar[bool] = True

    columns: tuple[str, ...]
    longest: int
    """Characters that are kept, from the beginning."""
    also: Mapping[str, Pattern[str]] | None
    """Patterns of personal data of your own, by kind."""

    def __init__(self, *columns: str, longest: int = 5_000, also: Mapping[str, Pattern[str]] | None = None) -> None:
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "longest", longest)
        object.__setattr__(self, "also", also)

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """The words of each row."""
        return [self._words(values) for values in zip(*(frame[name] for name in self.columns), strict=True)]

    def _words(self, values: Sequence[Any]) -> str:
        written = [cleaned(text[: self.longest * _ROOM]) for value in values for text in _texts(value)]
        return masked("\n".join(part for part in written if part), self.also)[: self.longest]


@dataclass(frozen=True)
class Language:
    """The language of a text column, or of the customer's turns of a thread: ISO 639-1, ``und`` where unsure."""

    column: str

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """The language of each row."""
        return languages([said(value) for value in frame[self.column]])


@dataclass(frozen=True)
class PersonalData:
    """The kinds of personal data that a text, or all turns of a thread, hold: ``email phone``, or ``none``."""

    column: str
    also: Mapping[str, Pattern[str]] | None = None

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """The kinds of each row, in alphabetical order."""
        return [self._kinds(value) for value in frame[self.column]]

    def _kinds(self, value: Any) -> str:
        text = "\n\n".join(turn["text"] for turn in value) if isinstance(value, list) else said(value)
        return " ".join(sorted({mark.kind for mark in marks(text, self.also)})) or NOTHING


@dataclass(frozen=True)
class TextLength:
    """How many characters a text has, or the customer's turns of a thread."""

    column: str

    def __call__(self, frame: pd.DataFrame) -> list[int]:
        """The length of each row."""
        return [len(said(value)) for value in frame[self.column]]
