"""What a new use case will consist of: its names, its columns, its outcome, and its past, in rows."""

from __future__ import annotations

import importlib.util
import keyword
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from aiops_flows.errors import SourceError, UseCaseError
from aiops_flows.starting.columns import (
    ABSENT,
    Column,
    guess_columns,
    guess_id,
    guess_received,
)
from aiops_flows.starting.identity import why_it_identifies
from aiops_flows.starting.leaking import Tables, numbers_rows, parts_of_sum, siblings, why_gaps_leak, why_it_leaks
from aiops_flows.starting.limits import Limits, limits_of
from aiops_flows.starting.naming import identifier
from aiops_flows.starting.outcome import Outcome, Settled, guess_outcome
from aiops_flows.starting.requests import made_up_requests
from aiops_flows.starting.wording import Wording, wording_of
from aiops_flows.steps.delivery import Delivery, Unreadable
from aiops_flows.steps.sources import read_file

__all__ = ["Choices", "Plan", "plan_made_up", "plan_of_delivery", "plan_of_file"]

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_MADE_UP_ROWS = 900
_HELD_BACK = 100
_SEEN = frozenset({"label", "number", "whole number"})
_LINE = re.compile(r"^line (\d+)[: ]")
_LINES_SHOWN = 10
_USED = {"aiops_flows", "flow", "intake", "pd", "predict", "review", "beyond", "timedelta", "datetime"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Choices:
    """What a person says of a file where a guess would be wrong."""

    case_id: str = ""
    """The column that names a case; by default one that looks like it, else rows are numbered."""
    keep: Collection[str] = ()
    """Columns that models may see though they were set aside."""
    settled: Settled = field(default_factory=Settled)
    """Answers to questions about the values of the outcome."""


@dataclass(frozen=True)
class Plan:
    """What is to be written."""

    name: str
    columns: Sequence[Column]
    """Those that become fields; what names the case and tells when it was received is apart."""
    outcome: Outcome
    past: Sequence[Row]
    new: Sequence[Row]
    """Cases that are yet to be decided."""
    origin: str
    """The file's name, or nothing where the data is made up."""
    id_name: str
    """The column of the data files that names a case."""
    case_id: Column | None = None
    received: Column | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Field -> why no model sees it."""
    wordings: Mapping[str, Wording] = field(default_factory=dict)
    """Field of free text -> what was found in it."""
    unsettled: Sequence[Row] = ()
    """Rows whose outcome is a question."""
    notes: Sequence[str] = ()
    """What was left out of the file, in sentences with counts."""

    @property
    def module(self) -> str:
        """The module and the flow in it."""
        return self.name.replace("-", "_")

    @property
    def constant(self) -> str:
        """What the use case is called in the module."""
        return self.module.upper()

    @cached_property
    def truth(self) -> list[str]:
        """The outcome of each past row, as it will be recorded."""
        return [self.outcome.written[_text(row[self.outcome.source])] for row in self.past]

    @cached_property
    def limits(self) -> Limits:
        """What the policy will allow without a person."""
        return limits_of(self.outcome, self.truth)

    @property
    def texts(self) -> list[str]:
        """The fields of free text whose words the model reads."""
        return [name for name in self.wordings if name not in self.left_out]

    @property
    def words(self) -> str:
        """The derived column of their words; no field has its name."""
        taken = {each.name for each in self.columns} | {self.outcome.name}
        return next(name for name in ("words", "all_words", "words_of_case", "words_read") if name not in taken)

    @property
    def table(self) -> list[str]:
        """The fields that the model sees as they are."""
        return [each.name for each in self.columns if each.holds in _SEEN and each.name not in self.left_out]

    @property
    def features(self) -> list[str]:
        """The columns that the model sees: the words first."""
        return [*[self.words] * bool(self.texts), *self.table]

    @property
    def labels(self) -> list[str]:
        """Those of the table that are labels."""
        kinds = {each.name: each.holds for each in self.columns}
        return [name for name in self.table if kinds[name] == "label"]

    def told(self, column: Column) -> str:
        """What a column was taken for, and why no model sees it or what a text is worth to one."""
        if column.name in self.left_out:
            return f"no feature: {self.left_out[column.name]}"
        wording = self.wordings.get(column.name)
        return "; ".join(filter(None, [wording.worth, wording.doubt])) if wording else column.why


def plan_made_up(name: str) -> Plan:
    """A plan from made-up requests, for who wants to see one run first.

    Raises:
        UseCaseError: the name cannot be that of a module.
    """
    rows = made_up_requests(_MADE_UP_ROWS)
    delivery = Delivery("made-up requests", list(rows[0]), rows)
    return replace(plan_of_delivery(_checked_name(name), delivery, "decision", Choices("request_no")), origin="")


def plan_of_file(name: str, path: Path, outcome: str, choices: Choices | None = None) -> Plan:
    """A plan from a stranger's file of cases with their outcome.

    Args:
        name: of the use case: lower-case letters, digits and hyphens.
        path: a file with a header and a row a case: .csv, .parquet or .jsonl.
        outcome: the column that tells what became of a case.
        choices: what to do otherwise than guessed.

    Raises:
        UseCaseError: the name cannot be that of a module.
        SourceError: the file cannot be read, or nothing can be made of it.
    """
    return plan_of_delivery(_checked_name(name), read_file(path), outcome, choices or Choices())


def _checked_name(name: str) -> str:
    module = name.replace("-", "_")
    if not _NAME.match(name):
        raise UseCaseError(f"use case {name!r}: use lower-case letters, digits and hyphens, a letter first")
    if keyword.iskeyword(module) or module in _USED or importlib.util.find_spec(module) is not None:
        raise UseCaseError(f"{module} is a word of Python, or a module that exists already; choose another name")
    return name


def plan_of_delivery(name: str, delivery: Delivery, outcome: str, choices: Choices) -> Plan:
    """A plan from rows, as `plan_of_file` makes one from a file."""
    _refuse_unknown_columns(delivery, [outcome, *filter(None, [choices.case_id]), *choices.keep])
    columns = guess_columns(delivery, leave_out=[outcome], taken=_added_columns(outcome))
    named = _id_column(columns, choices.case_id, len(delivery.rows))
    received = guess_received([each for each in columns if each is not named], len(delivery.rows))
    fields = [each for each in columns if each not in (named, received)]
    found = guess_outcome(outcome, [_text(row[outcome]) for row in delivery.rows], choices.settled)
    id_name = named.source if named else _unused("case_id", delivery.columns)
    parts = _parts(_in_time(_numbered(delivery.rows, None if named else id_name), received), found)
    past, new = parts.past, parts.new
    truth = [found.written[_text(row[outcome])] for row in past]
    tables = Tables(_plain_values(fields, past), truth, found)
    wordings = _wordings(fields, tables)
    left_out = _unread(fields, wordings, tables) | _left_out(fields, tables, _plain_values(fields, [*past, *new]))
    kept = {each.name for each in fields if each.source in choices.keep}
    plan = Plan(
        name,
        fields,
        found,
        past,
        new,
        delivery.name,
        id_name,
        named,
        received,
        {field: reason for field, reason in left_out.items() if field not in kept},
        wordings,
        parts.unsettled,
        [*_not_read(delivery), *parts.notes],
    )
    if not plan.features:
        reasons = [f"{each.source} ({plan.left_out.get(each.name, each.holds)})" for each in fields]
        raise SourceError(
            f"{delivery.name}: no column can be learned from; expected numbers, labels or texts beside {outcome!r}, "
            f"found {reasons[:20]}"
        )
    return plan


def _refuse_unknown_columns(delivery: Delivery, names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in delivery.columns]:
        raise SourceError(f"{delivery.name} has no column {unknown[0]!r}; it has {list(delivery.columns[:20])}")


def _not_read(delivery: Delivery) -> list[str]:
    """What of the file is in no row: what was left out, and which lines could not be read, and why."""
    notes = [f"{delivery.name}: {note}" for note in delivery.notes]
    left_out = [*notes, *(f"left out of {delivery.name}: {each}" for each in delivery.left_out)]
    if not delivery.unreadable:
        return left_out
    lines = len(delivery.rows) + len(delivery.unreadable)
    reasons = _lines_by_reason(delivery.unreadable)
    first = f"{len(delivery.unreadable)} of {lines} lines of {delivery.name} were not read:"
    return [*left_out, first, *(f"  {_shortened(numbers)}: {reason}" for reason, numbers in reasons.items())]


def _lines_by_reason(unreadable: Sequence[Unreadable]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for each in unreadable:
        number = _LINE.match(each.reason)
        reason = _LINE.sub("", each.reason).strip() if number else each.reason
        reasons.setdefault(reason, []).append(number[1] if number else "?")
    return reasons


def _shortened(numbers: Sequence[str]) -> str:
    shown = ", ".join(numbers[:_LINES_SHOWN])
    more = len(numbers) - _LINES_SHOWN
    return f"lines {shown}{f' and {more} more' if more > 0 else ''}"


def _id_column(columns: Sequence[Column], case_id: str, rows: int) -> Column | None:
    """The column that was named, else one that looks like an id."""
    if case_id:
        return next((each for each in columns if each.source == case_id), None)
    return guess_id(columns, rows)


def _added_columns(outcome: str) -> set[str]:
    """The columns that the library adds to a frame for the model of an outcome: no field may have their names."""
    name = identifier(outcome)
    return {name, *(f"{name}_{part}" for part in ("confidence", "version", "note"))}


def _unused(name: str, columns: Collection[str]) -> str:
    """The name; with a number where a column has it."""
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, len(columns) + 3))) if each not in columns)


def _numbered(rows: Sequence[Row], id_name: str | None) -> list[dict[str, Any]]:
    """The rows; with a number of their own where no column names them."""
    if id_name is None:
        return [dict(row) for row in rows]
    return [{id_name: f"row-{number:06d}", **row} for number, row in enumerate(rows, start=1)]


@dataclass(frozen=True)
class _Parts:
    """Rows by what is known of their outcome."""

    past: Sequence[Row]
    new: Sequence[Row]
    unsettled: Sequence[Row]
    notes: Sequence[str]


def _parts(rows: Sequence[Row], outcome: Outcome) -> _Parts:
    """Rows with an outcome, rows to be decided, and rows whose outcome is a question.

    Of the latest rows with an outcome some are to be decided as well, to see what became of them.
    """
    values = [_text(row[outcome.source]) for row in rows]
    past = [row for row, value in zip(rows, values, strict=True) if value in outcome.written]
    undecided = [row for row, value in zip(rows, values, strict=True) if value in ABSENT]
    unsettled = [
        row for row, value in zip(rows, values, strict=True) if value not in outcome.written and value not in ABSENT
    ]
    new = undecided[-_HELD_BACK:]
    held_back = min(_HELD_BACK, len(past) // 10) - len(new)  # an outcome may be missing here and there
    if held_back > 0:
        past, new = past[:-held_back], [*past[-held_back:], *new]
    return _Parts(past, new, unsettled, [*_left_undecided(len(undecided)), *_questions(outcome)])


def _left_undecided(rows: int) -> list[str]:
    if rows <= _HELD_BACK:
        return []
    return [f"{rows - _HELD_BACK} rows without an outcome were left out; the latest {_HELD_BACK} are in data/new.csv"]


def _questions(outcome: Outcome) -> list[str]:
    """The values of the outcome that are no verdicts, and how to answer."""
    if not outcome.questions:
        return []
    rows = sum(question.rows for question in outcome.questions)
    first = f"{rows} rows have an outcome that is a question, no verdict; they are in data/unsettled.csv:"
    how = [
        "  --accept-spellings takes the classes that are proposed",
        "  --distinct VALUE makes a value a class of its own",
    ]
    proposed = any(question.proposal for question in outcome.questions)
    return [first, *(f"  {question}" for question in outcome.questions), *(how if proposed else how[1:])]


def _in_time(rows: list[dict[str, Any]], received: Column | None) -> list[dict[str, Any]]:
    """Rows in the order of receipt; where no column tells it, in any order, as a file's own may be by kind."""
    if received is None:
        random.Random(0).shuffle(rows)  # noqa: S311  not for secrets
        return rows
    earliest = datetime.min.replace(tzinfo=UTC)  # of the few rows that will go to quarantine
    return sorted(rows, key=lambda row: received.moment(_text(row[received.source])) or earliest)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


_ASK = "is it known when the case comes in? --keep puts it back"


def _left_out(columns: Sequence[Column], tables: Tables, counted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Fields that no model should see, with the reason; ``counted`` are the values of all rows by field."""
    reasons: dict[str, str] = {}
    for each in columns:
        if reason := why_it_identifies(each, counted[each.name], len(tables.truth)):
            reasons[each.name] = reason
        elif each.holds not in _SEEN:
            continue
        elif numbers_rows(each, counted[each.name]):
            reasons[each.name] = "it numbers the rows"
    honest = [each for each in columns if each.name not in reasons and each.holds in _SEEN]
    leaks = {**siblings(honest, tables), **parts_of_sum(honest, tables)}
    for each in honest:
        if reason := leaks.get(each.name) or why_it_leaks(each, tables):
            reasons[each.name] = f"{reason}: {_ASK}"
    return reasons


def _wordings(columns: Sequence[Column], tables: Tables) -> dict[str, Wording]:
    """What was found in each field of free text."""
    texts = [each.name for each in columns if each.holds == "text"]
    return {name: wording_of(tables.values[name], tables.truth, tables.outcome) for name in texts}


def _unread(columns: Sequence[Column], wordings: Mapping[str, Wording], tables: Tables) -> dict[str, str]:
    """Fields of free text that no model should read, with the reason."""
    reasons = {name: wording.refusal for name, wording in wordings.items() if wording.refusal}
    for each in columns:
        if each.name in wordings and each.missing and (reason := why_gaps_leak(each, tables)):
            reasons[each.name] = f"{reason}: {_ASK}"
    return reasons


def _plain_values(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, list[str]]:
    """Field -> its values in these rows; an empty text where one is missing."""
    return {each.name: [each.plain(_text(row[each.source])) for row in rows] for each in columns}
