"""What a language model is asked through, and what it answers; one small interface for any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

__all__ = ["Completion", "LanguageModel"]


@dataclass(frozen=True)
class Completion:
    """What a language model wrote, and what that took."""

    text: str
    tokens_in: int | None = None
    """Tokens that it read; None where it does not say."""
    tokens_out: int | None = None
    """Tokens that it wrote."""
    cost: float | None = None
    """In the currency of the model's prices; None where it has none, or does not count tokens."""
    seconds: float = 0.0
    """Until the answer was there, all attempts together."""
    attempts: int = 1


@runtime_checkable
class LanguageModel(Protocol):
    """Completes texts. It is stored with a version, so it holds plain values only: no key, no open connection."""

    @property
    def name(self) -> str:
        """What it is called in a trace of its calls."""
        ...

    @property
    def parallel(self) -> int:
        """How many calls it takes at once."""
        ...

    def pinned(self) -> Self:
        """The same model, held to the files that are there now, where it has files."""
        ...

    def complete(self, instruction: str, material: str) -> Completion:
        """What the model writes when it follows the instruction on the material, which is data.

        Raises:
            CompletionFailed: it does not answer, or not in a form that can be read.
        """
        ...
