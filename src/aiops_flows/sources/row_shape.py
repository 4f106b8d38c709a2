"""What the rows of a table look like, to tell a row from a line of a text that happens to have as many fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["RowShape"]

_NUMBER = re.compile(r"[+-]?[\d.,' \u00a0]*\d[\d.,' \u00a0]*%?")
_ENOUGH = 10  # values, from which on a few exceptions are allowed
_MOST = 500  # values of a column that are looked at
_NEARLY_ALL = 0.9


@dataclass
class _Column:
    """What the values of a column have in common."""

    count: int = 0
    numbers: int = 0
    without_space: int = 0
    with_digit: int = 0
    empty: int = 0
    longest: int = 0

    def learn(self, value: str) -> None:
        if self.count >= _MOST:
            return
        text = value.strip().strip('"')
        if not text:
            self.empty += 1
            return
        self.count += 1
        self.numbers += bool(_NUMBER.fullmatch(text))
        self.without_space += not any(letter.isspace() for letter in text)
        self.with_digit += any(letter.isdigit() for letter in text)
        self.longest = max(self.longest, len(text))

    def fits(self, value: str) -> bool:
        """Whether a value may stand here: of columns of numbers and of dates, whether it is such a thing at all."""
        text = value.strip().strip('"')
        if not text:
            return bool(self.empty) or not self.count
        if self._all(self.numbers) and not _NUMBER.fullmatch(text):
            return False
        return not self._all(self.with_digit) or any(letter.isdigit() for letter in text)

    def fits_as_name(self, value: str) -> bool:
        """The same of the column that names the rows: codes are like each other, and lines of a letter are not."""
        text = value.strip().strip('"')
        if not text:
            return False
        if self._all(self.without_space) and any(letter.isspace() for letter in text):
            return False
        return self.fits(value) and len(text) <= self._length_limit()

    def _all(self, having: int) -> bool:
        needed = _NEARLY_ALL * self.count if self.count >= _ENOUGH else self.count
        return self.count > 0 and having >= needed

    def _length_limit(self) -> float:
        """A code is about as long as other codes; a text may be of any length."""
        if not self.count or not self._all(self.without_space):
            return float("inf")
        return self.longest + 2 if self.count < _ENOUGH else 2 * self.longest + 2


class RowShape:
    """Learns from rows, and says whether others are like them."""

    def __init__(self, width: int) -> None:
        self._columns = [_Column() for _ in range(width)]

    def learn(self, fields: Sequence[str]) -> None:
        """A row, if it has as many fields as the table has columns."""
        if len(fields) == len(self._columns):
            self.learn_start(fields)

    def learn_start(self, fields: Sequence[str]) -> None:
        """The first fields of a row."""
        for column, value in zip(self._columns, fields, strict=False):
            column.learn(value)

    def fits(self, fields: Sequence[str]) -> bool:
        """Whether this may be a row: as many fields, and each like the others in its column."""
        if len(fields) != len(self._columns):
            return False
        if not self._columns[0].fits_as_name(fields[0]):
            return False
        return all(column.fits(value) for column, value in zip(self._columns[1:], fields[1:], strict=True))
