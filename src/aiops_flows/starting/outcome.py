"""What the outcome column seems to be, and what is made of it: verdicts, rules, a gate and a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

from aiops_flows.errors import SourceError
from aiops_flows.starting.columns import ABSENT
from aiops_flows.starting.naming import identifier

__all__ = ["Outcome", "guess_outcome"]

_FEW = 12  # so many different whole numbers, or fewer, are classes
_MOST_CLASSES = 50
_FEWEST_ROWS = 60


@dataclass(frozen=True)
class Outcome:
    """The outcome that a model is to predict."""

    source: str
    name: str
    kind: Literal["classes", "quantity"]
    rows: int
    """Rows that tell it."""
    classes: tuple[str, ...] = ()
    """The most frequent first."""
    usual: float = 0.0
    """Of a quantity: the median."""
    high: float = 0.0
    """Of a quantity: what three quarters do not exceed."""
    spread: float = 0.0
    """Of a quantity: the median distance from the median."""
    mostly_lowest: bool = False
    """Of a quantity: whether half of it is the lowest there is, such as 0."""

    @property
    def why(self) -> str:
        """What the guess rests on."""
        if self.kind == "classes":
            return f"{len(self.classes)} classes: {', '.join(self.classes[:5])}"
        return f"a quantity, half of it up to {self.usual:g}"


def guess_outcome(source: str, values: Sequence[str]) -> Outcome:
    """The outcome that a column tells: classes, or a quantity where it holds many numbers.

    Raises:
        SourceError: too few rows tell it, or it is the same everywhere or different everywhere.
    """
    there = [value for value in values if value not in ABSENT]
    if len(there) < _FEWEST_ROWS:
        raise SourceError(
            f"{source}: {len(there)} rows tell an outcome; at least {_FEWEST_ROWS} are needed to learn and to judge"
        )
    counted = Counter(there)
    numbers = _numbers(there)
    if numbers is not None and (len(counted) > _FEW or any("." in value for value in counted)):
        usual, high = median(numbers), quantiles(numbers, n=4)[2]
        spread = median(abs(number - usual) for number in numbers)
        return Outcome(
            source, identifier(source), "quantity", len(there), (), usual, high, spread, usual <= min(numbers)
        )
    if len(counted) < 2 or len(counted) > min(_MOST_CLASSES, len(there) // 4):
        raise SourceError(
            f"{source}: {len(counted)} different values in {len(there)} rows; expected a quantity, or 2 to "
            f"{_MOST_CLASSES} classes that come again. Name another column, or put rare classes together"
        )
    classes = tuple(name for name, _ in counted.most_common())
    return Outcome(source, identifier(source), "classes", len(there), classes)


def _numbers(values: Sequence[str]) -> list[float] | None:
    try:
        return [float(value) for value in values]
    except ValueError:
        return None
