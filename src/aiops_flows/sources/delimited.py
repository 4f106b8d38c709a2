"""Tables as text: fields with a separator between them, some of them in double quotes.

Python's ``csv`` reads what is well formed. What it cannot tell is that a quotation mark was left open, or stands alone:
then it joins lines, and rows are gone. So every record that is not well formed by itself is read again, strictly and
line by line: its first line is reported, and its neighbours are taken.

Reading is linear in the size of the text, whatever it holds: a line is looked at again only as long as a budget lasts
that grows with the text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from aiops_flows.errors import SourceError
from aiops_flows.sources.encoding import BAD_BYTES, describe_bad_bytes
from aiops_flows.sources.row_shape import RowShape
from aiops_flows.sources.table import Table, TableBuilder, Unreadable

__all__ = ["read_delimited"]

_SEPARATORS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LONGEST_FIELD = 64 * 2**20
_AT_ONCE = 5_000
_SAMPLE = 100
_SHAPE_SAMPLE = 2_000
_RESCANNED = 1  # times the size of the text that malformed records may be looked at
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_BLANK = re.compile(r"[\s,;|\ufeff]*")


def read_delimited(text: str, *, name: str, separator: str | None = None, quoted: bool = True) -> Table:
    """The table that a text holds: its first line that is not blank is the header.

    A first line ``sep=;``, as Excel writes it, says how fields are separated; without it, and without ``separator``,
    that is detected once, from the header and the lines after it.

    Args:
        text: of the file, as `decoded` gives it.
        name: of the file, for errors.
        separator: one character; None means that it is detected.
        quoted: fields may stand in double quotes. Some exports with tabs have quotation marks that mean nothing.

    Returns:
        Columns of texts. Lines that are no rows are in ``unreadable`` with their number; rows and columns without any
        value, and repeated headers, are counted in ``left_out``.

    Raises:
        SourceError: the header is not UTF-8, or names a column twice.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    lines = list(io.StringIO(text, newline=""))
    start = 0
    if lines and (declared := _SEPARATOR_LINE.fullmatch(lines[0])):
        separator, start = separator or declared[1], 1
    first = _first_line(lines, start)
    if separator is None:
        separator = _detected(lines[first : first + _SAMPLE], quoted=quoted)
    records = _Records(lines, separator, quoted=quoted)
    try:
        header, after = records.header(first)
    except _MalformedError as fault:
        raise SourceError(f"{name}: the header (line {first + 1}) {fault.reason}. Mend it, and send it again") from None
    if any(BAD_BYTES.search(cell) for cell in header):
        raise SourceError(
            f"{name}: the header (line {first + 1}) is not UTF-8 ({describe_bad_bytes(lines[first])}), so no column "
            "can be trusted. Save it as UTF-8, or declare its encoding: AIOPS_FILE_ENCODING=cp1252"
        )
    builder = TableBuilder(header, name=name)
    builder.empty_rows += first - start
    for record in records.after(after, builder.width):
        if isinstance(record, _PlainRows):
            builder.add_many(record.rows, record.line)
        elif record.fault:
            builder.unreadable.append(Unreadable(record.raw, f"line {record.line} {record.fault}"))
        elif record.bad_bytes:
            reason = f"line {record.line} is not UTF-8 ({record.bad_bytes}): save the file as UTF-8"
            builder.unreadable.append(Unreadable(record.raw, reason))
        else:
            builder.add(record.fields, record.line)
    return builder.table([f"fields are separated by {_NAMES.get(separator, repr(separator))}"])


def _first_line(lines: Sequence[str], start: int) -> int:
    """The place of the header: the first line that is not blank."""
    for place in range(start, len(lines)):
        if not _BLANK.fullmatch(lines[place]):
            return place
    return len(lines)


def _detected(sample: Sequence[str], *, quoted: bool) -> str:
    """The separator under which most lines have as many fields as the header; of several, that of the widest header."""
    if not sample:
        return ","
    best, best_score = ",", (0.0, 1)
    for separator in _SEPARATORS:
        width = _width(sample[0], separator, quoted=quoted)
        if width == 1:
            continue
        below = [line for line in sample[1:] if not _BLANK.fullmatch(line)]
        same = sum(_width(line, separator, quoted=quoted) == width for line in below)
        score = (same / len(below) if below else 1.0, width)
        if score > best_score:
            best, best_score = separator, score
    return best


def _width(line: str, separator: str, *, quoted: bool) -> int:
    if not quoted or '"' not in line:
        return line.count(separator) + 1
    return len(next(csv.reader([line], delimiter=separator), ()))


@dataclass(frozen=True)
class _Record:
    """One row, or one line that is none."""

    line: int
    """Its number in the file, from 1."""
    fields: Sequence[str] = ()
    fault: str = ""
    raw: str = ""
    bad_bytes: str = ""


@dataclass(frozen=True)
class _PlainRows:
    """Rows without a quotation mark, a line each."""

    line: int
    rows: Sequence[Sequence[str]]


class _MalformedError(Exception):
    """A record in which quotation marks do not pair; ``last`` is the place of the line where that was seen."""

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last = last


class _Records:
    """The records of lines, each read by itself."""

    def __init__(self, lines: Sequence[str], separator: str, *, quoted: bool) -> None:
        self._lines = lines
        self._separator = separator
        self._quoted = quoted
        self._opening = re.compile('[ \t]*"' if separator != "\t" else ' *"')
        self._closing = re.compile(rf"[ \t]*(?:({re.escape(separator)})|[\r\n]*$)")
        self._budget = _RESCANNED * sum(map(len, lines)) + 2**16
        self._all_utf_8 = not any(BAD_BYTES.search(line) for line in lines)
        self._width = 1
        self._start = 0

    def header(self, first: int) -> tuple[Sequence[str], int]:
        """The header's fields, and the place of the line after it.

        Raises:
            _MalformedError: its quotation marks do not pair.
        """
        if first >= len(self._lines):
            return (), first
        return self._record(first)

    def after(self, place: int, width: int) -> Iterator[_Record | _PlainRows]:
        """Every record from a place on."""
        self._width, self._start = width, place
        in_doubt = False  # whether lines may be the rest of a text whose quotation marks do not pair
        until = 0  # and up to which place they certainly may
        while place < len(self._lines):
            if not in_doubt and (end := self._end_of_plain(place)) > place:
                yield _PlainRows(place + 1, self._plain(place, end))
                place = end
                continue
            number, line = place + 1, self._lines[place]
            try:
                fields, end = self._checked(place)
            except _MalformedError as fault:
                yield _Record(number, fault=fault.reason, raw=line)
                in_doubt, until = True, max(until, fault.last)
                place += 1
                continue
            fits = not in_doubt or self._shape.fits(fields)
            if fits or _BLANK.fullmatch(line):
                yield _Record(number, fields, raw=line, bad_bytes=self._bad_bytes(place, end))
            else:
                yield _Record(number, fault="follows a quotation mark without a pair, and is not like a row", raw=line)
            if fits and place >= until:
                in_doubt = False
            place = end

    def _end_of_plain(self, place: int) -> int:
        """The end of the lines from here on that can be read all at once."""
        if not self._all_utf_8:
            return place
        most = min(place + _AT_ONCE, len(self._lines))
        if not self._quoted:
            return most
        while place < most and '"' not in self._lines[place]:
            place += 1
        return place

    def _plain(self, place: int, end: int) -> list[list[str]]:
        return list(csv.reader(self._lines[place:end], delimiter=self._separator, quoting=csv.QUOTE_NONE))

    def _bad_bytes(self, place: int, end: int) -> str:
        """Where a record is not UTF-8; empty where it is."""
        if self._all_utf_8:
            return ""
        return next(filter(None, map(describe_bad_bytes, self._lines[place:end])), "")

    def _checked(self, place: int) -> tuple[Sequence[str], int]:
        """A record and the place of the line after it; one that swallowed rows is malformed."""
        fields, end = self._record(place)
        if end - place == 1:
            return fields, end
        swallowed = [line for line in self._lines[place + 1 : end] if not _BLANK.fullmatch(line)]
        like_rows = sum(self._shape.fits(self._split(line)) for line in swallowed)
        if len(fields) != self._width or (swallowed and like_rows * 2 >= len(swallowed)):
            self._spend(place, end)
            lines = f"line {end}" if end - place == 2 else f"lines {place + 2} to {end}"
            raise _MalformedError(f"has a quotation mark that would swallow {lines}", end - 1)
        return fields, end

    def _record(self, place: int) -> tuple[Sequence[str], int]:
        line = self._lines[place]
        if not self._quoted or '"' not in line:
            return self._split(line), place + 1
        try:
            fields = next(csv.reader([line], delimiter=self._separator, strict=True))
            if any(field[:1] == " " and field.lstrip(" ")[:1] == '"' for field in fields):  # as in: 1, "a, b"
                fields = next(csv.reader([line], delimiter=self._separator, strict=True, skipinitialspace=True))
        except (csv.Error, StopIteration):
            return self._strict(place)
        return fields, place + 1

    def _split(self, line: str) -> list[str]:
        return line.rstrip("\r\n").split(self._separator)

    def _strict(self, start: int) -> tuple[list[str], int]:
        """The record that begins at a line, over as many lines as its quotes stay open."""
        fields: list[str] = []
        place, line, at = start, self._lines[start], 0
        while True:
            opening = self._opening.match(line, at)
            if opening is None:
                end = line.find(self._separator, at)
                if end < 0:
                    return [*fields, line[at:].rstrip("\r\n")], place + 1
                fields.append(line[at:end])
                at = end + 1
                continue
            text, place, at = self._quoted_text(start, place, opening.end())
            line = self._lines[place]
            closing = self._closing.match(line, at)
            if closing is None:
                self._spend(start, place + 1)
                raise _MalformedError("has a quotation mark in the midst of a field", place)
            fields.append(text)
            if closing[1] is None:
                return fields, place + 1
            at = closing.end()

    def _quoted_text(self, start: int, place: int, at: int) -> tuple[str, int, int]:
        """A text in quotes, the place of the line where it ends, and where in that line."""
        parts: list[str] = []
        while True:
            line = self._lines[place]
            end = line.find('"', at)
            if end < 0:
                parts.append(line[at:])
                place, at = place + 1, 0
                if place == len(self._lines) or self._budget < 0:
                    self._spend(start, place)
                    raise _MalformedError("has a quotation mark that is not closed", place - 1)
                continue
            parts.append(line[at:end])
            if not line.startswith('"', end + 1):
                return "".join(parts), place, end + 1
            parts.append('"')
            at = end + 2

    def _spend(self, start: int, end: int) -> None:
        """Count what was looked at in vain; without budget no quote stays open beyond its line."""
        self._budget -= sum(len(self._lines[place]) for place in range(start + 1, end))

    @cached_property
    def _shape(self) -> RowShape:
        """What rows of this text look like, from the first of them."""
        shape = RowShape(self._width)
        place, last = self._start, min(self._start + _SHAPE_SAMPLE, len(self._lines))
        while place < last:
            line = self._lines[place]
            try:
                fields, end = self._record(place)
            except _MalformedError:
                end = place + 1
                shape.learn_start(self._split(line[: line.index('"')])[:-1])
            else:
                if end == place + 1:
                    shape.learn(fields)
                else:
                    shape.learn_start(self._split(line[: line.index('"')])[:-1])
            place = end
        return shape
