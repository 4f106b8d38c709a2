"""What the outcome column seems to be, and what is made of it: verdicts, rules, a gate and a loss."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Literal

from aiops_flows.errors import SourceError
from aiops_flows.starting.columns import ABSENT, number_reader
from aiops_flows.starting.naming import identifier
from aiops_flows.starting.spellings import Question, Spellings, read_spellings

__all__ = ["Outcome", "Settled", "guess_outcome"]

_FEW = 12
"""Different whole numbers up to which they are classes."""
_MOST_CLASSES = 200
_FEWEST_ROWS = 60
_NEARLY_ALL = 0.95
_MOST_UNLEARNABLE = 0.2


@dataclass(frozen=True)
class Settled:
    """How to answer questions about the spellings of an outcome."""

    accept: bool = False
    """Whether the proposed classes are right."""
    distinct: Collection[str] = ()
    """Values that are classes of their own, whatever they look like."""


@dataclass(frozen=True)
class Outcome:
    """The outcome that a model is to predict."""

    source: str
    name: str
    kind: Literal["classes", "quantity"]
    rows: int
    """Rows that have a class or a quantity."""
    classes: tuple[str, ...] = ()
    """The most frequent first."""
    rows_of: Mapping[str, int] = field(default_factory=dict)
    """Class -> its rows."""
    written: Mapping[str, str] = field(default_factory=dict)
    """Value of the file -> the class, or the quantity as Python writes it; other values are questions."""
    questions: Sequence[Question] = ()
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
        if self.kind == "quantity":
            return f"a quantity, half of it up to {self.usual:g}"
        shares = [f"{name} {self.rows_of[name] / self.rows:.1%}" for name in self.classes[:5]]
        return f"{len(self.classes)} classes: {', '.join(shares)}{', …' * (len(self.classes) > 5)}"


def guess_outcome(
    source: str,
    values: Sequence[str],
    settled: Settled | None = None,
) -> Outcome:
    """The outcome in a column: classes, or a quantity where it holds many numbers.

    Whole numbers of up to 12 different values are classes, also where a spreadsheet wrote them as ``1.0``.
    Numbers are read as the column writes them.

    Raises:
        SourceError: too few rows have an outcome, or it is the same everywhere or different everywhere.
    """
    present = [value for value in values if value not in ABSENT]
    if len(present) < _FEWEST_ROWS:
        raise SourceError(
            f"{source}: {len(present)} rows have an outcome; at least {_FEWEST_ROWS} are needed to learn and to judge"
        )
    numbers = number_reader(present)
    if _is_quantity(present, numbers):
        return _quantity(source, present, numbers)
    settled = settled or Settled()
    spellings = read_spellings(present, source, accept=settled.accept, distinct=settled.distinct)
    _refuse_unlearnable(source, present, spellings)
    return Outcome(
        source,
        identifier(source),
        "classes",
        sum(spellings.rows.values()),
        tuple(spellings.classes),
        spellings.rows,
        spellings.class_of,
        spellings.questions,
    )


def _is_quantity(values: Sequence[str], numbers: Mapping[str, float | None]) -> bool:
    """Whether nearly all values are numbers, and these are more than a few codes."""
    read = [number for value in values if (number := numbers[value]) is not None]
    if len(read) < _NEARLY_ALL * len(values):
        return False
    return len(set(read)) > _FEW or not all(number.is_integer() for number in read)


def _quantity(source: str, values: Sequence[str], numbers: Mapping[str, float | None]) -> Outcome:
    read = [number for value in values if (number := numbers[value]) is not None]
    usual, high = median(read), quantiles(read, n=4)[2]
    questions = [
        Question(value, values.count(value), "", "not a number, unlike nearly all others")
        for value, number in numbers.items()
        if number is None
    ]
    return Outcome(
        source,
        identifier(source),
        "quantity",
        len(read),
        written={value: _plainly(value, number) for value, number in numbers.items() if number is not None},
        questions=questions,
        usual=usual,
        high=high,
        spread=median(abs(number - usual) for number in read),
        mostly_lowest=usual <= min(read),
    )


def _plainly(value: str, number: float) -> str:
    """The number as Python reads it: as it is written, where that is so already."""
    return value if _number(value) == number else repr(number)


def _refuse_unlearnable(source: str, values: Sequence[str], spellings: Spellings) -> None:
    """See that there are classes that come again, and few rows beside them."""
    classes = len(spellings.classes)
    unlearnable = sum(question.rows for question in spellings.questions if not question.proposal)
    if 2 <= classes <= min(_MOST_CLASSES, len(values) // 4) and unlearnable <= _MOST_UNLEARNABLE * len(values):
        return
    raise SourceError(
        f"{source}: {len(set(values))} different values in {len(values)} rows, {classes} of them in 5 rows or more; "
        f"expected a quantity, or 2 to {_MOST_CLASSES} classes that cover most rows. Name another column, or put rare "
        "classes together"
    )


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
