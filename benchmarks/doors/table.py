"""A random table of a case type with a field of every kind, as Python values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from aiops_flows import Case, Text
from aiops_flows.use_case import Moment

__all__ = ["FIELDS", "Address", "Colour", "Shipment", "Table", "random_table"]

ABSENT = frozenset({"", "-", "n/a"})
FIELDS = (
    "label", "note", "weight", "pieces", "price", "fragile", "sent", "day", "at", "took", "colour", "level", "key",
    "address", "sizes",
)  # fmt: skip
_LABELS = (
    "north", "south", "in review", "7", "8", "1001", "1.5", "True", "False", "Zürich", "Ærø", "İzmir", "東京", "A&B #3",
    "x-ray", "007", "1.10", "12345678901234567890", "1e3", "50%",
)  # fmt: skip
_NOTES = ("It broke.", " two  spaces ", 'a, "quoted" word; and\nanother line', "Zu\u0308rich\u200b", "=1+1", "nan")
_MISSING = 0.25


class Colour(enum.Enum):
    """A closed set of labels."""

    RED = "red"
    BLUE = "blue"
    FOUR = 4


class Address(BaseModel):
    """A record within a case."""

    street: str
    since: datetime | None = None
    floor: int | None = None


class Shipment(Case):
    """A case with a field of every kind."""

    absent: ClassVar[frozenset[str]] = ABSENT

    label: str | None = None
    note: Text | None = None
    weight: float | None = None
    pieces: int | None = None
    price: Decimal | None = None
    fragile: bool | None = None
    sent: Moment | None = None
    day: date | None = None
    at: time | None = None
    took: timedelta | None = None
    colour: Colour | None = None
    level: Literal[1, 2, "high"] | None = None
    key: UUID | None = None
    address: Address | None = None
    sizes: list[float | None] | None = None


@dataclass(frozen=True)
class Table:
    """Rows of one logical table; None where a value is missing."""

    ids: list[str]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.ids)


def random_table(random: Random, fewest: int = 3, most: int = 14) -> Table:
    """A table of some rows; a column may be missing everywhere, or nowhere."""
    rows = random.randint(fewest, most)
    whole = random.random() < 0.5
    ids = [str(1_000 + at) if whole else f"S-{at}/{random.randint(0, 9)}" for at in range(rows)]
    return Table(ids, {name: _column(random, name, rows) for name in FIELDS})


def _column(random: Random, name: str, rows: int) -> list[Any]:
    missing = random.choice((0.0, _MISSING, _MISSING, 1.0))
    own = _Column(random, name)
    return [None if random.random() < missing else own.value() for _ in range(rows)]


class _Column:
    """Draws the values of one column, which may all be of one sort, such as midnights."""

    def __init__(self, random: Random, name: str) -> None:
        self._random = random
        self._draw = getattr(self, f"_{name}")
        self._sort = random.random()

    def value(self) -> Any:
        return self._draw()

    def _label(self) -> str:
        if self._sort < 0.3:
            return str(self._random.randint(0, 12))
        return self._random.choice(("True", "False")) if self._sort < 0.4 else self._random.choice(_LABELS)

    def _note(self) -> str:
        return self._random.choice(_NOTES)

    def _weight(self) -> float:
        return round(self._random.uniform(-9_999, 9_999), self._random.choice((0, 1, 2)))

    def _pieces(self) -> int:
        return self._random.choice((0, 1, -3, self._random.randint(0, 2_000_000)))

    def _price(self) -> Decimal:
        return Decimal(self._random.randint(-999_999, 999_999)) / 100

    def _fragile(self) -> bool:
        return self._random.random() < 0.5

    def _sent(self) -> datetime:
        day = datetime(1995, 1, 1, tzinfo=UTC) + timedelta(days=self._random.randint(0, 16_000))
        if self._sort < 0.3:
            return day
        clock = timedelta(seconds=self._random.randint(0, 86_399))
        if self._sort < 0.6:
            clock -= timedelta(seconds=clock.seconds % 60)
        return day + clock + timedelta(microseconds=self._random.randint(0, 999_999) if self._sort > 0.9 else 0)

    def _day(self) -> date:
        return date(1995, 1, 1) + timedelta(days=self._random.randint(0, 16_000))

    def _at(self) -> time:
        return time(self._random.randint(0, 23), self._random.randint(0, 59), self._random.choice((0, 30)))

    def _took(self) -> timedelta:
        return timedelta(
            seconds=self._random.choice((0, 90, 5_400, 90_061)), milliseconds=self._random.choice((0, 250))
        )

    def _colour(self) -> Colour:
        return self._random.choice(list(Colour))

    def _level(self) -> Any:
        return self._random.choice((1, 2, "high"))

    def _key(self) -> UUID:
        return UUID(int=self._random.getrandbits(128))

    def _address(self) -> Address:
        since = self._sent() if self._random.random() < 0.5 else None
        floor = self._random.randint(0, 9) if self._random.random() < 0.5 else None
        return Address(street=self._random.choice(("North", "Zürich", "7")), since=since, floor=floor)

    def _sizes(self) -> list[float | None]:
        return [self._random.choice((None, 1.5, 2.0, -0.25)) for _ in range(self._random.randint(0, 3))]
