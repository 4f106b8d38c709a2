"""What certificates state of labelled rows: plain records, readable without the libraries that compute them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MissedClass", "NaiveRule"]


@dataclass(frozen=True)
class NaiveRule:
    """What a rule that does not look at the model loses on the labelled rows."""

    rows: int
    loss: float
    """Its mean loss on them: the share of wrong ones."""
    at_least: float
    """What its mean loss is at least, with the certificate's probability."""


@dataclass(frozen=True)
class MissedClass:
    """One true class, or those that are too rare to be certified alone, taken together."""

    rows: int
    missed: int
    """How many of the rows were decided wrongly from the threshold up."""
    share_upper: float
    """What the share of such cases stays below, with the certificate's probability."""
    limit: float
    classes: list[str]
    """The classes that it is about: one, or those taken together."""
